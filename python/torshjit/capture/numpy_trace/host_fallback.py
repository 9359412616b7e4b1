# SPDX-License-Identifier: Apache-2.0
"""NumPy calls that have no lowering: the compiled program calls NumPy between its kernels.

What such a call returns is found out by calling it on sample arrays of the operands' dtypes and
shapes. Where samples of other contents give results of another shape, the call is refused: its
result has no shape before the program runs.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from torshjit.capture.graph_function import tree_leaves, tree_map
from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.numpy_trace.known_arrays import NOT_KNOWN, call_known
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.errors import DTypeError, UnsupportedOpError
from torshjit.host_arguments import ArrayArgument, call_name
from torshjit.host_functions import HostFunction, applied, is_library_function, unique_name

__all__ = ["call_on_host", "recovered"]

#: The shapes or dtypes of their results depend on contents that samples may not show: of every
#: array, or of the argument of this number.
_DATA_DEPENDENT: dict[str, int | None] = {
    "numpy.argwhere": None,
    "numpy.bincount": 0,
    "numpy.compress": 0,
    "numpy.delete": 1,
    "numpy.extract": 0,
    "numpy.flatnonzero": None,
    "numpy.histogram_bin_edges": None,
    "numpy.insert": 1,
    "numpy.intersect1d": None,
    "numpy.linalg.eig": None,
    "numpy.linalg.eigvals": None,
    "numpy.ndarray.compress": 1,
    "numpy.ndarray.nonzero": None,
    "numpy.ndarray.repeat": 1,
    "numpy.nonzero": None,
    "numpy.polydiv": None,
    "numpy.repeat": 1,
    "numpy.roots": None,
    "numpy.setdiff1d": None,
    "numpy.setxor1d": None,
    "numpy.trim_zeros": None,
    "numpy.union1d": None,
    "numpy.unique": None,
    "numpy.unique_all": None,
    "numpy.unique_counts": None,
    "numpy.unique_inverse": None,
    "numpy.unique_values": None,
    "numpy.where": None,
}

#: Kinds of sample contents.
_SAMPLES = 3

#: Functions whose results have shapes that their operands' shapes determine.
_CERTAIN = ("numpy.linalg.", "numpy.fft.")

#: From so many elements on one sample has to do: the program checks what it is returned.
_MANY = 1 << 16


def recovered(
    session: TraceSession,
    attempt: Callable[[], Any],
    path: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Returns what `attempt` does, or where a lowering is missing, what a call of the host does.

    Raises:
        UnsupportedOpError: the capture is strict, or the call cannot be made on the host.
    """
    known = call_known(session, function, args, kwargs)
    if known is not NOT_KNOWN:
        return known
    before = session.first_error
    try:
        if _holds_complex(args) or (kwargs and _holds_complex(tuple(kwargs.values()))):
            session.unsupported(path, "of complex numbers")
        return attempt()
    except (UnsupportedOpError, DTypeError) as error:
        session.first_error = before
        found = _through_numpy(session, function, args, kwargs)
        if found is not NOT_KNOWN:
            return found
        if session.is_strict:
            session.first_error = before or error
            raise
        try:
            return call_on_host(session, path, function, args, kwargs)
        except _Refused as refused:
            error.message = f"{error.message}; {refused}"
            session.first_error = before or error
            raise error from None


