# SPDX-License-Identifier: Apache-2.0
"""ResNet of transformers: classification, and a step of training."""

from __future__ import annotations

import torch
from transformers import ResNetConfig, ResNetForImageClassification

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures, randomised

__all__ = ["CASES"]


def _model(small: bool) -> ResNetForImageClassification:
    sizes = {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 2]} if small else {}
    return ResNetForImageClassification(ResNetConfig(num_labels=10, **sizes))


def _classify(small: bool) -> Program:
    return Program(randomised(_model(small)), (pictures(2, 64 if small else 224),))


def _training(small: bool) -> Program:
    named = {"labels": torch.randint(0, 10, (4,))}
    model = _model(small).train()
    if small:
        return Program(model, (pictures(4, 64),), named)
    # In f32 eager's gradients differ from its own in f64 by a quarter: a rounding error turns the
    # sign of some elements before a ReLU, and fifty batch norms of few elements magnify that.
    return Program(model.double(), (pictures(4, 96).double(),), named)


CASES = [
    ModelCase("ResNet of transformers", _classify),
    ModelCase("ResNet, training", _training, is_trained=True),
]
