// RUN: torsh-opt %s -split-input-file -torsh-form-groups | FileCheck %s
// RUN: torsh-opt %s -split-input-file -torsh-form-groups=max-size=2 | FileCheck %s --check-prefix=TWO

// CHECK-LABEL: func @chain
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.neg {{.*}}torsh.group = 0
// CHECK: torsh.tanh {{.*}}torsh.group = 0
// TWO-LABEL: func @chain
// TWO: torsh.exp {{.*}}torsh.group = 0
// TWO: torsh.neg {{.*}}torsh.group = 0
// TWO: torsh.tanh {{.*}}torsh.group = 1
func.func @chain(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = torsh.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.neg %0 : (tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.tanh %1 : (tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A value with several uses, one of them the function's result.
// CHECK-LABEL: func @multiple_uses
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.neg {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 0
func.func @multiple_uses(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.neg %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.mul %0, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0, %2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// A vector computed once is not computed again for every row.
// CHECK: module attributes {{.*}}shapes differ: what is broadcast would be computed once per use
// CHECK-LABEL: func @broadcast_producer
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 1
func.func @broadcast_producer(%x: tensor<64x8xf32>, %s: tensor<8xf32>) -> tensor<64x8xf32> {
  %0 = torsh.exp %s : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.mul %x, %0 : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  return %1 : tensor<64x8xf32>
}

// -----

// A '?' and a static extent that a check will prove equal are different loops yet.
// CHECK: module attributes {{.*}}a '?' extent of one is static in the other
// CHECK-LABEL: func @dynamic_meets_static
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.add {{.*}}torsh.group = 1
func.func @dynamic_meets_static(%x: tensor<?xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.add %0, %y : (tensor<?xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// -----

// exp and add cannot be one kernel: the contraction between them needs the one and
// feeds the other.
// CHECK: module attributes {{.*}}a value would leave the kernel and come back through another
// CHECK-LABEL: func @cycle
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.matmul {{.*}}torsh.group = 1
// CHECK: torsh.permute {{.*}}torsh.group = 2
// CHECK: torsh.add {{.*}}torsh.group = 2
func.func @cycle(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.exp %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = torsh.matmul %0, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = torsh.permute %1 {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = torsh.add %0, %2 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// -----

// No operation leads from exp through others to sub; the group of mul, sin and add,
// which needs exp and gives what sub reads, does.
// CHECK: module attributes {{.*}}a value would leave the kernel and come back through another
// CHECK-LABEL: func @cycle_through_group
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 1
// CHECK: torsh.sin {{.*}}torsh.group = 1
// CHECK: torsh.add {{.*}}torsh.group = 1
// CHECK: torsh.slice {{.*}}torsh.group = 2
// CHECK: torsh.sub {{.*}}torsh.group = 2
func.func @cycle_through_group(%v: tensor<8x1xf32>, %x: tensor<8x8xf32>, %y: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x1xf32>) {
  %p = torsh.exp %v : (tensor<8x1xf32>) -> tensor<8x1xf32>
  %r = torsh.mul %x, %p : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  %s = torsh.sin %y : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %t = torsh.add %r, %s : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %u = torsh.slice %s {start = array<i64: 0, 0>, stop = array<i64: 8, 1>, stride = array<i64: 1, 1>} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %q = torsh.sub %p, %u : (tensor<8x1xf32>, tensor<8x1xf32>) -> tensor<8x1xf32>
  return %t, %q : tensor<8x8xf32>, tensor<8x1xf32>
}
