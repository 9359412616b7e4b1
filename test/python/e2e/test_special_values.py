# SPDX-License-Identifier: Apache-2.0
"""NaN and infinities through every reduction and activation, at each place of rows and columns.

What they leave has to be NaN, infinite with its sign or finite exactly where torch in float64
has it so: a masked tail, a vector's neutral lanes or a rescaled sum may not lose one or make one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

import torch.nn.functional as F  # noqa: E402

import torshjit  # noqa: E402

# Shorter and longer than vectors, whole ones, with tails; the last one than what a loop unrolls.
LENGTHS = (1, 3, 16, 17, 33, 67, 259)
KINDS = {
    "nan": [np.nan],
    "inf": [np.inf],
    "minus-inf": [-np.inf],
    "both": [np.inf, -np.inf],
    "nan-and-inf": [np.inf, np.nan],
}

REDUCTIONS: dict[str, Callable] = {
    "sum": lambda x, axis: x.sum(axis),
    "mean": lambda x, axis: x.mean(axis),
    "prod": lambda x, axis: x.prod(axis),
    "amax": lambda x, axis: x.amax(axis),
    "amin": lambda x, axis: x.amin(axis),
    "max": lambda x, axis: x.max(axis)[0],
    "argmax": lambda x, axis: x.argmax(axis),
    "argmin": lambda x, axis: x.argmin(axis),
    "any": lambda x, axis: x.isnan().any(axis),
    "all": lambda x, axis: x.isfinite().all(axis),
    "var": lambda x, axis: x.var(axis, correction=0),
    "std": lambda x, axis: x.std(axis, correction=0),
    "norm": lambda x, axis: torch.linalg.vector_norm(x, dim=axis),
    "norm-1": lambda x, axis: torch.linalg.vector_norm(x, ord=1, dim=axis),
    "norm-inf": lambda x, axis: torch.linalg.vector_norm(x, ord=float("inf"), dim=axis),
    "logsumexp": lambda x, axis: x.logsumexp(axis),
    "softmax": lambda x, axis: x.softmax(axis),
    "log-softmax": lambda x, axis: x.log_softmax(axis),
    "cumsum": lambda x, axis: x.cumsum(axis),
    "cumprod": lambda x, axis: x.cumprod(axis),
    "cummax": lambda x, axis: x.cummax(axis)[0],
    "cummin": lambda x, axis: x.cummin(axis)[0],
    "squared-sum": lambda x, axis: (x * x + 1).sum(axis),
}
ROW_REDUCTIONS: dict[str, Callable] = {
    "layer-norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "rms-norm": lambda x: F.rms_norm(x, x.shape[-1:]),
    "cross-entropy": lambda x: F.cross_entropy(
        x, torch.zeros(x.shape[0], dtype=torch.int64), reduction="none"
    ),
    "all-of-it": lambda x: x.sum(),
    "largest-of-it": lambda x: x.amax(),
}
ACTIVATIONS: dict[str, Callable] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "sigmoid": torch.sigmoid,
    "logsigmoid": F.logsigmoid,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "tanh": torch.tanh,
    "tanhshrink": F.tanhshrink,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "threshold": lambda x: F.threshold(x, 0.25, 2.0),
    "glu": lambda x: F.glu(torch.cat([x, x], -1)),
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "erf": torch.erf,
}


class _Module(torch.nn.Module):
    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def _rows(length: int, dtype: torch.dtype) -> torch.Tensor:
    """A row for each kind and each place, and one of finite numbers."""
    rng = np.random.default_rng(length)

    def numbers() -> np.ndarray:
        # Products of all of them are in range of f32.
        return rng.uniform(0.7, 1.4, length) * rng.choice([-1, 1], length)

    places = range(length) if length < 100 else (0, 1, 15, 16, 63, 64, 128, length - 2, length - 1)
    rows = [numbers()]
    for kind in KINDS.values():
        for place in places:
            row = numbers()
            for distance, value in enumerate(kind):
                row[(place + distance * (length // 2 + 1)) % length] = value
            rows.append(row)
    return torch.from_numpy(np.stack(rows)).to(dtype)


def _check(function: Callable, x: torch.Tensor, tolerance: float) -> None:
    actual = torshjit.compile(_Module(function))(x)
    expected = function(x.double())
    if not expected.is_floating_point():
        assert torch.equal(actual, expected)
        return
    actual = actual.double()
    for name, which in (("nan", torch.isnan), ("inf", torch.isposinf), ("-inf", torch.isneginf)):
        wrong = (which(actual) != which(expected)).nonzero()
        assert not len(wrong), f"{name} at {wrong[:5].tolist()}"
    finite = expected.isfinite()
    torch.testing.assert_close(actual[finite], expected[finite], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("axis", [1, 0], ids=["rows", "columns"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, axis: int) -> None:
    for length in LENGTHS:
        x = _rows(length, torch.float32)
        x = x if axis else x.T.contiguous()
        _check(lambda x: REDUCTIONS[name](x, axis), x, 1e-4)


@pytest.mark.parametrize("name", ROW_REDUCTIONS)
def test_reductions_of_rows(name: str) -> None:
    for length in LENGTHS:
        x = _rows(length, torch.float32)
        # Rows of one element have no variance.
        if length > 1:
            _check(ROW_REDUCTIONS[name], x, 1e-4)
        _check(ROW_REDUCTIONS[name], x[:1], 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: torch.dtype) -> None:
    tolerance = {torch.float32: 1e-5, torch.float16: 2e-3}.get(dtype, 2e-2)
    for length in (3, 33, 67):
        _check(ACTIVATIONS[name], _rows(length, dtype), tolerance)
