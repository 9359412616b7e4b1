# SPDX-License-Identifier: Apache-2.0
"""T5 of transformers: encoder and decoder, with relative positions in buckets."""

from __future__ import annotations

from transformers import T5Config, T5ForConditionalGeneration

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import padded_mask, words

__all__ = ["CASES"]


def _translate(small: bool) -> Program:
    sizes = (
        {"vocab_size": 200, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
        if small
        else {}
    )
    config = T5Config(**sizes)
    ids = words(config.vocab_size, 2, 37 if small else 128)
    named = {
        "input_ids": ids,
        "attention_mask": padded_mask(ids),
        "decoder_input_ids": words(config.vocab_size, 2, 9 if small else 64),
    }
    return Program(T5ForConditionalGeneration(config).eval(), (), named)


CASES = [ModelCase("T5", _translate)]
