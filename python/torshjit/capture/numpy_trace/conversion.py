# SPDX-License-Identifier: Apache-2.0
"""Copies, conversions of the dtype, and questions about shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import function, method, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, cast_value, wrap

__all__: list[str] = []


@function(np.copy)
def _copy(session: TraceSession, a: Any, order: str = "K", subok: bool = False) -> Tracer:
    array = as_tracer(session, a)
    return wrap(session, array.value, array.dtype, is_scalar=False)


@method("copy", "__copy__")
def _copy_method(self: Tracer, order: str = "C") -> Tracer:
    return wrap(self.session, self.value, self.dtype, is_scalar=self.is_scalar)


@method("astype")
def _astype(
    self: Tracer,
    dtype: Any,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Tracer:
    wanted = np.dtype(dtype)
    if not np.can_cast(self.dtype, wanted, casting):  # type: ignore[arg-type]
        raise TypeError(
            f"Cannot cast array data from {self.dtype!r} to {wanted!r} according to the rule "
            f"'{casting}'"
        )
    if not is_supported(wanted):
        self.session.unsupported("numpy.ndarray.astype", f"to dtype {wanted}")
    if wanted == self.dtype and not copy:
        return self
    wanted = wanted.newbyteorder("=")
    value = cast_value(self.session, self.value, wanted)
    return wrap(self.session, value, wanted, is_scalar=self.is_scalar)


@function(np.astype)
def _astype_function(
    session: TraceSession, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None
) -> Tracer:
    reject_arguments(session, "numpy.astype", device=device)
    return _astype(as_tracer(session, x), dtype, copy=copy)


@function(np.shape)
def _shape(session: TraceSession, a: Any) -> tuple[int, ...]:
    return as_tracer(session, a).shape


@function(np.ndim)
def _ndim(session: TraceSession, a: Any) -> int:
    return as_tracer(session, a).ndim


@function(np.size)
def _size(session: TraceSession, a: Any, axis: Any = None) -> int:
    array = as_tracer(session, a)
    return array.size if axis is None else array.shape[axis]


@function(np.result_type)
def _result_type(session: TraceSession, *arrays_and_dtypes: Any) -> np.dtype:
    plain = [each.dtype if type(each) is Tracer else each for each in arrays_and_dtypes]
    return np.result_type(*plain)


@function(np.can_cast)
def _can_cast(session: TraceSession, from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_.dtype if type(from_) is Tracer else from_, to, casting)


@function(np.iscomplexobj)
def _iscomplexobj(session: TraceSession, x: Any) -> bool:
    return False


@function(np.isrealobj)
def _isrealobj(session: TraceSession, x: Any) -> bool:
    return True


@function(np.real)
def _real(session: TraceSession, val: Any) -> Tracer:
    return as_tracer(session, val)
