# SPDX-License-Identifier: Apache-2.0
"""The encoder of Whisper of transformers."""

from __future__ import annotations

import torch
from transformers import WhisperConfig, WhisperModel

from conformance.models.model_case import ModelCase, Program

__all__ = ["CASES"]


def _encode(small: bool) -> Program:
    sizes = (
        {"vocab_size": 200, "d_model": 48, "encoder_layers": 2, "encoder_attention_heads": 4,
         "encoder_ffn_dim": 96, "max_source_positions": 50, "num_mel_bins": 16,
         "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3}
        if small
        else {"d_model": 384, "encoder_layers": 4, "encoder_attention_heads": 6,
              "encoder_ffn_dim": 1536}
    )  # fmt: skip
    config = WhisperConfig(decoder_layers=1, **sizes)
    sound = torch.randn(1, config.num_mel_bins, 2 * config.max_source_positions)
    return Program(WhisperModel(config).get_encoder().eval(), (sound,))


CASES = [ModelCase("Whisper encoder", _encode)]
