// RUN: torsh-opt %s --torsh-simplify-algebra="fast" | FileCheck %s
// RUN: torsh-opt %s --torsh-simplify-algebra | FileCheck %s --check-prefix=EXACT

// CHECK-LABEL: func.func @factor_out
// CHECK: %[[C:.*]] = torsh.constant dense<7.500000e-01> : tensor<f32>
// CHECK-NEXT: %[[M:.*]] = torsh.mul %arg0, %[[C]]
// CHECK-NEXT: return %[[M]]
// EXACT-LABEL: func.func @factor_out
// EXACT-COUNT-2: torsh.mul
// EXACT: torsh.add
func.func @factor_out(%x: tensor<?xf32>) -> tensor<?xf32> {
  %a = torsh.constant dense<0.5> : tensor<f32>
  %b = torsh.constant dense<0.25> : tensor<f32>
  %0 = torsh.mul %x, %a : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = torsh.mul %b, %x : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.add %0, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// Constants are gathered across float sums.
// CHECK-LABEL: func.func @reassociate
// CHECK: %[[C:.*]] = torsh.constant dense<-2.000000e+00> : tensor<f32>
// CHECK-NEXT: %[[A:.*]] = torsh.add %arg0, %[[C]]
// CHECK-NEXT: return %[[A]]
// EXACT-LABEL: func.func @reassociate
// EXACT-COUNT-2: torsh.add
func.func @reassociate(%x: tensor<8xf32>) -> tensor<8xf32> {
  %a = torsh.constant dense<1.0> : tensor<f32>
  %b = torsh.constant dense<3.0> : tensor<f32>
  %0 = torsh.add %x, %a : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = torsh.sub %0, %b : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// CHECK-LABEL: func.func @exponentials
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<8xf32>
// CHECK: %[[A:.*]] = torsh.add %[[X]], %[[Y]]
// CHECK-NEXT: %[[E:.*]] = torsh.exp %[[A]]
// CHECK-NEXT: return %[[X]], %[[E]]
// EXACT-LABEL: func.func @exponentials
// EXACT: torsh.log
// EXACT-COUNT-3: torsh.exp
// EXACT: torsh.mul
func.func @exponentials(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = torsh.log %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.exp %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.exp %y : (tensor<8xf32>) -> tensor<8xf32>
  %4 = torsh.mul %2, %3 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1, %4 : tensor<8xf32>, tensor<8xf32>
}
