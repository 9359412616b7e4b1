// RUN: torsh-opt %s --torsh-cuda-emulate-nvvm --split-input-file --verify-diagnostics

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.func @torsh_kernel_k() attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{'nvvm.setmaxregister' op is not known to the CUDA emulator}}
    nvvm.setmaxregister increase 96
    llvm.return
  }
}
}

// -----

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.func @torsh_kernel_k(%id: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    // expected-error @below {{'nvvm.barrier' op the emulator has barrier 0 only}}
    nvvm.barrier id = %one
    llvm.return
  }
}
}

// -----

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.func @other(f32) -> f32
  llvm.func @torsh_kernel_k(%out: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %c = llvm.mlir.constant(1.0 : f32) : f32
    // expected-error @below {{'llvm.call' op the CUDA emulator knows calls of libdevice only}}
    %0 = llvm.call @other(%c) : (f32) -> f32
    llvm.return
  }
}
}

// -----

module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.func @__nv_j0f(f32) -> f32
  llvm.func @torsh_kernel_k(%out: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %c = llvm.mlir.constant(1.0 : f32) : f32
    // expected-error @below {{'llvm.call' op calls __nv_j0f, which the CUDA emulator has no function for}}
    %0 = llvm.call @__nv_j0f(%c) : (f32) -> f32
    llvm.return
  }
}
}

// -----

module attributes {gpu.container_module} {
gpu.module @kernels {
  // expected-error @below {{kernels take pointers, then sizes of i64, not 'f32'}}
  llvm.func @torsh_kernel_k(%x: f32) attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}
}

// -----

module attributes {gpu.container_module} {
gpu.module @kernels {
  // expected-error @below {{the CUDA emulator knows kernels only, not functions that they call}}
  llvm.func @device(%x: f32) -> f32 {
    llvm.return %x : f32
  }
}
}
