# SPDX-License-Identifier: Apache-2.0
"""Reference functions of reductions over axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torshjit.interpreter.registry import Call, reference


def _register_reduction(name: str, function: Callable[..., np.ndarray]) -> None:
    @reference(name)
    def evaluate(call: Call) -> np.ndarray:
        return function(
            call.operand(0),
            axis=tuple(call.attributes["axes"]),
            keepdims=call.attributes["keepdims"],
        )


def _register_extremum(name: str, function: Callable[..., np.ndarray]) -> None:
    @reference(name)
    def evaluate(call: Call) -> np.ndarray:
        axes = tuple(call.attributes["axes"])
        _require_elements(call, axes)
        return function(call.operand(0), axis=axes, keepdims=call.attributes["keepdims"])


def _register_position(name: str, function: Callable[..., np.ndarray]) -> None:
    @reference(name)
    def evaluate(call: Call) -> np.ndarray:
        axis = call.attributes["axis"]
        _require_elements(call, (axis,))
        keepdims = call.attributes["keepdims"]
        return np.asarray(function(call.operand(0), axis=axis, keepdims=keepdims), np.int64)


def _require_elements(call: Call, axes: tuple[int, ...]) -> None:
    """An extremum of nothing has no value: refused even where the result is empty itself."""
    for axis in axes:
        if call.operand(0).shape[axis] == 0:
            raise call.shape_error(f"axis {axis} is empty, and the reduction has no identity")


def total(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    # The dtype keeps NumPy from widening narrow integers: they wrap around.
    return np.sum(x, axis=axis, dtype=x.dtype, keepdims=keepdims)


def product(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.prod(x, axis=axis, dtype=x.dtype, keepdims=keepdims)


def mean(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    count = np.prod([x.shape[i] for i in axis], dtype=np.int64)
    return total(x, axis, keepdims) / x.dtype.type(count)


_register_reduction("torsh.sum", total)
_register_reduction("torsh.prod", product)
_register_reduction("torsh.mean", mean)
_register_reduction("torsh.any", np.any)
_register_reduction("torsh.all", np.all)
_register_extremum("torsh.amax", np.amax)
_register_extremum("torsh.amin", np.amin)
_register_position("torsh.argmax", np.argmax)
_register_position("torsh.argmin", np.argmin)
