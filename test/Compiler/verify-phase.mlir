// RUN: split-file %s %t
// RUN: not torsh-opt %t/graph.mlir --torsh-verify-phase=phase=graph 2>&1 | FileCheck %t/graph.mlir
// RUN: not torsh-opt %t/large.mlir --torsh-compile-to=loops 2>&1 | FileCheck %t/large.mlir
// RUN: not torsh-opt %t/large-and-empty.mlir --torsh-compile-to=loops 2>&1 | FileCheck %t/large-and-empty.mlir
// RUN: not torsh-opt %t/linalg.mlir --torsh-verify-phase=phase=linalg 2>&1 | FileCheck %t/linalg.mlir
// RUN: not torsh-opt %t/unsigned.mlir --torsh-verify-phase=phase=linalg 2>&1 | FileCheck %t/unsigned.mlir
// RUN: not torsh-opt %t/kernel.mlir --torsh-verify-phase=phase=linalg 2>&1 | FileCheck %t/kernel.mlir
// RUN: not torsh-opt %t/loops.mlir "--torsh-verify-dialects=phase=loops dialects=arith,func host=true" 2>&1 | FileCheck %t/loops.mlir
// RUN: not torsh-opt %t/llvm.mlir "--torsh-verify-dialects=phase=llvm dialects=llvm" 2>&1 | FileCheck %t/llvm.mlir
// RUN: not torsh-opt %t/llvm.mlir --torsh-verify-phase=phase=nonsense 2>&1 | FileCheck %t/llvm.mlir --check-prefix=UNKNOWN
// RUN: torsh-opt %t/holds.mlir --torsh-verify-phase=phase=linalg "--torsh-verify-dialects=phase=loops dialects=func host=true"

//--- graph.mlir
// CHECK: error: 'torsh.softmax' is not allowed after the phase graph
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.softmax %x {axis = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

//--- large.mlir
// CHECK: error: 'torsh.matmul' has a tensor of more than 2^47 bytes, the most that a process can address: 'tensor<70368744177664x5xbf16>'
func.func @main(%x: tensor<70368744177664x1xbf16>, %y: tensor<1x5xbf16>) -> tensor<70368744177664x5xbf16> {
  %0 = torsh.matmul %x, %y : (tensor<70368744177664x1xbf16>, tensor<1x5xbf16>) -> tensor<70368744177664x5xbf16>
  return %0 : tensor<70368744177664x5xbf16>
}

//--- large-and-empty.mlir
// CHECK: error: 'torsh.neg' has a tensor of more than 2^47 bytes
func.func @main(%x: tensor<4611686018427387904x8x0xf32>) -> tensor<4611686018427387904x8x0xf32> {
  %0 = torsh.neg %x : (tensor<4611686018427387904x8x0xf32>) -> tensor<4611686018427387904x8x0xf32>
  return %0 : tensor<4611686018427387904x8x0xf32>
}

//--- linalg.mlir
// CHECK: error: 'vector.broadcast' is not allowed after the phase linalg
func.func @kernel(%x: f32) attributes {torsh.kernel} {
  %0 = vector.broadcast %x : f32 to vector<4xf32>
  return
}

//--- unsigned.mlir
// CHECK: error: 'tensor.extract_slice' has an unsigned type, of which there is none after the phase linalg
func.func @kernel(%x: tensor<8xui8>) attributes {torsh.kernel} {
  %0 = tensor.extract_slice %x[0] [4] [1] : tensor<8xui8> to tensor<4xui8>
  return
}

//--- kernel.mlir
// CHECK: error: 'torsh.kernel' is not allowed after the phase linalg
torsh.kernel @kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  torsh.return %x : tensor<8xf32>
}

//--- loops.mlir
// CHECK: error: 'arith.constant' is not allowed after the phase loops
func.func @kernel() attributes {torsh.kernel} {
  %0 = arith.constant dense<1.0> : tensor<8xf32>
  return
}

//--- llvm.mlir
// CHECK: error: 'func.return' is not allowed after the phase llvm
// UNKNOWN: error: unknown phase 'nonsense'
func.func @kernel() attributes {torsh.kernel} {
  return
}

//--- holds.mlir
func.func @kernel(%x: memref<8xf32>) attributes {torsh.kernel} {
  return
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.softmax %x {axis = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
