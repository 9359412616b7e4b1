# SPDX-License-Identifier: Apache-2.0
"""Kernels of a training step run in the threads that torch's own operations run in.

Between them, torch's optimiser works in the threads of GNU OpenMP, which spin for milliseconds when
they are done. Threads of torshjit's beside them would get half of the processors.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

import torch

import torshjit._runtime as _runtime  # type: ignore[import-not-found]

__all__ = ["join_torch_threads"]


@functools.cache
def _team_runner() -> int:
    """The address of GOMP_parallel in the OpenMP that torch has loaded; 0 where it is another."""
    if not hasattr(os, "RTLD_NOLOAD") or "OpenMP" not in torch.__config__.parallel_info():
        return 0
    own = Path(torch.__file__).parent / "lib" / "libgomp.so.1"
    for name in (str(own), own.name):
        try:
            library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            return ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value or 0
        except (OSError, AttributeError):
            continue
    return 0


def join_torch_threads() -> None:
    """From now on torshjit's parallel loops run in torch's threads, where those are OpenMP's."""
    if torch.get_num_threads() > 1 and (runner := _team_runner()):
        _runtime.run_in_team(runner)
