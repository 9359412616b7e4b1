// RUN: torsh-opt %s --torsh-target=cuda --torsh-compile-from=device --torsh-compile-to=ptx | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: torsh-opt %s --torsh-target=cuda:sm_90a --torsh-compile-from=device --torsh-compile-to=ptx | FileCheck %s --check-prefixes=CHECK,SM90
// RUN: not torsh-opt %s --torsh-target=cuda:sm_75 --torsh-compile-to=ptx 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: cuda does not compile for 'sm_75'; it knows sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100a

// SM80: .target sm_80
// SM90: .target sm_90a
module attributes {gpu.container_module} {
  gpu.module @scale_kernel {
    // Pointers and sizes, no descriptors; eight halves in one access.
    // CHECK: .visible .entry torsh_kernel_scale(
    // CHECK-NEXT: .param .u64 .ptr .align 16 torsh_kernel_scale_param_0,
    // CHECK-NEXT: .param .u64 .ptr .align 16 torsh_kernel_scale_param_1,
    // CHECK-NEXT: .param .u64 torsh_kernel_scale_param_2
    // CHECK-NEXT: )
    // CHECK-NEXT: .reqntid 128, 1, 1
    // CHECK-NOT: ld.global.nc.b16
    // CHECK: ld.global.nc.v4.b32
    // CHECK: ex2.approx.f32
    // CHECK: cvt.rn.bf16{{(x2)?}}.f32
    // CHECK-NOT: st.global.b16
    // CHECK: st.global.v4.b32
    gpu.func @torsh_kernel_scale(%x: memref<?xbf16>, %out: memref<?xbf16>, %n: index) kernel attributes {known_block_size = array<i32: 128, 1, 1>, torsh.kernel = "scale", torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64, torsh.divisible = array<i64: 0, 8>} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %c4 = arith.constant 4 : index
      %c5 = arith.constant 5 : index
      %c6 = arith.constant 6 : index
      %c7 = arith.constant 7 : index
      %c8 = arith.constant 8 : index
      %t = gpu.thread_id x
      %i = arith.muli %t, %c8 : index
      %inside = arith.cmpi ult, %i, %n : index
      scf.if %inside {
        %x0 = memref.load %x[%i] : memref<?xbf16>
        %i1 = arith.addi %i, %c1 : index
        %x1 = memref.load %x[%i1] : memref<?xbf16>
        %i2 = arith.addi %i, %c2 : index
        %x2 = memref.load %x[%i2] : memref<?xbf16>
        %i3 = arith.addi %i, %c3 : index
        %x3 = memref.load %x[%i3] : memref<?xbf16>
        %i4 = arith.addi %i, %c4 : index
        %x4 = memref.load %x[%i4] : memref<?xbf16>
        %i5 = arith.addi %i, %c5 : index
        %x5 = memref.load %x[%i5] : memref<?xbf16>
        %i6 = arith.addi %i, %c6 : index
        %x6 = memref.load %x[%i6] : memref<?xbf16>
        %i7 = arith.addi %i, %c7 : index
        %x7 = memref.load %x[%i7] : memref<?xbf16>
        %w = arith.extf %x0 : bf16 to f32
        %e = math.exp %w : f32
        %y = arith.truncf %e : f32 to bf16
        memref.store %y, %out[%i] : memref<?xbf16>
        memref.store %x1, %out[%i1] : memref<?xbf16>
        memref.store %x2, %out[%i2] : memref<?xbf16>
        memref.store %x3, %out[%i3] : memref<?xbf16>
        memref.store %x4, %out[%i4] : memref<?xbf16>
        memref.store %x5, %out[%i5] : memref<?xbf16>
        memref.store %x6, %out[%i6] : memref<?xbf16>
        memref.store %x7, %out[%i7] : memref<?xbf16>
      }
      gpu.return
    }
  }

  gpu.module @sum_kernel {
    // CHECK: .visible .entry torsh_kernel_sum(
    // CHECK: .shared .align 16 .b8 {{.*}}[256]
    // CHECK: shfl.sync.bfly.b32
    // CHECK: st.shared
    // CHECK: {{bar(rier)?.sync}}
    // CHECK: ld.shared
    gpu.func @torsh_kernel_sum(%x: memref<?xf32>, %out: memref<?xf32>) workgroup(%buffer: memref<64xf32, #gpu.address_space<workgroup>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>, torsh.kernel = "sum", torsh.num_inputs = 1 : i64} {
      %c63 = arith.constant 63 : index
      %t = gpu.thread_id x
      %v = memref.load %x[%t] : memref<?xf32>
      %offset = arith.constant 16 : i32
      %width = arith.constant 32 : i32
      %other, %valid = gpu.shuffle xor %v, %offset, %width : f32
      %s = arith.addf %v, %other : f32
      memref.store %s, %buffer[%t] : memref<64xf32, #gpu.address_space<workgroup>>
      gpu.barrier
      %opposite = arith.subi %c63, %t : index
      %w = memref.load %buffer[%opposite] : memref<64xf32, #gpu.address_space<workgroup>>
      memref.store %w, %out[%t] : memref<?xf32>
      gpu.return
    }
  }
}
