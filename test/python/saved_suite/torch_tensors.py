# SPDX-License-Identifier: Apache-2.0
"""Programs of torch with tensors on the host or on the device; on CUDA's, as a graph too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

__all__ = ["call"]


def call(program: Callable[..., Any], arguments: Sequence[np.ndarray], device: str) -> list[Any]:
    """The results of two calls, as arrays, and of a replayed graph on CUDA devices."""
    where = torch.device("cpu" if device == "host" else device)
    tensors = [torch.from_numpy(np.ascontiguousarray(array)).to(where) for array in arguments]
    with torch.no_grad():
        results = [_flat(program(*tensors)) for _ in range(2)]
        for result in results[0]:
            assert result.device.type == where.type, f"the result is on {result.device}"
        if where.type == "cuda":
            results.append(_replayed(program, tensors))
    return [[result.cpu().numpy() for result in each] for each in results]


def _flat(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, tuple) else [result]


def _replayed(program: Callable[..., Any], tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The results of a captured call, which is replayed with other arguments."""
    static = [torch.zeros_like(tensor) for tensor in tensors]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = _flat(program(*static))
    for buffer, tensor in zip(static, tensors, strict=True):
        buffer.copy_(tensor)
    graph.replay()
    torch.cuda.synchronize()
    return results
