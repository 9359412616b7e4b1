// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: torsh.kernel private @add_relu(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>) -> tensor<?xf32>
// CHECK-SAME: kind = #torsh.kind<elementwise>
// CHECK-SAME: schedule = #torsh.schedule<tile = [64, 256], grain = 2, register_tile = [8, 32], block = [64, 256, 256]>
// CHECK: torsh.return %{{.*}} : tensor<?xf32>
torsh.kernel private @add_relu(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> attributes {
    kind = #torsh.kind<elementwise>,
    schedule = #torsh.schedule<tile = [64, 256], grain = 2, register_tile = [8, 32], block = [64, 256, 256]>} {
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.relu %0 : (tensor<?xf32>) -> tensor<?xf32>
  torsh.return %1 : tensor<?xf32>
}

// CHECK-LABEL: func.func @main
// CHECK: torsh.check eq, %arg2, %arg3, "extents differ"
// CHECK: torsh.launch @add_relu(%arg0, %arg1) sizes(%arg2) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>, %n: index, %m: index) -> tensor<?xf32> {
  torsh.check eq, %n, %m, "extents differ"
  %0 = torsh.launch @add_relu(%x, %y) sizes(%n) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
