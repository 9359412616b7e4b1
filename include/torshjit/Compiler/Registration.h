// SPDX-License-Identifier: Apache-2.0
// Everything the compiler knows, in one place.

#ifndef TORSHJIT_COMPILER_REGISTRATION_H
#define TORSHJIT_COMPILER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::torsh {

/// The dialects that the phases use, and the interfaces they attach to them.
void registerDialects(DialectRegistry &registry);

/// Our passes, the upstream ones that our pipelines name, and the pipelines.
void registerPasses();

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_REGISTRATION_H
