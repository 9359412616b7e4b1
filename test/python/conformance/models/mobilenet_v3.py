# SPDX-License-Identifier: Apache-2.0
"""MobileNet-v3: inverted residuals with depthwise convolutions, hard swish and squeezing."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn import functional as F

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures, randomised

__all__ = ["CASES"]

#: Kernel, expanded and resulting channels, whether it squeezes, whether it swishes, stride.
_LARGE = [
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
]


def _convolution(
    channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1, activation: Any = None
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=1e-3, momentum=0.01),
    ]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


class _Squeeze(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(8, channels // 4 // 8 * 8)
        self.reduce = nn.Conv2d(channels, inner, 1)
        self.expand = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Any) -> Any:
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.expand(F.relu(self.reduce(scale))))


class _Residual(nn.Module):
    def __init__(self, channels: int, row: tuple) -> None:
        super().__init__()
        kernel, wide, out, squeezes, swishes, stride = row
        activation = nn.Hardswish if swishes else nn.ReLU
        layers: list[nn.Module] = []
        if wide != channels:
            layers.append(_convolution(channels, wide, 1, activation=activation))
        layers.append(_convolution(wide, wide, kernel, stride, wide, activation))
        if squeezes:
            layers.append(_Squeeze(wide))
        layers.append(_convolution(wide, out, 1))
        self.block = nn.Sequential(*layers)
        self.keeps = stride == 1 and channels == out

    def forward(self, x: Any) -> Any:
        y = self.block(x)
        return x + y if self.keeps else y


class _MobileNet(nn.Module):
    def __init__(self, rows: list[tuple]) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, 16, 3, 2, activation=nn.Hardswish)]
        channels = 16
        for row in rows:
            layers.append(_Residual(channels, row))
            channels = row[2]
        layers.append(_convolution(channels, 6 * channels, 1, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(
            nn.Linear(6 * channels, 1280),
            nn.Hardswish(inplace=True),
            nn.Dropout(0.2, inplace=True),
            nn.Linear(1280, 1000),
        )

    def forward(self, x: Any) -> Any:
        return self.head(self.pool(self.features(x)).flatten(1))


def _classify(small: bool) -> Program:
    rows = [_LARGE[0], _LARGE[1], (5, 72, 40, True, True, 2)] if small else _LARGE
    return Program(randomised(_MobileNet(rows)), (pictures(2, 64 if small else 224),))


CASES = [ModelCase("MobileNet-v3", _classify)]
