# SPDX-License-Identifier: Apache-2.0
"""ATen operations as functions of the host: eager torch between the kernels of a program.

Their names are those of the overloads, ``aten.linalg_eigvalsh.default``, so that a saved program
finds them wherever torch is. What is torch's own among the arguments (dtypes, devices, layouts) is
written as a string, ``torch.float32``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["eager_call", "find_overload", "written"]

_PREFIX = "torch."


def written(argument: Any) -> Any:
    """An argument of an ATen call with torch's own values as strings; others unchanged."""
    import torch

    if isinstance(argument, (list, tuple)):
        return [written(item) for item in argument]
    if isinstance(argument, (torch.dtype, torch.layout, torch.memory_format)):
        return str(argument)
    if isinstance(argument, torch.device):
        return f"{_PREFIX}device.{argument.type}"
    return argument


def _read(argument: Any) -> Any:
    """What `written` was given, with arrays as tensors that share their memory."""
    import torch

    if isinstance(argument, np.ndarray):
        return _as_tensor(argument)
    if isinstance(argument, (list, tuple)):
        return [_read(item) for item in argument]
    if isinstance(argument, str) and argument.startswith(_PREFIX):
        kind = argument.removeprefix(_PREFIX)
        # The program's arrays are on the host, wherever the tensors were that it was captured for.
        return torch.device("cpu") if kind.startswith("device.") else getattr(torch, kind)
    return argument


class _Memory:
    """A program's array as one that torch takes without a warning: it may not be written."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _as_tensor(array: np.ndarray) -> Any:
    import torch

    stored = array.view(np.int16) if array.dtype.name == "bfloat16" else array
    if 0 in stored.shape:
        tensor = torch.from_numpy(stored.copy())
    else:
        tensor = torch.from_numpy(np.asarray(_Memory(stored)))
    return tensor.view(torch.bfloat16) if stored is not array else tensor


def _as_array(value: Any) -> Any:
    import torch

    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        # A result that is undefined for the given flags has none in the program either.
        return tuple(_as_array(item) for item in value if isinstance(item, torch.Tensor))
    tensor = value.detach().contiguous().resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def eager_call(overload: Any) -> Callable[..., Any]:
    """Returns a function over arrays and written arguments that calls an overload."""

    def call(*args: Any, **kwargs: Any) -> Any:
        import torch

        with torch.no_grad():
            result = overload(*map(_read, args), **{name: _read(kwargs[name]) for name in kwargs})
            return _as_array(result)

    return call


def find_overload(path: str) -> Callable[..., Any]:
    """Returns `eager_call` of the overload of a name.

    Raises:
        AttributeError: torch has none of this name.
        ImportError: torch is not installed.
    """
    import torch

    found: Any = torch.ops
    for part in path.split("."):
        found = getattr(found, part)
    if not isinstance(found, torch._ops.OpOverload):
        raise AttributeError(f"torch has no overload {path}")
    return eager_call(found)
