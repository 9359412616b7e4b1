# SPDX-License-Identifier: Apache-2.0
"""The text of `CompiledModule.explain`: what was fused, what was not and why, what fell back."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["format_explanation"]


def _bytes(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.4g} GiB"


def _place(location: str | None) -> str:
    """The end of a location that the compiler wrote as ``folder/file.py:3:0``."""
    if not location:
        return ""
    parts = os.path.basename(location).split(":")
    # Column 0 is that of a line whose column is unknown.
    return "  " + ":".join(parts[:-1] if parts[-1] == "0" else parts)


def _group_lines(group: dict[str, Any]) -> list[str]:
    before, after = group.get("bytes_before", 0), group.get("bytes_after", 0)
    traffic = f", {_bytes(before)} -> {_bytes(after)} of memory traffic" if before else ""
    count = len(group["ops"])
    noun = "operation" if count == 1 else "operations"
    lines = [f"    {group['kernel']} ({group.get('kind', 'kernel')}): {count} {noun}{traffic}"]
    lines += [f"      {op['op']}{_place(op.get('location'))}" for op in group["ops"]]
    return lines


def _specialization_lines(row: dict[str, Any]) -> list[str]:
    how = "run by the interpreter" if row["cache"] is None else f"machine code: {row['cache']}"
    lines = [
        f"  {row['signature']}",
        f"    captured in {row['capture_ms']:.1f} ms, compiled in {row['compile_ms']:.1f} ms,"
        f" {how}",
    ]
    if row["timings_ms"]:
        parts = ", ".join(f"{name} {value:.1f}" for name, value in row["timings_ms"].items())
        lines.append(f"    phases in ms: {parts}")
    for name, count in row["rewrites"].items():
        lines.append(f"    rewrite {name}: {count} {'place' if count == 1 else 'places'}")
    for group in row["groups"]:
        lines += _group_lines(group)
        schedule = row["schedules"].get(group["kernel"])
        if schedule:
            lines.append(f"      schedule {schedule}")
        if packing := row["packed"].get(group["kernel"]):
            lines.append(f"      its weight is packed once, by {packing}")
    if row["once"]:
        lines.append("    run once, when it was loaded:")
        for kernel, count in sorted(row["once"].items()):
            lines.append(f"      {kernel}: {count} {'launch' if count == 1 else 'launches'}")
    if row["host_calls"]:
        lines.append("    called on the host, between kernels:")
        for call in row["host_calls"]:
            place = f"  {call['location'][0]}:{call['location'][1]}" if call["location"] else ""
            why = "  (the compiler lacks it)" if call["fallback"] else ""
            lines.append(f"      {call['op']}{place}{why}")
    if row["siblings"]:
        lines.append("    products that share an operand:")
        for product in row["siblings"]:
            merged = f"one of {product['merged']} that are one product by weights side by side"
            what = merged if product["merged"] else f"apart: {product['reason']}"
            lines.append(f"      {product['op']}{_place(product['location'])}: {what}")
    if row["unfused"]:
        lines.append("    not fused:")
        lines += [
            f"      {edge['producer']} -> {edge['consumer']}: {edge['reason']}"
            for edge in row["unfused"]
        ]
    return lines


def format_explanation(explanation: dict[str, Any]) -> str:
    """Writes the structured explanation as text for a terminal."""
    lines = [f"{explanation['name']} for {explanation['target']}"]
    if not explanation["specializations"] and not explanation["fallbacks"]:
        lines.append("  not called yet")
    for row in explanation["specializations"]:
        lines += _specialization_lines(row)
    kinds = {
        "run as plain Python": [each for each in explanation["fallbacks"] if not each["in_parts"]],
        "run in parts": [each for each in explanation["fallbacks"] if each["in_parts"]],
    }
    for kind, fallbacks in kinds.items():
        if fallbacks:
            lines.append(f"  {kind}:")
        for fallback in fallbacks:
            lines.append(f"    {fallback['signature']}: {fallback['reason']}")
            lines += _line_of(fallback)
            for cut in fallback["breaks"]:
                lines.append(f"      eager torch: {cut['reason']}")
                lines += _line_of(cut)
    for part in explanation.get("parts", ()):
        lines += ["  " + line for line in format_explanation(part).splitlines()]
    return "\n".join(lines)


def _line_of(entry: dict[str, Any]) -> list[str]:
    location = entry["location"]
    return [f"      {location[0]}:{location[1]}"] if location else []
