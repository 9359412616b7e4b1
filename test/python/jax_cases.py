# SPDX-License-Identifier: Apache-2.0
"""Functions of jax and arguments for them; jax itself is their oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_RNG = np.random.default_rng(0)


def _f(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def _i(low: int, high: int, *shape: int) -> np.ndarray:
    return _RNG.integers(low, high, shape).astype(np.int32)


@dataclass(frozen=True)
class JaxCase:
    name: str
    function: Callable[..., Any]
    arguments: tuple
    tolerance: float = 2e-5


def _loss(p: dict, x: Any, y: Any) -> Any:
    hidden = jax.nn.relu(x @ p["w1"] + p["b1"])
    scores = hidden @ p["w2"] + p["b2"]
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(scores) * jax.nn.one_hot(y, 3), -1))


def _layer_norm(x: Any, g: Any, b: Any) -> Any:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * g + b


def _attention(q: Any, k: Any, v: Any) -> Any:
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -1e9)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)


def _conv_net(x: Any, w: Any, w2: Any) -> Any:
    layout = ("NHWC", "HWIO", "NHWC")
    y = jax.nn.relu(jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout))
    y = jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    y = jax.lax.conv_general_dilated(y, w2, (2, 2), ((1, 1), (0, 1)), dimension_numbers=layout)
    return y.mean((1, 2))


def _grouped(x: Any, w: Any) -> Any:
    y = jax.lax.conv_general_dilated(x, w, (2,), "SAME", feature_group_count=2)
    return (y**2).sum()


_X, _PARAMETERS = _f(4, 8), {"w1": _f(8, 16), "b1": _f(16), "w2": _f(16, 3), "b2": _f(3)}
_LABELS = np.array([0, 1, 2, 1], np.int32)
_WITH_NAN = _X.copy()
_WITH_NAN[1, 3] = np.nan
_WITH_NAN[2, 2] = -np.inf
_QKV = (_f(2, 5, 3, 4), _f(2, 5, 3, 4), _f(2, 5, 3, 4))
_IMAGES = (_f(2, 8, 8, 3), _f(3, 3, 3, 4), _f(3, 3, 4, 5))

CASES = [
    JaxCase("mlp", lambda x, w, b: jax.nn.softmax(jnp.tanh(x @ w + b)), (_X, _f(8, 3), _f(3))),
    JaxCase("gradient of a loss", jax.value_and_grad(_loss), (_PARAMETERS, _X, _LABELS)),
    JaxCase("layer norm", _layer_norm, (_X, _f(8), _f(8))),
    JaxCase(
        "gradient of layer norm",
        jax.grad(lambda *a: (_layer_norm(*a) ** 2).sum(), argnums=(0, 1, 2)),
        (_X, _f(8), _f(8)),
        1e-4,
    ),
    JaxCase("attention", _attention, _QKV),
    JaxCase("dot_product_attention", jax.nn.dot_product_attention, _QKV),
    JaxCase("convolutions and pools", _conv_net, _IMAGES),
    JaxCase(
        "gradient of convolutions and pools",
        jax.grad(lambda *a: _conv_net(*a).sum(), argnums=(0, 1, 2)),
        _IMAGES,
    ),
    JaxCase(
        "dilated convolution with a negative margin",
        lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 2), ((1, 1), (0, -1)), (1, 2), (2, 1)),
        (_f(2, 4, 8, 8), _f(3, 4, 3, 3)),
    ),
    JaxCase(
        "gradient of a grouped convolution",
        jax.grad(_grouped, argnums=(0, 1)),
        (_f(2, 4, 8), _f(6, 2, 3)),
        1e-4,
    ),
    JaxCase(
        "transposed convolution",
        lambda x, w: jax.lax.conv_transpose(x, w, (2, 2), "SAME"),
        (_f(2, 5, 5, 3), _f(3, 3, 3, 4)),
    ),
    JaxCase(
        "average pool",
        lambda x: (
            jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME") / 9
        ),
        (_f(2, 9, 9, 3),),
    ),
    JaxCase(
        "general reduction",
        lambda x: jax.lax.reduce(x, np.float32(0), lambda a, b: a + b + a * b * 0, (1,)),
        (_X,),
    ),
    JaxCase(
        "extremes and their places",
        lambda x: (
            jnp.argmax(x, 1),
            jnp.argmin(x, 0),
            jnp.max(x, 1),
            jnp.nanmax(x, 1),
            jnp.argmax(x),
        ),
        (_WITH_NAN,),
    ),
    JaxCase(
        "sorts",
        lambda x: (jnp.sort(x, 1), jnp.argsort(x, 0), jnp.sort(x, 1, descending=True)),
        (_WITH_NAN,),
    ),
    JaxCase(
        "sort by two keys",
        lambda a, b: jax.lax.sort((a, b), num_keys=2),
        (_i(0, 3, 20), _i(0, 3, 20)),
    ),
    JaxCase("top_k", lambda x: jax.lax.top_k(x, 3), (_X,)),
    JaxCase(
        "running sums",
        lambda x: (
            jnp.cumsum(x, 1),
            jnp.cumprod(x, 0),
            jax.lax.cummax(x, 1),
            jax.lax.cumsum(x, 1, reverse=True),
            jax.lax.associative_scan(jnp.multiply, x, axis=1),
        ),
        (_X,),
    ),
    JaxCase("indexing", lambda x, i: x[i], (_X, np.array([0, 3, -1], np.int32))),
    JaxCase(
        "indexing by two arrays",
        lambda x, i, j: x[i, :, j],
        (_f(4, 5, 6), np.array([[0, 3, -1]], np.int32), np.array([1, 2, 5], np.int32)),
    ),
    JaxCase(
        "take out of range",
        lambda x, i: (jnp.take(x, i, axis=1), jnp.take(x, i, axis=1, mode="clip")),
        (_X, np.array([0, 3, 9], np.int32)),
    ),
    JaxCase("take_along_axis", lambda x, i: jnp.take_along_axis(x, i, 1), (_X, _i(0, 8, 4, 2))),
    JaxCase(
        "gradient of an embedding",
        jax.grad(lambda t, i: (t[i] ** 2).sum()),
        (_f(10, 4), np.array([[1, 2], [2, 2]], np.int32)),
    ),
    JaxCase(
        "updates at indices",
        lambda x, i, j: (
            x.at[i].set(7.0),
            x.at[i, j].add(7.0),
            x.at[:, j].multiply(2.0),
            x.at[i].min(0.0),
            x.at[i].max(0.5),
            x.at[1:3].set(0.0),
        ),
        (_X, np.array([0, 2, 9], np.int32), np.array([1, 2, 2], np.int32)),
    ),
    JaxCase(
        "slices at places that are data",
        lambda x, u, i: (
            jax.lax.dynamic_slice(x, (i, i + 1), (2, 3)),
            jax.lax.dynamic_update_slice(x, u, (i, i + 1)),
        ),
        (_X, _f(2, 3), np.int32(3)),
    ),
    JaxCase(
        "an update along axes that are apart",
        lambda x, u, i: jax.lax.dynamic_update_slice(x, u, (i, 0, i)),
        (_f(4, 5, 6), _f(2, 5, 3), np.int32(9)),
    ),
    JaxCase(
        "scan",
        lambda x: jax.lax.scan(lambda c, a: (c * 0.5 + a, c.sum()), jnp.zeros(8), x),
        (_X,),
    ),
    JaxCase("fori_loop", lambda x: jax.lax.fori_loop(0, 5, lambda i, c: c * 1.1 + i, x), (_X,)),
    JaxCase(
        "cond and switch",
        lambda x, i: (
            jax.lax.cond(i > 2, lambda x: x + 1, lambda x: x * 2, x),
            jax.lax.switch(i, [lambda x: x + 1, lambda x: x * 2, lambda x: -x], x),
        ),
        (_X, np.int32(7)),
    ),
    JaxCase(
        "functions",
        lambda x: (
            jnp.arcsin(x / 9),
            jnp.arccos(x / 9),
            jnp.arctan(x),
            jnp.sinh(x),
            jnp.cosh(x),
            jnp.arcsinh(x),
            jnp.arccosh(1 + x * x),
            jnp.arctanh(x / 9),
            jnp.tan(x / 4),
            jax.scipy.special.erf(x),
            jax.scipy.special.erfc(x),
            jnp.cbrt(x),
            jnp.exp2(x),
            jnp.log2(jnp.abs(x)),
            jax.nn.gelu(x),
            jax.nn.gelu(x, approximate=False),
            jax.nn.silu(x),
            jax.nn.softplus(x),
            jnp.expm1(x),
            jnp.log1p(jnp.abs(x)),
            jax.scipy.special.gammaln(jnp.abs(x) + 0.1),
            jax.nn.logsumexp(x, 1),
        ),
        (_X,),
    ),
    JaxCase(
        "logarithmic derivative of the gamma function, neighbours",
        lambda x: (jax.scipy.special.digamma(x), jnp.nextafter(x, -x), jnp.nextafter(x * 0, x)),
        (_X,),
        1e-4,
    ),
    JaxCase(
        "inverse of the error function",
        lambda x: jax.scipy.special.erfinv(jnp.tanh(x)),
        (_X,),
    ),
    JaxCase(
        "complement of the error function far out",
        jax.scipy.special.erfc,
        (np.linspace(-3, 9, 50, dtype=np.float32),),
        3e-5,
    ),
    JaxCase(
        "integers",
        lambda a, b: (
            a // b,
            a % b,
            a / b,
            a & b,
            a | b,
            a ^ b,
            ~a,
            a << 1,
            a >> 1,
            abs(a),
            jnp.sign(a),
            jax.lax.div(a, b),
            jax.lax.rem(a, b),
            jnp.minimum(a, b),
            a**2,
            a == b,
            a < b,
        ),
        (_i(-9, 9, 20), _i(-3, 3, 20)),
    ),
    JaxCase(
        "remainders and rounding",
        lambda a, b: (
            jnp.fmod(a, b),
            a % b,
            jnp.round(a, 1),
            jnp.trunc(a),
            jnp.sign(a),
            jnp.rint(a),
            jnp.floor_divide(a, b),
            jnp.isnan(a),
            jnp.isfinite(a),
            jax.lax.round(a),
        ),
        (_f(9), _f(9)),
    ),
    JaxCase("einsum", lambda a, b: jnp.einsum("abc,dcb->ad", a, b), (_f(2, 3, 4), _f(5, 4, 3))),
    JaxCase(
        "pad with gaps and cuts",
        lambda x: jax.lax.pad(x, np.float32(1), ((1, 2, 1), (-1, 0, 2))),
        (_X,),
    ),
    JaxCase(
        "movement",
        lambda x: (
            jnp.roll(x, 2, 1),
            jnp.flip(x, 0),
            jnp.tile(x, (2, 1)),
            jnp.repeat(x, 2, 0),
            jnp.concatenate([x, x], 1),
            jnp.stack([x, x]),
            jnp.triu(x),
            jnp.diag(x[0]),
            jnp.where(x > 0, x, 0),
            jnp.linspace(0, 1, 5) + x[0, 0],
            jnp.clip(x, -1, 1),
            jnp.moveaxis(x.reshape(2, 2, 8), 0, 2),
            x[::2, ::-1],
            jnp.squeeze(x[:1]),
        ),
        (_X,),
    ),
    JaxCase(
        "statistics",
        lambda x: (
            jnp.std(x),
            jnp.var(x, 0),
            jnp.median(x, 1),
            jnp.prod(x, 1),
            jnp.any(x > 1, 1),
            jnp.all(x > -9),
            jnp.percentile(x, 30.0),
            jnp.linalg.norm(x),
            jnp.cov(x),
        ),
        (_X,),
    ),
    JaxCase(
        "bfloat16",
        lambda x, w: x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16) * jnp.bfloat16(1.5),
        (_X, _f(8, 3)),
        2e-2,
    ),
    JaxCase("float16", lambda x: jax.nn.softmax(x.astype(jnp.float16)), (_X,), 3e-3),
    JaxCase("vmap of a gradient", jax.vmap(jax.grad(lambda x: jnp.sum(jnp.sin(x) ** 2))), (_X,)),
    JaxCase("hessian", jax.hessian(lambda x: jnp.sum(jnp.exp(x) ** 2)), (_f(3),)),
    JaxCase("an argument that is not used", lambda x, y: x * 2, (_X, _X)),
    JaxCase("random numbers", lambda k: jax.random.normal(k, (5,)), (jax.random.PRNGKey(0),)),
    JaxCase(
        "dropout",
        lambda k, x: jnp.where(jax.random.bernoulli(k, 0.5, x.shape), x, 0),
        (jax.random.PRNGKey(0), _X),
    ),
    JaxCase(
        "bits",
        lambda a: (
            jax.lax.population_count(a),
            jax.lax.clz(a),
            jax.lax.bitcast_convert_type(a, jnp.float32),
            jax.lax.shift_right_logical(a, jnp.int32(3)),
        ),
        (_i(-9, 900, 20),),
    ),
]
