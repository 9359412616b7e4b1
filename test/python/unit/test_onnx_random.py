# SPDX-License-Identifier: Apache-2.0
"""Random numbers of ONNX models: compiled, and other ones at each call unless there is a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from onnx_nodes import node_model  # noqa: E402


def drawn(op: str, operands: list[np.ndarray], element: int, result: Any, **attributes: Any) -> Any:
    """A compiled node and its operands."""
    model = node_model(op, operands, **attributes)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y0", element, result))
    return torshjit.compile(model, strict=True)


SHAPE = (200, 100)


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_uniform(element: int) -> None:
    f = drawn("RandomUniform", [], element, SHAPE, shape=SHAPE, low=-1.0, high=3.0, dtype=element)
    first, second = np.array(f()), np.array(f())
    assert first.dtype == helper.tensor_dtype_to_np_dtype(element)
    assert (first != second).mean() > 0.9
    assert -1 <= first.min() <= -0.9
    assert 2.9 <= first.max() <= 3
    assert abs(first.astype(np.float64).mean() - 1) < 0.03


def test_normal_like() -> None:
    x = np.zeros(SHAPE, np.float32)
    f = drawn("RandomNormalLike", [x], TensorProto.FLOAT, SHAPE, mean=2.0, scale=3.0)
    y = f(x)
    assert abs(y.mean() - 2) < 0.1
    assert abs(y.std() - 3) < 0.1


def test_a_seed_gives_the_same_numbers_at_each_call() -> None:
    x = np.zeros(SHAPE, np.float32)
    seeded = [
        drawn("RandomUniformLike", [x], TensorProto.FLOAT, SHAPE, seed=seed) for seed in (1.0, 2.0)
    ]
    first, again, other = (np.array(seeded[number](x)) for number in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9


def test_seeding_numpy_repeats_a_call() -> None:
    f = drawn("RandomUniform", [], TensorProto.FLOAT, SHAPE, shape=SHAPE)
    np.random.seed(5)  # noqa: NPY002
    first = np.array(f())
    np.random.seed(5)  # noqa: NPY002
    np.testing.assert_array_equal(f(), first)


def test_bernoulli() -> None:
    x = np.broadcast_to(np.array([[0.0], [0.25], [1.0]], np.float32), (3, 8000)).copy()
    f = drawn("Bernoulli", [x], TensorProto.BOOL, x.shape, dtype=TensorProto.BOOL)
    means = f(x).mean(axis=1)
    assert means[0] == 0
    assert means[2] == 1
    assert abs(means[1] - 0.25) < 0.03


def test_multinomial() -> None:
    chances = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        x = np.log(chances).astype(np.float32)
    f = drawn("Multinomial", [x], TensorProto.INT32, (2, 8000), sample_size=8000)
    y = f(x)
    assert y.dtype == np.int32
    counts = np.stack([np.bincount(row, minlength=3) for row in y]) / 8000
    np.testing.assert_allclose(counts, chances, atol=0.03)


def test_dropout_without_a_seed_draws_at_each_call() -> None:
    x, ratio, training = np.ones(SHAPE, np.float32), np.float32(0.25), np.array(True)
    f = drawn("Dropout", [x, ratio, training], TensorProto.FLOAT, SHAPE)
    first, second = (np.array(f(x, ratio, training)) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_allclose(np.unique(first), [0, 1 / 0.75], rtol=1e-6)
    assert abs((first == 0).mean() - 0.25) < 0.02


def test_a_saved_program_draws_too(tmp_path: Any) -> None:
    x = np.zeros(SHAPE, np.float32)
    f = drawn("RandomUniformLike", [x], TensorProto.FLOAT, SHAPE)
    f(x)
    f.save(tmp_path / "random.torsh")
    loaded = torshjit.load(tmp_path / "random.torsh")
    assert (np.array(loaded(x)) != np.array(loaded(x))).mean() > 0.9
