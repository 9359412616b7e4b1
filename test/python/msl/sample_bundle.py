# SPDX-License-Identifier: Apache-2.0
"""A kernel bundle of hand-written kernels in the form that SPIRV-Cross writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["bundle", "text"]

_FOLDER = Path(__file__).parent / "kernels"

#: Of each kernel its operands, how many sizes, the threads and the grid.
_KERNELS: dict[str, tuple[list[tuple[str, str]], int, int, list[list[int]]]] = {
    "elementwise": ([("f32", "read"), ("f32", "read"), ("f32", "write")], 1, 64, [[64, -1]]),
    "softmax": ([("f32", "read"), ("f32", "write")], 2, 64, [[1, -1]]),
    "matmul": (
        [("f16", "read"), ("f16", "read"), ("f16", "write")],
        3,
        64,
        [[8, -1], [8, -3]],
    ),
    "mask": ([("i1", "read"), ("bf16", "read"), ("bf16", "write")], 0, 32, [[32, 37]]),
}


def text(name: str) -> str:
    """The MSL text of a kernel."""
    return (_FOLDER / f"{name}.metal").read_text()


def bundle(texts: dict[str, str] | None = None) -> bytes:
    """The bundle; `texts` replaces the code of kernels."""
    kernels: dict[str, Any] = {}
    modules = []
    for module, (name, (operands, sizes, threads, grid)) in enumerate(_KERNELS.items()):
        kernels[name] = {
            "operands": [{"dtype": dtype, "access": access} for dtype, access in operands],
            "sizes": sizes,
            "variants": [
                {
                    "entry": f"torsh_kernel_{name}",
                    "module": module,
                    "threads": threads,
                    "shared_bytes": 0,
                    "grid": grid,
                }
            ],
        }
        modules.append({"msl": (texts or {}).get(name) or text(name)})
    return json.dumps(
        {
            "version": 1,
            "target": "metal",
            "architecture": "",
            "kernels": kernels,
            "modules": modules,
        }
    ).encode()
