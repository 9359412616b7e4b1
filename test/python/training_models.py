# SPDX-License-Identifier: Apache-2.0
"""Small BERT, GPT-2 and ResNet with their losses, each with one batch of arguments."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch_models import BasicBlock  # noqa: E402

WORDS, LENGTH, WIDTH, HEADS = 60, 12, 32, 4


class Layer(nn.Module):
    """A transformer layer; normalisation comes first for GPT-2, last for BERT."""

    def __init__(self, is_causal: bool, dropout: float) -> None:
        super().__init__()
        self.is_causal = is_causal
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(dropout)

    def attend(self, x: Any, mask: Any) -> Any:
        batch, length, _ = x.shape
        parts = self.project(x).view(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        result = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=self.is_causal
        )
        return self.dropout(self.out(result.transpose(1, 2).reshape(batch, length, WIDTH)))

    def feed(self, x: Any) -> Any:
        approximate = "tanh" if self.is_causal else "none"
        return self.dropout(self.down(F.gelu(self.up(x), approximate=approximate)))

    def forward(self, x: Any, mask: Any = None) -> Any:
        if self.is_causal:
            x = x + self.attend(self.attention_norm(x), mask)
            return x + self.feed(self.norm(x))
        x = self.attention_norm(x + self.attend(x, mask))
        return self.norm(x + self.feed(x))


class Bert(nn.Module):
    """Masked language modelling, with padding in the batch and labels that do not count."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(LENGTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.layers = nn.ModuleList(Layer(False, dropout) for _ in range(2))
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids: Any, visible: Any, labels: Any) -> Any:
        x = self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1])))
        mask = (1.0 - visible[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        return F.cross_entropy(self.head(x).view(-1, WORDS), labels.view(-1))


class Gpt(nn.Module):
    """Next-word prediction, with the embedding's weight in the head."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Embedding(LENGTH, WIDTH)
        self.layers = nn.ModuleList(Layer(True, dropout) for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids: Any) -> Any:
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        scores = self.head(self.norm(x))[:, :-1]
        return F.cross_entropy(scores.reshape(-1, WORDS), ids[:, 1:].reshape(-1))


class ResNet(nn.Module):
    """Stem, two blocks of which one halves the picture, head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 7, 2, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        self.blocks = nn.Sequential(BasicBlock(8, 8, 1), BasicBlock(8, 16, 2))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))

    def forward(self, pictures: Any, labels: Any) -> Any:
        return F.cross_entropy(self.head(self.blocks(self.stem(pictures))), labels)


def _ids() -> Any:
    return torch.randint(1, WORDS, (2, LENGTH))


def bert(dropout: float = 0.0) -> tuple[nn.Module, tuple]:
    """The model in training mode, and a batch of which the end of one row is padding."""
    ids, visible, labels = _ids(), torch.ones(2, LENGTH, dtype=torch.int64), _ids()
    ids[1, 8:] = visible[1, 8:] = 0
    labels[:, ::3] = -100
    return Bert(dropout), (ids, visible, labels)


def gpt(dropout: float = 0.0) -> tuple[nn.Module, tuple]:
    """The model in training mode, and a batch."""
    return Gpt(dropout), (_ids(),)


def resnet() -> tuple[nn.Module, tuple]:
    """The model in training mode, and a batch."""
    return ResNet(), (torch.randn(2, 3, 32, 32), torch.randint(0, 5, (2,)))
