# SPDX-License-Identifier: Apache-2.0
"""U-Net: down and up again, by transposed convolution or by interpolation, with shortcuts."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures, randomised

__all__ = ["CASES"]


def _twice(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class _Up(nn.Module):
    def __init__(self, channels: int, interpolates: bool) -> None:
        super().__init__()
        half = channels // 2
        self.grow = (
            nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(channels, half, 1),
            )
            if interpolates
            else nn.ConvTranspose2d(channels, half, 2, 2)
        )
        self.block = _twice(channels, half)

    def forward(self, x: Any, kept: Any) -> Any:
        x = self.grow(x)
        # Where an extent was odd the way down has left one out.
        rows, columns = (kept.shape[axis] - x.shape[axis] for axis in (2, 3))
        x = F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.block(torch.cat([kept, x], dim=1))


class _UNet(nn.Module):
    def __init__(self, width: int, depth: int, interpolates: bool) -> None:
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.first = _twice(3, width)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(_twice(width, 2 * width) for width in widths[:-1])
        self.up = nn.ModuleList(_Up(width, interpolates) for width in widths[:0:-1])
        self.last = nn.Conv2d(width, 5, 1)

    def forward(self, x: Any) -> Any:
        kept = [self.first(x)]
        for block in self.down:
            kept.append(block(self.pool(kept[-1])))
        x = kept.pop()
        for block in self.up:
            x = block(x, kept.pop())
        return self.last(x)


def _segment(small: bool, interpolates: bool) -> Program:
    model = _UNet(8, 2, interpolates) if small else _UNet(64, 4, interpolates)
    return Program(randomised(model), (pictures(1, 50 if small else 200),))


CASES = [
    ModelCase("U-Net, transposed", partial(_segment, interpolates=False)),
    ModelCase("U-Net, bilinear", partial(_segment, interpolates=True)),
]
