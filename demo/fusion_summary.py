# SPDX-License-Identifier: Apache-2.0
"""What was fused, in a few lines, from the structured form of ``CompiledModule.explain``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def _kib(count: int) -> str:
    return f"{count / 1024:.1f}"


def _operation(name: str) -> str:
    return name.removeprefix("torsh.")


def fusion_summary(specialization: Mapping[str, Any]) -> list[str]:
    """Lines on one specialization: its kernels with their memory traffic, then what stayed apart.

    specialization is an entry of ``explain(structured=True)["specializations"]``.
    """
    groups: Sequence[Mapping[str, Any]] = specialization["groups"]
    operations = sum(len(group["ops"]) for group in groups)
    before = sum(group["bytes_before"] for group in groups)
    after = sum(group["bytes_after"] for group in groups)
    lines = [
        f"{operations} operations became {len(groups)} kernels; {_kib(after)} KiB of memory"
        f" traffic instead of {_kib(before)}:"
    ]
    width = max((len(group["kernel"]) for group in groups), default=0)
    for group in groups:
        names = " + ".join(_operation(op["op"]) for op in group["ops"])
        traffic = f"{_kib(group['bytes_before']):>9} -> {_kib(group['bytes_after'])} KiB"
        lines.append(f"  {group['kernel']:<{width}}  {names:<24}{traffic}")
    if specialization["unfused"]:
        lines.append("Not fused:")
        edges = Counter(
            f"{_operation(edge['producer'])} -> {_operation(edge['consumer'])}: {edge['reason']}"
            for edge in specialization["unfused"]
        )
        lines += [f"  {edge}" + (f" ({n} times)" if n > 1 else "") for edge, n in edges.items()]
    return lines
