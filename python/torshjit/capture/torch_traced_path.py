# SPDX-License-Identifier: Apache-2.0
"""The state of the process while a torch program is traced."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["traced_path"]

_lock = threading.Lock()
_traces = 0
_before = (False, False, False, True)


@contextmanager
def traced_path() -> Iterator[None]:
    """Tells libraries, as torch.export does, to take the path that asks for no tensor's value.

    Nor are torch's transformer layers to hand all of themselves to one operation of eager's.

    The flags are torch's, for the whole process: a model that another thread runs meanwhile takes
    that path too, which computes the same. The garbage collector is held off, since it takes
    100 ms to look through torch's own objects.
    """
    global _traces, _before
    with _lock:
        _traces += 1
        if _traces == 1:
            compiler, attention = torch.compiler, torch.backends.mha
            flags = compiler._is_compiling_flag, compiler._is_exporting_flag
            _before = (*flags, gc.isenabled(), attention.get_fastpath_enabled())
            compiler._is_compiling_flag = compiler._is_exporting_flag = True
            attention.set_fastpath_enabled(False)
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _traces -= 1
            if _traces == 0:
                compiler = torch.compiler
                compiler._is_compiling_flag, compiler._is_exporting_flag, collected, fast = _before
                torch.backends.mha.set_fastpath_enabled(fast)
                if collected:
                    gc.enable()
