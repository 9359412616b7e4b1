// RUN: torsh-opt %s --torsh-cpu-split-reductions | FileCheck %s

#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
#matrix = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>

// The parts' sums are added afterwards.
// CHECK-LABEL: func.func @all
// CHECK: scf.forall (%{{.*}}) = (0) to (10000000) step (32768)
// CHECK: linalg.generic
// CHECK: tensor.parallel_insert_slice
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction"]
// CHECK: arith.addf {{.*}} fastmath<reassoc>
func.func @all(%x: tensor<10000000xf32>) -> tensor<f32> attributes {torsh.kernel} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%x : tensor<10000000xf32>) outs(%init : tensor<f32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %o, %in fastmath<reassoc> : f32
    linalg.yield %y : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}

// As many rows of a narrow matrix as make a part.
// CHECK-LABEL: func.func @columns
// CHECK: scf.forall (%[[FIRST:.+]]) = (0) to (100000) step (4096) shared_outs(%[[OUT:.+]] = %{{.*}}) -> (tensor<25x8xf32>)
// CHECK: tensor.extract_slice %[[OUT]][%{{.*}}, 0] [1, 8] [1, 1] : tensor<25x8xf32> to tensor<8xf32>
func.func @columns(%x: tensor<100000x8xf32>) -> tensor<8xf32> attributes {torsh.kernel} {
  %low = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<8xf32>
  %init = linalg.fill ins(%low : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#matrix, #column], iterator_types = ["reduction", "parallel"]} ins(%x : tensor<100000x8xf32>) outs(%init : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.maximumf %o, %in fastmath<nsz> : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Many rows are work for every thread, and a short sum is none for two.
// CHECK-LABEL: func.func @rows
// CHECK-NOT: scf.forall
func.func @rows(%x: tensor<512x100000xf32>) -> tensor<512xf32> attributes {torsh.kernel} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %0 = linalg.generic {indexing_maps = [#matrix, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<512x100000xf32>) outs(%init : tensor<512xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %o, %in fastmath<reassoc> : f32
    linalg.yield %y : f32
  } -> tensor<512xf32>
  return %0 : tensor<512xf32>
}
// CHECK-LABEL: func.func @short
// CHECK-NOT: scf.forall
func.func @short(%x: tensor<50000xf32>) -> tensor<f32> attributes {torsh.kernel} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%x : tensor<50000xf32>) outs(%init : tensor<f32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %o, %in fastmath<reassoc> : f32
    linalg.yield %y : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}

// Where what is reduced is computed by the kernel, and where the rows are read again afterwards,
// all of it is done row by row.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT: scf.forall
func.func @softmax(%arg0: memref<16x100000xf32>, %arg1: memref<16x100000xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %arg0 restrict : memref<16x100000xf32> to tensor<16x100000xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %sum = linalg.generic {indexing_maps = [#matrix, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<16x100000xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %o, %in fastmath<reassoc> : f32
    linalg.yield %y : f32
  } -> tensor<16xf32>
  %f = tensor.empty() : tensor<16x100000xf32>
  %0 = linalg.generic {indexing_maps = [#matrix, #row, #matrix], iterator_types = ["parallel", "parallel"]} ins(%x, %sum : tensor<16x100000xf32>, tensor<16xf32>) outs(%f : tensor<16x100000xf32>) {
  ^bb0(%in: f32, %s: f32, %o: f32):
    %y = arith.divf %in, %s : f32
    linalg.yield %y : f32
  } -> tensor<16x100000xf32>
  bufferization.materialize_in_destination %0 in restrict writable %arg1 : (tensor<16x100000xf32>, memref<16x100000xf32>) -> ()
  return
}
