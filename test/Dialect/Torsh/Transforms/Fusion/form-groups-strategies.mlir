// RUN: torsh-opt %s -split-input-file -torsh-form-groups=strategy=none | FileCheck %s --check-prefix=NONE
// RUN: torsh-opt %s -split-input-file -torsh-form-groups=strategy=conservative | FileCheck %s --check-prefix=CONSERVATIVE
// RUN: torsh-opt %s -split-input-file -torsh-form-groups | FileCheck %s --check-prefix=DEFAULT
// RUN: torsh-opt %s -split-input-file -torsh-form-groups=strategy=aggressive | FileCheck %s --check-prefix=AGGRESSIVE
// RUN: not torsh-opt %s -split-input-file -torsh-form-groups=strategy=bold 2>&1 | FileCheck %s --check-prefix=BOLD
// RUN: not torsh-opt %s -split-input-file -torsh-form-groups=max-size=0 2>&1 | FileCheck %s --check-prefix=ZERO

// BOLD: error: fusion strategy must be none, conservative, default, aggressive or custom, got 'bold'
// ZERO: error: max_fusion_size must be at least 1, got 0

// NONE: module attributes {{.*}}strategy none
// NONE-LABEL: func @bias_and_residual
// NONE: torsh.matmul {{.*}}torsh.group = 0
// NONE: torsh.add {{.*}}torsh.group = 1
// NONE: torsh.add {{.*}}torsh.group = 2
// CONSERVATIVE: module attributes {{.*}}strategy conservative fuses only bias and activation behind a contraction
// CONSERVATIVE-LABEL: func @bias_and_residual
// CONSERVATIVE: torsh.matmul {{.*}}torsh.group = 0
// CONSERVATIVE: torsh.add {{.*}}torsh.group = 0
// CONSERVATIVE: torsh.add {{.*}}torsh.group = 1
// DEFAULT-LABEL: func @bias_and_residual
// DEFAULT: torsh.matmul {{.*}}torsh.group = 0
// DEFAULT: torsh.add {{.*}}torsh.group = 0
// DEFAULT: torsh.add {{.*}}torsh.group = 0
func.func @bias_and_residual(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = torsh.matmul %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = torsh.add %0, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %2 = torsh.add %1, %x : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// -----

// CONSERVATIVE: module attributes {{.*}}strategy conservative does not fuse reductions
// CONSERVATIVE-LABEL: func @sum_of_exp
// CONSERVATIVE: torsh.exp {{.*}}torsh.group = 0
// CONSERVATIVE: torsh.sum {{.*}}torsh.group = 1
// DEFAULT-LABEL: func @sum_of_exp
// DEFAULT: torsh.exp {{.*}}torsh.group = 0
// DEFAULT: torsh.sum {{.*}}torsh.group = 0
func.func @sum_of_exp(%x: tensor<2x4xf32>) -> tensor<2xf32> {
  %0 = torsh.exp %x : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = torsh.sum %0 {axes = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Two operations that only share what they read.
// DEFAULT-LABEL: func @siblings
// DEFAULT: torsh.concat {{.*}}torsh.group = 0
// DEFAULT: torsh.exp {{.*}}torsh.group = 1
// DEFAULT: torsh.sin {{.*}}torsh.group = 2
// AGGRESSIVE-LABEL: func @siblings
// AGGRESSIVE: torsh.concat {{.*}}torsh.group = 0
// AGGRESSIVE: torsh.exp {{.*}}torsh.group = 1
// AGGRESSIVE: torsh.sin {{.*}}torsh.group = 1
func.func @siblings(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = torsh.concat %x, %x {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.exp %0 : (tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.sin %0 : (tensor<?xf32>) -> tensor<?xf32>
  return %1, %2 : tensor<?xf32>, tensor<?xf32>
}

// -----

// A negation that two contractions' epilogues read is computed in both.
// DEFAULT-LABEL: func @cheap_producer
// DEFAULT: torsh.neg {{.*}}torsh.group = 0
// DEFAULT-NOT: torsh.neg
// DEFAULT: return
// AGGRESSIVE-LABEL: func @cheap_producer
// AGGRESSIVE: torsh.neg {{.*}}torsh.group = [[A:[0-9]]]
// AGGRESSIVE: torsh.neg {{.*}}torsh.group = [[B:[0-9]]]
// AGGRESSIVE-DAG: torsh.matmul {{.*}}torsh.group = [[A]]
// AGGRESSIVE-DAG: torsh.matmul {{.*}}torsh.group = [[B]]
func.func @cheap_producer(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = torsh.neg %y : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = torsh.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = torsh.add %1, %0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = torsh.matmul %2, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = torsh.mul %3, %0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}
