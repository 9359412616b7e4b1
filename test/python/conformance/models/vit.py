# SPDX-License-Identifier: Apache-2.0
"""ViT of transformers."""

from __future__ import annotations

from transformers import ViTConfig, ViTForImageClassification

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import pictures

__all__ = ["CASES"]


def _classify(small: bool) -> Program:
    sizes = (
        {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 96, "image_size": 40, "patch_size": 8}
        if small
        else {}
    )  # fmt: skip
    config = ViTConfig(**sizes)
    return Program(ViTForImageClassification(config).eval(), (pictures(2, config.image_size),))


CASES = [ModelCase("ViT", _classify)]
