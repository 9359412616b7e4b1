// RUN: torsh-opt %s --split-input-file --verify-diagnostics --torsh-tile-kernels | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
// The last operation is tiled by the schedule, what it needs is computed for each
// tile; 0 leaves a loop whole.
// CHECK-LABEL: func.func @producers
// CHECK: scf.forall (%[[I:.+]]) = (0) to (64) step (8)
// CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0] [8, 512] [1, 1]
// CHECK: linalg.fill {{.*}} -> tensor<8xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%[[I]], 0] [8, 512] [1, 1]
// CHECK-NOT: linalg.generic
func.func @producers(%a: memref<64x512xf32>, %out: memref<64x512xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [8, 0]>} {
  %x = bufferization.to_tensor %a restrict : memref<64x512xf32> to tensor<64x512xf32>
  %low = arith.constant 0xFF800000 : f32
  %s = tensor.empty() : tensor<64xf32>
  %e = tensor.empty() : tensor<64x512xf32>
  %init = linalg.fill ins(%low : f32) outs(%s : tensor<64xf32>) -> tensor<64xf32>
  %0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<64x512xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.maximumf %in, %o : f32
    linalg.yield %y : f32
  } -> tensor<64xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %0 : tensor<64x512xf32>, tensor<64xf32>) outs(%e : tensor<64x512xf32>) {
  ^bb0(%in: f32, %max: f32, %o: f32):
    %y = arith.subf %in, %max : f32
    linalg.yield %y : f32
  } -> tensor<64x512xf32>
  bufferization.materialize_in_destination %1 in restrict writable %out : (tensor<64x512xf32>, memref<64x512xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
// The last tile of a '?' extent is smaller.
// CHECK: #[[LEFT:.+]] = affine_map<(d0)[s0] -> (-d0 + s0, 16)>
// CHECK-LABEL: func.func @dynamic
// CHECK: scf.forall (%[[I:.+]]) = (0) to (%[[N:.+]]) step (16)
// CHECK: affine.min #[[LEFT]](%[[I]])
func.func @dynamic(%a: memref<?xf32>, %out: memref<?xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [16]>} {
  %x = bufferization.to_tensor %a restrict : memref<?xf32> to tensor<?xf32>
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<?xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<?xf32>, memref<?xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
// A result that is computed from another one, which the tiles compute, comes after the tiles.
// CHECK-LABEL: func.func @other_result
// CHECK: %[[TILES:.+]]:2 = scf.forall
// CHECK: linalg.generic {{.*}} ins(%[[TILES]]#{{[01]}} : tensor<8xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: math.exp
func.func @other_result(%a: memref<8xf32>, %o0: memref<8xf32>, %o1: memref<8xf32>, %o2: memref<8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [4]>} {
  %x = bufferization.to_tensor %a restrict : memref<8xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = math.erf %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = math.exp %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = math.tanh %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %o0 : (tensor<8xf32>, memref<8xf32>) -> ()
  bufferization.materialize_in_destination %1 in restrict writable %o1 : (tensor<8xf32>, memref<8xf32>) -> ()
  bufferization.materialize_in_destination %2 in restrict writable %o2 : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func.func @no_tiles
// CHECK-NOT: scf.forall
func.func @no_tiles(%a: memref<8xf32>, %out: memref<8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [0]>} {
  %x = bufferization.to_tensor %a restrict : memref<8xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
// A schedule may come from a file.
// expected-error @below {{the schedule tiles 2 loops, but the kernel's last operation has 1}}
func.func @too_many_tiles(%a: memref<8xf32>, %out: memref<8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [4, 4]>} {
  %x = bufferization.to_tensor %a restrict : memref<8xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}
