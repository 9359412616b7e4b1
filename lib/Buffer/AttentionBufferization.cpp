// SPDX-License-Identifier: Apache-2.0
// Attention on tensors as attention on memrefs.

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "torshjit/Buffer/Bufferization.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

struct BufferizeAttention
    : bufferization::DstBufferizableOpInterfaceExternalModel<BufferizeAttention,
                                                             StreamedAttentionOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const bufferization::AnalysisState &) const {
    return !cast<StreamedAttentionOp>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const bufferization::BufferizationOptions &options,
                          bufferization::BufferizationState &state) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = bufferization::getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    StreamedAttentionOp::create(rewriter, op->getLoc(), TypeRange{}, buffers, op->getAttrs());
    bufferization::replaceOpWithBufferizedValues(rewriter, op, buffers.back());
    return success();
  }
};

} // namespace

void mlir::torsh::registerBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TorshDialect *) {
    StreamedAttentionOp::attachInterface<BufferizeAttention>(*context);
  });
}
