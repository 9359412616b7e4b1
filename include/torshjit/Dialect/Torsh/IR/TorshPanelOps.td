// SPDX-License-Identifier: Apache-2.0
// Operands of contractions that are packed by a kernel of their own: between the phases linalg and
// loops, on memrefs. In a header of its own, TorshPanels.h.

#ifndef TORSH_PANEL_OPS_TD
#define TORSH_PANEL_OPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"
include "torshjit/Dialect/Torsh/IR/TorshBase.td"

def Torsh_StaticMemRef : StaticShapeMemRefOf<[AnyInteger, AnyFloat]>;
def Torsh_PanelMemRef : MemRefRankOf<[AnyInteger, AnyFloat], [1]>;

class Torsh_PanelOp<string mnemonic, list<Trait> traits> : Torsh_Op<mnemonic, traits> {
  // The fields of PanelLayout.
  dag layoutFields = (ins DenseI64ArrayAttr:$rows, DenseI64ArrayAttr:$depth, I64Attr:$width,
                      I64Attr:$block, DefaultValuedAttr<I64Attr, "1">:$step,
                      DefaultValuedAttr<BoolAttr, "false">:$flips,
                      DefaultValuedAttr<I64Attr, "0">:$sums,
                      DefaultValuedAttr<BoolAttr, "false">:$without_sign);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How the panels lie.
    ::mlir::torsh::PanelLayout getLayout() {
      return {::llvm::to_vector(getRows()), ::llvm::to_vector(getDepth()),
              static_cast<int64_t>(getWidth()), static_cast<int64_t>(getBlock()),
              static_cast<int64_t>(getStep()), getFlips(), static_cast<int64_t>(getSums()),
              getWithoutSign()};
    }
  }];
}

def Torsh_PackPanelsOp : Torsh_PanelOp<"pack_panels", []> {
  let summary = "packs an operand of contractions into panels";
  let description = [{
    A panel holds, for each place of the depth, the elements of `width` neighbouring rows (or
    columns): those that a register tile reads together. `rows` and `depth` are the axes of the
    operand that rows and the depth run over, the last one fastest. Panels of a `block` of the
    depth lie one behind the other, then those of the next block. `step` neighbours of the depth
    lie together, for instructions that multiply as many at a time; then `flips` says that bytes
    have their highest bit flipped, and where `sums` is not 0 each panel of a block begins with
    that times the sums of its rows. Integers `without_sign` are widened as such.
    ```mlir
    torsh.pack_panels %weight, %panels
        {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 768 : i64}
        : memref<3072x768xf32>, memref<2359296xf32>
    ```
  }];
  let arguments = !con((ins Arg<Torsh_StaticMemRef, "", [MemRead]>:$source,
                        Arg<Torsh_PanelMemRef, "", [MemWrite]>:$panels), layoutFields);
  let assemblyFormat = "$source `,` $panels attr-dict `:` type($source) `,` type($panels)";
}

def Torsh_PanelsViewOp : Torsh_PanelOp<"panels_view",
    [Pure, DeclareOpInterfaceMethods<ViewLikeOpInterface, ["getViewSource"]>]> {
  let summary = "an operand of contractions that lies in panels";
  let description = [{
    The result has the shape of the operand before it was packed, so that the product is
    written, tiled and bufferised as any other; but its elements are not where its type says.
    Only `torsh-lower-contractions` knows where they are, and nothing else may read it.
    ```mlir
    %0 = torsh.panels_view %panels
        {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 768 : i64}
        : memref<2359296xf32> to memref<3072x768xf32>
    ```
  }];
  let arguments = !con((ins Torsh_PanelMemRef:$panels), layoutFields);
  let results = (outs Torsh_StaticMemRef:$result);
  let assemblyFormat = "$panels attr-dict `:` type($panels) `to` type($result)";
}

#endif // TORSH_PANEL_OPS_TD
