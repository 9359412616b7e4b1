// SPDX-License-Identifier: Apache-2.0
// A structured operation of linalg under import: its loops, operands, maps and body.

#ifndef TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_STRUCTURED_H
#define TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_STRUCTURED_H

#include "Importer.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh {

/// The combination of an element into a result that a body ends in.
struct Combiner {
  Operation *op;
  /// What is combined with the result so far.
  Value element;
};

class Structured {
public:
  Structured(Importer &importer, linalg::LinalgOp op);

  /// Finds the extents of the loops; reports what is not covered.
  LogicalResult prepare();

  Importer &im;
  TensorBuilder &t;
  linalg::LinalgOp op;
  Block &body;
  /// Imported operands and their maps from loops to axes, inputs first.
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  Extents loops;
  SmallVector<int64_t> parallel, reduction;
  size_t numInputs;

  size_t numInits() const { return operands.size() - numInputs; }
  Value init(size_t number) const { return operands[numInputs + number]; }
  AffineMap initMap(size_t number) const { return maps[numInputs + number]; }
  Value yielded(size_t number) const { return body.getTerminator()->getOperand(number); }
  /// The argument of the body for an operand; null where the body has none.
  BlockArgument argument(size_t operand) const;
  bool isReduction(int64_t loop) const { return llvm::is_contained(reduction, loop); }

  /// How the result so far enters a result, if that is a single operation at the end.
  std::optional<Combiner> combiner(size_t number) const;

  /// The loops that the axes of an operand are, if each axis is a loop of its own.
  static std::optional<SmallVector<int64_t>> loopsOf(AffineMap map);
  /// The coefficients of an expression's loops, with its constant last; none if it is not linear.
  static std::optional<SmallVector<int64_t>> linearForm(AffineExpr expr, unsigned numLoops);

  /// An operand with one axis for each loop, of extent 1 where it does not depend on it.
  Value align(Value x, AffineMap map);
  /// The position along each loop.
  SmallVector<Value> places();
  /// Imports the body for aligned operands, but for the operations `left`. Without places, they are
  /// those of the loops.
  LogicalResult importBody(ArrayRef<Value> aligned, ArrayRef<Operation *> left = {},
                           SmallVector<Value> known = {});
  /// A value that follows from aligned operands, repeated to a shape of the same loops: an extent
  /// that is not known is that of its loop.
  Value repeat(Value x, ArrayRef<OpFoldResult> shape);
  /// A value with one axis for each of `kept` as the result of a map; null where the map has other
  /// loops, or lacks one.
  Value toResult(Value x, ArrayRef<int64_t> kept, AffineMap map);
  /// Combines what was reduced with the initial value and sets the result.
  LogicalResult finish(size_t number, const Combiner &combiner, Value reduced);

private:
  Value gatherOperand(Value x, AffineMap map);
};

// Each is none where the operation is not of that form.
std::optional<LogicalResult> importMatrixProduct(Structured &s);
std::optional<LogicalResult> importConvolution(Structured &s);
std::optional<LogicalResult> importPool(Structured &s);
std::optional<LogicalResult> importReduction(Structured &s);
std::optional<LogicalResult> importArgReduction(Structured &s);
std::optional<LogicalResult> importUnrolled(Structured &s);

/// A product of two inputs, each converted at most, that a body adds to its result.
struct ProductBody {
  Combiner sum;
  /// The inputs, and the values of the body that are multiplied.
  size_t input[2];
  Value factor[2];
};
std::optional<ProductBody> matchProduct(const Structured &s);
/// A factor of the product on an input as it is, with its axes where they are.
Value importFactor(Structured &s, const ProductBody &product, int side);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_STRUCTURED_H
