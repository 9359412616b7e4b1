# SPDX-License-Identifier: Apache-2.0
"""Attention as one kernel: what is recognised as it, extents that are `?`, and odd values."""

from __future__ import annotations

import math

import numpy as np
import pytest

import torshjit

_WIDTH = 32


def _reference(q, k, v, mask=None, hidden=-np.inf):
    """In float64: softmax(q k^T / sqrt(width), masked) v."""
    q, k, v = (np.asarray(each, np.float64) for each in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, hidden) if mask.dtype == bool else scores + mask
    with np.errstate(all="ignore"):
        weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        return weights / np.sum(weights, axis=-1, keepdims=True) @ v


def _random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def _close(result, expected) -> None:
    np.testing.assert_allclose(np.asarray(result), expected, rtol=2e-5, atol=2e-5)


def _spelt_out(q, k, v):
    scores = (q @ np.swapaxes(k, -1, -2)) * np.float32(1 / math.sqrt(_WIDTH))
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return (weights / np.sum(weights, axis=-1, keepdims=True)) @ v


def _causal(q, k, v):
    scores = (q @ np.swapaxes(k, -1, -2)) * np.float32(1 / math.sqrt(_WIDTH))
    scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, np.float32(-1e30))
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return (weights / np.sum(weights, axis=-1, keepdims=True)) @ v


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("function", [_spelt_out, _causal])
def test_a_numpy_program_is_one_kernel(function, threads):
    compiled = torshjit.compile(function, config=torshjit.JitConfig(num_threads=threads))
    for tokens in (70, 130):
        q, k, v = (_random(3, tokens, _WIDTH, seed=i) for i in range(3))
        mask = np.tri(tokens, dtype=bool) if function is _causal else None
        _close(compiled(q, k, v), _reference(q, k, v, mask))
    assert compiled.stats()["kernels"] == 2  # One for each number of tokens.
    assert not compiled.stats()["fallback_ops"]


def test_heads_are_not_moved():
    def program(x, y):
        q, k = (each.reshape(2, 50, 4, _WIDTH).transpose(0, 2, 1, 3) for each in (x, y))
        return _spelt_out(q, k, k).transpose(0, 2, 1, 3).reshape(2, 50, 4 * _WIDTH)

    compiled = torshjit.compile(program)
    x, y = _random(2, 50, 4 * _WIDTH), _random(2, 50, 4 * _WIDTH, seed=1)
    q, k = (each.reshape(2, 50, 4, _WIDTH).transpose(0, 2, 1, 3) for each in (x, y))
    expected = _reference(q, k, k).transpose(0, 2, 1, 3).reshape(x.shape)
    _close(compiled(x, y), expected)
    assert compiled.stats()["kernels"] == 1


_OPEN = """
func.func @main(%q: tensor<2x?x32xf32>, %k: tensor<2x?x32xf32>, %v: tensor<2x?x32xf32>,
                %m: tensor<?x?xi1>) -> tensor<2x?x32xf32> {
  %0 = torsh.attention %q, %k, %v mask(%m) {scale = 0.1767766952966369, zero_masked_rows = true}
      : (tensor<2x?x32xf32>, tensor<2x?x32xf32>, tensor<2x?x32xf32>, tensor<?x?xi1>)
      -> tensor<2x?x32xf32>
  return %0 : tensor<2x?x32xf32>
}
"""


def test_open_extents():
    compiled = torshjit.compile(_OPEN)
    rng = np.random.default_rng(5)
    for queries, keys in ((1, 1), (5, 67), (64, 64), (65, 1), (130, 200), (0, 3), (3, 0)):
        q, k, v = _random(2, queries, 32), _random(2, keys, 32), _random(2, keys, 32, seed=1)
        mask = rng.random((queries, keys)) < 0.5
        if queries > 2:
            mask[2] = False  # A query that sees no key.
        result = np.asarray(compiled(q, k, v, mask))
        if keys == 0:
            np.testing.assert_array_equal(result, np.zeros_like(q))
            continue
        expected = _reference(q, k, v, mask)
        expected[:, ~mask.any(axis=-1)] = 0
        _close(result, expected)


_CAUSAL = """
func.func @main(%q: tensor<5x{queries}x{width}x{type}>, %k: tensor<5x{keys}x{width}x{type}>,
                %v: tensor<5x{keys}x{width}x{type}>) -> tensor<5x{queries}x{width}x{type}> {{
  %0 = torsh.attention %q, %k, %v {{scale = {scale} : f64, causal = true}}
      : (tensor<5x{queries}x{width}x{type}>, tensor<5x{keys}x{width}x{type}>,
         tensor<5x{keys}x{width}x{type}>) -> tensor<5x{queries}x{width}x{type}>
  return %0 : tensor<5x{queries}x{width}x{type}>
}}
"""


