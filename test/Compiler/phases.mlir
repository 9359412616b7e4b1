// Each phase is a registered pipeline, which makes its contract hold and starts
// from what the one before it left.
// RUN: torsh-opt %s --torsh-phase-capture -o %t.capture.mlir
// RUN: torsh-opt %t.capture.mlir --torsh-phase-graph -o %t.graph.mlir
// RUN: FileCheck %s --check-prefix=GRAPH --input-file=%t.graph.mlir
// RUN: torsh-opt %t.graph.mlir --torsh-phase-kernels -o %t.kernels.mlir
// RUN: FileCheck %s --check-prefix=KERNELS --input-file=%t.kernels.mlir
// RUN: torsh-opt %t.kernels.mlir --torsh-phase-linalg -o %t.linalg.mlir
// RUN: FileCheck %s --check-prefix=LINALG --input-file=%t.linalg.mlir
// RUN: torsh-opt %t.linalg.mlir --torsh-phase-cpu-loops -o %t.loops.mlir
// RUN: FileCheck %s --check-prefix=LOOPS --input-file=%t.loops.mlir
// RUN: torsh-opt %t.loops.mlir --torsh-phase-cpu-llvm -o %t.llvm.mlir
// RUN: FileCheck %s --check-prefix=LLVM --input-file=%t.llvm.mlir

// The composite is taken apart.
// GRAPH-LABEL: func.func @main
// GRAPH-NOT: torsh.softmax
// GRAPH: torsh.exp

// KERNELS: torsh.kernel @[[NAME:[a-z_]+]]
// KERNELS: torsh.exp
// KERNELS-LABEL: func.func @main
// KERNELS-NOT: torsh.exp
// KERNELS: torsh.launch @

// LINALG: func.func @{{.*}} attributes {{.*}}torsh.kernel
// LINALG: linalg.generic
// LINALG: math.exp
// LINALG-LABEL: func.func @main
// LINALG: torsh.launch

// LOOPS: func.func @{{.*}} attributes {{.*}}torsh.kernel
// LOOPS-NOT: linalg.
// LOOPS: scf.for
// LOOPS: math.exp

// LLVM-NOT: func.func
// LLVM: llvm.func @torsh_kernel_
func.func @main(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
