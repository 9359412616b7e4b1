// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(torsh-metal-refuse-float64))" --split-input-file --verify-diagnostics

gpu.module @m {
  gpu.func @copy(%x: memref<?xf32>, %i: index) kernel {
    %0 = memref.load %x[%i] : memref<?xf32>
    // expected-error @+1 {{'arith.extf' op is on f64, which Metal does not have: f32 is the widest float there}}
    %1 = arith.extf %0 : f32 to f64
    %2 = arith.truncf %1 : f64 to f32
    memref.store %2, %x[%i] : memref<?xf32>
    gpu.return
  }
}

// -----

gpu.module @m {
  gpu.func @copy(%x: memref<?xf64>, %i: index) kernel {
    // expected-error @+1 {{'memref.load' op is on f64}}
    %0 = memref.load %x[%i] : memref<?xf64>
    memref.store %0, %x[%i] : memref<?xf64>
    gpu.return
  }
}
