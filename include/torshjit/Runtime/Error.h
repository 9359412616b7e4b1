// SPDX-License-Identifier: Apache-2.0
// The one exception type of the runtime. Its kind chooses the Python class.
#ifndef TORSHJIT_RUNTIME_ERROR_H
#define TORSHJIT_RUNTIME_ERROR_H

#include <stdexcept>
#include <string>

namespace torsh::runtime {

enum class ErrorKind {
  Program, ///< a malformed program, a missing kernel, an unloadable library
  Shape,   ///< an extent that the program does not accept
  DType,   ///< an element type that the program does not accept
  Data,    ///< contents that the program does not accept: an index out of range
  Device,  ///< memory on a device the program does not run on
  Option,  ///< an environment variable or setting out of range
};

class Error : public std::runtime_error {
public:
  Error(ErrorKind kind, const std::string &message)
      : std::runtime_error(message), errorKind(kind) {}
  ErrorKind kind() const { return errorKind; }

private:
  ErrorKind errorKind;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_ERROR_H
