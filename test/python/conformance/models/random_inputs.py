# SPDX-License-Identifier: Apache-2.0
"""Batches of random words and pictures, and statistics that are not those of initialisation."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["padded_mask", "pictures", "randomised", "words"]


def words(vocabulary: int, *shape: int) -> Any:
    """Word numbers, without the first few, which models give a meaning."""
    return torch.randint(4, vocabulary, shape)


def padded_mask(ids: Any) -> Any:
    """A mask under which the end of the last row is padding."""
    mask = torch.ones_like(ids)
    mask[-1, ids.shape[1] * 2 // 3 :] = 0
    return mask


def pictures(batch: int, extent: int) -> Any:
    """Pictures of three channels."""
    return torch.randn(batch, 3, extent, extent)


def randomised(module: nn.Module) -> nn.Module:
    """The module in eval mode, with statistics in its batch norms and scales in its layers."""
    for inner in module.modules():
        if isinstance(inner, nn.BatchNorm2d):
            inner.running_mean.normal_(0, 0.3)
            inner.running_var.uniform_(0.5, 2)
            nn.init.uniform_(inner.weight, 0.5, 1.5)
            nn.init.normal_(inner.bias, 0, 0.1)
    return module.eval()
