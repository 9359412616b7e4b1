# SPDX-License-Identifier: Apache-2.0
"""ONNX Resize: one axis after the other, by a matrix of weights known at import."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.model import load_onnx
from torshjit.capture.onnx_import.movement import runs
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float, wider

__all__: list[str] = []

#: The most slices that a resampling by repetition becomes.
_MOST_SLICES = 256

#: Attributes of Resize that the weights of one axis depend on.
_ATTRIBUTES = (
    "antialias",
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "mode",
    "nearest_mode",
)


def _weights(node: Node, extent: int, scale: float | None, size: int | None) -> np.ndarray:
    """The matrix (new extent, extent) of an axis: what Resize makes of unit vectors."""
    onnx = load_onnx()
    attributes = {name: node.attribute(name) for name in _ATTRIBUTES}
    given = {name: value for name, value in attributes.items() if value is not None}
    proto = onnx.helper.make_node("Resize", ["x", "", "scales", "sizes"], ["y"], **given)
    feeds: dict[str, np.ndarray] = {"x": np.eye(extent, dtype=np.float64)}
    if size is not None:
        proto.input[2] = ""
        feeds["sizes"] = np.array([extent, size], np.int64)
    else:
        del proto.input[3]
        feeds["scales"] = np.array([1.0, scale], np.float32)
    evaluator = onnx.reference.ReferenceEvaluator(proto, opsets={"": 19})
    return evaluator.run(None, feeds)[0].T


def _resampled(g: Operations, node: Node, value: Any, axis: int, weights: np.ndarray) -> Any:
    """`value` with each line along an axis multiplied by the weights."""
    is_repetition = bool(((weights == 0) | (weights == 1)).all()) and bool(
        (weights.sum(axis=1) == 1).all()
    )
    if is_repetition:
        parts = runs(g, value, axis, [int(place) for place in weights.argmax(axis=1)])
        if len(parts) <= _MOST_SLICES:
            return g.concat(parts, axis)
    if not is_float(value.dtype):
        raise node.fail("integers are covered in mode 'nearest' only")
    rank, dtype = len(value.shape), value.dtype
    wide = wider(dtype)
    matrix = g.value(np.ascontiguousarray(weights.T.astype(numpy_dtype(wide))))
    order = [*(place for place in range(rank) if place != axis), axis]
    product = g.emit("matmul", g.permute(g.cast(value, wide), order), matrix)
    back = [order.index(place) for place in range(rank)]
    return g.cast(g.permute(product, back), dtype)


@lowers("Resize", "Upsample")
def _resize(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    mode = node.attribute("coordinate_transformation_mode", "half_pixel")
    if mode == "tf_crop_and_resize":
        raise node.fail("coordinate_transformation_mode 'tf_crop_and_resize' is not covered")
    sizes = None
    if node.op == "Upsample" or node.version < 11:
        node._attributes.setdefault("coordinate_transformation_mode", "asymmetric")
        node._attributes.setdefault("nearest_mode", "floor")
        scales = node.attribute("scales")
        scales = node.known(1, "the scales") if scales is None else np.array(scales)
    else:
        scales = node.known(2, "the scales", None)
        sizes = node.known_integers(3, "the sizes", None)
    axes = node.integers("axes", list(range(rank))) or []
    axes = [node.axis(axis, rank) for axis in axes]
    policy = node.attribute("keep_aspect_ratio_policy", "stretch")
    factors: list[float | None] = [None] * rank
    extents: list[int | None] = [None] * rank
    if sizes is not None and policy == "stretch":
        for axis, size in zip(axes, sizes, strict=True):
            extents[axis] = size
    elif sizes is not None:
        ratios = [size / value.shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        for axis in axes:
            # Halves are rounded up.
            extents[axis] = int(np.floor(ratio * value.shape[axis] + 0.5))
        if len(axes) != rank or mode != "align_corners":
            for axis in axes:
                factors[axis] = ratio
    elif scales is not None:
        for axis, scale in zip(axes, np.asarray(scales).reshape(-1), strict=True):
            factors[axis] = float(scale)
    else:
        raise node.fail("neither scales nor sizes are given")
    for axis in range(rank):
        extent, scale, size = value.shape[axis], factors[axis], extents[axis]
        if (size is None or size == extent) and (scale is None or scale == 1.0):
            continue
        value = _resampled(g, node, value, axis, _weights(node, extent, scale, size))
    return value
