// SPDX-License-Identifier: Apache-2.0
// Kernels from the bytes of a shared object.
#ifndef TORSHJIT_RUNTIME_CPU_SHAREDOBJECT_H
#define TORSHJIT_RUNTIME_CPU_SHAREDOBJECT_H

#include "torshjit/Runtime/Device.h"

#include <string>
#include <string_view>

namespace torsh::runtime {

class SharedObject : public KernelLibrary {
public:
  /// Throws Error(Program) when the bytes cannot be loaded.
  explicit SharedObject(std::string_view bytes);
  ~SharedObject() override;
  KernelHandle find(const std::string &kernel) const override;
  /// The address of an exported symbol; throws Error(Program) when there is none.
  void *findSymbol(const std::string &name) const;

private:
  void *handle = nullptr;
  int descriptor = -1;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_SHAREDOBJECT_H
