/* SPDX-License-Identifier: Apache-2.0 */
/* The binary interface between compiled kernels and the runtime.
 *
 * Plain C: the compiler emits code against it and a saved shared object keeps
 * it for ever. Kernels have no undefined runtime symbol; the worker handed to
 * them is their only way to the runtime. Changing anything here means raising
 * the version of the program format. */
#ifndef TORSHJIT_RUNTIME_KERNELABI_H
#define TORSHJIT_RUNTIME_KERNELABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TorshWorker TorshWorker;

/* One chunk [begin, end) of a parallel loop. */
typedef void (*TorshTask)(void *context, int64_t begin, int64_t end, TorshWorker *worker);

/* The layout is ABI: generated code reads the two pointers by position. */
struct TorshWorker {
  /* Runs `task` over [0, count) in chunks of at least `grain`. Serial when
   * count <= grain, when there is one thread, and inside another task. */
  void (*parallel_for)(TorshWorker *self, TorshTask task, void *context, int64_t count,
                       int64_t grain);
  /* 64-byte aligned memory of this thread, released when the enclosing task
   * or kernel returns. Never null: exhaustion ends the process, since kernels
   * have no way to fail. */
  void *(*scratch)(TorshWorker *self, int64_t bytes);
};

/* pointers: one per operand, inputs then outputs.
 * sizes: the extents the program lists for this launch. */
typedef void (*TorshKernel)(void *const *pointers, const int64_t *sizes, TorshWorker *worker);

/* The function of a kernel is called this and the kernel's name, so that no name
 * of a kernel is also one of the C library, `sqrt` for example. */
#define TORSH_KERNEL_PREFIX "torsh_kernel_"

#ifdef __cplusplus
}
#endif

#endif /* TORSHJIT_RUNTIME_KERNELABI_H */
