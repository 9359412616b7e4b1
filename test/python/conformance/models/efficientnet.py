# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-B0: inverted residuals with SiLU and squeeze-and-excitation throughout."""

from __future__ import annotations

from typing import Any

from torch import nn

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures, randomised

__all__ = ["CASES"]

#: Expansion, kernel, stride, channels, number of blocks.
_B0 = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]


class _Excitation(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.down = nn.Conv2d(channels, inner, 1)
        self.up = nn.Conv2d(inner, channels, 1)
        self.silu = nn.SiLU(inplace=True)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        return self.sigmoid(self.up(self.silu(self.down(self.pool(x))))) * x


def _normed(channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> list:
    return [
        nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]


class _Block(nn.Module):
    def __init__(self, channels: int, row: tuple, stride: int) -> None:
        super().__init__()
        expansion, kernel, _, out, _ = row
        wide = channels * expansion
        layers = [] if expansion == 1 else [*_normed(channels, wide, 1), nn.SiLU(inplace=True)]
        layers += [*_normed(wide, wide, kernel, stride, wide), nn.SiLU(inplace=True)]
        layers += [_Excitation(wide, max(1, channels // 4)), *_normed(wide, out, 1)]
        self.block = nn.Sequential(*layers)
        self.keeps = stride == 1 and channels == out

    def forward(self, x: Any) -> Any:
        y = self.block(x)
        if self.keeps:
            y += x
        return y


class _EfficientNet(nn.Module):
    def __init__(self, rows: list[tuple]) -> None:
        super().__init__()
        layers = [*_normed(3, 32, 3, 2), nn.SiLU(inplace=True)]
        channels = 32
        for row in rows:
            for number in range(row[4]):
                layers.append(_Block(channels, row, row[2] if number == 0 else 1))
                channels = row[3]
        layers += [*_normed(channels, 4 * channels, 1), nn.SiLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Dropout(0.2, inplace=True), nn.Linear(4 * channels, 1000))

    def forward(self, x: Any) -> Any:
        return self.head(self.pool(self.features(x)).flatten(1))


def _classify(small: bool) -> Program:
    rows = [_B0[0], (6, 5, 2, 24, 2)] if small else _B0
    return Program(randomised(_EfficientNet(rows)), (pictures(2, 64 if small else 224),))


CASES = [ModelCase("EfficientNet-B0", _classify)]
