// SPDX-License-Identifier: Apache-2.0
// Enumerations and attributes of the torsh dialect.

#ifndef TORSH_ATTRS_TD
#define TORSH_ATTRS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"

def Torsh_ComparePredicate : I32EnumAttr<"ComparePredicate", "comparison", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>,
    I32EnumAttrCase<"lt", 2>, I32EnumAttrCase<"le", 3>,
    I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::mlir::torsh";
  let genSpecializedAttr = 0;
}
def Torsh_ComparePredicateAttr
    : EnumAttr<Torsh_Dialect, Torsh_ComparePredicate, "compare">;

def Torsh_GeluApproximation : I32EnumAttr<"GeluApproximation", "formula of gelu", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"tanh", 1>]> {
  let cppNamespace = "::mlir::torsh";
  let genSpecializedAttr = 0;
}
def Torsh_GeluApproximationAttr
    : EnumAttr<Torsh_Dialect, Torsh_GeluApproximation, "gelu_approximation"> {
  let assemblyFormat = "`<` $value `>`";
}

def Torsh_ScanKind : I32EnumAttr<"ScanKind", "what a scan combines by", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"prod", 1>,
    I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>]> {
  let cppNamespace = "::mlir::torsh";
  let genSpecializedAttr = 0;
}
def Torsh_ScanKindAttr : EnumAttr<Torsh_Dialect, Torsh_ScanKind, "scan">;

def Torsh_ScatterReduction : I32EnumAttr<"ScatterReduction",
    "what an update does to the element", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"add", 1>, I32EnumAttrCase<"mul", 2>,
    I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"max", 4>]> {
  let cppNamespace = "::mlir::torsh";
  let genSpecializedAttr = 0;
}
def Torsh_ScatterReductionAttr
    : EnumAttr<Torsh_Dialect, Torsh_ScatterReduction, "scatter_reduction"> {
  let assemblyFormat = "`<` $value `>`";
}

def Torsh_KernelKind : I32EnumAttr<"KernelKind", "what shapes a kernel's loops", [
    I32EnumAttrCase<"elementwise", 0>, I32EnumAttrCase<"reduction", 1>,
    I32EnumAttrCase<"contraction", 2>, I32EnumAttrCase<"window", 3>,
    I32EnumAttrCase<"movement", 4>]> {
  let cppNamespace = "::mlir::torsh";
  let genSpecializedAttr = 0;
}
def Torsh_KernelKindAttr : EnumAttr<Torsh_Dialect, Torsh_KernelKind, "kind"> {
  let assemblyFormat = "`<` $value `>`";
}

class Torsh_Attr<string name, string mnemonic_> : AttrDef<Torsh_Dialect, name> {
  let mnemonic = mnemonic_;
}

def Torsh_ScheduleAttr : Torsh_Attr<"Schedule", "schedule"> {
  let summary = "the numbers that drive a kernel's code generation";
  let description = [{
    A schedule is data, so that a tuner can set it. `tile` has one entry per loop
    of the kernel's result (0: not tiled); the tiled loops are distributed over
    threads, at least `grain` tiles at a time. `register_tile` is the
    (rows, columns) block of accumulators of a contraction and `block` the
    (rows, columns, depth) it packs or stages at a time. A third number of `register_tile`
    is how many neighbours of the depth are multiplied together, a fourth whether the rows'
    bytes change their kind of sign for it.

    Where blocks of threads run a kernel, `threads` is their size, `lanes` how many
    threads share one row (or column) of a reduction, and `vector` how many
    neighbouring elements a thread takes at a time. 0 leaves each to the target.

    ```mlir
    #torsh.schedule<tile = [64, 256], grain = 1, register_tile = [8, 32], block = [64, 256, 256]>
    #torsh.schedule<threads = 256, lanes = 32, vector = 4>
    ```
  }];
  let parameters = (ins
    OptionalArrayRefParameter<"int64_t">:$tile,
    DefaultValuedParameter<"int64_t", "1">:$grain,
    OptionalArrayRefParameter<"int64_t">:$register_tile,
    OptionalArrayRefParameter<"int64_t">:$block,
    DefaultValuedParameter<"int64_t", "0">:$threads,
    DefaultValuedParameter<"int64_t", "0">:$lanes,
    DefaultValuedParameter<"int64_t", "0">:$vector);
  let assemblyFormat = [{
    `<` struct(custom<Int64List>($tile), $grain, custom<Int64List>($register_tile),
               custom<Int64List>($block), $threads, $lanes, $vector) `>`
  }];
}

#endif // TORSH_ATTRS_TD
