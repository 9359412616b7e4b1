# SPDX-License-Identifier: Apache-2.0
"""ConvNeXt: depthwise convolutions of 7x7, layer norm over channels, scales for each layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures

__all__ = ["CASES"]


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of pictures."""

    def forward(self, x: Any) -> Any:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.up = nn.Linear(channels, 4 * channels)
        self.gelu = nn.GELU()
        self.down = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.rand(channels))

    def forward(self, x: Any) -> Any:
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.down(self.gelu(self.up(self.norm(y)))) * self.scale
        return x + y.permute(0, 3, 1, 2)


class _ConvNeXt(nn.Module):
    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, widths[0], 4, 4),
            _ChannelNorm(widths[0], eps=1e-6),
        ]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if stage:
                layers.append(_ChannelNorm(widths[stage - 1], eps=1e-6))
                layers.append(nn.Conv2d(widths[stage - 1], width, 2, 2))
            layers.extend(_Block(width) for _ in range(depth))
        self.features = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        self.head = nn.Linear(widths[-1], 1000)

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.features(x).mean([-2, -1])))


def _classify(small: bool) -> Program:
    model = _ConvNeXt((16, 32), (1, 2)) if small else _ConvNeXt((96, 192, 384, 768), (3, 3, 9, 3))
    return Program(model.eval(), (pictures(2, 64 if small else 224),))


CASES = [ModelCase("ConvNeXt-T", _classify)]
