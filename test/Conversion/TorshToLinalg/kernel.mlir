// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// The kernel's inputs, then its results, as buffers without unit axes; what was
// known about the kernel stays known.
// CHECK-LABEL: func.func @kernel
// CHECK-SAME: (%[[X:.+]]: memref<?x8xf32>, %[[SUM:.+]]: memref<?x8xf32>, %[[PRODUCT:.+]]: memref<?x8xf32>)
// CHECK-SAME: torsh.kernel
// CHECK-SAME: torsh.kind = #torsh.kind<elementwise>
// CHECK-SAME: torsh.num_inputs = 1
// CHECK-SAME: torsh.schedule = #torsh.schedule<
// CHECK: %[[T:.+]] = bufferization.to_tensor %[[X]] restrict
// CHECK: %[[R0:.+]] = linalg.generic
// CHECK: %[[R1:.+]] = linalg.generic
// CHECK: bufferization.materialize_in_destination %[[R0]] in restrict writable %[[SUM]]
// CHECK: bufferization.materialize_in_destination %[[R1]] in restrict writable %[[PRODUCT]]
// CHECK: return
torsh.kernel @kernel(%x: tensor<?x1x8xf32>) -> (tensor<?x1x8xf32>, tensor<?x1x8xf32>)
    attributes {kind = #torsh.kind<elementwise>,
                schedule = #torsh.schedule<tile = [16, 0], grain = 2, register_tile = [], block = []>} {
  %0 = torsh.add %x, %x : (tensor<?x1x8xf32>, tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  %1 = torsh.mul %x, %x : (tensor<?x1x8xf32>, tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  torsh.return %0, %1 : tensor<?x1x8xf32>, tensor<?x1x8xf32>
}

// An extent is asked of the tensor without unit axes.
// CHECK-LABEL: func.func @extent
// CHECK: %[[ONE:.+]] = arith.constant 1 : index
// CHECK: tensor.dim %{{.*}}, %[[ONE]] : tensor<4x?xf32>
torsh.kernel @extent(%x: tensor<4x1x?xf32>) -> tensor<?xi64> {
  %two = arith.constant 2 : index
  %n = tensor.dim %x, %two : tensor<4x1x?xf32>
  %0 = torsh.iota sizes(%n) {axis = 0 : i64} : tensor<?xi64>
  torsh.return %0 : tensor<?xi64>
}

// The host function is left as it is.
// CHECK-LABEL: func.func @main
// CHECK: torsh.launch @kernel
func.func @main(%x: tensor<?x1x8xf32>) -> tensor<?x1x8xf32> {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?x1x8xf32>
  %0, %1 = torsh.launch @kernel(%x) sizes(%n, %n) : (tensor<?x1x8xf32>) -> (tensor<?x1x8xf32>, tensor<?x1x8xf32>)
  return %0 : tensor<?x1x8xf32>
}
