// Stopping after a phase and going on from there is going all the way.
// RUN: torsh-opt %s --torsh-compile-to=llvm -o %t.whole.mlir
// RUN: torsh-opt %s --torsh-compile-to=linalg -o %t.linalg.mlir
// RUN: torsh-opt %t.linalg.mlir --torsh-compile-from=linalg --torsh-compile-to=loops -o %t.loops.mlir
// RUN: torsh-opt %t.loops.mlir --torsh-compile-from=loops -o %t.parts.mlir
// RUN: diff %t.whole.mlir %t.parts.mlir
// RUN: torsh-opt %s --torsh-compile-to=assembly -o %t.whole.s
// RUN: torsh-opt %t.loops.mlir --torsh-compile-from=loops --torsh-compile-to=assembly -o %t.parts.s
// RUN: diff %t.whole.s %t.parts.s
// RUN: FileCheck %s --check-prefix=LINALG --input-file=%t.linalg.mlir
// RUN: FileCheck %s --check-prefix=LOOPS --input-file=%t.loops.mlir

// Passes of the command line run after the phases.
// RUN: torsh-opt %s --torsh-compile-to=linalg --torsh-fuse-elementwise | FileCheck %s --check-prefix=FUSED

// RUN: not torsh-opt %s --torsh-compile-to=machine 2>&1 | FileCheck %s --check-prefix=UNKNOWN-TO
// UNKNOWN-TO: --torsh-compile-to: there is no phase 'machine'; the phases of cpu are capture, graph, kernels, linalg, loops, llvm, llvmir, assembly
// RUN: not torsh-opt %s --torsh-compile-from=assembly 2>&1 | FileCheck %s --check-prefix=UNKNOWN-FROM
// UNKNOWN-FROM: --torsh-compile-from: there is no phase 'assembly'; the phases of cpu are capture, graph, kernels, linalg, loops, llvm
// RUN: not torsh-opt %s --torsh-compile-from=llvm --torsh-compile-to=graph 2>&1 | FileCheck %s --check-prefix=BACKWARDS
// BACKWARDS: --torsh-compile-from=llvm is after --torsh-compile-to=graph
// RUN: not torsh-opt %t.missing.mlir --torsh-compile-to=graph 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: cannot open input file

// LINALG: linalg.generic
// LINALG: linalg.generic
// LOOPS-NOT: linalg.
// FUSED-COUNT-1: linalg.generic
// FUSED-NOT: linalg.generic
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.neg %0 : (tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