def _through_numpy(
    session: TraceSession,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """What tracing NumPy's own code of a function gives, `NOT_KNOWN` where that fails."""
    from torshjit.capture.numpy_trace.through_numpy import TRACED_THROUGH, implementation

    if not getattr(function, "__hash__", None) or function not in TRACED_THROUGH:
        return NOT_KNOWN
    if (
        any(map(is_complex, tree_leaves((tuple(args), dict(kwargs)))))
        or kwargs.get("out") is not None
    ):
        return NOT_KNOWN
    traced = implementation(session, function)
    if traced is None:
        return NOT_KNOWN
    before, required = session.first_error, session.num_required
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = traced(*args, **kwargs)
    except Exception:
        # A plain call says what is wrong, if anything is.
        session.first_error = before
        if session.num_required != required:
            session.refuse("an assertion was made on the way to a call of the host")
        return NOT_KNOWN
    if session.first_error is not before:
        session.first_error = before
        return NOT_KNOWN
    return result


def draw_on_host(
    session: TraceSession,
    path: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """A call of the host for what it does, such as drawing random numbers; in its place.

    Raises:
        UnsupportedOpError: the capture is strict, or the call cannot be made on the host.
    """
    if session.is_strict:
        session.unsupported(path, "its numbers are drawn by NumPy, on the host")
    try:
        return call_on_host(session, path, function, args, kwargs, is_pure=False)
    except _Refused as refused:
        session.unsupported(path, str(refused))


class _Refused(Exception):
    """Why a call cannot be made on the host."""


def _holds_complex(values: Sequence[Any]) -> bool:
    for each in values:
        kind = type(each)
        if kind is Tracer:
            if each.dtype.kind == "c":
                return True
        elif kind in (list, tuple, dict) and any(map(is_complex, tree_leaves(each))):
            return True
    return False


def is_complex(value: object) -> bool:
    """Whether `value` is a tracer of complex numbers, which only the host computes with."""
    return type(value) is Tracer and value.dtype.kind == "c"


def call_on_host(
    session: TraceSession,
    path: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    is_pure: bool = True,
) -> Any:
    """Adds a call of `function` on the host to the program and returns its traced result.

    Raises:
        UnsupportedOpError: the shape of the result depends on the contents of the operands, or
            an argument is nothing that a program can hold.
    """
    if path in _DATA_DEPENDENT:
        place = _DATA_DEPENDENT[path]
        given = kwargs.values() if place is None or place >= len(args) else (args[place],)
        if place is None or any(type(each) is Tracer for each in given):
            raise _Refused("the shape of its result depends on the contents of the array")
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    outs = out if isinstance(out, tuple) else (out,)
    if out is not None and "where" in kwargs:
        raise _Refused("what the argument where leaves out comes from another array")
    operands = _Operands(session)
    tree = tree_map(operands.enter, (list(args), kwargs))
    samples = _results_of_samples(path, function, tree, operands)
    name = (
        call_name(path, tree[0], tree[1], _number_of)
        if is_library_function(path, function)
        else None
    )
    if name is None:
        call = applied(function, tree[0], tree[1])
        host = HostFunction(unique_name(path), call)
    else:
        host = HostFunction(name, applied(function, tree[0], tree[1]))
    leaves = list(_leaves(samples))
    if is_pure and not leaves:
        raise _Refused("it returns nothing, so it is called for what it changes")
    types = [(dialect_dtype(_stored_dtype(leaf.dtype)), _stored_shape(leaf)) for leaf in leaves]
    values = session.host_calls.add(
        host,
        [tracer.stored_value for tracer in operands.tracers],
        types,
        is_pure=is_pure,
        location=session.location(),
    )
    sources = [each for each in operands.tracers if is_complex(each)]
    results = []
    for value, leaf in zip(values, leaves, strict=True):
        storage, is_scalar = operands.storage_of(leaf), isinstance(leaf, np.generic)
        results.append(Tracer(session, value, leaf.dtype, leaf.shape, storage, is_scalar))
        results[-1].made_by = next(filter(None, (each.made_by for each in sources)), path)
    result = _rebuilt(samples, iter(results))
    if out is not None:
        from torshjit.capture.numpy_trace.ufuncs import store

        stored = [
            part if place is None else store(session, path, place, part)
            for place, part in zip(
                outs, result if type(out) is tuple and len(out) > 1 else (result,), strict=False
            )
        ]
        return stored[0] if len(stored) == 1 else tuple(stored)
    return result


class _Operands:
    """The arrays among a call's arguments, each once."""

    def __init__(self, session: TraceSession) -> None:
        self._session = session
        self._numbers: dict[int, int] = {}
        self.tracers: list[Tracer] = []
        #: The samples that the results were computed from.
        self.samples: list[np.ndarray] = []

    def enter(self, value: Any) -> Any:
        """What stands for an argument in the call: an ArrayArgument, or the plain value.

        Raises:
            UnsupportedOpError: a function, whose arrays would not be traced.
        """
        if isinstance(value, (np.ndarray, np.memmap)) and type(value) is not Tracer:
            if not is_supported(value.dtype):
                return value
            value = self._session.bind_object(value)
        if type(value) is not Tracer:
            if isinstance(value, (FunctionType, MethodType, functools.partial)):
                raise _Refused("it is given a function, which may use other arrays")
            return value
        if value.session is not self._session:
            self._session.refuse("an array of another capture is used")
        number = self._numbers.setdefault(id(value), len(self.tracers))
        if number == len(self.tracers):
            self.tracers.append(value)
        return ArrayArgument(number, value.dtype.str if value.dtype.kind == "c" else None)

    def storage_of(self, result: Any) -> Any:
        """The storage of the operand that a result is a view of, if it is."""
        for tracer, sample in zip(self.tracers, self.samples, strict=False):
            if isinstance(result, np.ndarray) and np.may_share_memory(result, sample):
                return tracer.storage
        return None


def _number_of(value: Any) -> ArrayArgument | None:
    return value if type(value) is ArrayArgument else None


def _results_of_samples(
    path: str, function: Callable[..., Any], tree: Any, operands: _Operands
) -> Any:
    """What the function returns for sample arrays.

    Raises:
        UnsupportedOpError: it raises for all of them, or returns results of different types.
    """
    found: list[Any] = []
    failure: Exception | None = None
    call = applied(function, tree[0], tree[1], stores=False)
    draws = path.startswith("numpy.random.")
    size = sum(tracer.size for tracer in operands.tracers)
    is_certain = path.startswith(_CERTAIN) and path != "numpy.linalg.lstsq"
    for variant in range(_SAMPLES):
        if found and (draws or is_certain or size > _MANY):
            break
        samples = [_sample(tracer.dtype, tracer.shape, variant) for tracer in operands.tracers]
        # The global generator is put back.
        state = np.random.get_state() if draws else None  # noqa: NPY002
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = call(*samples)
        except Exception as error:
            failure = error
            continue
        finally:
            if state is not None:
                np.random.set_state(state)  # noqa: NPY002
        if any(
            sample.tobytes() != _sample(tracer.dtype, tracer.shape, variant).tobytes()
            for sample, tracer in zip(samples, operands.tracers, strict=True)
        ):
            # Some of NumPy's functions write to arrays that are read-only.
            raise _Refused("it writes to an array that it is given")
        if not found:
            operands.samples = samples
        found.append(result)
    if not found:
        raise _Refused(f"it fails on sample arrays ({type(failure).__name__}: {failure})")
    first = found[0]
    for leaf in _leaves(first):
        if not is_supported(_stored_dtype(leaf.dtype)):
            raise _Refused(f"its result has dtype {leaf.dtype}")
    if any(_signature(other) != _signature(first) for other in found[1:]):
        raise _Refused("the shape of its result depends on the contents of the array")
    return first


def _sample(dtype: np.dtype, shape: tuple[int, ...], variant: int) -> np.ndarray:
    """A read-only array of plausible contents: matrices are well conditioned."""
    generator = np.random.default_rng(variant)
    sample: Any
    if dtype.kind in "fc" or dtype.name == "bfloat16":
        sample = generator.standard_normal(shape) if variant < 2 else np.ones(shape)
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            if variant == 0:
                sample = sample @ np.swapaxes(sample, -1, -2) / max(shape[-1], 1)
            sample = sample + np.eye(shape[-1])
        elif variant == 1:
            sample = np.sort(np.abs(sample), axis=-1) if shape else np.abs(sample)
    elif dtype.kind == "b":
        sample = generator.random(shape) < (0.5, 1.0, 0.0)[variant]
    else:
        sample = generator.integers(0, 3, shape) if variant < 2 else np.ones(shape)
    array = np.asarray(sample).astype(dtype)
    if dtype.kind == "c":
        array = array.view(_stored_dtype(dtype)).reshape(_stored_shape(array))
    array.flags.writeable = False
    return array


# Results: an array or scalar, or a tuple of them, named or not.


def _leaves(result: Any) -> Iterator[Any]:
    if isinstance(result, (tuple, list)):
        for part in result:
            yield from _leaves(part)
    elif isinstance(result, (np.ndarray, np.generic)):
        yield result
    elif type(result) is float:
        # A draw of the random functions, which programs have as a NumPy scalar.
        yield np.float64(result)
    elif result is not None:
        raise _Refused(f"it returns an object of type {type(result).__name__}, which needs values")


def _rebuilt(result: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(result, (tuple, list)):
        parts = [_rebuilt(part, leaves) for part in result]
        if hasattr(result, "_fields"):
            return type(result)(*parts)
        return type(result)(parts)
    return None if result is None else next(leaves)


def _signature(result: Any) -> Any:
    return [(type(leaf), leaf.dtype, leaf.shape) for leaf in _leaves(result)]


def _stored_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a program's array for one of NumPy's; complex numbers are pairs."""
    if dtype.kind == "c":
        return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
    return dtype


def _stored_shape(array: Any) -> tuple[int, ...]:
    return (*array.shape, 2) if array.dtype.kind == "c" else array.shape
