# SPDX-License-Identifier: Apache-2.0
"""Every workload, by name, in the order of the report. A new family is a file and a row here."""

from bench.workload import Workload
from bench.workloads import (
    attention,
    convolution,
    digits,
    elementwise,
    linear,
    matmul,
    movement,
    normalization,
    reduction,
    small_ops,
    transformer,
)

_FAMILIES = (
    elementwise,
    reduction,
    normalization,
    movement,
    matmul,
    linear,
    convolution,
    attention,
    transformer,
    digits,
    small_ops,
)

WORKLOADS: dict[str, Workload] = {
    workload.name: workload for family in _FAMILIES for workload in family.WORKLOADS
}
