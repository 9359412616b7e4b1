// SPDX-License-Identifier: Apache-2.0
// How operations of ours that stay in kernels become those on memrefs.

#ifndef TORSHJIT_BUFFER_BUFFERIZATION_H
#define TORSHJIT_BUFFER_BUFFERIZATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::torsh {

void registerBufferization(DialectRegistry &registry);

} // namespace mlir::torsh

#endif // TORSHJIT_BUFFER_BUFFERIZATION_H
