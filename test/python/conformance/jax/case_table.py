# SPDX-License-Identifier: Apache-2.0
"""The cases: what a function over arrays returns, by family."""

from __future__ import annotations

import numpy as np

__all__ = ["ARRAYS", "FAMILIES"]

_random = np.random.default_rng(0)


def _f(*shape: int) -> np.ndarray:
    return _random.standard_normal(shape).astype(np.float32)


#: The arrays that cases use, by name.
ARRAYS: dict[str, np.ndarray] = {
    "x": _f(4, 6),
    "y": _f(4, 6),
    "p": np.abs(_f(4, 6)) + np.float32(0.1),
    "q": np.abs(_f(4, 6)) + np.float32(0.1),
    "v": _f(6),
    "w": _f(3),
    "s": _f(4, 4),
    "t": np.sort(_f(9)),
    "c": _f(4, 3),
    "d": _f(4, 3),
    "i": _random.integers(-5, 5, (4, 6)).astype(np.int32),
    "j": _random.integers(1, 6, (4, 6)).astype(np.int32),
    "k": _random.integers(0, 6, (4, 2)).astype(np.int32),
    "n": np.array([0, 1, 2, 2, 1, 0], np.int32),
    "b": _random.random((4, 6)) > 0.5,
    "u": _random.integers(0, 255, (4, 6)).astype(np.uint8),
    "m": _random.integers(1, 255, (4, 6)).astype(np.uint8),
    "z": _f(2, 6, 6, 3),
    "f": _f(3, 3, 1, 6),
    "g": _f(1, 2, 5, 5, 5),
    "h": _f(3, 2, 2, 2, 2),
    "r": np.array([0, 1], np.uint32),
}

_UNARY = """sin cos tan sinh cosh tanh exp expm1 square negative abs sign floor ceil rint trunc
isnan isfinite isinf signbit deg2rad rad2deg sinc i0 nan_to_num cbrt exp2 reciprocal fabs"""
_OF_POSITIVE = "sqrt log log2 log10 log1p"
_OF_SMALL = "arcsin arccos arctan arctanh"
_BINARY = """add subtract multiply divide maximum minimum arctan2 hypot fmod mod floor_divide
copysign logaddexp logaddexp2 heaviside nextafter fmax fmin divmod equal less greater_equal
not_equal isclose"""
_INTEGER = """add subtract multiply floor_divide mod bitwise_and bitwise_or bitwise_xor
left_shift right_shift maximum minimum power divide fmod gcd lcm"""
_UNSIGNED = "add subtract multiply floor_divide mod bitwise_and maximum right_shift less"
_REDUCTION = """sum prod mean std var max min argmax argmin all any cumsum cumprod median ptp nansum
nanmean nanmax nanmin nanstd nanmedian count_nonzero average nanargmax nancumsum"""
_ORDER = "sort argsort flip fliplr flipud rot90 ravel transpose diff gradient"
_ACTIVATION = """relu relu6 sigmoid softplus silu log_sigmoid leaky_relu elu selu celu gelu
hard_sigmoid hard_silu hard_tanh soft_sign mish squareplus sparse_plus glu softmax log_softmax
logsumexp standardize"""
_SPECIAL = "erf erfc digamma gammaln expit ndtr log_ndtr i0e i1e i1 entr gamma"

