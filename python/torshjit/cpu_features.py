# SPDX-License-Identifier: Apache-2.0
"""The instruction sets of this machine's processor that generated code may depend on."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable

__all__ = ["host_features", "host_machine", "instruction_sets"]

#: Names in the kernel's list of processor flags that are instruction sets for vector code.
_INSTRUCTION_SETS = {
    "sse4_2", "avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "avx_vnni",
    "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx512ifma", "avx512vbmi", "avx512_vbmi2", "avx512_bitalg",
    "avx512_vpopcntdq", "amx_tile", "amx_int8", "amx_bf16",
    "asimd", "asimdhp", "asimddp", "fphp", "sve", "sve2", "bf16", "i8mm", "svebf16", "svei8mm",
}  # fmt: skip


#: What LLVM calls those that it does not call as the kernel does, but for punctuation.
_LLVM_NAMES = {
    "bmi1": "bmi", "asimd": "neon", "asimdhp": "fullfp16", "asimddp": "dotprod", "fphp": "fullfp16",
}  # fmt: skip


def instruction_sets(llvm_features: Iterable[str]) -> tuple[str, ...]:
    """Those of LLVM's features that are instruction sets, by the names of `host_features`."""
    present = {_plain(name) for name in llvm_features}
    return tuple(
        sorted(name for name in _INSTRUCTION_SETS if _plain(_LLVM_NAMES.get(name, name)) in present)
    )


def _plain(name: str) -> str:
    return name.replace("_", "").replace(".", "").replace("-", "")


def host_machine() -> str:
    """The architecture, such as ``x86_64``."""
    return platform.machine()


@functools.cache
def host_features() -> tuple[str, ...]:
    """The instruction sets of this processor, sorted; empty where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("flags", "Features"):
                    return tuple(sorted(_INSTRUCTION_SETS.intersection(value.split())))
    except OSError:
        pass
    return ()
