// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(torsh-metal-lower-bfloat16))" --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: gpu.func @scale
// CHECK-SAME: (%[[X:.+]]: memref<?xi16>, %[[OUT:.+]]: memref<?xi16>, %{{.+}}: index) workgroup(%{{.+}} : memref<8xi16, #gpu.address_space<workgroup>>)
// CHECK-NOT: bf16
gpu.module @m {
  gpu.func @scale(%x: memref<?xbf16>, %out: memref<?xbf16>, %n: index)
      workgroup(%shared : memref<8xbf16, #gpu.address_space<workgroup>>) kernel {
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    // CHECK: arith.constant 16256 : i16
    %initial = arith.constant 1.0 : bf16
    // CHECK: scf.for {{.*}} -> (i16)
    %last = scf.for %i = %zero to %n step %one iter_args(%kept = %initial) -> bf16 {
      // CHECK: %[[BITS:.+]] = memref.load %[[X]]
      %v = memref.load %x[%i] : memref<?xbf16>
      // CHECK: %[[WORD:.+]] = arith.extui %[[BITS]] : i16 to i32
      // CHECK: %[[UPPER:.+]] = arith.shli %[[WORD]], %{{.+}} : i32
      // CHECK: arith.bitcast %[[UPPER]] : i32 to f32
      %wide = arith.extf %v : bf16 to f32
      // The two halves of the word above zero are even and odd: nearest even. A NaN
      // keeps its upper half.
      // CHECK: %[[NAN:.+]] = arith.cmpf uno, %[[F:.+]], %[[F]] : f32
      // CHECK: arith.constant 32767 : i32
      // CHECK: arith.select %[[NAN]]
      // CHECK: arith.trunci %{{.+}} : i32 to i16
      %narrow = arith.truncf %wide : f32 to bf16
      // Arithmetic on bf16 is on f32.
      // CHECK: arith.addf %{{.+}}, %{{.+}} : f32
      %sum = arith.addf %narrow, %kept : bf16
      // CHECK: arith.cmpf ogt, %{{.+}}, %{{.+}} : f32
      %more = arith.cmpf ogt, %sum, %kept : bf16
      // CHECK: arith.select %{{.+}}, %{{.+}}, %{{.+}} : i16
      %larger = arith.select %more, %sum, %kept : bf16
      memref.store %larger, %shared[%zero] : memref<8xbf16, #gpu.address_space<workgroup>>
      scf.yield %larger : bf16
    }
    memref.store %last, %out[%zero] : memref<?xbf16>
    gpu.return
  }
}

// -----

gpu.module @m {
  gpu.func @narrow(%x: memref<?xf64>, %out: memref<?xbf16>, %n: index) kernel {
    %v = memref.load %x[%n] : memref<?xf64>
    // expected-error @+1 {{'arith.truncf' op rounds to bf16 from another type than f32}}
    %r = arith.truncf %v : f64 to bf16
    memref.store %r, %out[%n] : memref<?xbf16>
    gpu.return
  }
}
