// RUN: torsh-opt %s --torsh-cpu-lower-dot-products="features=avx512bf16,avx512vnni" | FileCheck %s
// RUN: torsh-opt %s --torsh-cpu-lower-dot-products="features=avx2,sse2 vector-bits=256" | FileCheck %s --check-prefix=AVX2
// RUN: torsh-opt %s --torsh-cpu-lower-dot-products="features=bf16,dotprod,i8mm vector-bits=128" | FileCheck %s --check-prefix=NEON
// RUN: torsh-opt %s --torsh-cpu-lower-dot-products | FileCheck %s --check-prefix=PLAIN

#row = affine_map<(n, k) -> (k)>
#columns = affine_map<(n, k) -> (n, k)>
#sums = affine_map<(n, k) -> (n)>

// Two registers of sums, one element of a row for both.
// CHECK-LABEL: func.func @bf16
// CHECK: %[[WORD:.*]] = vector.bitcast %arg0 : vector<2xbf16> to vector<1xi32>
// CHECK: %[[SPLAT:.*]] = vector.bitcast %{{.*}} : vector<16xi32> to vector<32xbf16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%{{.*}}, %[[SPLAT]], %{{.*}}) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// NEON-LABEL: func.func @bf16
// NEON-COUNT-8: llvm.call_intrinsic "llvm.aarch64.neon.bfdot"
// PLAIN-LABEL: func.func @bf16
// PLAIN-COUNT-2: vector.fma
func.func @bf16(%row: vector<2xbf16>, %columns: vector<64xbf16>, %sums: vector<32xf32>) -> vector<32xf32> {
  %0 = vector.shape_cast %columns : vector<64xbf16> to vector<32x2xbf16>
  %1 = arith.extf %row : vector<2xbf16> to vector<2xf32>
  %2 = arith.extf %0 : vector<32x2xbf16> to vector<32x2xf32>
  %3 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %1, %2, %sums : vector<2xf32>, vector<32x2xf32> into vector<32xf32>
  return %3 : vector<32xf32>
}

// The operand without sign comes first.
// CHECK-LABEL: func.func @signed_row
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%arg2, %arg1, %{{.*}}) : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
// NEON-LABEL: func.func @signed_row
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.usdot"(%{{.*}}, %{{.*}}, %{{.*}}) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// PLAIN-LABEL: func.func @signed_row
// PLAIN-COUNT-4: arith.muli
func.func @signed_row(%row: vector<4xi8>, %columns: vector<32xi8>, %sums: vector<8xi32>) -> vector<8xi32> {
  %0 = vector.shape_cast %columns : vector<32xi8> to vector<8x4xi8>
  %1 = arith.extsi %row : vector<4xi8> to vector<4xi32>
  %2 = arith.extui %0 : vector<8x4xi8> to vector<8x4xi32>
  %3 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %1, %2, %sums : vector<4xi32>, vector<8x4xi32> into vector<8xi32>
  return %3 : vector<8xi32>
}

// x86 has no instruction for two operands with sign, AArch64 has one.
// CHECK-LABEL: func.func @both_signed
// CHECK-NOT: llvm.call_intrinsic
// CHECK-COUNT-4: arith.muli
// NEON-LABEL: func.func @both_signed
// NEON-COUNT-2: llvm.call_intrinsic "llvm.aarch64.neon.sdot"
func.func @both_signed(%row: vector<4xi8>, %columns: vector<32xi8>, %sums: vector<8xi32>) -> vector<8xi32> {
  %0 = vector.shape_cast %columns : vector<32xi8> to vector<8x4xi8>
  %1 = arith.extsi %row : vector<4xi8> to vector<4xi32>
  %2 = arith.extsi %0 : vector<8x4xi8> to vector<8x4xi32>
  %3 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %1, %2, %sums : vector<4xi32>, vector<8x4xi32> into vector<8xi32>
  return %3 : vector<8xi32>
}

// Constants are of whichever kind there is an instruction for.
// CHECK-LABEL: func.func @sum
// CHECK: arith.constant dense<16843009> : vector<8xi32>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%arg1, %{{.*}}, %arg0)
// PLAIN-LABEL: func.func @sum
// PLAIN: arith.extsi %arg0 : vector<32xi8> to vector<32xi32>
func.func @sum(%columns: vector<32xi8>, %sums: vector<8xi32>) -> vector<8xi32> {
  %ones = arith.constant dense<1> : vector<4xi32>
  %0 = vector.shape_cast %columns : vector<32xi8> to vector<8x4xi8>
  %1 = arith.extsi %0 : vector<8x4xi8> to vector<8x4xi32>
  %2 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %ones, %1, %sums : vector<4xi32>, vector<8x4xi32> into vector<8xi32>
  return %2 : vector<8xi32>
}

// Pairs of 16-bit integers, in registers as wide as the sums.
// AVX2-LABEL: func.func @halfwords
// AVX2: %[[SUM:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%{{.*}}, %{{.*}}) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// AVX2: arith.addi %{{.*}}, %[[SUM]] : vector<8xi32>
// AVX2-LABEL: func.func @four_halfwords
// AVX2: llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"
func.func @halfwords(%row: vector<2xi16>, %columns: vector<32xi16>, %sums: vector<16xi32>) -> vector<16xi32> {
  %0 = vector.shape_cast %columns : vector<32xi16> to vector<16x2xi16>
  %1 = arith.extsi %row : vector<2xi16> to vector<2xi32>
  %2 = arith.extsi %0 : vector<16x2xi16> to vector<16x2xi32>
  %3 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %1, %2, %sums : vector<2xi32>, vector<16x2xi32> into vector<16xi32>
  return %3 : vector<16xi32>
}
func.func @four_halfwords(%row: vector<2xi16>, %columns: vector<4x2xi16>, %sums: vector<4xi32>) -> vector<4xi32> {
  %0 = arith.extsi %row : vector<2xi16> to vector<2xi32>
  %1 = arith.extsi %columns : vector<4x2xi16> to vector<4x2xi32>
  %2 = vector.contract {indexing_maps = [#row, #columns, #sums], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %0, %1, %sums : vector<2xi32>, vector<4x2xi32> into vector<4xi32>
  return %2 : vector<4xi32>
}
