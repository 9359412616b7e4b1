# SPDX-License-Identifier: Apache-2.0
"""Reference function of attention."""

from __future__ import annotations

import math

import numpy as np

from torshjit.interpreter.extents import require_equal_extents
from torshjit.interpreter.registry import Call, reference


@reference("torsh.attention")
def _attention(call: Call) -> np.ndarray:
    query, key, value = (_permuted(call, group) for group in range(3))
    _check_extents(call)
    mask = call.optional(3)
    heads = query.shape[-3] if query.ndim > 2 else 1
    key, value = (_repeated(x, heads) for x in (key, value))
    scale = query.dtype.type(call.attributes["scale"])
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) * scale
    hidden = call.attributes.get("masked_score")
    hidden = scores.dtype.type(-math.inf if hidden is None else hidden)
    if mask is not None:
        scores = np.where(mask, scores, hidden) if mask.dtype == bool else scores + mask
    if call.attributes.get("causal"):
        seen = np.tri(*scores.shape[-2:], dtype=np.bool_)
        scores = np.where(seen, scores, hidden)
    largest = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    weights = np.exp(scores - largest)
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    if call.attributes.get("zero_masked_rows"):
        weights = np.where(largest == -np.inf, scores.dtype.type(0), weights)
    result = np.matmul(weights.astype(scores.dtype, copy=False), value)
    axes = call.attributes.get("result_axes")
    return result if axes is None else np.transpose(result, axes)


_OPERANDS = ("query", "key", "value")


def _axes(call: Call, group: int) -> list[int]:
    axes = call.attributes.get(f"{_OPERANDS[group]}_axes")
    return list(range(call.operand(group).ndim)) if axes is None else list(axes)


def _permuted(call: Call, group: int) -> np.ndarray:
    return np.transpose(call.operand(group), _axes(call, group))


def _check_extents(call: Call) -> None:
    """Checks the extents that are summed over, and the leading ones that do not broadcast."""
    query, key, value = (_axes(call, group) for group in range(3))
    require_equal_extents(call, (0, query[-1]), (1, key[-1]), "features of query and key")
    require_equal_extents(call, (1, key[-2]), (2, value[-2]), "the numbers of keys and values")
    rank = len(query)
    for group, axes in ((1, key), (2, value)):
        for axis in range(rank - 2):
            types = call.types[0][0], call.types[group][0]
            extents = [types[0].shape[query[axis]], types[1].shape[axes[axis]]]
            if extents[1] != 1 and -1 in extents:
                require_equal_extents(
                    call, (0, query[axis]), (group, axes[axis]), "leading extents"
                )
    mask = call.optional(3)
    if mask is None:
        return
    scores = [(0, axis) for axis in query[:-1]] + [(1, key[-2])]
    for axis, place in enumerate(scores[rank - mask.ndim :]):
        if call.types[3][0].shape[axis] != 1:
            require_equal_extents(call, place, (3, axis), "extents of scores and mask")


def _repeated(x: np.ndarray, heads: int) -> np.ndarray:
    """Each head as often as heads of the query share it."""
    if x.ndim < 3 or x.shape[-3] in (1, heads):
        return x
    return np.repeat(x, heads // x.shape[-3], axis=-3)
