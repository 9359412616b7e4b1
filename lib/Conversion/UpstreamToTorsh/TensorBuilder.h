// SPDX-License-Identifier: Apache-2.0
// Builds torsh operations for the import, with types inferred and extents that may be `?`.

#ifndef TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_TENSORBUILDER_H
#define TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_TENSORBUILDER_H

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

using Extents = SmallVector<OpFoldResult>;

/// Every method returns a null value where the operation cannot be built, which it has
/// reported, or where an operand is null: so a formula is checked once, at its end.
class TensorBuilder {
public:
  explicit TensorBuilder(OpBuilder &builder)
      : b(builder), loc(UnknownLoc::get(builder.getContext())) {}

  OpBuilder &builder() { return b; }
  Location getLoc() const { return loc; }
  void setLoc(Location location) { loc = location; }

  static bool isTensor(Value value) { return value && isa<RankedTensorType>(value.getType()); }
  static RankedTensorType typeOf(Value tensor) {
    return mlir::cast<RankedTensorType>(tensor.getType());
  }
  static Type elementOf(Value tensor) { return typeOf(tensor).getElementType(); }
  static bool isFloat(Value tensor) { return tensor && isa<FloatType>(elementOf(tensor)); }
  static bool isBool(Value tensor) { return tensor && elementOf(tensor).isInteger(1); }
  /// Whether the dialect has tensors of these elements.
  static bool isElement(Type type);

  //===--------------------------------------------------------------------===//
  // Constants
  //===--------------------------------------------------------------------===//

  Value constant(ElementsAttr elements);
  /// A number without axes.
  Value scalar(Type element, double number);
  Value like(Value x, double number) { return x ? scalar(elementOf(x), number) : Value(); }
  /// The splat of a constant, also where it is broadcast or reshaped; null if it is none.
  static Attribute splatOf(Value x);

  //===--------------------------------------------------------------------===//
  // Elementwise
  //===--------------------------------------------------------------------===//

  /// The operation `torsh.<mnemonic>` with inferred types.
  Value op(StringRef mnemonic, ValueRange operands, ArrayRef<NamedAttribute> attributes = {});
  Value compare(ComparePredicate predicate, Value x, Value y);
  Value select(Value condition, Value x, Value y) { return op("select", {condition, x, y}); }
  Value both(Value x, Value y) { return op("and", {x, y}); }
  Value invert(Value x) { return op("not", {x}); }
  Value cast(Value x, Type element);
  Value isNaN(Value x) { return op("isnan", {x}); }
  Value isNegative(Value x) { return compare(ComparePredicate::lt, x, like(x, 0)); }

  //===--------------------------------------------------------------------===//
  // Extents and movement
  //===--------------------------------------------------------------------===//

  OpFoldResult extent(Value x, int64_t axis);
  Extents extents(Value x);
  OpFoldResult index(int64_t number) { return b.getIndexAttr(number); }
  OpFoldResult product(ArrayRef<OpFoldResult> factors);
  static SmallVector<int64_t> staticShape(ArrayRef<OpFoldResult> extents);

  Value reshape(Value x, ArrayRef<OpFoldResult> shape);
  /// Axes are aligned from the last, as in NumPy.
  Value broadcast(Value x, ArrayRef<OpFoldResult> shape);
  Value permute(Value x, ArrayRef<int64_t> permutation);
  /// `x[start:stop:stride]` along one axis, whole along the others.
  Value slice(Value x, int64_t axis, int64_t start, int64_t stop, int64_t stride = 1);
  /// The element at a place of an axis, which goes.
  Value pick(Value x, int64_t axis, int64_t place);
  Value concat(ValueRange values, int64_t axis);
  Value pad(Value x, ArrayRef<int64_t> low, ArrayRef<int64_t> high, Value fill);
  Value iota(ArrayRef<OpFoldResult> shape, int64_t axis, Type element);
  Value reduce(StringRef mnemonic, Value x, ArrayRef<int64_t> axes, bool keepdims = false);
  /// `x[..., i, j, ...]` with tensors of places that broadcast, as in NumPy.
  Value gather(Value x, ValueRange indices, ArrayRef<int64_t> axes);
  /// `size` elements along an axis from `start` on, a tensor without axes.
  Value window(Value x, int64_t axis, Value start, OpFoldResult size, int64_t stride = 1);
  /// A size of the host program as a tensor without axes; it is not negative.
  Value fromSize(Value size, Type element);

  NamedAttribute integers(StringRef name, ArrayRef<int64_t> values) {
    return b.getNamedAttr(name, b.getDenseI64ArrayAttr(values));
  }

private:
  Value reshaping(StringRef name, Value x, ArrayRef<OpFoldResult> shape);
  /// The extents that are not known, as values.
  SmallVector<Value> sizes(ArrayRef<OpFoldResult> shape);

  OpBuilder &b;
  Location loc;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_TENSORBUILDER_H
