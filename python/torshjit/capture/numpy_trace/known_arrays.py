# SPDX-License-Identifier: Apache-2.0
"""Arrays that the traced function makes of plain values, such as ``np.zeros(3)``.

Their contents are known while tracing, so NumPy itself computes with them, and they may serve as
shapes, indices and conditions. They are tracers all the same: when something traced is written
to one, it becomes an array of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from torshjit.capture.graph_function import tree_leaves, tree_map
from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Storage, Tracer

__all__ = ["NOT_KNOWN", "call_known", "known_array", "plain"]

#: What `call_known` returns where something is not known.
NOT_KNOWN = object()

#: Largest array that is written into the program; larger ones are read where they lie.
_LARGEST_CONSTANT = 64


def known_array(session: TraceSession, array: np.ndarray, storage: Storage | None = None) -> Any:
    """Returns the tracer of an array of the function's own, or the array if it has no tracer."""
    if type(array) is not np.ndarray or not is_supported(array.dtype):
        return array
    tracer = Tracer(session, None, array.dtype, array.shape, storage)
    tracer.known = array
    forget_value(tracer)
    return tracer


def forget_value(tracer: Tracer) -> None:
    """Has the graph's value of a known array made anew at its next use."""
    tracer.set_value(lambda: _constant(tracer))


def _constant(tracer: Tracer) -> Any:
    session, array = tracer.session, tracer.known
    assert array is not None
    if array.size and not array.dtype.hasobject and (array == array.flat[0]).all():
        scalar = session.constant(np.array(array.flat[0], array.dtype))
        if array.ndim == 0:
            return scalar
        return session.create("broadcast", [scalar], result_type=(scalar.dtype, list(array.shape)))
    if array.size <= _LARGEST_CONSTANT:
        return session.constant(array.copy())
    return session.bind_object(array.copy()).value


def plain(value: Any) -> Any:
    """The contents of a known array; anything else as it is."""
    if type(value) is Tracer and value.known is not None:
        return value.known
    return value


def _tracers(tree: Any) -> Iterator[Tracer]:
    for leaf in tree_leaves(tree):
        if type(leaf) is Tracer:
            yield leaf
        elif type(leaf) is slice:
            yield from _tracers((leaf.start, leaf.stop, leaf.step))


def _plain_leaf(leaf: Any) -> Any:
    if type(leaf) is slice:
        return slice(plain(leaf.start), plain(leaf.stop), plain(leaf.step))
    return plain(leaf)


def call_known(
    session: TraceSession,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Calls NumPy itself where every array among the arguments is known, else `NOT_KNOWN`."""
    # Most calls have an argument that is not known: they are not looked at any further.
    for each in args:
        if type(each) is Tracer and each.known is None:
            return NOT_KNOWN
    tree = (tuple(args), dict(kwargs))
    tracers = list(_tracers(tree))
    if not tracers or any(tracer.known is None for tracer in tracers):
        return NOT_KNOWN
    positional, named = tree_map(_plain_leaf, tree)
    result = function(*positional, **named)
    # The function may have written to any of them.
    for tracer in tracers:
        for viewer in tracer.storage.viewers:
            seen = viewer()
            if seen is None:
                continue
            if seen.known is not None:
                forget_value(seen)
            elif seen.source is not None:
                seen.reread()

    def leave(leaf: Any) -> Any:
        if type(leaf) is not np.ndarray:
            return leaf
        for tracer in tracers:
            if leaf is tracer.known:
                return tracer
        shared = (each for each in tracers if np.may_share_memory(leaf, each.known))
        owner = next(shared, None)
        return known_array(session, leaf, None if owner is None else owner.storage)

    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(leave, result))
    return tree_map(leave, result)
