// RUN: torsh-opt %s --torsh-cuda-convert-to-nvvm --canonicalize | FileCheck %s

// CHECK-LABEL: gpu.module @module
gpu.module @module {
  // Accesses of 128 bits need it.
  // CHECK: llvm.mlir.global internal @__wg_kernel_0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x f32>
  // The threads are required, not at most; what the runtime must know stays.
  // CHECK: llvm.func @kernel(%{{.*}}: !llvm.ptr {llvm.align = 16 : i64, llvm.noalias, llvm.readonly}, %{{.*}}: i64)
  // CHECK-SAME: nvvm.kernel
  // CHECK-NOT: nvvm.maxntid
  // CHECK-SAME: nvvm.reqntid = array<i32: 64, 1, 1>
  // CHECK-SAME: torsh.kernel = "k"
  // CHECK: nvvm.read.ptx.sreg.tid.x range <i32, 0, 64>
  // CHECK: nvvm.barrier
  // CHECK: nvvm.shfl.sync bfly
  gpu.func @kernel(%x: memref<f32> {llvm.noalias, llvm.readonly, llvm.align = 16 : i64}, %n: index) workgroup(%buffer: memref<64xf32, #gpu.address_space<workgroup>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>, torsh.kernel = "k"} {
    %t = gpu.thread_id x
    %v = memref.load %x[] : memref<f32>
    memref.store %v, %buffer[%t] : memref<64xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %w = memref.load %buffer[%n] : memref<64xf32, #gpu.address_space<workgroup>>
    %offset = arith.constant 1 : i32
    %width = arith.constant 32 : i32
    %s, %valid = gpu.shuffle xor %w, %offset, %width : f32
    memref.store %s, %buffer[%t] : memref<64xf32, #gpu.address_space<workgroup>>
    gpu.return
  }

  // What has an instruction is no call.
  // CHECK-LABEL: llvm.func @instructions
  // CHECK-NOT: llvm.call
  // CHECK: llvm.intr.fabs
  // CHECK: llvm.intr.ceil
  // CHECK: llvm.intr.floor
  // CHECK: llvm.intr.trunc
  // CHECK: llvm.intr.roundeven
  // CHECK: llvm.intr.copysign
  // CHECK: llvm.intr.fma
  // CHECK: llvm.intr.sqrt
  // CHECK: llvm.intr.exp2
  // CHECK: llvm.intr.tanh(%{{.*}}) {fastmathFlags = #llvm.fastmath<afn>}
  // CHECK: llvm.intr.maximum
  // CHECK: llvm.fptrunc %{{.*}} : f32 to bf16
  gpu.func @instructions(%x: memref<f32>, %out: memref<bf16>) kernel {
    %v = memref.load %x[] : memref<f32>
    %0 = math.absf %v : f32
    %1 = math.ceil %0 : f32
    %2 = math.floor %1 : f32
    %3 = math.trunc %2 : f32
    %4 = math.roundeven %3 : f32
    %5 = math.copysign %4, %v : f32
    %6 = math.fma %5, %v, %v : f32
    %7 = math.sqrt %6 : f32
    %8 = math.exp2 %7 : f32
    %9 = math.tanh %8 fastmath<afn> : f32
    %10 = arith.maximumf %9, %v : f32
    %11 = arith.truncf %10 : f32 to bf16
    memref.store %11, %out[] : memref<bf16>
    gpu.return
  }

  // The code generator's own remainder is not exact, its tanh and its exp2 of f64 do
  // not exist.
  // CHECK-LABEL: llvm.func @calls
  // CHECK: llvm.call @__nv_fmodf
  // CHECK: llvm.call @__nv_tanhf
  // CHECK: llvm.call @__nv_exp2(
  gpu.func @calls(%x: memref<f32>, %out: memref<f64>) kernel {
    %v = memref.load %x[] : memref<f32>
    %0 = arith.remf %v, %v : f32
    %1 = math.tanh %0 : f32
    %2 = arith.extf %1 : f32 to f64
    %3 = math.exp2 %2 : f64
    memref.store %3, %out[] : memref<f64>
    gpu.return
  }
}
