/* SPDX-License-Identifier: Apache-2.0 */
/* The binary interface between CUDA kernels compiled for this machine and the
 * emulator that runs them.
 *
 * Plain C: the compiler emits code against it, and a saved program keeps it.
 * Kernels have no undefined symbol but those of the C library's mathematics: the
 * thread handed to them is their only way to the emulator. */
#ifndef TORSHJIT_RUNTIME_EMULATOR_EMULATORABI_H
#define TORSHJIT_RUNTIME_EMULATOR_EMULATORABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change here; a program says which one it was made for. */
#define TORSH_EMULATOR_ABI_VERSION 2

typedef struct TorshEmulatedThread TorshEmulatedThread;

/* The layout is ABI: kernels load the pointers by position. `site` numbers the
 * instruction in its kernel: threads that meet must meet at the same one. */
typedef struct TorshEmulatorFunctions {
  /* Before a load of shared memory, and before a store; the device demands that the
   * address is a multiple of `alignment`. */
  void (*load_shared)(TorshEmulatedThread *self, const void *pointer, int64_t bytes,
                      int64_t alignment);
  void (*store_shared)(TorshEmulatedThread *self, const void *pointer, int64_t bytes,
                       int64_t alignment);
  /* The same for all other memory but a thread's own stack. */
  void (*load_global)(TorshEmulatedThread *self, const void *pointer, int64_t bytes,
                      int64_t alignment);
  void (*store_global)(TorshEmulatedThread *self, const void *pointer, int64_t bytes,
                       int64_t alignment);
  /* Before a read-modify-write of any memory. */
  void (*atomic)(TorshEmulatedThread *self, const void *pointer, int64_t bytes);
  /* bar.sync 0 */
  void (*barrier)(TorshEmulatedThread *self, int32_t site);
  /* bar.warp.sync */
  void (*sync_warp)(TorshEmulatedThread *self, uint32_t mask, int32_t site);
  /* shfl.sync: returns the bits, and whether the source lane was in range. */
  uint32_t (*shuffle)(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t value,
                      uint32_t offset, uint32_t clamp, int32_t site, int32_t *in_range);
  /* vote.sync */
  uint32_t (*vote)(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t predicate,
                   int32_t site);
  /* redux.sync */
  uint32_t (*reduce)(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t value,
                     int32_t site);
  /* ldmatrix: `count` 8x8 matrices of 16 bits; writes `count` registers. */
  void (*load_matrix)(TorshEmulatedThread *self, const void *row, int32_t count, int32_t transposed,
                      uint32_t *result, int32_t site);
  /* mma.sync: the registers of A, B and C one after another; writes those of D. */
  void (*multiply_matrix)(TorshEmulatedThread *self, int32_t kind, const uint32_t *operands,
                          uint32_t *result, int32_t site);
  /* cp.async: copies source_bytes and fills up to `bytes` with zeros. */
  void (*copy_async)(TorshEmulatedThread *self, void *destination, const void *source,
                     int32_t bytes, int32_t source_bytes);
  void (*commit_copies)(TorshEmulatedThread *self);
  /* cp.async.wait_group */
  void (*wait_copies)(TorshEmulatedThread *self, int32_t pending_groups);
  /* The nearest bf16. */
  uint16_t (*round_bf16)(double value);
  /* Where control must not come; does not return. */
  void (*trap)(TorshEmulatedThread *self);
} TorshEmulatorFunctions;

/* Kinds as in PTX, for the functions above. */
enum TorshShuffleKind {
  TORSH_SHUFFLE_BUTTERFLY,
  TORSH_SHUFFLE_UP,
  TORSH_SHUFFLE_DOWN,
  TORSH_SHUFFLE_INDEX
};
enum TorshVoteKind { TORSH_VOTE_ANY, TORSH_VOTE_ALL, TORSH_VOTE_BALLOT, TORSH_VOTE_UNIFORM };
enum TorshReduceKind {
  TORSH_REDUCE_ADD,
  TORSH_REDUCE_AND,
  TORSH_REDUCE_OR,
  TORSH_REDUCE_XOR,
  TORSH_REDUCE_MAX_SIGNED,
  TORSH_REDUCE_MIN_SIGNED,
  TORSH_REDUCE_MAX_UNSIGNED,
  TORSH_REDUCE_MIN_UNSIGNED
};
/* m16n8k16 but for tf32, which is m16n8k8; A by rows, B by columns. */
enum TorshMatrixKind {
  TORSH_MATRIX_F16_F32,
  TORSH_MATRIX_F16_F16,
  TORSH_MATRIX_BF16_F32,
  TORSH_MATRIX_TF32_F32
};

/* The layout is ABI: kernels load the fields by position. */
struct TorshEmulatedThread {
  const TorshEmulatorFunctions *functions;
  char *shared; /* of the block, 128-byte aligned */
  int32_t thread_index;
  int32_t block_index;
  int32_t block_size;
  int32_t grid_size;
  int32_t lane;
  int32_t warp;
};

/* pointers: one per operand; sizes: the extents that the program lists. */
typedef void (*TorshEmulatedKernel)(void *const *pointers, const int64_t *sizes,
                                    TorshEmulatedThread *thread);

#ifdef __cplusplus
}
#endif

#endif /* TORSHJIT_RUNTIME_EMULATOR_EMULATORABI_H */
