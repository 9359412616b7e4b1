// Forming, outlining and merging groups is near linear in the size of the graph: in
// a graph of 10,000 operations each of these takes well under a second. The limit
// is generous to a busy machine; what is quadratic does not meet it.

// RUN: python3 %S/Inputs/large-graph.py chain 10000 | timeout 20 torsh-opt -torsh-insert-extent-checks -torsh-form-groups -torsh-outline-kernels -torsh-merge-equal-kernels -torsh-verify-kernels | FileCheck %s --check-prefix=CHAIN
// RUN: python3 %S/Inputs/large-graph.py residual 10000 | timeout 20 torsh-opt -torsh-insert-extent-checks -torsh-form-groups -torsh-outline-kernels -torsh-merge-equal-kernels -torsh-verify-kernels | FileCheck %s --check-prefix=RESIDUAL
// RUN: python3 %S/Inputs/large-graph.py shared 10000 | timeout 20 torsh-opt -torsh-insert-extent-checks -torsh-form-groups -torsh-outline-kernels -torsh-merge-equal-kernels -torsh-verify-kernels | FileCheck %s --check-prefix=SHARED
// RUN: python3 %S/Inputs/large-graph.py wide 10000 | timeout 20 torsh-opt -torsh-insert-extent-checks -torsh-form-groups=strategy=aggressive -torsh-outline-kernels -torsh-merge-equal-kernels -torsh-verify-kernels | FileCheck %s --check-prefix=WIDE

// CHAIN-COUNT-2: torsh.kernel
// CHAIN-NOT: torsh.kernel
// CHAIN-LABEL: func @main
// CHAIN-COUNT-40: torsh.launch
// CHAIN-NOT: torsh.launch
// RESIDUAL: torsh.kernel @linear_gelu_add(
// RESIDUAL-NOT: torsh.kernel
// RESIDUAL-LABEL: func @main
// RESIDUAL-COUNT-3333: torsh.launch @linear_gelu_add
// SHARED: torsh.kernel @linear_add(
// SHARED-LABEL: func @main
// SHARED-COUNT-4999: torsh.launch @linear_add
// WIDE-LABEL: func @main
// WIDE: torsh.launch
