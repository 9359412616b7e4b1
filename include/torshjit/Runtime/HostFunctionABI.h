// SPDX-License-Identifier: Apache-2.0
// How a program calls a C function of the host between its kernels. Plain C.
#ifndef TORSHJIT_RUNTIME_HOSTFUNCTIONABI_H
#define TORSHJIT_RUNTIME_HOSTFUNCTIONABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Element types; TORSH_BOOL is a byte, 0 or 1.
enum TorshElementType {
  TORSH_BOOL = 0,
  TORSH_I8 = 1,
  TORSH_I16 = 2,
  TORSH_I32 = 3,
  TORSH_I64 = 4,
  TORSH_F16 = 5,
  TORSH_BF16 = 6,
  TORSH_F32 = 7,
  TORSH_F64 = 8,
  TORSH_UI8 = 9,
  TORSH_UI16 = 10,
  TORSH_UI32 = 11,
  TORSH_UI64 = 12
};

/// A contiguous, row-major array in the host's memory, valid during the call.
typedef struct TorshHostTensor {
  void *data;
  const int64_t *shape;
  int32_t rank;
  int32_t element_type;
} TorshHostTensor;

/// Reads the inputs and fills the outputs, whose memory and shapes are given. It
/// may be called from any thread, and by several at once. Returns 0, or a number
/// that the error which ends the program's call then names.
typedef int32_t (*TorshHostFunction)(const TorshHostTensor *inputs, int32_t num_inputs,
                                     const TorshHostTensor *outputs, int32_t num_outputs);

#ifdef __cplusplus
}
#endif

#endif // TORSHJIT_RUNTIME_HOSTFUNCTIONABI_H
