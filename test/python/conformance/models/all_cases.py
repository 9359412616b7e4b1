# SPDX-License-Identifier: Apache-2.0
"""Every case, and those of transformers where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import os

from conformance.models.model_case import ModelCase

__all__ = ["all_cases"]

_OWN = ("resnet50", "mobilenet_v3", "efficientnet", "convnext", "unet")
_OF_TRANSFORMERS = ("bert", "gpt2", "llama", "t5", "vit", "whisper", "resnet")
_FURTHER = ("further_language_models", "further_perception_models")


def all_cases() -> list[ModelCase]:
    """The cases in the order of the table."""
    # Nothing is fetched: configurations are made here, weights are random.
    os.environ["HF_HUB_OFFLINE"] = "1"
    families = _OWN
    if importlib.util.find_spec("transformers") is not None:
        families = (*_OF_TRANSFORMERS, *_OWN, *_FURTHER)
    modules = [importlib.import_module(f"conformance.models.{name}") for name in families]
    return [case for module in modules for case in module.CASES]
