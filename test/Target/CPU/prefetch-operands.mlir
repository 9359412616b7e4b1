// RUN: torsh-opt %s --torsh-cpu-prefetch-operands | FileCheck %s

// Two loops read a row; that with the exponential asks for the next one, no further than the last.
// CHECK-LABEL: func.func @rows
// CHECK: scf.forall (%[[ROW:.*]]) in (2048)
// CHECK: scf.for %{{.*}} = %c0 to %c4000 step %c1
// CHECK-NOT: memref.prefetch
// CHECK: arith.maximumf
// CHECK: scf.for %[[FROM:.*]] = %c0 to %c4000 step %[[LENGTH:.*]] {
// CHECK: arith.addi %[[FROM]], %[[LENGTH]]
// CHECK: %[[TO:.*]] = arith.minsi %{{.*}}, %c4000
// CHECK: scf.for %[[LINE:.*]] = %[[FROM]] to %[[TO]] step %c16
// CHECK: arith.addi %[[ROW]], %c1
// CHECK: %[[NEXT:.*]] = arith.minsi %{{.*}}, %c2047
// CHECK: memref.prefetch %arg0[%[[NEXT]], %{{.*}}], read, locality<2>, data
// CHECK: scf.for %{{.*}} = %[[FROM]] to %[[TO]] step %c1
// CHECK: math.exp
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @rows(%x: memref<2048x4000xf32>, %y: memref<2048x4000xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 4000 : index
  scf.forall (%row) in (2048) {
    %a = memref.subview %x[%row, 0] [1, 4000] [1, 1] : memref<2048x4000xf32> to memref<4000xf32, strided<[1], offset: ?>>
    %b = memref.subview %y[%row, 0] [1, 4000] [1, 1] : memref<2048x4000xf32> to memref<4000xf32, strided<[1], offset: ?>>
    %most = memref.alloc() : memref<1xf32>
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %a[%i] : memref<4000xf32, strided<[1], offset: ?>>
      %1 = memref.load %most[%c0] : memref<1xf32>
      %2 = arith.maximumf %0, %1 : f32
      memref.store %2, %most[%c0] : memref<1xf32>
    }
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %a[%i] : memref<4000xf32, strided<[1], offset: ?>>
      %1 = memref.load %most[%c0] : memref<1xf32>
      %2 = arith.subf %0, %1 : f32
      %3 = math.exp %2 : f32
      memref.store %3, %b[%i] : memref<4000xf32, strided<[1], offset: ?>>
    }
  }
  return
}

// Short rows are asked for several ahead: 2 KiB.
// CHECK-LABEL: func.func @short_rows
// CHECK: scf.forall
// CHECK: arith.constant 2 : index
// CHECK: memref.prefetch
func.func @short_rows(%x: memref<8192x256xf32>, %y: memref<8192x256xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.forall (%row) in (8192) {
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %x[%row, %i] : memref<8192x256xf32>
      memref.store %0, %y[%row, %i] : memref<8192x256xf32>
    }
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %x[%row, %i] : memref<8192x256xf32>
      %1 = arith.addf %0, %0 : f32
      memref.store %1, %y[%row, %i] : memref<8192x256xf32>
    }
  }
  return
}

// A row that is read once, and one that the caches hold.
// CHECK-LABEL: func.func @left
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @left(%x: memref<2048x4096xf32>, %z: memref<16x4096xf32>, %y: memref<2048x4096xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 4096 : index
  scf.forall (%row) in (2048) {
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %x[%row, %i] : memref<2048x4096xf32>
      memref.store %0, %y[%row, %i] : memref<2048x4096xf32>
    }
  }
  scf.forall (%row) in (16) {
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %z[%row, %i] : memref<16x4096xf32>
      memref.store %0, %y[%row, %i] : memref<2048x4096xf32>
    }
    scf.for %i = %c0 to %n step %c1 {
      %0 = memref.load %z[%row, %i] : memref<16x4096xf32>
      %1 = arith.addf %0, %0 : f32
      memref.store %1, %y[%row, %i] : memref<2048x4096xf32>
    }
  }
  return
}

// The second loop reads the rows that the first leaves: none is read again.
// CHECK-LABEL: func.func @rest
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @rest(%x: memref<8195x512xf32>, %y: memref<512xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %n = arith.constant 512 : index
  %even = arith.constant 14 : index
  %all = arith.constant 15 : index
  scf.forall (%part) = (0) to (8195) step (15) {
    %a = memref.subview %x[%part, 0] [15, 512] [1, 1] : memref<8195x512xf32> to memref<15x512xf32, strided<[512, 1], offset: ?>>
    scf.for %row = %c0 to %even step %c2 {
      scf.for %i = %c0 to %n step %c1 {
        %next = arith.addi %row, %c1 : index
        %0 = memref.load %a[%row, %i] : memref<15x512xf32, strided<[512, 1], offset: ?>>
        %1 = memref.load %a[%next, %i] : memref<15x512xf32, strided<[512, 1], offset: ?>>
        %2 = arith.addf %0, %1 : f32
        memref.store %2, %y[%i] : memref<512xf32>
      }
    }
    scf.for %row = %even to %all step %c1 {
      scf.for %i = %c0 to %n step %c1 {
        %0 = memref.load %a[%row, %i] : memref<15x512xf32, strided<[512, 1], offset: ?>>
        memref.store %0, %y[%i] : memref<512xf32>
      }
    }
  }
  return
}

// Tiles of rows: the next tile, from a loop that addresses two rows at a time.
// CHECK-LABEL: func.func @tiles
// CHECK: scf.forall (%[[TILE:.*]]) = (0) to (8192) step (8)
// CHECK-COUNT-2: memref.prefetch
// CHECK: math.exp
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @tiles(%x: memref<8192x512xf32>, %y: memref<512xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %n = arith.constant 512 : index
  scf.forall (%tile) = (0) to (8192) step (8) {
    %a = memref.subview %x[%tile, 0] [8, 512] [1, 1] : memref<8192x512xf32> to memref<8x512xf32, strided<[512, 1], offset: ?>>
    scf.for %row = %c0 to %c8 step %c2 {
      scf.for %i = %c0 to %n step %c1 {
        %0 = memref.load %a[%row, %i] : memref<8x512xf32, strided<[512, 1], offset: ?>>
        memref.store %0, %y[%i] : memref<512xf32>
      }
    }
    scf.for %row = %c0 to %c8 step %c2 {
      scf.for %i = %c0 to %n step %c1 {
        %next = arith.addi %row, %c1 : index
        %0 = memref.load %a[%row, %i] : memref<8x512xf32, strided<[512, 1], offset: ?>>
        %1 = memref.load %a[%next, %i] : memref<8x512xf32, strided<[512, 1], offset: ?>>
        %2 = arith.addf %0, %1 : f32
        %3 = math.exp %2 : f32
        memref.store %3, %y[%i] : memref<512xf32>
      }
    }
  }
  return
}
