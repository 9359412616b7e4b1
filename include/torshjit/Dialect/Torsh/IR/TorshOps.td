// SPDX-License-Identifier: Apache-2.0
// The whole torsh dialect, family by family.

#ifndef TORSH_OPS_TD
#define TORSH_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshElementwiseOps.td"
include "torshjit/Dialect/Torsh/IR/TorshContractionOps.td"
include "torshjit/Dialect/Torsh/IR/TorshReductionOps.td"
include "torshjit/Dialect/Torsh/IR/TorshMovementOps.td"
include "torshjit/Dialect/Torsh/IR/TorshIndexingOps.td"
include "torshjit/Dialect/Torsh/IR/TorshHostOps.td"
include "torshjit/Dialect/Torsh/IR/TorshKernelOps.td"

#endif // TORSH_OPS_TD
