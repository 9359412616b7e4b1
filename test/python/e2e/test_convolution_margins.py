# SPDX-License-Identifier: Apache-2.0
"""Margins of zeros are not multiplied; the result has to be what multiplying them gives.

Zero times an infinite or NaN filter is NaN, at the edge of the image too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from e2e.native_code import run_natively
from e2e.test_convolutions import Convolution

from torshjit import _runtime
from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")

CASES = {
    "narrow": Convolution(16, 32, (4, 4), (3, 3), 5, low=1, high=1),
    "rows-left-over": Convolution(32, 32, (7, 7), (3, 3), low=1, high=1),
    "row-in-tile": Convolution(40, 48, (14, 14), (3, 3), low=1, high=1, epilogue=True),
    "row-in-tiles": Convolution(16, 32, (9, 28), (3, 3), low=1, high=1),
    "little-margin": Convolution(16, 32, (21, 56), (3, 3), low=1, high=1),
    "channels-in-blocks": Convolution(600, 33, (5, 6), (3, 3), low=1, high=1),
    "wide-margin": Convolution(16, 24, (6, 7), (3, 3), low=2, high=2),
    "widest-margin": Convolution(16, 24, (5, 6), (3, 3), low=3, high=3),
    "one-sided": Convolution(16, 24, (9, 8), (3, 3), 2, low=(0, 1), high=(1, 0)),
    "asymmetric": Convolution(16, 24, (9, 8), (3, 2), low=(1, 3), high=(4, 0)),
    "window-of-5": Convolution(16, 24, (8, 9), (5, 5), low=2, high=2),
    "window-of-7": Convolution(16, 24, (12, 9), (7, 7), low=3, high=3),
    "dilated": Convolution(16, 24, (12, 13), (3, 3), dilation=4, low=4, high=4),
    "dilated-rows": Convolution(16, 24, (12, 13), (3, 3), dilation=(3, 1), low=(3, 1), high=(3, 1)),
    "strided": Convolution(16, 24, (14, 14), (3, 3), stride=2, low=1, high=1),
    "strided-dilated": Convolution(
        16, 24, (15, 17), (3, 3), stride=(2, 3), dilation=(3, 2), low=3, high=3
    ),
    "smaller-than-window": Convolution(16, 24, (2, 3), (5, 5), low=2, high=2),
    "one-column": Convolution(16, 24, (9, 1), (3, 3), low=1, high=1),
    "one-row": Convolution(16, 24, (1, 9), (3, 3), low=1, high=1),
    "one-element": Convolution(16, 32, (1, 1), (3, 3), 3, low=1, high=1),
    "groups": Convolution(32, 64, (7, 9), (3, 3), groups=2, low=1, high=1),
    "open-batch": Convolution(16, 32, (4, 4), (3, 3), 3, open_axes=(0,), low=1, high=1),
    "open-rows": Convolution(16, 32, (9, 8), (3, 3), 2, open_axes=(0, 2), low=1, high=1),
    "1d": Convolution(16, 32, (9,), (3,), 2, low=1, high=1),
    "3d": Convolution(16, 32, (3, 4, 5), (3, 3, 3), low=1, high=1),
    "f64": Convolution(16, 24, (7, 7), (3, 3), dtype="f64", low=1, high=1),
    "bf16": Convolution(16, 24, (7, 7), (3, 3), dtype="bf16", low=1, high=1),
    "f16": Convolution(16, 24, (7, 7), (3, 3), dtype="f16", low=1, high=1),
    "i32": Convolution(16, 24, (7, 7), (3, 3), dtype="i32", low=1, high=1),
}


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = _runtime.num_threads()
    _runtime.set_num_threads(request.param)
    yield request.param
    _runtime.set_num_threads(before)


def _check(case: Convolution, arguments: list[np.ndarray]) -> np.ndarray:
    """Compiles, runs and compares; returns the result."""
    module = _compiler.Module.parse(case.program(), _compiler.Context())
    wide = _compiler.Module.parse(replace(case, dtype="f64").program(), _compiler.Context())
    with np.errstate(invalid="ignore"):
        (wanted,) = evaluate(
            wide.graph(wide.functions()[0]), [x.astype(np.float64) for x in arguments]
        )
    (actual,) = run_natively(module, arguments)
    wanted = np.asarray(wanted).astype(actual.dtype).astype(np.float64)
    actual = actual.astype(np.float64)  # NaN of bf16 are not told from numbers.
    np.testing.assert_array_equal(actual, wanted)
    return actual


@pytest.mark.parametrize("label", CASES)
def test_margin(label: str, threads: int) -> None:
    case = CASES[label]
    arguments = case.arguments()
    result = _check(case, arguments)
    if case.dtype == "i32":
        return
    assert np.isfinite(result).all()
    # Each output with an infinite or NaN filter at a tap of its own, but a few.
    weight = arguments[1].reshape(arguments[1].shape[0], arguments[1].shape[1], -1)
    for output in range(0, len(weight), 3):
        value = (np.inf, np.nan, -np.inf)[output // 3 % 3]
        weight[output, output % weight.shape[1], output // 3 % weight.shape[2]] = value
    result = _check(case, arguments)
    assert np.isnan(result[:, 0]).any()


@pytest.mark.parametrize("tap", [0, 1, 2, 3, 5, 6, 7, 8])
@pytest.mark.parametrize("label", ["narrow", "rows-left-over", "strided", "one-element"])
def test_one_infinite_filter(label: str, tap: int) -> None:
    case = CASES[label]
    arguments = case.arguments()
    arguments[1].reshape(case.outputs, case.channels, 9)[5, 3, tap] = np.inf
    _check(case, arguments)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinite_image(value: float) -> None:
    """An element of the image reaches the positions whose windows have it, and no others."""
    case = CASES["rows-left-over"]
    arguments = case.arguments()
    arguments[0][0, 2, 0, 3] = value
    arguments[0][0, 1, 6, 6] = value
    result = _check(case, arguments)
    assert np.isfinite(result[0, :, 3, 3]).all()
