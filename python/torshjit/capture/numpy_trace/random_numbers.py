# SPDX-License-Identifier: Apache-2.0
"""``numpy.random`` in a traced function: drawn on the host, anew at each call."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.host_fallback import draw_on_host
from torshjit.capture.numpy_trace.session import TraceSession

__all__ = ["random_shadow"]

#: Makers of generators, whose numbers are the same at each call if they are given a seed.
_GENERATORS = ("default_rng", "Generator", "RandomState", "PCG64", "Philox", "SeedSequence")


class _RandomShadow(ModuleType):
    """The stand-in for the module: its functions draw from the global generator of the host."""

    def __init__(self, session: TraceSession) -> None:
        super().__init__("numpy.random")
        self._session = session

    def __getattr__(self, name: str) -> Any:
        original = getattr(np.random, name)
        session = self._session
        if name in _GENERATORS:

            def make(*args: Any, **kwargs: Any) -> Any:
                if not args or args[0] is None:
                    session.refuse(
                        f"numpy.random.{name} without a seed draws from the machine",
                        f"numpy.random.{name}",
                    )
                return original(*args, **kwargs)

            return make
        if not callable(original) or isinstance(original, type):
            session.refuse(f"numpy.random.{name} is used", f"numpy.random.{name}")
        return lambda *args, **kwargs: draw_on_host(
            session, f"numpy.random.{name}", original, args, kwargs
        )


def random_shadow(session: TraceSession) -> ModuleType:
    """Returns the stand-in for ``numpy.random`` in one capture."""
    return _RandomShadow(session)
