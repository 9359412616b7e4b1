# SPDX-License-Identifier: Apache-2.0
"""The arguments of a call on the host, as JSON: arrays by number, and plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["ArrayArgument", "call_name", "decode", "encode"]


class ArrayArgument:
    """An argument that is operand `number` of the call.

    `complex_dtype` is that of an array of complex numbers, which the program has as pairs along
    a last axis.
    """

    __slots__ = ("complex_dtype", "number")

    def __init__(self, number: int, complex_dtype: str | None = None) -> None:
        self.number = number
        self.complex_dtype = complex_dtype

    def of(self, arrays: Sequence[Any]) -> Any:
        """The array among a call's operands."""
        array = arrays[self.number]
        if self.complex_dtype is None:
            return array
        return np.ascontiguousarray(array).view(self.complex_dtype)[..., 0]


def call_name(
    path: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argument_of: Callable[[Any], ArrayArgument | None],
) -> str | None:
    """Returns the name of a call of a library's function with these arguments.

    `argument_of` says which operand an argument is; None for what is no operand. Returns None
    where an argument is neither an operand nor a plain value.
    """
    operands = [argument_of(each) for each in args]
    is_plain = not kwargs and all(
        each is not None and each.number == number and each.complex_dtype is None
        for number, each in enumerate(operands)
    )
    if is_plain:
        return path
    try:
        call: dict[str, Any] = {"args": [encode(each, argument_of) for each in args]}
        if kwargs:
            call["kwargs"] = {
                key: encode(each, argument_of) for key, each in sorted(kwargs.items())
            }
    except TypeError:
        return None
    return path + json.dumps(call, separators=(",", ":"))


def encode(value: Any, argument_of: Callable[[Any], ArrayArgument | None]) -> Any:
    """Returns an argument as JSON data.

    Raises:
        TypeError: it is neither an operand nor a plain value.
    """
    operand = argument_of(value)
    if operand is not None:
        if operand.complex_dtype is None:
            return {"array": operand.number}
        return {"array": [operand.number, operand.complex_dtype]}
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if kind is list:
        return [encode(each, argument_of) for each in value]
    if kind is tuple:
        return {"tuple": [encode(each, argument_of) for each in value]}
    if kind is slice:
        return {
            "slice": [encode(each, argument_of) for each in (value.start, value.stop, value.step)]
        }
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return {"scalar": [value.dtype.str, value.tobytes().hex()]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.dtype):
        return {"dtype": value.str}
    if isinstance(value, type) and issubclass(value, np.generic):
        return {"type": np.dtype(value).str}
    if isinstance(value, type) and value in _BUILTIN_TYPES.values():
        return {"builtin": value.__name__}
    raise TypeError(f"an argument of type {kind.__name__} has no form in a program")


_BUILTIN_TYPES = {"bool": bool, "int": int, "float": float, "complex": complex}


def decode(data: Any) -> Any:
    """Returns the argument that `encode` wrote.

    Raises:
        ValueError: not what `encode` writes.
    """
    if isinstance(data, list):
        return [decode(each) for each in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "array":
        return ArrayArgument(*content) if isinstance(content, list) else ArrayArgument(content)
    if kind == "float":
        return float(content)
    if kind == "complex":
        return complex(float(content[0]), float(content[1]))
    if kind == "tuple":
        return tuple(decode(each) for each in content)
    if kind == "slice":
        return slice(*(decode(each) for each in content))
    if kind == "scalar":
        return np.frombuffer(bytes.fromhex(content[1]), np.dtype(content[0]))[0]
    if kind == "ellipsis":
        return Ellipsis
    if kind == "dtype":
        return np.dtype(content)
    if kind == "type":
        return np.dtype(content).type
    if kind == "builtin":
        return _BUILTIN_TYPES[content]
    raise ValueError(f"unknown kind of argument {kind!r}")
