# SPDX-License-Identifier: Apache-2.0
"""`as_strided` and its kin, which address the storage of a tensor.

Tensors of the caller are contiguous in the trace; that they are, and begin their storage, is looked
at in each call. How others lie in memory is not known to the trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from torshjit.capture.torch_aliasing import AliasGroup, Traced
from torshjit.errors import CaptureError

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["STRIDED", "take_strided"]

#: The operations, which no call of eager torch can stand for: its operands are contiguous copies.
STRIDED = frozenset(
    {"aten.as_strided.default", "aten.as_strided_copy.default", "aten.as_strided_scatter.default"}
)


def take_strided(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> torch.Tensor:
    """The handler of the operations.

    Raises:
        CaptureError: the tensor is not one of the caller's, or its storage is larger than it.
    """
    named = dict(kwargs)
    for argument, value in zip(func._schema.arguments, args, strict=False):
        named[argument.name] = value
    source, g = named["self"], trace.g
    record = trace.record(source)
    trace.address_storage(source)
    offset = named.get("storage_offset")
    if offset is None and record.steps:
        raise CaptureError(f"{g.op} of a view, which lies somewhere in a storage")
    places = _places(named["size"], named["stride"], offset or 0)
    whole = record.group.read_whole()
    count = int(np.prod(whole.shape, dtype=np.int64))
    if places.size and (places.min() < 0 or places.max() >= count):
        raise CaptureError(f"{g.op} addresses memory outside of its tensor")
    positions = g.constant(torch.from_numpy(places))
    if str(func) != "aten.as_strided_scatter.default":
        value = g.gather(g.reshape(whole, (count,)), [positions], [0])
        group = AliasGroup(value)
        if str(func) == "aten.as_strided.default":
            group.relate(record.group)
        return trace.new_tensor(value.shape, source.dtype, Traced(group))
    if np.unique(places).size != places.size:
        raise CaptureError(f"{g.op} writes elements that share memory")
    if record.steps:
        raise CaptureError(f"{g.op} of a view, of which it copies the storage")
    updates = g.broadcast(g.operand(named["src"], whole.dtype), places.shape)
    flat = g.scatter(g.reshape(whole, (count,)), updates, [positions], [0])
    return trace.wrap(g.reshape(flat, whole.shape))


def _places(size: Sequence[int], stride: Sequence[int], offset: int) -> np.ndarray:
    """Where in the storage each element lies."""
    places = np.full((), offset, np.int64)
    for extent, step in zip(size, stride, strict=True):
        places = places[..., None] + np.arange(extent) * step
    return places
