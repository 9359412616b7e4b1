// SPDX-License-Identifier: Apache-2.0
// What a tile reads of an image of narrow elements, laid out for the multiplications: widened
// to the type of the sums, or in pairs of channels. An element is read for each place of the
// window and each block of outputs, and packed once.

#include "DirectConvolution.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh;

/// Elements that are widened, or channels' elements that are paired, at a time.
static constexpr int64_t kElementsAtOnce = 32;
/// Steps of fewer elements are copied with what lies between them.
static constexpr int64_t kShortestGap = 16;

bool DirectConvolution::packsImage() const {
  return cast<MemRefType>(input.flat.getType()).getElementType() != element;
}

/// Finds the runs of elements that are copied as they lie. Loops whose steps lead past what the
/// loops before them cover are copied step by step, so that rows between two that are read, or
/// channels of which a few rows are, are left out.
void DirectConvolution::layOutImage() {
  SmallVector<Loop> loops{column};
  if (row)
    loops.push_back(*row);
  llvm::append_range(loops, ArrayRef(depth).drop_back(step > 1 ? 1 : 0));
  auto distance = [&](const Loop &loop) {
    return stride(input, loop).value_or(std::numeric_limits<int64_t>::max());
  };
  llvm::stable_sort(loops, [&](const Loop &x, const Loop &y) { return distance(x) < distance(y); });
  image.strides.assign(op.getNumLoops(), b.getIndexAttr(0));
  imageRun = constant(1);
  Value size;
  imageSteps.clear();
  for (const Loop &loop : loops) {
    std::optional<int64_t> own = stride(input, loop), run = getConstantIntValue(imageRun);
    if (own == 0)
      continue;
    if (size || (own && run && *own > std::max(*run + *run / 4, kShortestGap))) {
      size = size ? size : imageRun;
      imageSteps.push_back(loop);
      image.strides[loop.number] = mul(size, constant(step));
      size = mul(size, asValue(loop.extent));
      continue;
    }
    Value last = sub(asValue(loop.extent), constant(1));
    image.strides[loop.number] = mul(asValue(input.strides[loop.number]), constant(step));
    imageRun = add(imageRun, advance(input, loop, last));
  }
  size = size ? size : imageRun;
  if (step > 1) {
    // Planes of pairs begin in other sets of the first cache than their neighbours.
    if (std::optional<int64_t> known = getConstantIntValue(size))
      size = constant((llvm::divideCeil(*known, 16) | 1) * 16);
    size = mul(size, constant(step));
    image.strides[depth.back().number] = size;
    size = mul(size, asValue(depth.back().extent));
  }
  for (OpFoldResult &own : image.strides)
    own = getAsOpFoldResult(asValue(own));
  Type type = step > 1 ? cast<MemRefType>(input.flat.getType()).getElementType() : element;
  image.flat = allocate(size, type);
}

/// Packs what the loops of the window and the positions of a tile read from `from` on.
void DirectConvolution::packImage(Value from) {
  LoopGroup group;
  for (const Loop &loop : llvm::reverse(imageSteps)) {
    group.loops.push_back(loop.number);
    group.extents.push_back(loop.extent);
  }
  Value next;
  if (step > 1) {
    const Loop &pairs = depth.back();
    group.loops.insert(group.loops.begin(), pairs.number);
    group.extents.insert(group.extents.begin(), pairs.extent);
    next = asValue(input.strides[pairs.number]);
  }
  // Along the channels, an iteration takes two.
  LinearAccess source = input;
  if (step > 1)
    source.strides[depth.back().number] = mul(next, constant(step));
  LoopEmitter::forEach(group, {&source, &image}, {from, constant(0)}, [&](ArrayRef<Value> at) {
    auto copy = [&](int64_t count, Value k) {
      step > 1 ? packPairs(count, add(at[0], k), next, add(at[1], mul(k, constant(step))))
               : packWide(count, add(at[0], k), add(at[1], k));
    };
    std::optional<int64_t> known = getConstantIntValue(imageRun);
    int64_t count = known ? std::min<int64_t>(kElementsAtOnce, llvm::bit_floor<uint64_t>(*known))
                          : kElementsAtOnce;
    Value whole = known ? constant(*known / count * count) : roundDown(imageRun, count);
    forLoop(constant(0), whole, count, [&](Value k) { copy(count, k); });
    if (!known)
      forLoop(whole, imageRun, 1, [&](Value k) { copy(1, k); });
    else if (*known % count != 0)
      copy(count, constant(*known - count)); // Some once more.
  });
}

void DirectConvolution::packWide(int64_t count, Value from, Value to) {
  auto type = VectorType::get({count}, cast<MemRefType>(input.flat.getType()).getElementType());
  Value x = vector::LoadOp::create(b, loc, type, input.flat, from);
  vector::StoreOp::create(b, loc, widen(x), image.flat, to);
}

void DirectConvolution::packPairs(int64_t count, Value from, Value next, Value to) {
  Type own = cast<MemRefType>(input.flat.getType()).getElementType();
  auto type = VectorType::get({count}, own);
  auto bits = VectorType::get({count}, b.getIntegerType(own.getIntOrFloatBitWidth()));
  auto load = [&](Value at) -> Value {
    Value x = vector::LoadOp::create(b, loc, type, input.flat, at);
    return vector::BitCastOp::create(b, loc, bits, x);
  };
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < count; ++i)
    lanes.append({i, count + i});
  Value pairs = vector::ShuffleOp::create(b, loc, load(from), load(add(from, next)), lanes);
  pairs = vector::BitCastOp::create(b, loc, VectorType::get({2 * count}, own), pairs);
  vector::StoreOp::create(b, loc, pairs, image.flat, to);
}
