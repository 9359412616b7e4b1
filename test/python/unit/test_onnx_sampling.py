# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that read images between their elements, against the reference evaluator."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx_nodes import check_node

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [0, 1])
def test_grid_sample(mode: str, padding: str, aligned: int) -> None:
    image = RNG.standard_normal((2, 3, 5, 4)).astype(np.float32)
    grid = (RNG.random((2, 3, 2, 2)) * 5 - 2.5).astype(np.float32)
    check_node(
        "GridSample",
        [image, grid],
        mode=mode,
        padding_mode=padding,
        align_corners=aligned,
        tolerance=1e-4,
    )


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_grid_sample_of_volumes(mode: str) -> None:
    image = RNG.standard_normal((1, 2, 3, 4, 5)).astype(np.float64)
    grid = RNG.random((1, 2, 2, 3, 3)) * 3 - 1.5
    check_node("GridSample", [image, grid], mode=mode, tolerance=1e-5)


def test_grid_sample_far_outside() -> None:
    image = np.ones((1, 1, 3, 3), np.float32)
    grid = np.array([1e9, -1e9, -1e30, 0.0], np.float32).reshape(1, 2, 1, 2)
    check_node("GridSample", [image, grid])


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "output_half_pixel"])
def test_roi_align(mode: str, coordinates: str) -> None:
    image = RNG.standard_normal((2, 3, 7, 9)).astype(np.float32)
    corner = RNG.random((4, 2)) * 8 - 2
    boxes = np.concatenate([corner, corner + RNG.random((4, 2)) * 8], axis=1).astype(np.float32)
    check_node(
        "RoiAlign",
        [image, boxes, np.array([0, 1, 1, 0])],
        mode=mode,
        output_height=3,
        output_width=2,
        sampling_ratio=2,
        spatial_scale=0.75,
        tolerance=1e-4,
        coordinate_transformation_mode=coordinates,
    )


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("parts", [1, 2])
def test_deform_conv(group: int, parts: int) -> None:
    image = RNG.standard_normal((2, 4, 6, 5)).astype(np.float32)
    weight = RNG.standard_normal((6, 4 // group, 2, 3)).astype(np.float32)
    shape = (3, 3)
    offset = RNG.standard_normal((2, parts * 2 * 3 * 2, *shape)).astype(np.float32)
    mask = RNG.random((2, parts * 2 * 3, *shape)).astype(np.float32)
    check_node(
        "DeformConv",
        [image, weight, offset, RNG.standard_normal(6).astype(np.float32), mask],
        group=group,
        offset_group=parts,
        kernel_shape=[2, 3],
        pads=[0, 1, 1, 1],
        strides=[2, 2],
        tolerance=1e-3,
    )
