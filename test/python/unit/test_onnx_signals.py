# SPDX-License-Identifier: Apache-2.0
"""ONNX transforms, windows put back, resized regions, determinants and features."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")

from onnx_nodes import check_node, node_model  # noqa: E402

RNG = np.random.default_rng(13)


@pytest.mark.parametrize("length", [1, 2, 7, 12, 16])
@pytest.mark.parametrize("kind", [1, 2])
def test_transforms(length: int, kind: int) -> None:
    x = RNG.standard_normal((2, 12, 3, kind))
    operands = [x, np.array(length), np.array(1)]
    for inverse in (0, 1):
        check_node("DFT", operands, inverse=inverse, tolerance=1e-9)
    if kind == 1:
        check_node("DFT", operands, onesided=1, tolerance=1e-9)
    check_node("DFT", operands, onesided=1, inverse=1, tolerance=1e-9)


@pytest.mark.parametrize("step", [1, 4])
def test_frames(step: int) -> None:
    x = RNG.standard_normal((2, 30, 1)).astype(np.float32)
    window = RNG.random(9).astype(np.float32)
    check_node("STFT", [x, np.array(step), window], onesided=1, tolerance=1e-4)
    check_node("STFT", [x, np.array(step), None, np.array(8)], onesided=0, tolerance=1e-4)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_determinants(size: int) -> None:
    x = RNG.standard_normal((3, 2, size, size))
    x[0, 0, :, 0] = 0
    x[0, 1, 0, 0] = 0
    check_node("Det", [x], tolerance=1e-9)
    check_node("Det", [x[1, 1].astype(np.float32)], tolerance=1e-4)


def test_columns_become_an_image() -> None:
    options = {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}
    count = ((6 + 3 - 1 - 1) // 2 + 1) * ((5 + 1 - 4 - 1) // 1 + 1)
    x = RNG.standard_normal((2, 3 * 6, count)).astype(np.float32)
    operands = [x, np.array([6, 5]), np.array([2, 3])]
    check_node("Col2Im", operands, tolerance=1e-5, **options)


def test_an_unpooled_index_out_of_range_is_an_error() -> None:
    x, index = np.ones((1, 1, 2), np.float32), np.array([[[0, 4]]])
    model = node_model("MaxUnpool", [x, index], kernel_shape=[2], strides=[2])
    with pytest.raises(IndexError, match="out of range for 4 elements"):
        torshjit.compile(model, strict=True)(x, index)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("fill", [0.0, 7.5])
def test_regions(mode: str, fill: float) -> None:
    x = RNG.standard_normal((1, 2, 5, 6)).astype(np.float32)
    region = np.array([0, 0, -0.3, 0.2, 1, 1, 0.8, 1.4], np.float32)
    operands = [x, region, None, np.array([1, 2, 4, 7])]
    check_node(
        "Resize",
        operands,
        mode=mode,
        extrapolation_value=fill,
        tolerance=1e-4,
        coordinate_transformation_mode="tf_crop_and_resize",
    )


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
def test_n_grams(mode: str) -> None:
    check_node(
        "TfIdfVectorizer",
        [RNG.integers(0, 4, (3, 12)).astype(np.int32)],
        mode=mode,
        min_gram_length=1,
        max_gram_length=3,
        max_skip_count=2,
        ngram_counts=[0, 3, 7],
        ngram_indexes=[2, 0, 1, 6, 3, 4],
        pool_int64s=[0, 2, 3, 1, 1, 0, 3, 1, 2, 3],
        weights=[0.5, 1.0, 2.0, 3.0, 1.5, 0.1, 0.7],
        opset=9,
    )


def test_dropout_with_a_seed_drops_the_same_at_each_call() -> None:
    x = np.ones((20, 30), np.float32)
    operands = [x, np.float32(0.3), np.array(True)]
    check_node("Dropout", operands, 2, seed=3, tolerance=1e-6)