FAMILIES: dict[str, list[str]] = {
    "elementwise": [
        *(f"jnp.{name}(x)" for name in _UNARY.split()),
        *(f"jnp.{name}(p)" for name in _OF_POSITIVE.split()),
        *(f"jnp.{name}(x / 9)" for name in _OF_SMALL.split()),
        *(f"jnp.{name}(x, y)" for name in _BINARY.split()),
        "jnp.power(p, y)",
        "jnp.float_power(p, y)",
        "jnp.ldexp(x, i)",
        "jnp.clip(x, -0.5, 0.5)",
        "lax.clamp(np.float32(-0.5), x, np.float32(0.5))",
        "x.astype(jnp.bfloat16) * jnp.bfloat16(1.5)",
        "(b.sum(), b.astype(int) + 1, jnp.logical_xor(b, ~b))",
        "(b.sum(0), jnp.where(b, x, y), lax.select(b, x, y))",
    ],
    "integers": [
        *(f"jnp.{name}(i, j)" for name in _INTEGER.split()),
        *(f"jnp.{name}(u, m)" for name in _UNSIGNED.split()),
        "(lax.population_count(i), lax.clz(i), ~i, abs(i))",
        "(jnp.packbits(b), jnp.unpackbits(u))",
        "lax.bitcast_convert_type(i, jnp.float32)",
    ],
    "reductions": [
        *(f"jnp.{name}(x)" for name in _REDUCTION.split()),
        *(f"jnp.{name}(x, axis=1)" for name in _REDUCTION.split()),
        "lax.reduce(i, np.int32(-1), lax.bitwise_and, (0,))",
        "lax.reduce(i, np.int32(0), lax.bitwise_xor, (1,))",
        "(lax.cummin(x, 0, reverse=True), lax.cummax(x, 1), lax.cumlogsumexp(x, 1))",
        "lax.associative_scan(jnp.multiply, x, axis=1)",
        "(jnp.percentile(x, np.array([10.0, 50.0])), jnp.quantile(x, 0.3, axis=0))",
        "(jnp.cov(x), jnp.corrcoef(x))",
        "jnp.histogram(x, bins=5, range=(-2, 2))[0]",
        "jnp.bincount(n, length=10)",
        "(jax.ops.segment_sum(v, n, 3), jax.ops.segment_max(v, n, 3))",
    ],
    "orders": [
        *(f"jnp.{name}(x)" for name in _ORDER.split()),
        "lax.top_k(x, 2)",
        "lax.sort([x, y], num_keys=1)",
        "jnp.lexsort((n, n[::-1]))",
        "jnp.partition(x, 2)",
        "(jnp.searchsorted(t, v), jnp.digitize(v, t), jnp.interp(v, t, t * 2))",
    ],
    "products": [
        "jnp.dot(x, y.T)", "jnp.vdot(v, v)", "jnp.inner(x, y)", "jnp.outer(v, w)",
        "jnp.tensordot(x, y.T, 1)", "jnp.kron(s, x)", "jnp.cross(c, d)",
        "jnp.einsum('ij,kj->ik', x, y)", "jnp.einsum('ij,ij->i', x, y)",
        "jnp.linalg.multi_dot([x, y.T, s])", "jnp.linalg.matrix_power(s, 3)",
        "(jnp.linalg.norm(x, axis=1), jnp.linalg.norm(x, 1), jnp.linalg.norm(x, jnp.inf))",
        "jnp.convolve(v, w)", "jnp.correlate(v, w)", "jnp.polyval(w, x)", "jnp.vander(v)",
        "jnp.trace(s)", "jnp.linalg.det(s)", "jnp.linalg.inv(s)", "jnp.linalg.solve(s, c)",
        "jnp.linalg.cholesky(s @ s.T)", "jnp.linalg.svd(s)", "jnp.linalg.eigh(s + s.T)",
    ],
    "movement": [
        "jnp.roll(x, (1, 2), (0, 1))", "jnp.pad(x, 2, mode='reflect')",
        "jnp.pad(x, 1, mode='edge')", "jnp.pad(x, 3, mode='wrap')", "jnp.pad(x, 1)",
        "jnp.tile(x, (2, 3))", "jnp.repeat(x, 3, 1)", "jnp.split(x, 3, 1)",
        "jnp.array_split(x, 4, 1)", "jnp.meshgrid(v, w)", "jnp.block([[x, y], [y, x]])",
        "(jnp.tril(s), jnp.triu(s), jnp.diag(v), jnp.diagonal(s))",
        "(jnp.moveaxis(x[None], 0, -1), x[::2, ::-1], x[1:, -2])",
        "lax.pad(x, np.float32(1), ((1, 2, 1), (-1, 0, 2)))",
        "jax.image.resize(x, (8, 12), 'linear')", "jax.image.resize(x, (2, 9), 'nearest')",
        "jnp.select([b, ~b], [x, y])", "jnp.choose(n % 2, [v, v * 2], mode='clip')",
    ],
    "indexing": [
        "x[k[:, 0]]", "x[:, n]", "x[k[:, 0], n[:4]]", "x[n[:3, None], n]",
        "jnp.take(x, i, mode='wrap')", "jnp.take(x, n, axis=1, mode='clip')",
        "jnp.take(x, n * 4, axis=1)", "jnp.take_along_axis(x, k, 1)",
        "jnp.put_along_axis(x, k[:, :1], 9.0, 1, inplace=False)",
        "x.at[k[:, 0]].set(7.0)", "x.at[:, n].add(y)", "x.at[n[:3], n[:3]].multiply(2.0)",
        "x.at[n[:3]].min(0.0)", "x.at[1:3, ::2].max(0.5)", "x.at[n * 3].add(1.0)",
        "jax.vmap(lambda a, e: a[e])(x, k)",
        "jax.vmap(lambda a, e: a.at[e].add(1.0))(x, k)",
        "jax.vmap(lambda a, e: lax.dynamic_update_slice(a, w, (e,)))(x, k[:, 0])",
        "jax.vmap(lambda e: lax.dynamic_slice(v, (e,), (3,)))(n)",
        "lax.dynamic_slice(x, (n[1], n[2]), (2, 3))",
        "lax.dynamic_update_slice(x, y[:2, :3], (n[1], n[2]))",
        "jax.nn.one_hot(n, 5)",
    ],
    "windows": [
        "lax.conv(z.transpose(0, 3, 1, 2), f.transpose(3, 2, 0, 1).repeat(3, 1), (1, 1), 'SAME')",
        "lax.conv(g, h, (1, 1, 1), 'VALID')",
        "lax.conv_general_dilated(z, f, (1, 2), 'SAME', feature_group_count=3,"
        " dimension_numbers=('NHWC', 'HWIO', 'NHWC'))",
        "lax.conv_general_dilated(z, f.repeat(3, 2), (1, 1), ((1, 1), (0, -1)), (1, 2), (2, 1),"
        " dimension_numbers=('NHWC', 'HWIO', 'NHWC'))",
        "lax.conv_transpose(z, f.repeat(3, 2), (2, 2), 'SAME')",
        "lax.reduce_window(x, np.float32(0), lax.add, (2, 3), (1, 2), ((0, 1), (1, 1)))",
        "lax.reduce_window(x, np.float32(1), lax.mul, (2, 2), (1, 1), 'SAME')",
        "lax.reduce_window(x, np.float32(np.inf), lax.min, (2, 2), (1, 1), 'VALID', (1, 1),"
        " (2, 2))",
        "lax.reduce_window(x, np.float32(0), lax.add, (2, 2), (1, 1), ((1, 0), (0, 1)), (2, 1))",
        "lax.reduce_window(z, -np.float32(np.inf), lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID')",
    ],
    "neural networks": [
        *(f"jax.nn.{name}(x)" for name in _ACTIVATION.split()),
        "jax.nn.gelu(x, approximate=False)",
        "jax.nn.dot_product_attention(z, z, z)",
        "jax.nn.dot_product_attention(z, z, z, is_causal=True)",
    ],
    "special functions": [
        *(f"jax.scipy.special.{name}(p)" for name in _SPECIAL.split()),
        "jax.scipy.special.digamma(x)", "jax.scipy.special.gammaln(x)",
        "jax.scipy.special.erfinv(jnp.tanh(x))", "jax.scipy.special.logit(1 / (1 + p))",
        "jax.scipy.special.xlogy(p, q)", "jax.scipy.special.betaln(p, q)",
        "jax.scipy.special.zeta(p + 2, q)", "jax.scipy.special.polygamma(1, p)",
        "jax.scipy.special.erfc(x * 3)",
    ],
    "control flow": [
        "lax.scan(lambda a, e: (a * 0.5 + e, a.sum()), v, x)",
        "lax.scan(lambda a, e: (a + e, a * e), v, x, reverse=True)",
        "lax.fori_loop(0, 5, lambda e, a: a * 1.1 + e, x)",
        "lax.while_loop(lambda a: a[0] < 5, lambda a: (a[0] + 1, a[1] * 1.1), (0, x))[1]",
        "lax.while_loop(lambda a: a.sum() < 9, lambda a: a * 2, p)",
        "lax.map(lambda e: e.sum() * e, x)",
        "lax.cond(n[1] > 0, lambda a: a + 1, lambda a: a * 2, x)",
        "lax.switch(n[2], [lambda a: a + 1, lambda a: a * 2, lambda a: -a], x)",
    ],
    "gradients": [
        "jax.grad(lambda a: (jnp.tanh(a @ y.T) ** 2).sum())(x)",
        "jax.grad(lambda a: (jax.nn.softmax(a) ** 2).sum())(x)",
        "jax.grad(lambda a: jnp.linalg.norm(a))(x)",
        "jax.grad(lambda a: jnp.max(a, 1).sum())(x)",
        "jax.grad(lambda a: (jnp.sort(a, 1) * jnp.arange(6)).sum())(x)",
        "jax.grad(lambda a: (jnp.cumsum(a, 1) ** 2).sum())(x)",
        "jax.grad(lambda a: (jnp.take_along_axis(a, k, 1) ** 2).sum())(x)",
        "jax.grad(lambda a: (a[n[:4]] ** 2).sum())(x)",
        "jax.grad(lambda a: (lax.reduce_window(a, -np.float32(np.inf), lax.max, (2, 2), (2, 2),"
        " 'VALID') ** 2).sum())(x)",
        "jax.grad(lambda a: (lax.conv_general_dilated(z, a, (2, 1), 'SAME', feature_group_count=3,"
        " dimension_numbers=('NHWC', 'HWIO', 'NHWC')) ** 2).sum())(f)",
        "jax.grad(lambda a: lax.scan(lambda e, o: (jnp.sin(e + o), e.sum()), a, x)[1].sum())(v)",
        "jax.jvp(lambda a: jnp.sin(a) * a, (x,), (y,))",
        "jax.hessian(lambda a: jnp.sum(jnp.exp(a) ** 2))(w)",
        "jax.vmap(jax.grad(lambda a: jnp.sum(jnp.sin(a) ** 2)))(x)",
        "jax.grad(lambda a: jax.checkpoint(lambda e: jnp.sin(jnp.sin(e)))(a).sum())(x)",
    ],
    "random numbers": [
        "jax.random.normal(r, (5,))", "jax.random.uniform(r, (5,))",
        "jax.random.randint(r, (5,), 0, 100)", "jax.random.bernoulli(r, 0.3, (4, 6))",
        "jax.random.permutation(r, 10)", "jax.random.categorical(r, x)", "jax.random.split(r, 3)",
        "jax.random.gumbel(r, (4,))", "jax.random.truncated_normal(r, -1.0, 1.0, (4,))",
        "jax.random.choice(r, 10, (4,))", "jax.random.exponential(r, (4,))",
    ],
}  # fmt: skip
