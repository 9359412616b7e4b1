# SPDX-License-Identifier: Apache-2.0
"""Cases of attention: masks, groups, orders of axes, and extents around those of its blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from e2e.case_values import FLOATS
from e2e.op_case import Case, Operand
from e2e.tolerance import approximate, of_largest

# Label: leading extents, queries, keys, features, columns of the values.
_SHAPES = {
    "small": ((2, 3), 5, 7, 8, 8),
    "ragged": ((3,), 67, 131, 20, 12),
    "aligned": ((2,), 64, 128, 64, 64),
    "one-query": ((2, 4), 1, 77, 64, 64),
    "one-key": ((2,), 9, 1, 16, 16),
    "no-lead": ((), 33, 35, 5, 3),
    "wide": ((1,), 20, 70, 129, 200),
    "narrow": ((2,), 17, 19, 1, 1),
    "no-keys": ((2,), 4, 0, 8, 8),
    "no-queries": ((2,), 0, 4, 8, 8),
}


def _attention(
    label: str, dtype: str, shape: tuple, *, mask: Operand | None = None, **attributes
) -> Case:
    lead, queries, keys, features, columns = shape
    group = attributes.pop("group", 1)
    shared = (*lead[:-1], lead[-1] // group) if lead else ()
    orders = {
        name: attributes[f"{name}_axes"]
        for name in ("query", "key", "value")
        if f"{name}_axes" in attributes
    }

    def operand(name: str, extents: tuple[int, ...], static: bool) -> Operand:
        stored = list(extents)
        for own, axis in zip(extents, orders.get(name, range(len(extents))), strict=True):
            stored[axis] = own
        # The features are registers, and groups have to be known.
        return Operand(tuple(stored), static=static)

    known = group > 1
    return Case(
        "attention", label, dtype,
        (
            operand("query", (*lead, queries, features), known),
            operand("key", (*shared, keys, features), known),
            operand("value", (*shared, keys, columns), known),
            mask,
        ),
        {"scale": 1 / math.sqrt(features), **attributes},
        approximate(32 + 2 * features, of_largest), dynamic=not known,
    )  # fmt: skip


def cases() -> Iterator[Case]:
    for dtype in FLOATS:
        for causal in (False, True):
            name = "-causal" if causal else ""
            yield _attention(f"small{name}", dtype, _SHAPES["small"], causal=causal)
            yield _attention(f"aligned{name}", dtype, _SHAPES["aligned"], causal=causal)
        yield _attention("ragged", dtype, _SHAPES["ragged"])
    for label, shape in _SHAPES.items():
        for causal in (False, True):
            if label not in ("small", "aligned"):
                yield _attention(
                    f"all-{label}{'-causal' if causal else ''}", "f32", shape, causal=causal
                )
    lead, queries, keys = (2, 4), 37, 71
    shape = (lead, queries, keys, 16, 24)
    for label, extents in {
        "full": (*lead, queries, keys),
        "of-keys": (2, 1, 1, keys),
        "of-queries": (queries, 1),
        "plain": (queries, keys),
    }.items():
        for dtype in ("f32", "f64", "bf16"):
            yield _attention(f"added-{label}", dtype, shape, mask=Operand(extents))
            yield _attention(
                f"hidden-{label}", dtype, shape, zero_masked_rows=True,
                mask=Operand(extents, dtype="i1"),
            )  # fmt: skip
        yield _attention(
            f"low-{label}", "f32", shape, masked_score=-1e4,
            mask=Operand(extents, dtype="i1"),
        )  # fmt: skip
    for hidden in (-1.0, -40.0, -1e30, float(np.finfo(np.float32).min)):
        yield _attention(f"causal-{hidden:.3g}", "f32", shape, causal=True, masked_score=hidden)
    for group in (2, 4):
        yield _attention(f"groups-of-{group}", "f32", shape, group=group)
        yield _attention(f"decode-groups-of-{group}", "f32", (lead, 1, 90, 32, 32), group=group)
    heads_inside = [0, 2, 1, 3]
    for dtype in ("f32", "f16"):
        yield _attention(
            "heads-inside", dtype, shape, query_axes=heads_inside, key_axes=heads_inside,
            value_axes=heads_inside, result_axes=heads_inside,
        )  # fmt: skip
    yield _attention(
        "transposed", "f32", shape, query_axes=[0, 1, 3, 2], key_axes=[3, 0, 1, 2],
        value_axes=[1, 0, 3, 2], result_axes=[3, 1, 0, 2],
    )  # fmt: skip
