// SPDX-License-Identifier: Apache-2.0
// NVVM's operations as calls of the emulator.

#include "EmulatorCalls.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

namespace {

/// Emits before one operation.
struct Emitter {
  Operation *op;
  EmulatorCalls &calls;
  OpBuilder builder{op};
  Location loc = op->getLoc();
  Type i1 = builder.getI1Type(), i32 = builder.getI32Type();

  Value constant(int64_t value) { return EmulatorCalls::constant(builder, loc, value); }
  Value call(size_t place, Type result, ValueRange arguments) {
    return calls.call(builder, loc, place, result, arguments);
  }
  Value site() { return calls.nextSite(builder, loc); }
  Value bitcast(Value value, Type type) {
    return value.getType() == type ? value : LLVM::BitcastOp::create(builder, loc, type, value);
  }
  Value isNotZero(Value value) {
    return LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, value, constant(0));
  }
  LogicalResult replace(Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    return erase();
  }
  LogicalResult erase() {
    op->erase();
    return success();
  }
  LogicalResult field(size_t place) { return replace(calls.loadField(builder, loc, place, i32)); }
  /// Registers of 32 bits as a struct, or as the one value they are.
  Value gather(Value words, Type type) {
    auto structure = dyn_cast<LLVM::LLVMStructType>(type);
    if (!structure)
      return calls.getWord(builder, loc, words, 0, type);
    Value result = LLVM::PoisonOp::create(builder, loc, structure);
    for (auto [number, member] : llvm::enumerate(structure.getBody()))
      result = LLVM::InsertValueOp::create(
          builder, loc, result,
          calls.getWord(builder, loc, words, static_cast<int64_t>(number), member),
          static_cast<int64_t>(number));
    return result;
  }
};

} // namespace

static LogicalResult emulateBarrier(NVVM::BarrierOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  if (op.getBarrierId() && !matchPattern(op.getBarrierId(), m_Zero()))
    return op.emitOpError("the emulator has barrier 0 only");
  if (op.getNumberOfThreads() || op.getReductionOp())
    return op.emitOpError("the emulator has barriers of the whole block only, without reduction");
  emit.call(TORSH_EMULATOR_FUNCTION(barrier), {}, emit.site());
  return emit.erase();
}

static LogicalResult emulateShuffle(NVVM::ShflOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  TorshShuffleKind kind = TORSH_SHUFFLE_INDEX;
  switch (op.getKind()) {
  case NVVM::ShflKind::bfly:
    kind = TORSH_SHUFFLE_BUTTERFLY;
    break;
  case NVVM::ShflKind::up:
    kind = TORSH_SHUFFLE_UP;
    break;
  case NVVM::ShflKind::down:
    kind = TORSH_SHUFFLE_DOWN;
    break;
  case NVVM::ShflKind::idx:
    break;
  }
  Type type = op.getVal().getType();
  Value inRange = calls.allocateWords(emit.builder, emit.loc, 1);
  Value bits =
      emit.call(TORSH_EMULATOR_FUNCTION(shuffle), emit.i32,
                {emit.constant(kind), op.getThreadMask(), emit.bitcast(op.getVal(), emit.i32),
                 op.getOffset(), op.getMaskAndClamp(), emit.site(), inRange});
  Value result = emit.bitcast(bits, type);
  if (auto structure = dyn_cast<LLVM::LLVMStructType>(op.getType())) {
    Value pair = LLVM::PoisonOp::create(emit.builder, emit.loc, structure);
    pair = LLVM::InsertValueOp::create(emit.builder, emit.loc, pair, result, int64_t(0));
    Value valid = emit.isNotZero(calls.getWord(emit.builder, emit.loc, inRange, 0, emit.i32));
    result = LLVM::InsertValueOp::create(emit.builder, emit.loc, pair, valid, int64_t(1));
  }
  return emit.replace(result);
}

