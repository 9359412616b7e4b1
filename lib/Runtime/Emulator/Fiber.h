// SPDX-License-Identifier: Apache-2.0
// Stacks that one operating-system thread switches between.
#ifndef TORSHJIT_RUNTIME_EMULATOR_FIBER_H
#define TORSHJIT_RUNTIME_EMULATOR_FIBER_H

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace torsh::runtime {

/// Where an execution stands that another one has been switched to.
struct ExecutionContext {
#if defined(__x86_64__)
  void *stackPointer = nullptr;
#else
  ucontext_t registers;
#endif
};

/// Saves this execution in `from` and continues `to`; returns when something
/// switches back to `from`.
void switchExecution(ExecutionContext &from, ExecutionContext &to);

/// A stack and the execution on it. The functions on it that never return, when
/// the fiber is reset or destroyed, are forgotten without destructors.
class Fiber {
public:
  /// `main` must not return. Throws std::bad_alloc.
  explicit Fiber(void (*main)());
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// The next switch to it starts `main`.
  void reset();
  bool owns(const void *address) const { return address >= stack && address < stack + kStackBytes; }

  ExecutionContext context;

private:
  static constexpr size_t kStackBytes = size_t(256) << 10;
  void (*main)();
  char *stack;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_FIBER_H
