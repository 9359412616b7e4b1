# SPDX-License-Identifier: Apache-2.0
"""ATen draws of random numbers: Philox on a counter and the key of the call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torshjit.capture.random_draws import Draws
from torshjit.capture.torch_elementwise import binary_dtype
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import CaptureError, DTypeError, ShapeError
from torshjit.torch_host_functions import RANDOM_KEY, seeding

__all__ = ["Seeds", "draws_of", "dropped"]

Shape = Sequence[int]
Number = bool | int | float


class Seeds:
    """Follows what a traced program does to the state of torch's default generator.

    No number is drawn from it while a program is traced, so a state other than before is that of
    `torch.manual_seed`, which the compiled program then calls too, between its draws.
    """

    def __init__(self) -> None:
        self._state = torch.default_generator.get_state()

    def follow(self, g: Lowering) -> None:
        """Adds the call that the program has made since, if it has made one.

        Raises:
            CaptureError: the generator has a state that no seed gives.
        """
        state = torch.default_generator.get_state()
        if torch.equal(state, self._state):
            return
        seed = torch.default_generator.initial_seed()
        if not torch.equal(torch.Generator().manual_seed(seed).get_state(), state):
            raise CaptureError("the program changes the state of torch's random generator")
        self._state = state
        g.host_calls.add(seeding(seed), [], [], is_pure=False, location=g.location)
        g.draws = None


def draws_of(g: Lowering, generator: Any = None) -> Draws:
    """The random numbers of the program; the key is asked for at its first draw.

    Raises:
        UnsupportedOpError: a generator of the program's own is given.
    """
    if generator is not None:
        raise g.fail("only torch's default generator is covered")
    if g.draws is None:
        (key,) = g.host_calls.add(
            RANDOM_KEY, [], [("ui64", ())], is_pure=False, location=g.location
        )
        g.draws = Draws(g, key)
    return g.draws


def _float_dtype(dtype: torch.dtype | None) -> str:
    name = dialect_dtype(dtype or torch.get_default_dtype())
    if not is_float(name):
        raise DTypeError(f"random numbers of {dtype}")
    return name


# Tensors of random numbers.


def _factory(kind: str) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        size: Shape,
        generator: Any = None,
        names: Any = None,
        *,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> Any:
        return getattr(draws_of(g, generator), kind)(tuple(size), _float_dtype(dtype))

    return rule


def _like(kind: str) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        x: Tensor,
        generator: Any = None,
        *,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> Any:
        return getattr(draws_of(g, generator), kind)(tuple(x.shape), _float_dtype(dtype or x.dtype))

    return rule


for _name, _kind in (("rand", "uniform"), ("randn", "normal")):
    lowers(f"aten.{_name}.default", f"aten.{_name}.generator")(_factory(_kind))
    lowers(f"aten.{_name}_like.default", f"aten.{_name}_like.generator")(_like(_kind))


def _integers(g: Lowering, shape: Shape, low: int, high: int, dtype: torch.dtype) -> Any:
    if high <= low:
        raise ShapeError(f"{g.op}: there is no integer from {low} to below {high}")
    name = dialect_dtype(dtype)
    bits = draws_of(g).bits(shape)
    place = g.emit("remainder", bits, g.scalar(high - low, "ui64"))
    value = g.emit("add", g.cast(place, "i64"), g.scalar(low, "i64"))
    return g.cast(value, name)


@lowers("aten.randint.default")
def randint(
    g: Lowering, high: int, size: Shape, *, dtype: torch.dtype | None = None, **options: Any
) -> Any:
    return _integers(g, tuple(size), 0, high, dtype or torch.int64)


@lowers("aten.randint.low")
def randint_from(
    g: Lowering,
    low: int,
    high: int,
    size: Shape,
    *,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Any:
    return _integers(g, tuple(size), low, high, dtype or torch.int64)


@lowers("aten.randint_like.default")
def randint_like(
    g: Lowering, x: Tensor, high: int, *, dtype: torch.dtype | None = None, **options: Any
) -> Any:
    return _integers(g, tuple(x.shape), 0, high, dtype or x.dtype)


@lowers("aten.randint_like.low_dtype")
def randint_like_from(
    g: Lowering, x: Tensor, low: int, high: int, *, dtype: torch.dtype | None = None, **options: Any
) -> Any:
    return _integers(g, tuple(x.shape), low, high, dtype or x.dtype)


@lowers("aten.randperm.default")
def randperm(
    g: Lowering, n: int, *, dtype: torch.dtype | None = torch.int64, **options: Any
) -> Any:
    if n == 0:
        return g.broadcast(g.scalar(0, dialect_dtype(dtype or torch.int64)), (0,))
    order = g.emit("argsort", draws_of(g).bits((n,)), axis=0)
    return g.cast(order, dialect_dtype(dtype or torch.int64))


# Distributions with parameters.


@lowers("aten.normal.Tensor_float", "aten.normal.float_Tensor", "aten.normal.Tensor_Tensor")
def normal(g: Lowering, mean: Any, std: Any = 1.0, *, generator: Any = None) -> Any:
    dtype = binary_dtype(mean, std)
    shapes = [each.shape for each in (mean, std) if isinstance(each, torch.Tensor)]
    value = draws_of(g, generator).normal(torch.broadcast_shapes(*shapes), dtype)
    return _moved(g, value, mean, std)


def _moved(g: Lowering, value: Any, mean: Any, std: Any) -> Any:
    scaled = g.emit("mul", value, g.operand(std, value.dtype))
    return g.emit("add", scaled, g.operand(mean, value.dtype))


@lowers("aten.normal.float_float")
def normal_of_size(
    g: Lowering,
    mean: float,
    std: float,
    size: Shape,
    *,
    generator: Any = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Any:
    value = draws_of(g, generator).normal(tuple(size), _float_dtype(dtype))
    return _moved(g, value, mean, std)


@lowers("aten.normal_functional.default")
def normal_like(
    g: Lowering, x: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None
) -> Any:
    value = draws_of(g, generator).normal(tuple(x.shape), _float_dtype(x.dtype))
    return _moved(g, value, mean, std)


@lowers("aten.uniform.default")
def uniform(
    g: Lowering, x: Tensor, low: float = 0, high: float = 1, *, generator: Any = None
) -> Any:
    value = draws_of(g, generator).uniform(tuple(x.shape), _float_dtype(x.dtype))
    scaled = g.emit("mul", value, g.scalar(high - low, value.dtype))
    return g.emit("add", scaled, g.scalar(low, value.dtype))


@lowers("aten.exponential.default")
def exponential(g: Lowering, x: Tensor, rate: float = 1, *, generator: Any = None) -> Any:
    dtype = _float_dtype(x.dtype)
    value = draws_of(g, generator).exponential(tuple(x.shape), accumulation_dtype(dtype))
    return g.cast(g.emit("div", value, g.scalar(rate, value.dtype)), dtype)


@lowers("aten.cauchy.default")
def cauchy(
    g: Lowering, x: Tensor, median: float = 0, sigma: float = 1, *, generator: Any = None
) -> Any:
    dtype = _float_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    turn = g.emit("sub", draws_of(g, generator).uniform(tuple(x.shape), wide), g.scalar(0.5, wide))
    angle = g.emit("mul", turn, g.scalar(math.pi, wide))
    value = g.emit("div", g.emit("sin", angle), g.emit("cos", angle))
    return g.cast(_moved(g, value, median, sigma), dtype)


@lowers("aten.log_normal.default")
def log_normal(
    g: Lowering, x: Tensor, mean: float = 1, std: float = 2, *, generator: Any = None
) -> Any:
    dtype = _float_dtype(x.dtype)
    value = draws_of(g, generator).normal(tuple(x.shape), accumulation_dtype(dtype))
    return g.cast(g.emit("exp", _moved(g, value, mean, std)), dtype)


@lowers("aten.geometric.default")
def geometric(g: Lowering, x: Tensor, p: float, *, generator: Any = None) -> Any:
    if not 0 < p < 1:
        raise g.fail(f"a probability of {p}")
    # How long an exponential wait is in whole steps, of which each ends it with probability p.
    wide = "f64" if x.dtype == torch.float64 else "f32"
    wait = draws_of(g, generator).exponential(tuple(x.shape), wide)
    steps = g.emit("ceil", g.emit("div", wait, g.scalar(-math.log1p(-p), wide)))
    least = g.emit("maximum", steps, g.scalar(1, wide))
    return g.cast(least, dialect_dtype(x.dtype))


def _below(g: Lowering, probability: Any, shape: Shape, generator: Any) -> Any:
    """True with a probability, which is a number, or a float Value that fits the shape."""
    value = g.scalar(probability, "f32") if isinstance(probability, float) else probability
    wide = accumulation_dtype(value.dtype)
    return g.compare("lt", draws_of(g, generator).uniform(shape, wide), g.cast(value, wide))


@lowers("aten.bernoulli.default")
def bernoulli(g: Lowering, x: Tensor, *, generator: Any = None) -> Any:
    dtype = _float_dtype(x.dtype)
    return g.cast(_below(g, g.value(x), tuple(x.shape), generator), dtype)


@lowers("aten.bernoulli.p", "aten.bernoulli.Tensor")
def bernoulli_like(g: Lowering, x: Tensor, p: Any = 0.5, *, generator: Any = None) -> Any:
    chance = g.value(p) if isinstance(p, torch.Tensor) else float(p)
    return g.cast(_below(g, chance, tuple(x.shape), generator), dialect_dtype(x.dtype))


@lowers("aten.multinomial.default")
def multinomial(
    g: Lowering, x: Tensor, count: int, replacement: bool = False, *, generator: Any = None
) -> Any:
    dtype = _float_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    weights = g.operand(x, wide)
    axis = axis_of(-1, x.ndim)
    if x.ndim not in (1, 2) or count <= 0 or (not replacement and count > x.shape[-1]):
        raise ShapeError(f"{g.op}: {count} of a distribution of shape {tuple(x.shape)}")
    # Whichever event of rates like the weights comes first.
    if replacement:
        shape = (*x.shape[:-1], count, x.shape[-1])
        waits = draws_of(g, generator).exponential(shape, wide)
        rates = g.reshape(weights, (*x.shape[:-1], 1, x.shape[-1]))
        return g.emit("argmax", g.emit("div", rates, waits), axis=axis + 1)
    waits = draws_of(g, generator).exponential(tuple(x.shape), wide)
    order = g.emit("argsort", g.emit("div", weights, waits), axis=axis, descending=True)
    return g.slice(order, axis, 0, count)


@lowers("aten.rrelu.default")
def rrelu(
    g: Lowering,
    x: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    generator: Any = None,
) -> Any:
    dtype = _float_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    slope = g.scalar((lower + upper) / 2, wide)
    if training:
        share = draws_of(g, generator).uniform(tuple(x.shape), wide)
        slope = g.emit("mul", share, g.scalar(upper - lower, wide))
        slope = g.emit("add", slope, g.scalar(lower, wide))
    below = g.compare("le", value, g.scalar(0, wide))
    return g.cast(g.emit("select", below, g.emit("mul", value, slope), value), dtype)


# Dropout.


def dropped(g: Lowering, value: Any, p: float, shape: Shape | None = None) -> tuple[Any, Any]:
    """`value` with elements left out, the rest scaled up, and where they are kept.

    `shape` is that of the choices, which are repeated to that of the value.
    """
    shape = tuple(value.shape if shape is None else shape)
    if p == 1:
        return g.emit("mul", value, g.scalar(0, value.dtype)), g.broadcast(
            g.scalar(False, "i1"), shape
        )
    kept = _below(g, 1.0 - p, shape, None)
    scaled = g.emit("mul", value, g.scalar(1 / (1 - p), value.dtype))
    zero = g.scalar(0, value.dtype)
    return g.emit("select", kept, scaled, zero), kept


def _feature_shape(g: Lowering, x: Tensor) -> Shape:
    if x.ndim < 2:
        raise ShapeError(f"{g.op}: features of a tensor of rank {x.ndim}")
    return (*x.shape[:2], *[1] * (x.ndim - 2))


def _check_probability(g: Lowering, p: float) -> None:
    if not 0 <= p <= 1:
        raise ShapeError(f"{g.op}: a probability of {p}")


@lowers("aten.dropout.default", "aten.feature_dropout.default")
def dropout(g: Lowering, x: Tensor, p: float, train: bool) -> Any:
    _check_probability(g, p)
    if not train or p == 0 or x.numel() == 0:
        return g.value(x)
    shape = _feature_shape(g, x) if "feature" in (g.op or "") else x.shape
    dtype = dialect_dtype(x.dtype)
    value = g.operand(x, accumulation_dtype(dtype))
    return g.cast(dropped(g, value, p, shape)[0], dtype)


@lowers("aten.native_dropout.default")
def native_dropout(g: Lowering, x: Tensor, p: float, train: bool | None) -> tuple[Any, Any]:
    _check_probability(g, p)
    if train is False or p == 0 or x.numel() == 0:
        return g.value(x), g.broadcast(g.scalar(True, "i1"), x.shape)
    dtype = dialect_dtype(x.dtype)
    value, kept = dropped(g, g.operand(x, accumulation_dtype(dtype)), p)
    return g.cast(value, dtype), kept


@lowers("aten.alpha_dropout.default", "aten.feature_alpha_dropout.default")
def alpha_dropout(g: Lowering, x: Tensor, p: float, train: bool) -> Any:
    _check_probability(g, p)
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    if not train or p == 0 or x.numel() == 0:
        return g.value(x)
    if p == 1:
        return g.cast(g.emit("mul", value, g.scalar(0, wide)), dtype)
    shape = _feature_shape(g, x) if "feature" in (g.op or "") else x.shape
    # What is left out is where SELU saturates; mean and variance are kept.
    alpha = 1.7580993408473766
    factor = 1 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    kept = _below(g, 1.0 - p, tuple(shape), None)
    value = g.emit(
        "mul", g.emit("select", kept, value, g.scalar(-alpha, wide)), g.scalar(factor, wide)
    )
    return g.cast(g.emit("add", value, g.scalar(alpha * factor * p, wide)), dtype)
