// RUN: torsh-opt %s --split-input-file --torsh-cpu-pack-fixed-operands="threads=2 vector-bits=512" | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: torsh-opt %s --split-input-file --torsh-cpu-pack-fixed-operands="threads=2 vector-bits=256" | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: torsh-opt %s --split-input-file --torsh-cpu-pack-fixed-operands="threads=2 vector-bits=128" | FileCheck %s --check-prefixes=CHECK,NEON

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// The weight of both launches is packed once for each, by one kernel; what both read is packed once.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%{{.*}}: memref<128x96xf32>, %[[PANELS:.*]]: memref<{{6144|6144}}xf32>, %{{.*}}: memref<128x64xf32>)
// AVX512: %[[VIEW:.*]] = torsh.panels_view %[[PANELS]] {block = 96 : i64, depth = array<i64: 1>, rows = array<i64: 0>, width = 32 : i64} : memref<6144xf32> to memref<64x96xf32>
// AVX2: %[[VIEW:.*]] = torsh.panels_view %[[PANELS]] {block = 96 : i64, depth = array<i64: 1>, rows = array<i64: 0>, width = 16 : i64}
// NEON: %[[VIEW:.*]] = torsh.panels_view %[[PANELS]] {block = 96 : i64, depth = array<i64: 1>, rows = array<i64: 0>, width = 8 : i64}
// CHECK: bufferization.to_tensor %[[VIEW]]
func.func @linear(%a: memref<128x96xf32>, %b: memref<64x96xf32>, %out: memref<128x64xf32>) attributes {torsh.kernel, torsh.num_inputs = 2 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<128x96xf32> to tensor<128x96xf32>
  %w = bufferization.to_tensor %b restrict : memref<64x96xf32> to tensor<64x96xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<128x64xf32>) -> tensor<128x64xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<128x96xf32>, tensor<64x96xf32>) outs(%init : tensor<128x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<128x64xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<128x64xf32>, memref<128x64xf32>) -> ()
  return
}
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:.*]]: tensor<128x96xf32>, %[[W:.*]]: tensor<64x96xf32> {torsh.frozen}
// CHECK: %[[C:.*]] = torsh.constant
// CHECK: %[[P:.*]] = torsh.launch @pack_64x96(%[[W]]) : (tensor<64x96xf32>) -> tensor<6144xf32>
// CHECK: torsh.launch @linear(%[[X]], %[[P]])
// CHECK: %[[Q:.*]] = torsh.launch @pack_64x96(%[[C]])
// CHECK: torsh.launch @linear(%[[X]], %[[Q]])
// CHECK: torsh.launch @linear(%[[X]], %[[P]])
// CHECK-LABEL: func.func @pack_64x96
// CHECK-SAME: (%[[S:.*]]: memref<64x96xf32>, %[[D:.*]]: memref<6144xf32>) attributes {torsh.kernel, torsh.kind = #torsh.kind<movement>, torsh.num_inputs = 1 : i64}
// CHECK: torsh.pack_panels %[[S]], %[[D]]
func.func @main(%x: tensor<128x96xf32>, %w: tensor<64x96xf32> {torsh.frozen}) -> (tensor<128x64xf32>, tensor<128x64xf32>, tensor<128x64xf32>) {
  %c = torsh.constant dense<1.0> : tensor<64x96xf32>
  %0 = torsh.launch @linear(%x, %w) : (tensor<128x96xf32>, tensor<64x96xf32>) -> tensor<128x64xf32>
  %1 = torsh.launch @linear(%x, %c) : (tensor<128x96xf32>, tensor<64x96xf32>) -> tensor<128x64xf32>
  %2 = torsh.launch @linear(%x, %w) : (tensor<128x96xf32>, tensor<64x96xf32>) -> tensor<128x64xf32>
  return %0, %1, %2 : tensor<128x64xf32>, tensor<128x64xf32>, tensor<128x64xf32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A weight of which one launch's may change is packed by the product.
// CHECK-LABEL: func.func @other
// CHECK-NOT: torsh.panels_view
func.func @other(%a: memref<128x96xf32>, %b: memref<64x96xf32>, %out: memref<128x64xf32>) attributes {torsh.kernel, torsh.num_inputs = 2 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<128x96xf32> to tensor<128x96xf32>
  %w = bufferization.to_tensor %b restrict : memref<64x96xf32> to tensor<64x96xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<128x64xf32>) -> tensor<128x64xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<128x96xf32>, tensor<64x96xf32>) outs(%init : tensor<128x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<128x64xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<128x64xf32>, memref<128x64xf32>) -> ()
  return
}
// A few rows read their weight as it lies.
// CHECK-LABEL: func.func @few
// CHECK-NOT: torsh.panels_view
func.func @few(%a: memref<16x96xf32>, %b: memref<64x96xf32>, %out: memref<16x64xf32>) attributes {torsh.kernel, torsh.num_inputs = 2 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<16x96xf32> to tensor<16x96xf32>
  %w = bufferization.to_tensor %b restrict : memref<64x96xf32> to tensor<64x96xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16x64xf32>) -> tensor<16x64xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<16x96xf32>, tensor<64x96xf32>) outs(%init : tensor<16x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<16x64xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<16x64xf32>, memref<16x64xf32>) -> ()
  return
}
// CHECK-NOT: @pack_
func.func @main(%x: tensor<128x96xf32>, %y: tensor<16x96xf32>, %w: tensor<64x96xf32>) -> (tensor<128x64xf32>, tensor<128x64xf32>, tensor<16x64xf32>) {
  %c = torsh.constant dense<1.0> : tensor<64x96xf32>
  %0 = torsh.launch @other(%x, %w) : (tensor<128x96xf32>, tensor<64x96xf32>) -> tensor<128x64xf32>
  %1 = torsh.launch @other(%x, %c) : (tensor<128x96xf32>, tensor<64x96xf32>) -> tensor<128x64xf32>
  %2 = torsh.launch @few(%y, %c) : (tensor<16x96xf32>, tensor<64x96xf32>) -> tensor<16x64xf32>
  return %0, %1, %2 : tensor<128x64xf32>, tensor<128x64xf32>, tensor<16x64xf32>
}

