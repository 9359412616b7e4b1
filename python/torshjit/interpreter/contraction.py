# SPDX-License-Identifier: Apache-2.0
"""Reference functions of contractions: matrix products and convolution.

f16 and bf16 operands arrive as float32, so every sum is accumulated in at least that; integers
are accumulated in their own type, or in the `dtype` that they are widened to, and wrap around.
"""

from __future__ import annotations

import math

import numpy as np

from torshjit.interpreter.extents import require_broadcastable, require_equal_extents
from torshjit.interpreter.registry import Call, reference
from torshjit.interpreter.window import padded, windows


def _factor(call: Call, group: int) -> np.ndarray:
    """An operand in the type in which its products are summed."""
    factor = call.operand(group)
    return factor.astype(call.result_dtype) if call.attributes.get("dtype") else factor


@reference("torsh.matmul")
def _matmul(call: Call) -> np.ndarray:
    require_equal_extents(call, (0, -1), (1, -2), "the extents that are summed over")
    require_broadcastable(call, (0, 1), skip_last=2)
    return np.matmul(_factor(call, 0), _factor(call, 1))


@reference("torsh.linear")
def _linear(call: Call) -> np.ndarray:
    require_equal_extents(call, (0, -1), (1, -1), "the extents that are summed over")
    result = np.matmul(_factor(call, 0), _factor(call, 1).T)
    bias = call.optional(2)
    if bias is None:
        return result
    require_equal_extents(call, (1, 0), (2, 0), "the extents of weight and bias")
    return result + bias


@reference("torsh.conv")
def _conv(call: Call) -> np.ndarray:
    image, weight, bias = _factor(call, 0), _factor(call, 1), call.optional(2)
    attributes = call.attributes
    groups = attributes["groups"]
    batch, channels = image.shape[:2]
    outputs, group_channels, *window = weight.shape
    if channels != group_channels * groups:
        raise call.shape_error(
            f"the input has {channels} channels, the weight {group_channels} in each of "
            f"{groups} groups"
        )
    if outputs % groups != 0:
        raise call.shape_error(f"{outputs} output channels do not divide into {groups} groups")
    if bias is not None:
        require_equal_extents(call, (1, 0), (2, 0), "the extents of weight and bias")

    image = padded(image, attributes["padding_low"], attributes["padding_high"], 0)
    patches = windows(call, image, window, attributes["stride"], attributes["dilation"])
    spatial = patches.shape[2 : 2 + len(window)]
    # The window's axes before the positions' axes: then each position is a column of a matrix
    # whose rows are what the weight is multiplied with.
    rank = len(window)
    patches = np.moveaxis(patches, range(2 + rank, 2 + 2 * rank), range(2, 2 + rank))
    depth = group_channels * math.prod(window)
    columns = patches.reshape(batch, groups, depth, math.prod(spatial))
    rows = weight.reshape(groups, outputs // groups, depth)
    result = np.matmul(rows, columns).reshape(batch, outputs, *spatial)
    if bias is not None:
        result = result + bias.reshape(-1, *(1 for _ in window))
    return result
