// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: torsh.assert %arg0, "index out of range" : tensor<i1>
// CHECK: torsh.host_call "my::f"(%arg1) sizes(%arg2) : (tensor<?xf32>) -> tensor<?x4xf64>
// CHECK: %{{.*}}:2 = torsh.host_call "g"(%arg1, %arg0) {pure} : (tensor<?xf32>, tensor<i1>) -> (tensor<2xi8>, tensor<bf16>)
// CHECK: torsh.host_call "h"() : () -> ()
func.func @main(%ok: tensor<i1>, %x: tensor<?xf32>, %n: index) {
  torsh.assert %ok, "index out of range" : tensor<i1>
  %0 = torsh.host_call "my::f"(%x) sizes(%n) : (tensor<?xf32>) -> tensor<?x4xf64>
  %1:2 = torsh.host_call "g"(%x, %ok) {pure} : (tensor<?xf32>, tensor<i1>) -> (tensor<2xi8>, tensor<bf16>)
  torsh.host_call "h"() : () -> ()
  return
}