// -----

// A small weight that lies along the depth is transposed for few rows: nothing is summed across vectors.
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
// CHECK-DAG: #[[KN:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-LABEL: func.func @turned
// CHECK-SAME: %{{.*}}: memref<8x96xf32>, %[[W:[^:]*]]: memref<96x64xf32>
// CHECK-SAME: torsh.packed_by = "pack_64x96"
// CHECK: bufferization.to_tensor %[[W]] restrict : memref<96x64xf32> to tensor<96x64xf32>
// CHECK: indexing_maps = [#{{.*}}, #[[KN]], #{{.*}}]
func.func @turned(%a: memref<8x96xf32>, %b: memref<64x96xf32>, %out: memref<8x64xf32>) attributes {torsh.kernel, torsh.num_inputs = 2 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<8x96xf32> to tensor<8x96xf32>
  %w = bufferization.to_tensor %b restrict : memref<64x96xf32> to tensor<64x96xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x96xf32>, tensor<64x96xf32>) outs(%init : tensor<8x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<8x64xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8x64xf32>, memref<8x64xf32>) -> ()
  return
}
// CHECK-LABEL: func.func @main
// CHECK: %[[P:.*]] = torsh.launch @pack_64x96(%{{.*}}) : (tensor<64x96xf32>) -> tensor<6144xf32>
// CHECK: %[[T:.*]] = torsh.reshape %[[P]] : (tensor<6144xf32>) -> tensor<96x64xf32>
// CHECK: torsh.launch @turned(%{{.*}}, %[[T]])
// CHECK: torsh.pack_panels {{.*}}width = 64
func.func @main(%x: tensor<8x96xf32>, %w: tensor<64x96xf32> {torsh.frozen}) -> tensor<8x64xf32> {
  %0 = torsh.launch @turned(%x, %w) : (tensor<8x96xf32>, tensor<64x96xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}
