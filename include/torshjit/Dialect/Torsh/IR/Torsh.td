// SPDX-License-Identifier: Apache-2.0
// The whole torsh dialect, those of its operations included that have a header of their own:
// what the pages and the Python classes are made from.

#ifndef TORSH_TD
#define TORSH_TD

include "torshjit/Dialect/Torsh/IR/TorshOps.td"
include "torshjit/Dialect/Torsh/IR/TorshKernelForms.td"

#endif // TORSH_TD
