# SPDX-License-Identifier: Apache-2.0
"""torch's own decompositions: programs of simpler ATen calls, for overloads without a rule.

They are Python functions over tensors, which the trace runs on its meta tensors. A rule is
preferred where there is one: it makes fewer operations, and the decompositions check and promote
their arguments each time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["decomposition_of"]

_IMPLICIT = torch._C.DispatchKey.CompositeImplicitAutograd
_EXPLICIT = torch._C.DispatchKey.CompositeExplicitAutograd

#: Decompositions of torch that are not used: they ask for values, or compute with other rounding.
_UNUSED: frozenset[str] = frozenset()

#: Kernels of torch's own that call nothing but other operations, whatever their tensors are.
_EXPLICIT_COMPOSITES: frozenset[str] = frozenset()


def _linspace_of_ends(decomposition: Callable[..., Any]) -> Callable[..., Any]:
    """Eager takes the ends as numbers of the result's type; torch's decomposition as float64."""

    def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, **kwargs: Any) -> Any:
        def converted(value: Any) -> Any:
            if dtype is None or dtype.is_floating_point or dtype.is_complex:
                return value
            return value.to(dtype) if isinstance(value, torch.Tensor) else int(value)

        return decomposition(converted(start), converted(end), steps, dtype=dtype, **kwargs)

    return linspace


def _written_in_python(func: Any) -> Callable[..., Any] | None:
    """The function behind an operation of torch's own that torch.library.custom_op made."""
    from torch._library.custom_ops import OPDEFS

    made = OPDEFS.get(func._schema.name)
    return getattr(made, "_init_fn", None)


def _grid_sampler_of_channels(
    decomposition: Callable[..., Any] | None,
) -> Callable[..., Any] | None:
    """Positions and weights once for all channels, where torch's decomposition, as Inductor wants
    it, computes them for each."""
    from torch._decomp import decompositions

    sampler = getattr(decompositions, "_grid_sampler_2d", None)
    if sampler is None or "_expand_grid" not in inspect.signature(sampler).parameters:
        return decomposition
    return functools.partial(sampler, _expand_grid=False)


def decomposition_of(func: Any) -> Callable[..., Any] | None:
    """The program that an overload stands for, or None if it has none."""
    name = str(func)
    if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _IMPLICIT):
        return lambda *args, **kwargs: func._op_dk(_IMPLICIT, *args, **kwargs)
    if func.namespace == "prims" or name in _EXPLICIT_COMPOSITES:
        return lambda *args, **kwargs: func._op_dk(_EXPLICIT, *args, **kwargs)
    if name in _UNUSED:
        return None
    if func.namespace == "torch_nn":
        return _written_in_python(func)
    from torch._decomp import decomposition_table

    decomposition = decomposition_table.get(func)
    if name == "aten.grid_sampler_2d.default":
        return _grid_sampler_of_channels(decomposition)
    if decomposition and name.startswith("aten.linspace."):
        return _linspace_of_ends(decomposition)
    return decomposition
