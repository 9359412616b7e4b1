# SPDX-License-Identifier: Apache-2.0
"""The numbers and the structured explanation of a compiled module's signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torshjit.fallback import Fallback
from torshjit.signatures import format_signature
from torshjit.specialization import Specialization

__all__ = ["describe", "sum_statistics"]

_SUMMED = (
    "calls",
    "total_time_us",
    "capture_ms",
    "compile_ms",
    "kernels",
    "compiled_ops",
    "fused_groups",
    "constant_bytes",
    "once_launches",
    "once_us",
)


def sum_statistics(
    specializations: Sequence[Specialization],
    fallbacks: Sequence[Fallback],
    parts: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Returns the mapping of `CompiledModule.stats`.

    `parts` are those of the graphs that the program was taken apart into; their calls are not
    counted as calls of the program.
    """
    own = [each.statistics() for each in specializations]
    rows = [*own, *parts]
    result: dict[str, Any] = {name: sum(row[name] for row in rows) for name in _SUMMED}
    for name in ("calls", "total_time_us"):
        result[name] = sum(row[name] for row in own)
    result["calls"] += sum(fallback.calls for fallback in fallbacks)
    result["total_time_us"] += sum(fallback.time_us for fallback in fallbacks)
    counts: Counter[str] = Counter()
    for fallback in fallbacks:
        if fallback.parts is None or fallback.parts.is_broken:
            counts[fallback.op] += fallback.calls
    for row in rows:
        counts.update(row["fallback_ops"])
    result["fallback_ops"] = dict(counts)
    for name in ("peak_bytes", "naive_peak_bytes"):
        result[name] = max((row[name] for row in rows), default=0)
    result["cache"] = rows[-1]["cache"] if rows else None
    result["specializations"] = len(own)
    result["kernel_times"] = {
        f"{number}/{kernel}": times
        for number, row in enumerate(rows)
        for kernel, times in row["kernel_times"].items()
    }
    return result


def describe(
    specializations: Sequence[Specialization], fallbacks: Sequence[Fallback]
) -> dict[str, Any]:
    """Returns the parts of `CompiledModule.explain` that are about signatures."""
    return {
        "specializations": [
            {
                "signature": str(each),
                "cache": each.cache,
                "capture_ms": each.capture_ms,
                "compile_ms": each.compile_ms,
                "timings_ms": each.timings_ms,
                "rewrites": dict((each.program and each.program.rewritten) or {}),
                "groups": each.explanation.get("groups", []),
                "unfused": each.explanation.get("unfused", []),
                "siblings": each.explanation.get("siblings", []),
                "host_calls": [
                    {"op": op, "location": location, "fallback": is_fallback}
                    for op, location, is_fallback in each.host_calls
                ],
                "schedules": each.explanation.get("schedules", {}),
                "packed": each.explanation.get("packed", {}),
                "once": each.explanation.get("once", {}),
            }
            for each in specializations
        ],
        "fallbacks": [
            {
                "signature": format_signature(each.signature),
                "op": each.op,
                "reason": each.reason,
                "location": each.location,
                "calls": each.calls,
                "in_parts": each.parts is not None and bool(each.parts.programs),
                "is_compiled": each.parts is not None and each.parts.is_whole,
                "breaks": [
                    {"reason": cut.reason, "location": cut.location}
                    for cut in (each.parts.breaks if each.parts is not None else ())
                ],
            }
            for each in fallbacks
        ],
    }
