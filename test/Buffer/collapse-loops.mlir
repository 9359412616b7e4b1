// RUN: torsh-opt %s --torsh-collapse-loops | FileCheck %s

#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d0)>

// A sum over images.
// CHECK-LABEL: func.func @reduction
// CHECK: memref.collapse_shape %arg0 {{\[\[}}0], [1, 2]] : memref<?x56x56xf32> into memref<?x3136xf32>
// CHECK: iterator_types = ["parallel", "reduction"]
func.func @reduction(%x: memref<?x56x56xf32>, %y: memref<?xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#all, #channel], iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : memref<?x56x56xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %0 = arith.addf %sum, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// What is read along the outermost loop alone ends it; a long innermost loop stays as it is.
// CHECK-LABEL: func.func @elementwise
// CHECK: iterator_types = ["parallel", "parallel"]
// CHECK: iterator_types = ["parallel", "parallel", "parallel"]
func.func @elementwise(%x: memref<8x14x14xf32>, %b: memref<8xf32>, %z: memref<8x14x512xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#channel, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b : memref<8xf32>) outs(%x : memref<8x14x14xf32>) {
  ^bb0(%c: f32, %a: f32):
    %0 = arith.addf %a, %c : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%z : memref<8x14x512xf32>) {
  ^bb0(%a: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}

// Rows that are apart in memory are loops of their own, and so are those whose index is asked for.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: memref.collapse_shape
func.func @apart(%x: memref<8x14x14xf32, strided<[512, 16, 1]>>, %y: memref<8x14x14xindex>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%x : memref<8x14x14xf32, strided<[512, 16, 1]>>) {
  ^bb0(%a: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%y : memref<8x14x14xindex>) {
  ^bb0(%a: index):
    %0 = linalg.index 2 : index
    linalg.yield %0 : index
  }
  return
}
