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
from torshjit.errors import ShapeError

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


Crop = tuple[float, float]


def _weights(
    node: Node, extent: int, scale: float | None, size: int | None, crop: Crop | None
) -> np.ndarray:
    """The matrix (new extent, extent) of an axis: what Resize makes of unit vectors.

    With a crop the result has a last column more: one where it is the extrapolation value.
    """
    onnx = load_onnx()
    attributes = {name: node.attribute(name) for name in _ATTRIBUTES}
    given = {name: value for name, value in attributes.items() if value is not None}
    names = ["x", "" if crop is None else "roi", "scales", "sizes"]
    proto = onnx.helper.make_node("Resize", names, ["y"], **given)
    feeds: dict[str, np.ndarray] = {"x": np.eye(extent, dtype=np.float64)}
    if size is not None:
        proto.input[2] = ""
        feeds["sizes"] = np.array([extent, size], np.int64)
    else:
        del proto.input[3]
        feeds["scales"] = np.array([1.0, scale], np.float32)
    evaluator = onnx.reference.ReferenceEvaluator(proto, opsets={"": 19})
    if crop is None:
        return evaluator.run(None, feeds)[0].T
    feeds["roi"] = np.array([0.0, crop[0], 1.0, crop[1]])
    weights = evaluator.run(None, feeds)[0].T
    outside = onnx.reference.ReferenceEvaluator(_with_value(proto, 1.0), opsets={"": 19})
    feeds["x"] = np.zeros((2, extent))
    return np.concatenate([weights, outside.run(None, feeds)[0][:1].T], axis=1)


def _with_value(proto: Any, value: float) -> Any:
    copied = type(proto)()
    copied.CopyFrom(proto)
    kept = [each for each in copied.attribute if each.name != "extrapolation_value"]
    del copied.attribute[:]
    copied.attribute.extend(kept)
    copied.attribute.append(load_onnx().helper.make_attribute("extrapolation_value", value))
    return copied


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
    crops: list[Crop | None] = [None] * rank
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
    if mode == "tf_crop_and_resize":
        roi = [float(each) for each in node.known(1, "the region").reshape(-1)]
        if len(roi) != 2 * len(axes):
            raise ShapeError(f"{node}: a region of {len(roi)} numbers for {len(axes)} axes")
        for place, axis in enumerate(axes):
            crops[axis] = (roi[place], roi[place + len(axes)])
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
    outside: dict[int, np.ndarray] = {}
    for axis in range(rank):
        extent, scale, size = value.shape[axis], factors[axis], extents[axis]
        is_same = (size is None or size == extent) and (scale is None or scale == 1.0)
        if is_same and crops[axis] in (None, (0.0, 1.0)):
            continue
        size = extent if size is None and scale is None else size
        weights = _weights(node, extent, scale, size, crops[axis])
        if crops[axis] is not None:
            outside[axis], weights = weights[:, -1] != 0, weights[:, :-1]
        value = _resampled(g, node, value, axis, weights)
    fill = float(node.attribute("extrapolation_value", 0.0))
    for axis, places in outside.items():
        if places.any():
            mask = np.reshape(places, [-1 if at == axis else 1 for at in range(rank)])
            value = g.where(g.value(mask), g.scalar(fill, value.dtype), value)
    return value
