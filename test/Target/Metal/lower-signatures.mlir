// RUN: torsh-opt %s --torsh-metal-lower-signatures --split-input-file --verify-diagnostics | FileCheck %s

// Extents come packed in one buffer behind the operands; memory gets storage classes.
// CHECK: gpu.module @row_sum
// CHECK: gpu.func @fast(%[[X:.+]]: memref<?xf32, #spirv.storage_class<StorageBuffer>>, %[[OUT:.+]]: memref<?xf32, #spirv.storage_class<StorageBuffer>>, %[[SIZES:.+]]: memref<2xi32, #spirv.storage_class<StorageBuffer>>) kernel
// CHECK-SAME: spirv.entry_point_abi = #spirv.entry_point_abi<workgroup_size = [64, 1, 1]>
// CHECK: %[[ONE:.+]] = arith.constant 1 : index
// CHECK: memref.load %[[SIZES]][%[[ONE]]]
// CHECK: %[[SHARED:.+]] = memref.alloc() : memref<64xf32, #spirv.storage_class<Workgroup>>
// CHECK: memref.alloca() : memref<4xf32, #spirv.storage_class<Function>>
// CHECK: memref.load %[[X]][%{{.+}}] : memref<?xf32, #spirv.storage_class<StorageBuffer>>
// CHECK: memref.store %{{.+}}, %[[SHARED]]
module attributes {gpu.container_module} {
  gpu.module @row_sum {
    gpu.func @fast(%x: memref<?xf32>, %out: memref<?xf32>, %rows: index, %columns: index)
        workgroup(%shared : memref<64xf32, #gpu.address_space<workgroup>>)
        kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
      %private = memref.alloca() : memref<4xf32>
      %t = gpu.thread_id x
      %i = arith.addi %t, %columns : index
      %v = memref.load %x[%i] : memref<?xf32>
      memref.store %v, %private[%t] : memref<4xf32>
      memref.store %v, %shared[%t] : memref<64xf32, #gpu.address_space<workgroup>>
      gpu.return
    }

    // Each entry has a module of its own; without extents there is no buffer for them.
    // CHECK: gpu.module @row_sum_1
    // CHECK: gpu.func @portable(%{{[^:]+}}: memref<?xf32, #spirv.storage_class<StorageBuffer>>) kernel
    gpu.func @portable(%x: memref<?xf32>)
        kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @m {
    // expected-error @+1 {{'gpu.func' op has no known_block_size}}
    gpu.func @kernel(%x: memref<?xf32>) kernel {
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @m {
    // expected-error @+1 {{'gpu.func' op has a parameter that is neither a row of a type nor an extent: 'memref<?x?xf32>'}}
    gpu.func @kernel(%x: memref<?x?xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @m {
    gpu.func @kernel(%x: memref<?xf32>, %n: index) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      // expected-error @+1 {{'memref.reinterpret_cast' op on memory is not supported: only memref.load and memref.store are}}
      %view = memref.reinterpret_cast %x to offset: [0], sizes: [%n], strides: [1] : memref<?xf32> to memref<?xf32>
      %v = memref.load %view[%n] : memref<?xf32>
      memref.store %v, %x[%n] : memref<?xf32>
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @m {
    gpu.func @kernel(%x: memref<?xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      // expected-error @+1 {{'arith.constant' op has the index 3000000000, and indices have 32 bits on this target}}
      %n = arith.constant 3000000000 : index
      %v = memref.load %x[%n] : memref<?xf32>
      memref.store %v, %x[%n] : memref<?xf32>
      gpu.return
    }
  }
}
