# SPDX-License-Identifier: Apache-2.0
"""StableHLO convolutions, of every layout, dilation and grouping."""

from __future__ import annotations

from typing import Any

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.bindings import load_bindings
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.movement import spread
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []


@lowers("stablehlo.convolution")
def _convolution(g: Operations, op: HloOp) -> Any:
    _, stablehlo = load_bindings()
    layout = stablehlo.ConvDimensionNumbers(op.attribute("dimension_numbers"))
    dtype = op.dtype
    value, weight = (g.cast(each, dtype) for each in op.operands)
    if 0 in op.shape:
        return g.filled(0, dtype, op.shape)
    value = g.permute(
        value,
        [
            layout.input_batch_dimension,
            layout.input_feature_dimension,
            *layout.input_spatial_dimensions,
        ],
    )
    weight = g.permute(
        weight,
        [
            layout.kernel_output_feature_dimension,
            layout.kernel_input_feature_dimension,
            *layout.kernel_spatial_dimensions,
        ],
    )
    axes = len(weight.shape) - 2
    if axes > 3:
        op.refuse(f"over {axes} spatial axes is not covered")
    stride = op.integers("window_strides", [1] * axes)
    dilation = op.integers("rhs_dilation", [1] * axes)
    padding = op.pairs("padding", axes)
    zero = g.scalar(0, dtype)
    for axis, gap in enumerate(op.integers("lhs_dilation", [1] * axes)):
        value = spread(g, value, 2 + axis, gap - 1, zero)
    if op.has("window_reversal"):
        for axis, flips in enumerate(op.attribute("window_reversal")):
            weight = g.flip(weight, 2 + axis) if flips else weight
    # A negative margin removes elements.
    ranges = [(0, extent, 1) for extent in value.shape[:2]]
    for axis, (low, high) in enumerate(padding):
        extent = value.shape[2 + axis]
        ranges.append((max(0, -low), extent - max(0, -high), 1))
    value = g.slices(value, ranges)
    before = [max(0, each) for each, _ in padding]
    after = [max(0, each) for _, each in padding]
    groups, batches = op.integer("feature_group_count", 1), op.integer("batch_group_count", 1)
    if batches > 1:
        # Part i of the batch meets the filters of part i: groups of features, after all.
        n, c, *spatial = value.shape
        apart = g.reshape(value, [batches, n // batches, c, *spatial])
        order = [1, 0, *range(2, len(apart.shape))]
        value = g.reshape(g.permute(apart, order), [n // batches, batches * c, *spatial])
        groups = batches
    if axes == 0:
        value = g.reshape(value, [*value.shape, 1])
        weight = g.reshape(weight, [*weight.shape, 1])
        stride, dilation, before, after = [1], [1], [0], [0]
    result = g.emit(
        "conv",
        value,
        weight,
        None,
        stride=stride,
        padding_low=before,
        padding_high=after,
        dilation=dilation,
        groups=groups,
    )
    if axes == 0:
        result = g.reshape(result, result.shape[:2])
    wanted = [
        layout.output_batch_dimension,
        layout.output_feature_dimension,
        *layout.output_spatial_dimensions,
    ]
    return g.permute(result, [wanted.index(axis) for axis in range(len(wanted))])
