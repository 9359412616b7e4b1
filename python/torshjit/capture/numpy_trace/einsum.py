# SPDX-License-Identifier: Apache-2.0
"""``numpy.einsum`` as permutations, sums and batched matrix products, two operands at a time."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.contraction import contract, product_dtype
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import function, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.ufuncs import store
from torshjit.capture.numpy_trace.values import as_tracer, cast_value, traced, wrap
from torshjit.errors import ShapeError

__all__: list[str] = []

_NAME = "numpy.einsum"


class _Term:
    """An array and the label of each of its axes."""

    def __init__(self, array: Tracer, labels: str) -> None:
        self.array = array
        self.labels = labels

    def summed_to(self, kept: str) -> _Term:
        """Sums over the axes whose labels are not in `kept`."""
        axes = tuple(place for place, label in enumerate(self.labels) if label not in kept)
        if not axes:
            return self
        labels = "".join(label for label in self.labels if label in kept)
        dtype = self.array.dtype
        return _Term(traced.sum(self.array, axis=axes, dtype=dtype), labels)


def _parse(session: TraceSession, subscripts: str, arrays: list[Tracer]) -> tuple[list[str], str]:
    """Returns the labels of each operand and of the result, with ellipses written out."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(arrays):
        raise ValueError(f"einsum has {len(terms)} subscripts for {len(arrays)} operands")
    spare = [letter for letter in string.ascii_letters if letter not in text]
    lengths = [
        array.ndim - len(term.replace("...", "")) if "..." in term else 0
        for term, array in zip(terms, arrays, strict=True)
    ]
    if min(lengths) < 0:
        raise ValueError("einsum subscripts have more labels than an operand has axes")
    dots = "".join(spare[: max(lengths)])
    written = [
        term.replace("...", dots[len(dots) - length :])
        for term, length in zip(terms, lengths, strict=True)
    ]
    if not arrow:
        labels = "".join(written)
        single = sorted(label for label in set(labels) if labels.count(label) == 1)
        output = dots + "".join(label for label in single if label not in dots)
    else:
        output = output.replace("...", dots)
    for term, array in zip(written, arrays, strict=True):
        if len(term) != array.ndim:
            raise ValueError(
                f"einsum subscript {term!r} does not fit an array of {array.ndim} axes"
            )
        if len(set(term)) != len(term):
            session.unsupported(_NAME, "with a label repeated in one operand")
    if not set(output) <= set("".join(written)) or len(set(output)) != len(output):
        raise ValueError(f"einsum result subscript {output!r} is malformed")
    return written, output


def _check_extents(session: TraceSession, terms: list[_Term]) -> None:
    extents: dict[str, int] = {}
    for term in terms:
        for label, extent in zip(term.labels, term.array.shape, strict=True):
            if extents.setdefault(label, extent) == extent:
                continue
            if 1 in (extents[label], extent):
                session.unsupported(_NAME, "that broadcasts an axis")
            message = f"{_NAME}: label {label!r} has extents {extents[label]} and {extent}"
            session.fail(ShapeError(message, op=_NAME))


def _product(session: TraceSession, a: _Term, b: _Term, kept: str) -> _Term:
    """Multiplies two terms and sums the labels that nothing later needs."""
    a = a.summed_to(kept + b.labels)
    b = b.summed_to(kept + a.labels)
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in kept]
    summed = [label for label in shared if label not in kept]
    rest_a = [label for label in a.labels if label not in shared]
    rest_b = [label for label in b.labels if label not in shared]
    labels = "".join(batch + rest_a + rest_b)

    def axes(term: _Term, wanted: list[str]) -> list[int]:
        return [term.labels.index(label) for label in wanted]

    if not summed:
        left = traced.transpose(a.array, axes(a, batch + rest_a))
        right = traced.transpose(b.array, axes(b, batch + rest_b))
        left = traced.reshape(left, left.shape + (1,) * len(rest_b))
        lead, tail = right.shape[: len(batch)], right.shape[len(batch) :]
        right = traced.reshape(right, lead + (1,) * len(rest_a) + tail)
        return _Term(traced.multiply(left, right), labels)
    value = contract(
        session,
        _NAME,
        a.array,
        b.array,
        (axes(a, batch), axes(b, batch)),
        (axes(a, summed), axes(b, summed)),
    )
    return _Term(wrap(session, value, a.array.dtype), labels)


@function(np.einsum)
def _einsum(
    session: TraceSession,
    *operands: Any,
    out: Any = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Tracer:
    if not operands or not isinstance(operands[0], str):
        session.unsupported(_NAME, "without a subscript string")
    reject_arguments(session, _NAME, dtype=dtype)
    arrays = [as_tracer(session, operand) for operand in operands[1:]]
    written, output = _parse(session, operands[0], arrays)
    loop = arrays[0].dtype
    for array in arrays[1:]:
        loop = np.result_type(loop, array.dtype)
    loop = product_dtype(session, _NAME, arrays[0], arrays[0], loop)
    terms = [
        _Term(wrap(session, cast_value(session, array.value, loop), loop), labels)
        for array, labels in zip(arrays, written, strict=True)
    ]
    _check_extents(session, terms)
    result = terms[0]
    for place, term in enumerate(terms[1:], start=1):
        later = "".join(each.labels for each in terms[place + 1 :])
        result = _product(session, result, term, output + later)
    result = result.summed_to(output)
    ordered = traced.transpose(result.array, [result.labels.index(label) for label in output])
    final = wrap(session, ordered.value, loop)
    return final if out is None else store(session, _NAME, out, final)
