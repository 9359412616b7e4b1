// RUN: torsh-opt %s --torsh-decompose | FileCheck %s
// RUN: torsh-opt %s --torsh-decompose=keep=torsh.attention | FileCheck %s --check-prefix=WHOLE

// CHECK-LABEL: func @masked
// CHECK: %[[K:.*]] = torsh.permute %arg1 {permutation = array<i64: 0, 2, 1>}
// CHECK: %[[S:.*]] = torsh.matmul %arg0, %[[K]]
// CHECK: %[[SCALED:.*]] = torsh.mul %[[S]]
// CHECK: %[[MASKED:.*]] = torsh.select %arg3, %[[SCALED]]
// CHECK: %[[MAX:.*]] = torsh.amax %[[MASKED]]
// CHECK: torsh.exp
// CHECK: %[[W:.*]] = torsh.div
// CHECK: %[[SEEN:.*]] = torsh.compare {{ *}}ne, %[[MAX]]
// CHECK: %[[Z:.*]] = torsh.select %[[SEEN]], %[[W]]
// CHECK: torsh.matmul %[[Z]], %arg2
// WHOLE-LABEL: func @masked
// WHOLE-NEXT: torsh.attention
func.func @masked(%q: tensor<2x5x8xf32>, %k: tensor<2x7x8xf32>, %v: tensor<2x7x4xf32>, %m: tensor<5x7xi1>) -> tensor<2x5x4xf32> {
  %0 = torsh.attention %q, %k, %v mask(%m) {scale = 0.5, zero_masked_rows = true}
      : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x7x4xf32>, tensor<5x7xi1>) -> tensor<2x5x4xf32>
  return %0 : tensor<2x5x4xf32>
}

// Heads of the query share those of the key.
// CHECK-LABEL: func @grouped_causal
// CHECK: %[[Q:.*]] = torsh.permute %arg0 {permutation = array<i64: 1, 0, 2>}
// CHECK: torsh.constant dense<[0, 0, 1, 1]>
// CHECK: torsh.gather %arg1
// CHECK: torsh.gather %arg1
// CHECK: torsh.matmul %[[Q]]
// CHECK: %[[I:.*]] = torsh.iota sizes(%{{.*}}) {axis = 0 : i64}
// CHECK: %[[J:.*]] = torsh.iota sizes(%{{.*}}) {axis = 1 : i64}
// CHECK: torsh.compare {{ *}}ge, %[[I]], %[[J]]
// WHOLE-LABEL: func @grouped_causal
// WHOLE-NEXT: torsh.attention
func.func @grouped_causal(%q: tensor<?x4x8xf32>, %k: tensor<2x?x8xf32>) -> tensor<4x?x8xf32> {
  %0 = torsh.attention %q, %k, %k {scale = 0.5, causal = true, query_axes = array<i64: 1, 0, 2>}
      : (tensor<?x4x8xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>) -> tensor<4x?x8xf32>
  return %0 : tensor<4x?x8xf32>
}

// A target has to know the number of features.
// WHOLE-LABEL: func @open
// WHOLE-NOT: torsh.attention
// WHOLE: return
func.func @open(%q: tensor<5x?xf32>, %v: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %0 = torsh.attention %q, %q, %v {scale = 0.5}
      : (tensor<5x?xf32>, tensor<5x?xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}
