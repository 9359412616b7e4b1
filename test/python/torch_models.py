# SPDX-License-Identifier: Apache-2.0
"""Small networks of the usual kinds, for comparisons with torch eager."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class BasicBlock(nn.Module):
    """ResNet's block of two 3x3 convolutions, with a projection on the shortcut."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )

    def forward(self, x: Any) -> Any:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        return self.relu(y)


class InvertedResidual(nn.Module):
    """MobileNet's block: expansion, depthwise convolution, squeeze-and-excitation, projection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = channels * 3
        self.expand = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.Hardswish(inplace=True),
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(wide, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, wide, 1),
            nn.Hardsigmoid(),
        )
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x: Any) -> Any:
        y = self.depthwise(self.expand(x))
        return x + self.project(y * self.gate(y))


class GPTBlock(nn.Module):
    """A pre-norm transformer block with causal attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Any) -> Any:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(width, dim=-1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = y.transpose(1, 2).contiguous().view(batch, length, width)
        x = x + self.dropout(self.out(y))
        return x + self.dropout(self.mlp(self.norm2(x)))


class MaskedAttention(nn.Module):
    """Attention written out, with a registered causal mask and rotary positions."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 3 * width, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(length, length)).bool())

    @staticmethod
    def rotate(x: Any) -> Any:
        position = torch.arange(x.shape[-2])[:, None]
        angle = position / 100 ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
        even, odd = x[..., ::2], x[..., 1::2]
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)

    def forward(self, x: Any) -> Any:
        q, k, v = self.proj(x).chunk(3, dim=-1)
        scores = self.rotate(q) @ self.rotate(k).transpose(-2, -1) / q.shape[-1] ** 0.5
        length = x.shape[-2]
        scores = scores.masked_fill(~self.mask[:length, :length], float("-inf"))
        return F.softmax(scores, dim=-1) @ v


def _randomised(module: nn.Module) -> nn.Module:
    """Gives batch norms statistics that are not those of initialisation."""
    for inner in module.modules():
        if isinstance(inner, nn.BatchNorm2d):
            inner.running_mean.normal_(0, 0.3)
            inner.running_var.uniform_(0.5, 2)
    return module.eval()


def mlp() -> tuple[nn.Module, Any]:
    module = nn.Sequential(
        nn.Linear(10, 32), nn.ReLU(inplace=True), nn.LayerNorm(32), nn.Linear(32, 16), nn.Tanh(),
        nn.Dropout(0.5), nn.Linear(16, 4), nn.LogSoftmax(dim=-1),
    )  # fmt: skip
    return module.eval(), torch.randn(5, 10)


def digits_cnn() -> tuple[nn.Module, Any]:
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding="same"), nn.ELU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(64, 10), nn.Softmax(dim=1),
    )  # fmt: skip
    return _randomised(module), torch.randn(3, 1, 8, 8)


def resnet_block() -> tuple[nn.Module, Any]:
    return _randomised(BasicBlock(4, 8, 2)), torch.randn(2, 4, 9, 9)


def mobilenet_block() -> tuple[nn.Module, Any]:
    return _randomised(InvertedResidual(6)), torch.randn(2, 6, 7, 7)


def gpt_block() -> tuple[nn.Module, Any]:
    return GPTBlock(16, 4).eval(), torch.randn(2, 6, 16)


def masked_attention() -> tuple[nn.Module, Any]:
    return MaskedAttention(8, 12), torch.randn(2, 5, 8)


def encoder_layer() -> tuple[nn.Module, Any]:
    module = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
    return module.eval(), torch.randn(2, 5, 16)


def pre_norm_encoder() -> tuple[nn.Module, Any]:
    layer = nn.TransformerEncoderLayer(16, 2, 32, norm_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval(), torch.randn(5, 2, 16)


def conv1d_net() -> tuple[nn.Module, Any]:
    module = nn.Sequential(
        nn.Conv1d(3, 6, 5, padding=2, padding_mode="circular"), nn.GroupNorm(2, 6), nn.GELU(),
        nn.Conv1d(6, 6, 3, dilation=2, groups=6), nn.InstanceNorm1d(6), nn.PReLU(6), nn.GLU(1),
        nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(12, 2), nn.Mish(),
    )  # fmt: skip
    return module.eval(), torch.randn(2, 3, 16)


MODELS = (
    mlp,
    digits_cnn,
    resnet_block,
    mobilenet_block,
    gpt_block,
    masked_attention,
    encoder_layer,
    pre_norm_encoder,
    conv1d_net,
)
