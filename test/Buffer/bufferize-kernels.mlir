// RUN: torsh-opt %s --torsh-bufferize-kernels --canonicalize --cse | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// A result is computed in the caller's memory.
// CHECK-LABEL: func.func @in_place
// CHECK-SAME: (%[[X:.+]]: memref<4x8xf32>, %[[OUT:.+]]: memref<4x8xf32>)
// CHECK-NOT: memref.alloc
// CHECK: linalg.generic {{.*}} ins(%[[X]] : memref<4x8xf32>) outs(%[[OUT]] : memref<4x8xf32>)
// CHECK-NOT: memref.copy
func.func @in_place(%a: memref<4x8xf32>, %out: memref<4x8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<4x8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// A copy is a loop that vectorises, not a call.
// CHECK-LABEL: func.func @copy
// CHECK-SAME: (%[[X:.+]]: memref<4x8xf32>, %[[OUT:.+]]: memref<4x8xf32>)
// CHECK-NOT: memref.copy
// CHECK: linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[OUT]] :
// CHECK-NEXT: ^bb0(%[[E:.+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[E]]
func.func @copy(%a: memref<4x8xf32>, %out: memref<4x8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  bufferization.materialize_in_destination %x in restrict writable %out : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// What a tile keeps for itself has the extents of the largest tile, so that one
// buffer serves them all; its users see those of their own tile.
// CHECK-LABEL: func.func @bounded
// CHECK: scf.forall
// CHECK: %[[ROWS:.+]] = affine.min
// CHECK: %[[BUFFER:.+]] = memref.alloc() {alignment = 64 : i64} : memref<16x8xf32>
// CHECK: %[[TILE:.+]] = memref.subview %[[BUFFER]][0, 0] [%[[ROWS]], 8] [1, 1]
// CHECK: linalg.generic {{.*}} outs(%[[TILE]]
// CHECK: linalg.generic {{.*}}"reduction"]} ins(%[[TILE]]
func.func @bounded(%a: memref<?x8xf32>, %out: memref<?xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<?x8xf32> to tensor<?x8xf32>
  %zero = arith.constant 0 : index
  %start = arith.constant 0.0 : f32
  %n = tensor.dim %x, %zero : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %0 = scf.forall (%i) = (0) to (%n) step (16) shared_outs(%o = %e) -> (tensor<?xf32>) {
    %size = affine.min affine_map<(d0)[s0] -> (-d0 + s0, 16)>(%i)[%n]
    %slice = tensor.extract_slice %x[%i, 0] [%size, 8] [1, 1] : tensor<?x8xf32> to tensor<?x8xf32>
    %own = tensor.empty(%size) : tensor<?x8xf32>
    %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%slice : tensor<?x8xf32>) outs(%own : tensor<?x8xf32>) {
    ^bb0(%in: f32, %oo: f32):
      %y = math.exp %in : f32
      linalg.yield %y : f32
    } -> tensor<?x8xf32>
    %out_slice = tensor.extract_slice %o[%i] [%size] [1] : tensor<?xf32> to tensor<?xf32>
    %init = linalg.fill ins(%start : f32) outs(%out_slice : tensor<?xf32>) -> tensor<?xf32>
    %2 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%1 : tensor<?x8xf32>) outs(%init : tensor<?xf32>) {
    ^bb0(%in: f32, %oo: f32):
      %y = arith.addf %in, %oo : f32
      linalg.yield %y : f32
    } -> tensor<?xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %2 into %o[%i] [%size] [1] : tensor<?xf32> into tensor<?xf32>
    }
  }
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<?xf32>, memref<?xf32>) -> ()
  return
}

// Two sums from one initial value each have memory of their own: the second was
// added up where the first result belongs, and overwritten before it was copied.
// CHECK-LABEL: func.func @shared_init
// CHECK-SAME: (%{{.+}}: memref<8xf32>, %{{.+}}: memref<8xf32>, %[[SUM0:.+]]: memref<f32>, %[[SUM1:.+]]: memref<f32>)
// CHECK-NOT: memref.alloc
// CHECK-DAG: linalg.fill {{.*}} outs(%[[SUM0]] :
// CHECK-DAG: linalg.fill {{.*}} outs(%[[SUM1]] :
// CHECK: linalg.generic {{.*}} outs(%[[SUM0]] :
// CHECK: linalg.generic {{.*}} outs(%[[SUM1]] :
func.func @shared_init(%a: memref<8xf32>, %b: memref<8xf32>, %sum0: memref<f32>, %sum1: memref<f32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<8xf32> to tensor<8xf32>
  %y = bufferization.to_tensor %b restrict : memref<8xf32> to tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%x : tensor<8xf32>) outs(%start : tensor<f32>) {
  ^bb0(%in: f32, %o: f32):
    %s = arith.addf %in, %o : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%y : tensor<8xf32>) outs(%start : tensor<f32>) {
  ^bb0(%in: f32, %o: f32):
    %s = arith.addf %in, %o : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  bufferization.materialize_in_destination %0 in restrict writable %sum0 : (tensor<f32>, memref<f32>) -> ()
  bufferization.materialize_in_destination %1 in restrict writable %sum1 : (tensor<f32>, memref<f32>) -> ()
  return
}
