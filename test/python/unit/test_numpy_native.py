# SPDX-License-Identifier: Apache-2.0
"""NumPy functions as users write them, compiled to machine code."""

from __future__ import annotations

import math

import numpy as np
import pytest

_compiler = pytest.importorskip("torshjit._compiler")
if not hasattr(_compiler, "compile"):
    pytest.skip("this build of the compiler has no code generation", allow_module_level=True)

from plain_comparison import assert_same, capture, check  # noqa: E402

import torshjit  # noqa: E402

CPU = {"target_device": "cpu"}
RANDOM = np.random.default_rng(11)
WEIGHT = RANDOM.normal(size=(16, 8)).astype(np.float32)
BIAS = RANDOM.normal(size=8).astype(np.float32)


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return RANDOM.normal(size=shape).astype(dtype)


def dense(x: np.ndarray) -> np.ndarray:
    return np.tanh(x @ WEIGHT + BIAS)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def layer_norm(x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(q.shape[-1])
    mask = np.triu(np.ones(scores.shape[-2:], bool), 1)
    return softmax(np.where(mask, -np.inf, scores)) @ v


def gelu(x: np.ndarray) -> np.ndarray:
    # math.sqrt: NumPy's scalar would make the rest f64, where the rounding of an f32 x**3 shows.
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def statistics(x: np.ndarray) -> dict:
    return {"mean": x.mean(), "std": x.std(axis=0), "range": (x.min(), x.max()), "n": x.argmax(1)}


def windows(x: np.ndarray) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1)))
    return padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]


def integers(x: np.ndarray) -> tuple:
    n = (x * 100).astype(np.int64)
    return n // 7, n % 7, np.where(n > 0, n, -n), n.sum(), (n & 3) | 1


CASES = {
    "dense": (dense, draw(5, 16)),
    "dense-large": (dense, draw(130, 16)),
    "softmax": (softmax, draw(7, 33)),
    "softmax-first-axis": (lambda x: softmax(x, 0), draw(7, 33)),
    "layer_norm": (layer_norm, draw(9, 65)),
    "attention": (attention, *(draw(2, 3, 5, 8, dtype="float64") for _ in range(3))),
    "gelu": (gelu, draw(4, 100)),
    "gelu-f64": (gelu, draw(4, 100, dtype="float64")),
    "statistics": (statistics, draw(6, 10, dtype="float64")),
    "windows": (windows, draw(3, 17)),
    "integers": (integers, draw(5, 9)),
    "movement": (lambda x: (x.T[::-1], np.roll(x, 1, 0), np.stack([x, -x], 1)), draw(3, 4)),
    "scalars": (lambda s, x: (s * 2, x.sum() + s), np.float64(3), draw(4, dtype="float64")),
    "empty": (lambda x: (x + 1, x.sum(0)), draw(0, 3)),
    "no-operation": (lambda x: (x, x.copy(), None, 3), draw(2, 2)),
}


@pytest.mark.parametrize("strategy", ["none", "default", "aggressive"])
@pytest.mark.parametrize("name", CASES)
def test_function(name: str, strategy: str) -> None:
    function, *arguments = CASES[name]
    check(function, *arguments, compile_options={**CPU, "fusion_strategy": strategy})


def test_layouts() -> None:
    x = draw(6, 16)
    for argument in (x[::2], x[:, ::-1], np.asfortranarray(x), x.astype(">f4")):
        check(dense, argument, compile_options=CPU)


def test_weights_are_read_at_each_call() -> None:
    compiled = capture(dense, **CPU)
    x = draw(5, 16)
    saved = BIAS.copy()
    try:
        for step in range(3):
            BIAS[:] = step
            assert_same(compiled(x), dense(x))
    finally:
        BIAS[:] = saved
    stats = compiled.stats()
    assert (stats["calls"], stats["specializations"]) == (3, 1)
    assert stats["kernels"] >= 1
    assert stats["compiled_ops"] >= 3
    assert stats["peak_bytes"] <= stats["naive_peak_bytes"]


def test_explain_names_the_users_lines() -> None:
    compiled = capture(dense, **CPU)
    compiled(draw(5, 16))
    text = compiled.explain()
    assert "torsh.tanh" in text
    assert "test_numpy_native.py" in text


def test_ir_of_every_phase() -> None:
    compiled = torshjit.trace(dense, (draw(5, 16),), **CPU)
    for phase, _ in _compiler.phases():
        assert compiled.ir(phase).strip()
    assert " x float>" in compiled.ir("llvmir")
    assert "torsh_kernel_matmul_add_tanh:" in compiled.ir("assembly")
    with pytest.raises(
        torshjit.ConfigError, match=r"unknown phase 'nothing'; phases: capture, .*, assembly"
    ):
        compiled.ir("nothing")


def test_save_and_load(tmp_path) -> None:
    x = draw(5, 16)
    compiled = torshjit.trace(dense, (x,), **CPU)
    compiled.save(tmp_path / "dense.tsx")
    assert_same(torshjit.load(tmp_path / "dense.tsx")(x), dense(x))
    with pytest.raises(torshjit.TorshError, match="argument 0"):
        torshjit.load(tmp_path / "dense.tsx")(x[:3])
