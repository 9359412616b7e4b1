// SPDX-License-Identifier: Apache-2.0
// Switching stacks: a few instructions on x86-64, the C library elsewhere, whose
// switch is a system call.
#include "Fiber.h"

#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TORSH_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TORSH_ADDRESS_SANITIZER
#endif
#ifdef TORSH_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#if defined(__x86_64__)
extern "C" void torshSwitchStack(void **from, void *to);

// The callee-saved registers of the System V ABI; the caller saves the rest.
__asm__(R"(
.text
.p2align 4
.hidden torshSwitchStack
.globl torshSwitchStack
.type torshSwitchStack, @function
torshSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size torshSwitchStack, .-torshSwitchStack
)");
#endif

namespace torsh::runtime {

void switchExecution(ExecutionContext &from, ExecutionContext &to) {
#if defined(__x86_64__)
  torshSwitchStack(&from.stackPointer, to.stackPointer);
#else
  swapcontext(&from.registers, &to.registers);
#endif
}

Fiber::Fiber(void (*main)()) : main(main) {
  void *memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw std::bad_alloc();
  stack = static_cast<char *>(memory);
  // An overflow faults here instead of writing over another thread's stack.
  mprotect(stack, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE);
  reset();
}

Fiber::~Fiber() { munmap(stack, kStackBytes); }

void Fiber::reset() {
#ifdef TORSH_ADDRESS_SANITIZER
  // The functions that are forgotten have left their variables guarded.
  __asan_unpoison_memory_region(stack + sysconf(_SC_PAGESIZE),
                                kStackBytes - static_cast<size_t>(sysconf(_SC_PAGESIZE)));
#endif
#if defined(__x86_64__)
  // As torshSwitchStack leaves it: six registers, then where to return to. The word
  // above is main's own return address, and aligns the stack as a call would.
  auto *top = reinterpret_cast<uintptr_t *>(stack + kStackBytes);
  *--top = 0;
  *--top = reinterpret_cast<uintptr_t>(main);
  for (int i = 0; i < 6; ++i)
    *--top = 0;
  context.stackPointer = top;
#else
  getcontext(&context.registers);
  context.registers.uc_stack.ss_sp = stack;
  context.registers.uc_stack.ss_size = kStackBytes;
  context.registers.uc_link = nullptr;
  makecontext(&context.registers, main, 0);
#endif
}

} // namespace torsh::runtime
