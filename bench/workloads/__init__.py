# SPDX-License-Identifier: Apache-2.0
"""Every workload, by name, in the order of the report. A new family is a file and a row here."""

from bench.workload import Workload
from bench.workloads import (
    attention,
    convolution,
    digits,
    elementwise,
    language_models,
    linear,
    matmul,
    movement,
    normalization,
    reduction,
    resnet,
    small_ops,
    training,
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
    language_models,
    resnet,
    training,
    digits,
    small_ops,
)

WORKLOADS: dict[str, Workload] = {
    workload.name: workload for family in _FAMILIES for workload in family.WORKLOADS
}