static LogicalResult emulateVote(NVVM::VoteSyncOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  TorshVoteKind kind = TORSH_VOTE_ANY;
  switch (op.getKind()) {
  case NVVM::VoteSyncKind::any:
    break;
  case NVVM::VoteSyncKind::all:
    kind = TORSH_VOTE_ALL;
    break;
  case NVVM::VoteSyncKind::ballot:
    kind = TORSH_VOTE_BALLOT;
    break;
  case NVVM::VoteSyncKind::uni:
    kind = TORSH_VOTE_UNIFORM;
    break;
  }
  Value predicate = LLVM::ZExtOp::create(emit.builder, emit.loc, emit.i32, op.getPred());
  Value result = emit.call(TORSH_EMULATOR_FUNCTION(vote), emit.i32,
                           {emit.constant(kind), op.getMask(), predicate, emit.site()});
  return emit.replace(op.getType() == emit.i1 ? emit.isNotZero(result) : result);
}

static LogicalResult emulateReduce(NVVM::ReduxOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  std::optional<TorshReduceKind> kind;
  switch (op.getKind()) {
  case NVVM::ReduxKind::ADD:
    kind = TORSH_REDUCE_ADD;
    break;
  case NVVM::ReduxKind::AND:
    kind = TORSH_REDUCE_AND;
    break;
  case NVVM::ReduxKind::OR:
    kind = TORSH_REDUCE_OR;
    break;
  case NVVM::ReduxKind::XOR:
    kind = TORSH_REDUCE_XOR;
    break;
  case NVVM::ReduxKind::MAX:
    kind = TORSH_REDUCE_MAX_SIGNED;
    break;
  case NVVM::ReduxKind::MIN:
    kind = TORSH_REDUCE_MIN_SIGNED;
    break;
  case NVVM::ReduxKind::UMAX:
    kind = TORSH_REDUCE_MAX_UNSIGNED;
    break;
  case NVVM::ReduxKind::UMIN:
    kind = TORSH_REDUCE_MIN_UNSIGNED;
    break;
  default:
    break;
  }
  if (!kind || op.getType() != emit.i32)
    return op.emitOpError("the emulator reduces i32 only");
  return emit.replace(
      emit.call(TORSH_EMULATOR_FUNCTION(reduce), emit.i32,
                {emit.constant(*kind), op.getMaskAndClamp(), op.getVal(), emit.site()}));
}

static LogicalResult emulateLoadMatrix(NVVM::LdMatrixOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  if (op.getShape().getM() != 8 || op.getShape().getN() != 8 ||
      op.getEltType() != NVVM::LdStMatrixEltType::B16)
    return op.emitOpError("the emulator loads matrices of 8 by 8 elements of 16 bits only");
  bool transposed = op.getLayout() == NVVM::MMALayout::col;
  Value words = calls.allocateWords(emit.builder, emit.loc, op.getNum());
  emit.call(
      TORSH_EMULATOR_FUNCTION(load_matrix), {},
      {op.getPtr(), emit.constant(op.getNum()), emit.constant(transposed), words, emit.site()});
  return emit.replace(emit.gather(words, op.getType()));
}