def _check_causal(compiled, queries, keys, width, dtype):
    q = _random(5, queries, width).astype(dtype)
    k, v = (_random(5, keys, width, seed=i).astype(dtype) for i in (1, 2))
    mask = np.tri(queries, keys, dtype=bool)
    expected = _reference(q, k, v, mask)
    _close(compiled(q, k, v), expected)
    # A key that no query but the last ones sees does not reach the others.
    at = min(queries, keys) - 1
    k[0, at], k[1, at] = np.nan, np.inf
    _close(np.asarray(compiled(q, k, v))[:, :at], expected[:, :at])


@pytest.mark.parametrize("threads", [1, 2])
def test_causal_open_extents(threads):
    """Tiles are computed in pairs of an early and a late one; blocks end where tiles do not."""
    text = _CAUSAL.format(queries="?", keys="?", width=64, type="f32", scale=0.125)
    compiled = torshjit.compile(text, config=torshjit.JitConfig(num_threads=threads))
    for queries, keys in (
        (1, 1), (15, 16), (17, 17), (61, 61), (64, 64), (65, 65), (124, 124), (130, 130),
        (200, 90), (90, 200), (333, 333),
    ):  # fmt: skip
        _check_causal(compiled, queries, keys, 64, np.float32)


@pytest.mark.parametrize("width", [20, 64, 96])
@pytest.mark.parametrize("tokens", [40, 100, 144, 263])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_causal_tiles(tokens, width, dtype):
    text = _CAUSAL.format(
        queries=tokens, keys=tokens, width=width, type=dtype, scale=1 / math.sqrt(width)
    )
    compiled = torshjit.compile(text, config=torshjit.JitConfig(num_threads=2))
    _check_causal(compiled, tokens, tokens, width, np.dtype(dtype.replace("f", "float")))


def test_extents_have_to_agree():
    compiled = torshjit.compile(_OPEN)
    q, k = _random(2, 5, 32), _random(2, 6, 32)
    with pytest.raises(torshjit.TorshError):
        compiled(q, k, _random(2, 7, 32), np.ones((5, 6), bool))
    with pytest.raises(torshjit.TorshError):
        compiled(q, k, k, np.ones((5, 7), bool))


def test_values_that_are_no_numbers_stay_in_their_rows():
    q, k, v = (_random(2, 40, _WIDTH, seed=i) for i in range(3))
    q[0, 3] = np.nan
    q[1, 7, 0] = np.inf
    compiled = torshjit.compile(_spelt_out)
    result, expected = np.asarray(compiled(q, k, v)), _reference(q, k, v)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    _close(result[~np.isnan(expected)], expected[~np.isnan(expected)])
    v[1, 5, 2] = np.nan
    assert np.isnan(np.asarray(compiled(q, k, v))[1, :, 2]).all()


def test_large_scores_do_not_overflow():
    q, k, v = (_random(1, 33, _WIDTH, seed=i) for i in range(3))
    _close(torshjit.compile(_spelt_out)(q * 1000, k, v), _reference(q * 1000, k, v))


@pytest.mark.parametrize("hidden", [-3.0, -1e4, float(np.finfo(np.float32).min)])
def test_a_hidden_score_that_is_a_number_counts(hidden):
    """No key that the first query sees is above what hides the others."""

    def program(q, k, v):
        scores = np.where(np.tri(70, dtype=bool), q @ np.swapaxes(k, -1, -2), np.float32(hidden))
        weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        return (weights / np.sum(weights, axis=-1, keepdims=True)) @ v

    q, k, v = (_random(2, 70, _WIDTH, seed=i) for i in range(3))
    k[:, 0] = -q[:, 0] * 400
    scores = np.asarray(q, np.float64) @ np.swapaxes(np.asarray(k, np.float64), -1, -2)
    scores = np.where(np.tri(70, dtype=bool), scores, hidden)
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    expected = weights / np.sum(weights, axis=-1, keepdims=True) @ np.asarray(v, np.float64)
    np.testing.assert_allclose(
        np.asarray(torshjit.compile(program)(q, k, v)), expected, rtol=2e-3, atol=2e-3
    )


def test_decoding_shares_the_heads_of_a_group():
    torch = pytest.importorskip("torch")

    class Decode(torch.nn.Module):
        def forward(self, q, k, v):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    compiled = torshjit.compile(Decode())
    for dtype in (torch.float32, torch.bfloat16):
        q = torch.from_numpy(_random(2, 8, 1, 64)).to(dtype)
        k, v = (torch.from_numpy(_random(2, 2, 77, 64, seed=i)).to(dtype) for i in (1, 2))
        expected = Decode()(q.double(), k.double(), v.double())
        tolerance = 2e-5 if dtype == torch.float32 else 1e-2
        torch.testing.assert_close(
            compiled(q, k, v).double(), expected, rtol=tolerance, atol=tolerance
        )
    assert not compiled.stats()["fallback_ops"]
