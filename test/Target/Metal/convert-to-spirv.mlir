// RUN: torsh-opt %s --torsh-phase-vulkan-spirv | FileCheck %s --check-prefixes=CHECK,VULKAN
// RUN: torsh-opt %s --torsh-phase-metal-spirv | FileCheck %s --check-prefixes=CHECK,METAL

// Sums of rows of 16 bits: f16 in memory, one buffer of extents, workgroup memory.
// CHECK-LABEL: spirv.module @__spv__sum
// CHECK-SAME: requires #spirv.vce<v1.0, [StorageBuffer16BitAccess, Shader, Float16, Int16, Matrix]
// What nothing is stored to is read only.
// CHECK-DAG: spirv.GlobalVariable @sum_arg_0 bind(0, 0) {non_writable} : !spirv.ptr<!spirv.struct<(!spirv.rtarray<f16, stride=2> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @sum_arg_1 bind(0, 1) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<i16, stride=2> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @sum_arg_2 bind(0, 2) {non_writable} : !spirv.ptr<!spirv.struct<(!spirv.array<2 x i32, stride=4> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable {{.*}} : !spirv.ptr<!spirv.struct<(!spirv.array<64 x f32>)>, Workgroup>
// CHECK: spirv.mlir.loop
// VULKAN: spirv.FAdd {{.*}} {no_contraction}
// METAL: spirv.FAdd
// METAL-NOT: no_contraction
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|UniformMemory|WorkgroupMemory>
// CHECK: spirv.IsNan
// CHECK: spirv.EntryPoint "GLCompute" @sum
// CHECK: spirv.ExecutionMode @sum "LocalSize", 64, 1, 1
module attributes {gpu.container_module} {
  gpu.module @sum {
    gpu.func @sum(%x: memref<?xf16>, %out: memref<?xbf16>, %rows: index, %columns: index)
        workgroup(%shared : memref<64xf32, #gpu.address_space<workgroup>>)
        kernel attributes {known_block_size = array<i32: 64, 1, 1>, torsh.kernel = "sum", torsh.num_inputs = 1 : i64} {
      %zero = arith.constant 0 : index
      %threads = arith.constant 64 : index
      %initial = arith.constant 0.0 : f32
      %row = gpu.block_id x
      %t = gpu.thread_id x
      %base = arith.muli %row, %columns : index
      %sum = scf.for %j = %t to %columns step %threads iter_args(%partial = %initial) -> f32 {
        %i = arith.addi %base, %j : index
        %v = memref.load %x[%i] : memref<?xf16>
        %wide = arith.extf %v : f16 to f32
        %next = arith.addf %partial, %wide : f32
        scf.yield %next : f32
      }
      memref.store %sum, %shared[%t] : memref<64xf32, #gpu.address_space<workgroup>>
      gpu.barrier
      %is_first = arith.cmpi eq, %t, %zero : index
      scf.if %is_first {
        %total = memref.load %shared[%zero] : memref<64xf32, #gpu.address_space<workgroup>>
        %r = arith.truncf %total : f32 to bf16
        memref.store %r, %out[%row] : memref<?xbf16>
      }
      gpu.return
    }
  }
}
