# SPDX-License-Identifier: Apache-2.0
"""Llama of transformers, with grouped heads: a prompt, and the next word with the cache."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import words

__all__ = ["CASES"]


def _prompt(small: bool) -> Program:
    # Of the full model's seven billion parameters as many as fit a test.
    sizes = (
        {"vocab_size": 200, "hidden_size": 48, "intermediate_size": 128, "num_hidden_layers": 2,
         "num_attention_heads": 6, "num_key_value_heads": 2}
        if small
        else {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12,
              "num_attention_heads": 12, "num_key_value_heads": 4}
    )  # fmt: skip
    config = LlamaConfig(**sizes)
    ids = words(config.vocab_size, 2, 11 if small else 128)
    return Program(LlamaForCausalLM(config).eval(), (ids,))


def _next_word(small: bool) -> Program:
    program = _prompt(small)
    with torch.no_grad():
        cache = program.module(*program.args).past_key_values
    following = words(program.module.config.vocab_size, 2, 1)
    return Program(program.module, (following,), {"past_key_values": cache})


CASES = [ModelCase("Llama, prompt", _prompt), ModelCase("Llama, next word", _next_word)]
