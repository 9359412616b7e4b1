// Kernels of the NVVM dialect become functions that call the emulator through their thread.
// RUN: torsh-opt %s --torsh-cuda-emulate-nvvm | FileCheck %s

module attributes {gpu.container_module} {

// The pointers and sizes come from arrays; reads of the thread's number are loads from the thread;
// before each access of global memory the emulator is called with pointer and bytes.
// CHECK-LABEL: gpu.module @copy
gpu.module @copy {
  // CHECK: llvm.func @torsh_kernel_copy(%[[POINTERS:.*]]: !llvm.ptr, %[[SIZES:.*]]: !llvm.ptr, %[[THREAD:.*]]: !llvm.ptr)
  // CHECK-NOT: nvvm.
  // CHECK-SAME: torsh.shared_bytes = 0
  llvm.func @torsh_kernel_copy(%x: !llvm.ptr {llvm.noalias, llvm.readonly}, %out: !llvm.ptr {llvm.noalias}, %n: i64)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>} {
    // CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[POINTERS]][0]
    // CHECK: %[[X:.*]] = llvm.load %[[SLOT]] : !llvm.ptr -> !llvm.ptr
    // CHECK: llvm.getelementptr %[[SIZES]][0]
    // CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[THREAD]][16]
    // CHECK: llvm.load %[[FIELD]] invariant : !llvm.ptr -> i32
    %tid = nvvm.read.ptx.sreg.tid.x range <i32, 0, 32> : i32
    %i = llvm.sext %tid : i32 to i64
    // CHECK: %[[FROM:.*]] = llvm.getelementptr %[[X]]
    %from = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    // CHECK: %[[BYTES:.*]] = llvm.mlir.constant(16 : i64) : i64
    // CHECK: llvm.call %{{.*}}(%[[THREAD]], %[[FROM]], %[[BYTES]], %{{.*}})
    // CHECK-NEXT: llvm.load %[[FROM]] : !llvm.ptr -> vector<4xf32>
    %v = llvm.load %from : !llvm.ptr -> vector<4xf32>
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    // CHECK: llvm.call
    // CHECK-NEXT: llvm.store
    llvm.store %v, %to : vector<4xf32>, !llvm.ptr
    llvm.return
  }
}

// Shared variables are parts of the block's memory, aligned to 128 bytes; a thread's own stack is
// not watched.
// CHECK-LABEL: gpu.module @shared
gpu.module @shared {
  // CHECK-NOT: llvm.mlir.global
  llvm.mlir.global internal @a() {addr_space = 3 : i32} : !llvm.array<3 x f32>
  llvm.mlir.global internal @b() {addr_space = 3 : i32} : !llvm.array<5 x i8>
  // CHECK: torsh.shared_bytes = 133
  llvm.func @torsh_kernel_shared(%out: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %a = llvm.mlir.addressof @a : !llvm.ptr<3>
    %b = llvm.mlir.addressof @b : !llvm.ptr<3>
    // CHECK: %[[MINE:.*]] = llvm.alloca
    %mine = llvm.alloca %one x f32 : (i32) -> !llvm.ptr
    %v = llvm.load %a : !llvm.ptr<3> -> f32
    // CHECK-NOT: llvm.call {{.*}}%[[MINE]]
    // CHECK: llvm.store %{{.*}}, %[[MINE]]
    llvm.store %v, %mine : f32, !llvm.ptr
    %c = llvm.mlir.constant(1 : i8) : i8
    // CHECK: llvm.call
    // CHECK: llvm.store %{{.*}} : i8, !llvm.ptr
    llvm.store %c, %b : i8, !llvm.ptr<3>
    // CHECK: %[[SITE:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: llvm.call %{{.*}}(%{{.*}}, %[[SITE]])
    nvvm.barrier0
    // CHECK: llvm.return
    llvm.return
  }
}

// What libdevice computes, the C library does; bf16 is rounded by the emulator.
// CHECK-LABEL: gpu.module @math
gpu.module @math {
  // CHECK-NOT: __nv_
  // CHECK: llvm.func @sinf(f32) -> f32
  llvm.func @__nv_sinf(f32) -> f32
  llvm.func @torsh_kernel_math(%x: !llvm.ptr, %out: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %v = llvm.load %x : !llvm.ptr -> f32
    // CHECK: llvm.call @sinf
    %s = llvm.call @__nv_sinf(%v) : (f32) -> f32
    // CHECK: %[[BITS:.*]] = llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (f64) -> i16
    // CHECK: llvm.bitcast %[[BITS]] : i16 to bf16
    %h = llvm.fptrunc %s : f32 to bf16
    llvm.store %h, %out : bf16, !llvm.ptr
    llvm.return
  }
}

}
