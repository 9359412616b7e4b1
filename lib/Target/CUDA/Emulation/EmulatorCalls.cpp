// SPDX-License-Identifier: Apache-2.0
// Loads and calls through the emulated thread.

#include "EmulatorCalls.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

static Type pointerType(OpBuilder &builder) {
  return LLVM::LLVMPointerType::get(builder.getContext());
}

Value EmulatorCalls::constant(OpBuilder &builder, Location loc, int64_t value, unsigned width) {
  Type type = builder.getIntegerType(width);
  return LLVM::ConstantOp::create(builder, loc, type, builder.getIntegerAttr(type, value));
}

Value EmulatorCalls::offset(OpBuilder &builder, Location loc, Value base, size_t bytes) {
  return LLVM::GEPOp::create(builder, loc, pointerType(builder), builder.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value EmulatorCalls::loadField(OpBuilder &builder, Location loc, size_t place, Type type) {
  auto load = LLVM::LoadOp::create(builder, loc, type, offset(builder, loc, thread, place));
  // Nothing changes a thread's fields while its kernel runs, so that they are
  // loaded once although calls lie between.
  load.setInvariant(true);
  return load;
}

Value EmulatorCalls::call(OpBuilder &builder, Location loc, size_t place, Type result,
                          ValueRange arguments) {
  SmallVector<Value> all = {thread};
  llvm::append_range(all, arguments);
  return callPlain(builder, loc, place, result, all);
}

Value EmulatorCalls::callPlain(OpBuilder &builder, Location loc, size_t place, Type result,
                               ValueRange arguments) {
  Value table = loadField(builder, loc, TORSH_EMULATED_THREAD(functions), pointerType(builder));
  auto function =
      LLVM::LoadOp::create(builder, loc, pointerType(builder), offset(builder, loc, table, place));
  function.setInvariant(true);
  SmallVector<Value> operands = {function};
  llvm::append_range(operands, arguments);
  Type resultType = result ? result : LLVM::LLVMVoidType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(resultType, llvm::to_vector(arguments.getTypes()));
  auto call = LLVM::CallOp::create(builder, loc, type, operands);
  return result ? call.getResult() : Value();
}

Value EmulatorCalls::allocateWords(OpBuilder &builder, Location loc, int64_t words) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&kernel.getBody().front());
  return LLVM::AllocaOp::create(builder, loc, pointerType(builder), builder.getI32Type(),
                                constant(builder, loc, words));
}

Value EmulatorCalls::getWord(OpBuilder &builder, Location loc, Value words, int64_t number,
                             Type type) {
  return LLVM::LoadOp::create(builder, loc, type,
                              offset(builder, loc, words, static_cast<size_t>(number) * 4));
}

void EmulatorCalls::setWord(OpBuilder &builder, Location loc, Value words, int64_t number,
                            Value value) {
  LLVM::StoreOp::create(builder, loc, value,
                        offset(builder, loc, words, static_cast<size_t>(number) * 4));
}
