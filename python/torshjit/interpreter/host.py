# SPDX-License-Identifier: Apache-2.0
"""Reference functions of what the host program executes itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.errors import DataError, DTypeError
from torshjit.interpreter.element_types import converted, numpy_dtype
from torshjit.interpreter.registry import Call, reference


@reference("torsh.assert")
def _assert(call: Call) -> tuple[()]:
    if not call.operand(0):
        raise DataError(str(call.attributes["message"]), location=call.location)
    return ()


@reference("torsh.host_call")
def _host_call(call: Call) -> tuple[np.ndarray, ...]:
    from torshjit.host_functions import find_function, op_of

    name = str(call.attributes["callee"])
    function = call.host_functions.get(name) or find_function(name, call.location)
    arrays = [
        np.ascontiguousarray(converted(array, numpy_dtype(type_.dtype))).reshape(array.shape)
        for array, type_ in zip(call.groups[0], call.types[0], strict=True)
    ]
    sizes = iter(call.sizes(1))
    expected = [
        (
            numpy_dtype(type_.dtype),
            tuple(next(sizes) if extent == -1 else extent for extent in type_.shape),
        )
        for type_ in call.result_types
    ]
    given: Any = function.call([_read_only(array) for array in arrays], expected)
    if len(expected) == 1 and not isinstance(given, (tuple, list)):
        given = (given,)
    results = tuple(map(np.asarray, () if given is None else given))
    if len(results) != len(expected):
        raise call.shape_error(
            f"{op_of(name)} returned {len(results)} results, the program expects {len(expected)}"
        )
    for number, (array, (dtype, shape)) in enumerate(zip(results, expected, strict=True)):
        if array.dtype == dtype and array.shape == shape:
            continue
        message = (
            f"{op_of(name)}: result {number} is a {array.dtype} array of shape {array.shape}, the "
            f"program expects {dtype} of shape {shape}"
        )
        if array.dtype != dtype:
            raise DTypeError(message, op=op_of(name), location=call.location)
        raise call.shape_error(message)
    return results


def _read_only(array: np.ndarray) -> np.ndarray:
    # A copy, as programs give: some functions write to arrays that are read-only.
    array = array.copy()
    array.flags.writeable = False
    return array
