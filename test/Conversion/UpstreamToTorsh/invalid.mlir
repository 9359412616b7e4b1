// RUN: torsh-opt %s --torsh-import-upstream --split-input-file --verify-diagnostics

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'linalg.softmax' cannot be imported: there is no torsh operation for it}}
  %0 = linalg.softmax dimension(0) ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error@+1 {{argument 0 of @main of type 'memref<4xf32>' cannot be imported}}
func.func @main(%x: memref<4xf32>, %s: f32) {
  return
}

// -----

func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> tensor<?xf32> {
  %e = tensor.extract %n[] : tensor<i64>
  %i = arith.index_cast %e : i64 to index
  // expected-error@+1 {{'tensor.empty' cannot be imported: a size that depends on the elements of a tensor}}
  %0 = tensor.empty(%i) : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c99 = arith.constant 99 : index
  // expected-error@+1 {{'scf.for' cannot be imported: it runs 99 times, and at most 64 iterations are unrolled}}
  %0 = scf.for %i = %c0 to %c99 step %c1 iter_args(%a = %x) -> tensor<4xf32> {
    %1 = arith.addf %a, %a : tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call' cannot be imported: functions call each other without end}}
  %0 = func.call @main(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4x100xf32>) -> tensor<4xf32> {
  %z = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error@+1 {{'linalg.generic' cannot be imported: its body combines elements in a way that is not covered for more than 64 of them}}
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x100xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %1 = arith.subf %p, %q : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @checked(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %d = tensor.dim %x, %c0 : tensor<?xf32>
  %t = arith.cmpi eq, %d, %c4 : index
  // expected-error@+1 {{'cf.assert' cannot be imported: an assertion on one side of a branch on a value}}
  cf.assert %t, "four"
  return %x : tensor<?xf32>
}
func.func @main(%x: tensor<?xf32>, %c: i1) -> tensor<?xf32> {
  %0 = scf.if %c -> tensor<?xf32> {
    %1 = func.call @checked(%x) : (tensor<?xf32>) -> tensor<?xf32>
    scf.yield %1 : tensor<?xf32>
  } else {
    scf.yield %x : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %0 = scf.for %i = %c0 to %c64 step %c1 iter_args(%a = %x) -> tensor<4xf32> {
    %1 = scf.for %j = %c0 to %c64 step %c1 iter_args(%b = %a) -> tensor<4xf32> {
      %2 = scf.for %k = %c0 to %c64 step %c1 iter_args(%c = %b) -> tensor<4xf32> {
        // expected-error@+1 {{'arith.addf' cannot be imported: the program has more than 100000 operations, its loops unrolled and its calls inlined}}
        %3 = arith.addf %c, %c : tensor<4xf32>
        scf.yield %3 : tensor<4xf32>
      }
      scf.yield %2 : tensor<4xf32>
    }
    scf.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
