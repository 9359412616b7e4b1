# SPDX-License-Identifier: Apache-2.0
"""GPT-2 of transformers: a prompt, the next word with the cache, and a step of training."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import padded_mask, words

__all__ = ["CASES"]


def _config(small: bool, **options: Any) -> GPT2Config:
    if small:
        options |= {"vocab_size": 200, "n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 64}
        options |= {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2Config(**options)


def _prompt(small: bool) -> Program:
    config = _config(small)
    ids = words(config.vocab_size, 2, 11 if small else 128)
    return Program(GPT2LMHeadModel(config).eval(), (ids,))


def _padded_prompt(small: bool) -> Program:
    program = _prompt(small)
    return Program(program.module, program.args, {"attention_mask": padded_mask(program.args[0])})


def _next_word(small: bool) -> Program:
    program = _prompt(small)
    with torch.no_grad():
        cache = program.module(*program.args).cache
    following = words(program.module.config.vocab_size, 2, 1)
    return Program(program.module, (following,), {"past_key_values": cache})


def _training(small: bool) -> Program:
    config = _config(small, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False)
    ids = words(config.vocab_size, 2, 11 if small else 64)
    model = GPT2LMHeadModel(config).train()
    # Else the loss is guessed with a warning, at which torch._dynamo breaks the graph.
    model.loss_type = "ForCausalLM"
    return Program(model, (ids,), {"labels": ids})


CASES = [
    ModelCase("GPT-2, prompt", _prompt),
    ModelCase("GPT-2, padded prompt", _padded_prompt),
    ModelCase("GPT-2, next word", _next_word),
    ModelCase("GPT-2, training", _training, is_trained=True),
]
