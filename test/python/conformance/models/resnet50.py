# SPDX-License-Identifier: Apache-2.0
"""ResNet-50: bottleneck blocks of 1x1, 3x3 and 1x1 convolutions."""

from __future__ import annotations

from typing import Any

from torch import nn

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures, randomised

__all__ = ["CASES"]


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, inner: int, stride: int) -> None:
        super().__init__()
        wide = 4 * inner
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, wide, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None
        if stride != 1 or channels != wide:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, wide, 1, stride, bias=False), nn.BatchNorm2d(wide)
            )

    def forward(self, x: Any) -> Any:
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        y += x if self.shortcut is None else self.shortcut(x)
        return self.relu(y)


class _ResNet(nn.Module):
    def __init__(self, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks, channels = [], width
        for stage, depth in enumerate(depths):
            inner = width << stage
            for number in range(depth):
                stride = 2 if stage and number == 0 else 1
                blocks.append(_Bottleneck(channels, inner, stride))
                channels = 4 * inner
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(channels, 1000)

    def forward(self, x: Any) -> Any:
        return self.head(self.pool(self.blocks(self.stem(x))).flatten(1))


def _classify(small: bool) -> Program:
    model = _ResNet(8, (1, 2)) if small else _ResNet(64, (3, 4, 6, 3))
    return Program(randomised(model), (pictures(2, 64 if small else 224),))


CASES = [ModelCase("ResNet-50", _classify)]
