# SPDX-License-Identifier: Apache-2.0
"""Programs as people write them in NumPy: what is compiled of each, and that all are right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

_random = np.random.default_rng(0)
X = _random.standard_normal((50, 8))


def kmeans_step(x, c):
    d = ((x[:, None, :] - c[None]) ** 2).sum(-1)
    lab = d.argmin(1)
    new = np.zeros_like(c)
    cnt = np.zeros(len(c))
    np.add.at(new, lab, x)
    np.add.at(cnt, lab, 1)
    return new / np.maximum(cnt, 1)[:, None], lab


def softmax_ce(x, y):
    z = x - x.max(1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    g = p.copy()
    g[np.arange(len(y)), y] -= 1
    return loss, g / len(y)


def life(b):
    n = sum(
        np.roll(np.roll(b, i, 0), j, 1) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)
    )
    return ((n == 3) | ((b == 1) & (n == 2))).astype(b.dtype)


def relu_net(x, w1, w2):
    h = x @ w1
    h[h < 0] = 0
    return h @ w2


def standardize(x):
    m = np.nanmean(x, 0)
    s = np.nanstd(x, 0)
    return np.where(np.isnan(x), 0, (x - m) / s)


def rolling(x, w=5):
    c = np.cumsum(np.insert(x, 0, 0))
    return (c[w:] - c[:-w]) / w


def pca(x):
    xc = x - x.mean(0)
    _, s, v = np.linalg.svd(xc, full_matrices=False)
    return xc @ v[:2].T, s


def power_spec(x):
    return np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2


def nbody(p, m):
    d = p[None] - p[:, None]
    r2 = (d**2).sum(-1) + 1e-3
    return (d * (m / r2**1.5)[..., None]).sum(1)


def onehot(y, n=5):
    o = np.zeros((len(y), n))
    o[np.arange(len(y)), y] = 1
    return o


def mandel(c, it=20):
    n = np.zeros(c.shape[:1], int)
    re = c[:, 0]
    im = c[:, 1]
    a = np.zeros_like(re)
    b = np.zeros_like(im)
    for _ in range(it):
        a, b = a * a - b * b + re, 2 * a * b + im
        n[a * a + b * b < 4] += 1
    return n


def topk(x, k=3):
    i = np.argsort(-x, axis=1)[:, :k]
    return np.take_along_axis(x, i, 1), i


def conv1d(x, k):
    return np.convolve(x, k, mode="same") + 1


def lstsq(a, b):
    return np.linalg.lstsq(a, b, rcond=None)[0]


def hist(x):
    return np.histogram(x, bins=10, range=(0, 1))[0] / len(x)


PROGRAMS: list[tuple[Callable, list[np.ndarray], set[str]]] = [
    (kmeans_step, [X, X[:5].copy()], set()),
    (softmax_ce, [X, _random.integers(0, 8, 50)], set()),
    (life, [_random.integers(0, 2, (20, 20))], set()),
    (relu_net, [X, _random.standard_normal((8, 16)), _random.standard_normal((16, 3))], set()),
    (standardize, [np.where(_random.random((50, 8)) < 0.1, np.nan, X)], set()),
    (rolling, [X[:, 0].copy()], set()),
    (pca, [X], {"numpy.linalg.svd"}),
    (power_spec, [_random.standard_normal(64)], {"numpy.fft.rfft", "numpy.absolute"}),
    (nbody, [_random.standard_normal((10, 3)), _random.random(10)], set()),
    (onehot, [_random.integers(0, 5, 20)], set()),
    (mandel, [_random.standard_normal((100, 2)) * 0.7], set()),
    (topk, [X], set()),
    (conv1d, [X[:, 0].copy(), X[:5, 1].copy()], set()),
    (hist, [_random.random(100)], {"numpy.histogram"}),
]


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("function", "arrays", "on_host"), PROGRAMS, ids=[row[0].__name__ for row in PROGRAMS]
)
def test_program(function: Callable, arrays: list[np.ndarray], on_host: set[str]) -> None:
    expected = function(*[array.copy() for array in arrays])
    compiled = torshjit.compile(function)
    for _ in range(2):
        result = compiled(*arrays)
        for part, wanted in zip(
            result if isinstance(result, tuple) else (result,),
            expected if isinstance(expected, tuple) else (expected,),
            strict=True,
        ):
            assert (type(part), part.dtype) == (type(wanted), wanted.dtype)
            np.testing.assert_allclose(part, wanted, rtol=1e-9, atol=1e-12)
    assert set(compiled.stats()["fallback_ops"]) == on_host
    assert not compiled.explain(structured=True)["fallbacks"]
