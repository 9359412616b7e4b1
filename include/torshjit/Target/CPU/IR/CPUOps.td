// SPDX-License-Identifier: Apache-2.0
// What a kernel asks of the CPU runtime: a parallel loop and scratch memory.

#ifndef TORSH_CPU_OPS_TD
#define TORSH_CPU_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TorshCPU_Dialect : Dialect {
  let name = "torsh_cpu";
  let cppNamespace = "::mlir::torsh::cpu";
  let summary = "calls of the CPU runtime through a kernel's worker";
  let description = [{
    A kernel reaches the runtime only through the worker it is given, a pointer
    to a struct of function pointers (Runtime/KernelABI.h), so that its object
    code has no undefined symbols of ours.
  }];
}

def TorshCPU_Worker
    : Type<CPred<"::llvm::isa<::mlir::LLVM::LLVMPointerType>($_self)">, "pointer to a worker",
           "::mlir::LLVM::LLVMPointerType">,
      BuildableType<"::mlir::LLVM::LLVMPointerType::get($_builder.getContext())">;

class TorshCPU_Op<string mnemonic, list<Trait> traits = []>
    : Op<TorshCPU_Dialect, mnemonic, traits>;

def TorshCPU_ParallelForOp : TorshCPU_Op<"parallel_for",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "calls a function for chunks of a range on several threads";
  let description = [{
    `task` takes the captures, then the begin and the end of its chunk, then the
    worker it runs on. Captures are scalars and memrefs without axes.
    ```mlir
    torsh_cpu.parallel_for @body(%count, %worker) captures(%x, %n) {grain = 4 : i64}
        : memref<f32>, index
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$task, Index:$count, TorshCPU_Worker:$worker,
                   Variadic<AnyType>:$captures, I64Attr:$grain);
  let assemblyFormat = [{
    $task `(` $count `,` $worker `)` `captures` `(` $captures `)` attr-dict
    (`:` type($captures)^)?
  }];
}

def TorshCPU_ScratchOp : TorshCPU_Op<"scratch", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory of the worker until its task or kernel returns";
  let arguments = (ins TorshCPU_Worker:$worker, Index:$bytes);
  let results = (outs AnyMemRef:$memory);
  let assemblyFormat = "$worker `,` $bytes attr-dict `:` type($memory)";
}

#endif // TORSH_CPU_OPS_TD
