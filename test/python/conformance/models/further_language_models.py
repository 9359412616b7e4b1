# SPDX-License-Identifier: Apache-2.0
"""Further language models of transformers, all of them small."""

from __future__ import annotations

from typing import Any

import torch
import transformers as hf

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import padded_mask, words

__all__ = ["CASES"]

_SIZES = {
    "vocab_size": 200,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_GROUPED = {"num_key_value_heads": 2}
_TRANSLATION = {
    "vocab_size": 200,
    "d_model": 48,
    **{f"{part}_layers": 2 for part in ("encoder", "decoder")},
    **{f"{part}_attention_heads": 4 for part in ("encoder", "decoder")},
    **{f"{part}_ffn_dim": 96 for part in ("encoder", "decoder")},
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": None,
}


def _read(name: str, model: type, config: type, **options: Any) -> ModelCase:
    """A case in which the end of one row is padding."""

    def build(small: bool) -> Program:
        ids = words(200, 2, 11)
        made = model(config(**{**_SIZES, **options})).eval()
        return Program(made, (ids,), {"attention_mask": padded_mask(ids)})

    return ModelCase(name, build, is_quick=False)


def _translate(name: str, model: type, config: type) -> ModelCase:
    def build(small: bool) -> Program:
        ids = words(200, 2, 11)
        named = {
            "input_ids": ids,
            "attention_mask": padded_mask(ids),
            "decoder_input_ids": words(200, 2, 5),
        }
        return Program(model(config(**_TRANSLATION)).eval(), (), named)

    return ModelCase(name, build, is_quick=False)


def _next_word_of_t5(small: bool) -> Program:
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    model = hf.T5ForConditionalGeneration(hf.T5Config(vocab_size=200, **sizes)).eval()
    with torch.no_grad():
        first = model(input_ids=words(200, 2, 9), decoder_input_ids=words(200, 2, 3))
    named = {
        "encoder_outputs": hf.modeling_outputs.BaseModelOutput(first.encoder_last_hidden_state),
        "decoder_input_ids": words(200, 2, 1),
        "past_key_values": first.past_key_values,
    }
    return Program(model, (), named)


def _static_cache(small: bool) -> Program:
    config = hf.LlamaConfig(**_SIZES, **_GROUPED)
    model = hf.LlamaForCausalLM(config).eval()
    cache = hf.StaticCache(config=config, max_cache_len=16)
    with torch.no_grad():
        model(words(200, 2, 5), past_key_values=cache)
    return Program(model, (words(200, 2, 1),), {"past_key_values": cache})


CASES = [
    _read("RoBERTa", hf.RobertaModel, hf.RobertaConfig),
    _read("DistilBERT", hf.DistilBertModel, hf.DistilBertConfig,
          dim=48, n_layers=2, n_heads=4, hidden_dim=96),
    _read("ALBERT", hf.AlbertModel, hf.AlbertConfig, embedding_size=24),
    _read("ELECTRA", hf.ElectraModel, hf.ElectraConfig, embedding_size=24),
    _read("DeBERTa-v2", hf.DebertaV2Model, hf.DebertaV2Config, relative_attention=True,
          pos_att_type=["p2c", "c2p"], position_buckets=8),
    _read("MPNet", hf.MPNetModel, hf.MPNetConfig),
    _read("ModernBERT", hf.ModernBertModel, hf.ModernBertConfig),
    _read("Mistral", hf.MistralForCausalLM, hf.MistralConfig, **_GROUPED, sliding_window=5),
    _read("Qwen2", hf.Qwen2ForCausalLM, hf.Qwen2Config, **_GROUPED),
    _read("Qwen3", hf.Qwen3ForCausalLM, hf.Qwen3Config, **_GROUPED, head_dim=12),
    _read("Gemma 2", hf.Gemma2ForCausalLM, hf.Gemma2Config, **_GROUPED, head_dim=12,
          query_pre_attn_scalar=12),
    _read("Gemma 3", hf.Gemma3ForCausalLM, hf.Gemma3TextConfig, **_GROUPED, head_dim=12,
          query_pre_attn_scalar=12),
    _read("Phi-3", hf.Phi3ForCausalLM, hf.Phi3Config, **_GROUPED),
    _read("GPT-NeoX", hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig),
    _read("OPT", hf.OPTForCausalLM, hf.OPTConfig, ffn_dim=96, word_embed_proj_dim=48,
          max_position_embeddings=64),
    _read("BLOOM", hf.BloomForCausalLM, hf.BloomConfig, n_layer=2, n_head=4),
    _read("Falcon", hf.FalconForCausalLM, hf.FalconConfig),
    _read("Mixtral", hf.MixtralForCausalLM, hf.MixtralConfig, **_GROUPED, num_local_experts=4),
    _translate("BART", hf.BartForConditionalGeneration, hf.BartConfig),
    _translate("Marian", hf.MarianMTModel, hf.MarianConfig),
    ModelCase("T5, next word", _next_word_of_t5, is_quick=False),
    ModelCase("Llama, static cache", _static_cache, is_quick=False),
]  # fmt: skip