/// The emulator's name of a matrix multiplication, if it has it.
static std::optional<TorshMatrixKind> matrixKind(NVVM::MmaOp op) {
  NVVM::MMAShapeAttr shape = op.getShape();
  if (op.getLayoutA() != NVVM::MMALayout::row || op.getLayoutB() != NVVM::MMALayout::col ||
      shape.getM() != 16 || shape.getN() != 8 || !op.getMultiplicandAPtxType() ||
      op.getMultiplicandAPtxType() != op.getMultiplicandBPtxType() ||
      op.accumPtxType() != op.resultPtxType())
    return std::nullopt;
  bool intoF32 = op.accumPtxType() == NVVM::MMATypes::f32;
  switch (*op.getMultiplicandAPtxType()) {
  case NVVM::MMATypes::f16:
    if (shape.getK() == 16)
      return intoF32 ? TORSH_MATRIX_F16_F32 : TORSH_MATRIX_F16_F16;
    return std::nullopt;
  case NVVM::MMATypes::bf16:
    if (shape.getK() == 16 && intoF32)
      return TORSH_MATRIX_BF16_F32;
    return std::nullopt;
  case NVVM::MMATypes::tf32:
    if (shape.getK() == 8 && intoF32)
      return TORSH_MATRIX_TF32_F32;
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

static LogicalResult emulateMultiply(NVVM::MmaOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  std::optional<TorshMatrixKind> kind = matrixKind(op);
  if (!kind)
    return op.emitOpError("the emulator multiplies matrices of f16, bf16 (m16n8k16) and tf32 "
                          "(m16n8k8) only");
  auto operands = llvm::to_vector(op->getOperands());
  auto count = static_cast<int64_t>(operands.size());
  Value words = calls.allocateWords(emit.builder, emit.loc, count);
  for (auto [number, operand] : llvm::enumerate(operands))
    calls.setWord(emit.builder, emit.loc, words, static_cast<int64_t>(number), operand);
  Value results = calls.allocateWords(emit.builder, emit.loc, 4);
  emit.call(TORSH_EMULATOR_FUNCTION(multiply_matrix), {},
            {emit.constant(*kind), words, results, emit.site()});
  return emit.replace(emit.gather(results, op.getType()));
}

static LogicalResult emulateCopy(NVVM::CpAsyncOp op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  Value bytes = emit.constant(op.getSize());
  emit.call(TORSH_EMULATOR_FUNCTION(copy_async), {},
            {op.getDst(), op.getSrc(), bytes, op.getCpSize() ? op.getCpSize() : bytes});
  return emit.erase();
}

LogicalResult mlir::torsh::cuda::emulateInstruction(Operation *op, EmulatorCalls &calls) {
  Emitter emit{op, calls};
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::ThreadIdXOp) { return emit.field(TORSH_EMULATED_THREAD(thread_index)); })
      .Case([&](NVVM::BlockIdXOp) { return emit.field(TORSH_EMULATED_THREAD(block_index)); })
      .Case([&](NVVM::BlockDimXOp) { return emit.field(TORSH_EMULATED_THREAD(block_size)); })
      .Case([&](NVVM::GridDimXOp) { return emit.field(TORSH_EMULATED_THREAD(grid_size)); })
      .Case([&](NVVM::LaneIdOp) { return emit.field(TORSH_EMULATED_THREAD(lane)); })
      .Case([&](NVVM::WarpIdOp) { return emit.field(TORSH_EMULATED_THREAD(warp)); })
      // Blocks and grids have one axis.
      .Case<NVVM::ThreadIdYOp, NVVM::ThreadIdZOp, NVVM::BlockIdYOp, NVVM::BlockIdZOp>(
          [&](auto) { return emit.replace(emit.constant(0)); })
      .Case<NVVM::BlockDimYOp, NVVM::BlockDimZOp, NVVM::GridDimYOp, NVVM::GridDimZOp>(
          [&](auto) { return emit.replace(emit.constant(1)); })
      .Case([&](NVVM::WarpSizeOp) { return emit.replace(emit.constant(32)); })
      .Case([&](NVVM::Barrier0Op) {
        emit.call(TORSH_EMULATOR_FUNCTION(barrier), {}, emit.site());
        return emit.erase();
      })
      .Case([&](NVVM::SyncWarpOp sync) {
        emit.call(TORSH_EMULATOR_FUNCTION(sync_warp), {}, {sync.getMask(), emit.site()});
        return emit.erase();
      })
      .Case([&](NVVM::CpAsyncCommitGroupOp) {
        emit.call(TORSH_EMULATOR_FUNCTION(commit_copies), {}, {});
        return emit.erase();
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp wait) {
        emit.call(TORSH_EMULATOR_FUNCTION(wait_copies), {}, emit.constant(wait.getN()));
        return emit.erase();
      })
      // One thread runs at a time: what it stored is there for all others.
      .Case<NVVM::MembarOp, NVVM::PrefetchOp>([&](auto) { return emit.erase(); })
      .Case([&](NVVM::BarrierOp barrier) { return emulateBarrier(barrier, calls); })
      .Case([&](NVVM::ShflOp shuffle) { return emulateShuffle(shuffle, calls); })
      .Case([&](NVVM::VoteSyncOp vote) { return emulateVote(vote, calls); })
      .Case([&](NVVM::ReduxOp reduce) { return emulateReduce(reduce, calls); })
      .Case([&](NVVM::LdMatrixOp load) { return emulateLoadMatrix(load, calls); })
      .Case([&](NVVM::MmaOp multiply) { return emulateMultiply(multiply, calls); })
      .Case([&](NVVM::CpAsyncOp copy) { return emulateCopy(copy, calls); })
      .Default([&](Operation *) { return op->emitOpError("is not known to the CUDA emulator"); });
}
