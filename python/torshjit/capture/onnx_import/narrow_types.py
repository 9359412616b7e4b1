# SPDX-License-Identifier: Apache-2.0
"""Element types of 8 bits and fewer that the dialect lacks: their bits, and conversions of them.

Elements are kept as i8, one for each, as the package ml_dtypes has them in memory. They are read by
a table of all codes, and made by arithmetic on the bits of f32.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.operations import Operations

__all__ = ["Narrow", "bits_of", "decoded", "encoded", "is_narrow"]

_INTEGERS = {"int2": 2, "int4": 4, "uint2": 2, "uint4": 4}

#: The code of what is too large where that is not the largest number; NaN's code; the sign bit.
_FLOATS = {
    "float4_e2m1fn": (0x07, 0x08, 0x08),
    "float8_e4m3fn": (0x7F, 0x7F, 0x80),
    "float8_e4m3fnuz": (0x80, 0x80, 0x80),
    "float8_e5m2": (0x7C, 0x7E, 0x80),
    "float8_e5m2fnuz": (0x80, 0x80, 0x80),
}


def is_narrow(dtype: Any) -> bool:
    """Whether a NumPy element type is one of these."""
    name = getattr(dtype, "name", "")
    return name in _INTEGERS or name in _FLOATS or name == "float8_e8m0fnu"


class Narrow:
    """An operand of a narrow element type.

    Attributes:
        bits: a Value of i8.
        dtype: the NumPy element type.
    """

    __slots__ = ("bits", "dtype")

    def __init__(self, bits: Any, dtype: np.dtype) -> None:
        self.bits = bits
        self.dtype = dtype

    @property
    def shape(self) -> Any:
        return self.bits.shape


def bits_of(array: np.ndarray) -> np.ndarray:
    """The bits of a narrow array as int8, without a copy where it is contiguous."""
    return np.asarray(array, order="C").view(np.int8)


@functools.cache
def _table(dtype: np.dtype) -> np.ndarray:
    """The number of each code, as f32."""
    return np.arange(256).astype(np.uint8).view(dtype).astype(np.float32)


def decoded(g: Operations, value: Narrow) -> Any:
    """The numbers of a narrow operand as f32, exactly; codes that are no number are NaN."""
    # Codes from 128 on are negative i8, which count from the end of the table.
    return g.emit("gather", g.value(_table(value.dtype)), [value.bits], axes=[0])


def encoded(
    g: Operations, value: Any, dtype: np.dtype, saturate: bool = True, round_mode: str = "up"
) -> Narrow:
    """A Value as elements of a narrow type, as `ml_dtypes` converts them.

    With `saturate` a float that is too large for an 8-bit float is the largest number, else
    infinity or NaN. Integers of 4 and 2 bits wrap around. `round_mode` is for float8_e8m0fnu.
    """
    if dtype.name in _INTEGERS:
        whole = g.cast(value, "i32")
        mask = (1 << _INTEGERS[dtype.name]) - 1
        return Narrow(g.cast(g.math("and", whole, mask), "i8"), dtype)
    if dtype.name == "float8_e8m0fnu":
        return Narrow(_encoded_exponent(g, g.cast(value, "f32"), saturate, round_mode), dtype)
    return Narrow(_encoded_float(g, g.cast(value, "f32"), dtype, saturate), dtype)


def _encoded_float(g: Operations, value: Any, dtype: np.dtype, saturate: bool) -> Any:
    """The nearest code of an f32, half to even."""
    import ml_dtypes

    overflow, nan, sign_bit = _FLOATS[dtype.name]
    info = ml_dtypes.finfo(dtype)
    kept, lowest = int(info.nmant), int(info.minexp)
    largest = int(np.array(info.max).astype(dtype).view(np.uint8))
    bound = int(np.array(float(info.max) * 4, np.float32).view(np.int32))
    bits = g.emit("bitcast", value, dtype="i32")
    is_negative = g.compare("lt", bits, 0)
    size = g.math("and", bits, 0x7FFFFFFF)
    # What is beyond the type's range rounds to a code above the largest one.
    inside = g.math("minimum", size, bound)
    exponent = g.math("sub", g.math("shift_right", inside, 23), 127)
    exponent = g.math("maximum", exponent, lowest)
    # The number in units of the last kept bit: scaling by a power of two is exact.
    unit = g.math("shift_left", g.math("sub", kept + 127, exponent), 23)
    number, scale = (g.emit("bitcast", each, dtype="f32") for each in (inside, unit))
    steps = g.cast(g.emit("round", g.emit("mul", number, scale)), "i32")
    # A carry out of the kept bits counts the exponent up by itself.
    code = g.emit("add", g.math("shift_left", g.math("sub", exponent, lowest), kept), steps)
    code = g.where(g.compare("gt", code, largest), largest if saturate else overflow, code)
    signed = g.math("or", code, sign_bit)
    made = g.scalar(nan, "i32")
    if overflow == sign_bit:
        # The code of a negative zero is the only NaN.
        signed = g.where(g.compare("eq", code, 0), 0, signed)
    else:
        made = g.where(is_negative, nan ^ sign_bit, made)
    is_nan = g.compare("gt", size, 0x7F800000)
    return g.cast(g.where(is_nan, made, g.where(is_negative, signed, code)), "i8")


def _encoded_exponent(g: Operations, value: Any, saturate: bool, round_mode: str) -> Any:
    """The exponent of f32, which is all that float8_e8m0fnu has; the sign is dropped."""
    bits = g.emit("bitcast", value, dtype="i32")
    exponent = g.math("and", g.math("shift_right", bits, 23), 0xFF)
    rest = g.math("and", bits, 0x7FFFFF)
    if round_mode == "nearest":
        half = 0x400000
        goes_up = g.compare("gt", rest, half)
        tie = g.emit("and", g.compare("eq", rest, half), g.compare("gt", exponent, 0))
        goes_up = g.emit("or", goes_up, tie)
    elif round_mode == "up":
        goes_up = g.compare("gt", rest, 0)
    else:
        goes_up = None
    code = exponent
    if goes_up is not None:
        code = g.emit("add", exponent, g.cast(goes_up, "i32"))
        if saturate:
            code = g.math("minimum", code, 0xFE)
    return g.cast(g.where(g.compare("eq", exponent, 0xFF), 0xFF, code), "i8")
