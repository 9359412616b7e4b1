# SPDX-License-Identifier: Apache-2.0
"""BERT of transformers: with padding, and a step of masked language modelling."""

from __future__ import annotations

from typing import Any

from transformers import BertConfig, BertForMaskedLM, BertModel

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import padded_mask, words

__all__ = ["CASES"]


def _config(small: bool, **options: Any) -> BertConfig:
    if small:
        options |= {
            "vocab_size": 200,
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 96,
        }
    return BertConfig(**options)


def _inference(small: bool) -> Program:
    config = _config(small)
    ids = words(config.vocab_size, 2, 11 if small else 128)
    return Program(BertModel(config).eval(), (ids,), {"attention_mask": padded_mask(ids)})


def _training(small: bool) -> Program:
    config = _config(small, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    ids = words(config.vocab_size, 2, 11 if small else 64)
    labels = ids.clone()
    labels[:, ::3] = -100
    named = {"attention_mask": padded_mask(ids), "labels": labels}
    return Program(BertForMaskedLM(config).train(), (ids,), named)


CASES = [
    ModelCase("BERT", _inference),
    ModelCase("BERT, training", _training, is_trained=True),
]
