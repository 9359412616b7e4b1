# SPDX-License-Identifier: Apache-2.0
"""Calls of C functions of the host from Python, and the search for them in libraries.

The signature is that of ``include/torshjit/Runtime/HostFunctionABI.h``.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.errors import ConfigError, TorshError

__all__ = ["address_of", "call_address"]

#: TorshElementType by the dialect's name.
_NAMES = ("i1", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64")
_UNSIGNED = ("ui8", "ui16", "ui32", "ui64")
_ELEMENT_TYPES = {name: number for number, name in enumerate((*_NAMES, *_UNSIGNED))}


class _HostTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("rank", ctypes.c_int32),
        ("element_type", ctypes.c_int32),
    )


_FUNCTION = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.POINTER(_HostTensor),
    ctypes.c_int32,
    ctypes.POINTER(_HostTensor),
    ctypes.c_int32,
)


def address_of(function: Any) -> tuple[int, object]:
    """Returns the address of a C function and what keeps it loaded.

    `function` is an address, a ctypes function, or a pair of the path of a shared library and
    the name of a symbol.

    Raises:
        ConfigError: none of these, or the library or the symbol is missing.
    """
    if isinstance(function, int) and not isinstance(function, bool):
        if function <= 0:
            raise ConfigError(f"{function} is not the address of a C function")
        return function, None
    if isinstance(function, tuple) and len(function) == 2:
        path, symbol = function
        try:
            library = ctypes.CDLL(os.fspath(path))
            return _address(getattr(library, symbol)), library
        except (OSError, AttributeError, TypeError) as error:
            raise ConfigError(f"cannot take {symbol!r} from {path!r}: {error}") from error
    try:
        return _address(function), function
    except ctypes.ArgumentError as error:
        raise ConfigError(
            f"an object of type {type(function).__name__} is not a C function: expected an "
            "address, a ctypes function, or (path of a shared library, name of the function)"
        ) from error


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    if not address:
        raise ConfigError("the address of a C function is 0")
    return address


def call_address(
    name: str,
    address: int,
    arrays: Sequence[np.ndarray],
    results: Sequence[tuple[np.dtype, tuple[int, ...]]],
) -> tuple[np.ndarray, ...]:
    """Calls a C function on arrays and returns its results, which it fills.

    Raises:
        TorshError: the function returned another number than 0.
    """
    inputs = [np.ascontiguousarray(array).reshape(np.shape(array)) for array in arrays]
    outputs = [np.empty(shape, dtype) for dtype, shape in results]
    status = _FUNCTION(address)(_tensors(inputs), len(inputs), _tensors(outputs), len(outputs))
    if status:
        raise TorshError(f"the C function of {name} returned {status}", op=name)
    return tuple(outputs)


def _tensors(arrays: Sequence[np.ndarray]) -> Any:
    return (_HostTensor * max(len(arrays), 1))(
        *(
            _HostTensor(
                array.ctypes.data,
                (ctypes.c_int64 * max(array.ndim, 1))(*array.shape),
                array.ndim,
                _ELEMENT_TYPES[dialect_dtype(array.dtype)],
            )
            for array in arrays
        )
    )
