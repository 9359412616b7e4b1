// RUN: torsh-opt %s -split-input-file -verify-diagnostics

func.func @elements(%weight: memref<100x64xf32>, %panels: memref<6400xf32>) {
  // expected-error @+1 {{'torsh.pack_panels' op needs panels of 8192 elements, got 'memref<6400xf32>'}}
  torsh.pack_panels %weight, %panels {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<100x64xf32>, memref<6400xf32>
  return
}

// -----

func.func @axes(%panels: memref<8192xf32>) -> memref<100x64xf32> {
  // expected-error @+1 {{'torsh.panels_view' op needs each axis of 'memref<100x64xf32>' once, in rows or in depth}}
  %0 = torsh.panels_view %panels {rows = array<i64: 0>, depth = array<i64: 0>, width = 32 : i64, block = 64 : i64} : memref<8192xf32> to memref<100x64xf32>
  return %0 : memref<100x64xf32>
}

// -----

func.func @step(%panels: memref<8192xf32>) -> memref<100x64xf32> {
  // expected-error @+1 {{'torsh.panels_view' op needs a positive width, step and block, the last a multiple of step}}
  %0 = torsh.panels_view %panels {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 62 : i64, step = 4 : i64} : memref<8192xf32> to memref<100x64xf32>
  return %0 : memref<100x64xf32>
}

// -----

func.func @unknown(%weight: memref<?x64xf32>, %panels: memref<8192xf32>) {
  // expected-error @+1 {{'torsh.pack_panels' op operand #0 must be statically shaped memref}}
  torsh.pack_panels %weight, %panels {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<?x64xf32>, memref<8192xf32>
  return
}
