# SPDX-License-Identifier: Apache-2.0
"""Reference functions of elementwise operations on two or more operands, logic and casts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torshjit.interpreter.element_types import converted, numpy_dtype
from torshjit.interpreter.extents import require_broadcastable
from torshjit.interpreter.registry import Call, reference

_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def _register_binary(name: str, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    @reference(name)
    def evaluate(call: Call) -> np.ndarray:
        require_broadcastable(call, (0, 1))
        return function(call.operand(0), call.operand(1))


def power(base: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """`base` to the power `exponent`; integers wrap around.

    A negative integer exponent, which NumPy refuses, gives the truncated true value: 0, except
    for bases 1 and -1.
    """
    if base.dtype.kind == "f":
        return np.power(base, exponent)
    zero, one = base.dtype.type(0), base.dtype.type(1)
    powers = np.power(base, np.maximum(exponent, zero))
    alternating = np.where(exponent & one, base, one)
    inverses = np.where((base == one) | (base == -one), alternating, zero)
    return np.where(exponent < 0, inverses, powers)


_register_binary("torsh.add", np.add)
_register_binary("torsh.sub", np.subtract)
_register_binary("torsh.mul", np.multiply)
_register_binary("torsh.div", np.divide)
# NumPy's own treatment of integers (0 for a zero divisor, wrap-around of min / -1) and of
# floats (the quotient corrected by the remainder) is the definition.
_register_binary("torsh.floor_divide", np.floor_divide)
_register_binary("torsh.remainder", np.remainder)
_register_binary("torsh.pow", power)
_register_binary("torsh.maximum", np.maximum)
_register_binary("torsh.minimum", np.minimum)
_register_binary("torsh.atan2", np.arctan2)
_register_binary("torsh.and", np.bitwise_and)
_register_binary("torsh.or", np.bitwise_or)
_register_binary("torsh.xor", np.bitwise_xor)


def _shift(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable:
    """NumPy shifts by any distance; one that no bit survives is the width or more for us."""

    def shift(x: np.ndarray, distance: np.ndarray) -> np.ndarray:
        width = x.dtype.itemsize * 8
        fits = (distance >= 0) & (distance < width)
        beyond = function(x, x.dtype.type(width - 1))
        if function is np.left_shift or x.dtype.kind == "u":
            beyond = np.zeros_like(beyond)
        shifted = function(x, np.where(fits, distance, x.dtype.type(0)))
        return np.where(fits, shifted, beyond)

    return shift


_register_binary("torsh.shift_left", _shift(np.left_shift))
_register_binary("torsh.shift_right", _shift(np.right_shift))


@reference("torsh.philox")
def _philox(call: Call) -> np.ndarray:
    require_broadcastable(call, (0, 1))
    counter, key = np.broadcast_arrays(call.operand(0), call.operand(1))
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    zero = np.zeros_like(counter)
    x = [counter & low, counter >> half, zero, zero]
    k = [key & low, key >> half]
    for _ in range(10):
        first, second = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [
            (second >> half) ^ x[1] ^ k[0],
            second & low,
            (first >> half) ^ x[3] ^ k[1],
            first & low,
        ]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return x[0] | (x[1] << half)


@reference("torsh.not")
def _not(call: Call) -> np.ndarray:
    return np.invert(call.operand(0))


@reference("torsh.compare")
def _compare(call: Call) -> np.ndarray:
    require_broadcastable(call, (0, 1))
    return _COMPARISONS[call.attributes["predicate"]](call.operand(0), call.operand(1))


@reference("torsh.select")
def _select(call: Call) -> np.ndarray:
    require_broadcastable(call, (0, 1, 2))
    return np.where(call.operand(0), call.operand(1), call.operand(2))


@reference("torsh.isnan")
def _isnan(call: Call) -> np.ndarray:
    return np.isnan(call.operand(0))


@reference("torsh.cast")
def _cast(call: Call) -> np.ndarray:
    return converted(call.operand(0), call.result_dtype)


@reference("torsh.bitcast")
def _bitcast(call: Call) -> np.ndarray:
    # The operand in its own type: a half arrives widened, another float perhaps as the oracle's.
    x = converted(call.operand(0), numpy_dtype(call.types[0][0].dtype))
    bits = np.ascontiguousarray(x).view(numpy_dtype(call.attributes["dtype"]))
    return bits.reshape(x.shape)
