# SPDX-License-Identifier: Apache-2.0
"""Further models of pictures and sound of transformers, all of them small."""

from __future__ import annotations

from typing import Any

import torch
import transformers as hf

from conformance.models.model_case import ModelCase, Program
from conformance.models.random_inputs import padded_mask, pictures, randomised, words

__all__ = ["CASES"]

_PATCHES = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "image_size": 32,
    "patch_size": 8,
}


def _see(name: str, model: type, config: type, extent: int = 32, **options: Any) -> ModelCase:
    def build(small: bool) -> Program:
        return Program(randomised(model(config(**options))), (pictures(2, extent),))

    return ModelCase(name, build, is_quick=False)


def _clip(small: bool) -> Program:
    text = {
        "vocab_size": 200,
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "max_position_embeddings": 32,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    config = hf.CLIPConfig(text_config=text, vision_config=_PATCHES, projection_dim=16)
    ids = words(200, 2, 11)
    named = {
        "input_ids": ids,
        "pixel_values": pictures(2, 32),
        "attention_mask": padded_mask(ids),
    }
    return Program(hf.CLIPModel(config).eval(), (), named)


def _detr(small: bool) -> Program:
    backbone = hf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"]
    )
    sizes = {
        f"{part}_{name}": size
        for part in ("encoder", "decoder")
        for name, size in (("layers", 1), ("attention_heads", 4), ("ffn_dim", 64))
    }
    config = hf.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone_config=backbone,
        d_model=32,
        num_queries=7,
        **sizes,
    )
    return Program(randomised(hf.DetrForObjectDetection(config)), (pictures(2, 64),))


def _wav2vec2(small: bool) -> Program:
    config = hf.Wav2Vec2Config(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        conv_dim=(16, 16, 16),
        conv_stride=(5, 2, 2),
        conv_kernel=(10, 3, 3),
        num_conv_pos_embedding_groups=4,
        num_conv_pos_embeddings=16,
    )
    return Program(hf.Wav2Vec2Model(config).eval(), (torch.randn(2, 2000),))


def _whisper(small: bool) -> Program:
    sizes = {
        f"{part}_{name}": size
        for part in ("encoder", "decoder")
        for name, size in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 96))
    }
    config = hf.WhisperConfig(
        vocab_size=200,
        d_model=48,
        max_source_positions=50,
        num_mel_bins=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
        **sizes,
    )
    model = hf.WhisperForConditionalGeneration(config).eval()
    return Program(model, (torch.randn(2, 16, 100),), {"decoder_input_ids": words(200, 2, 5)})


CASES = [
    _see("DeiT", hf.DeiTModel, hf.DeiTConfig, **_PATCHES),
    _see("BEiT", hf.BeitModel, hf.BeitConfig, **_PATCHES),
    _see("DINOv2", hf.Dinov2Model, hf.Dinov2Config, **_PATCHES),
    _see("Swin", hf.SwinModel, hf.SwinConfig, image_size=32, patch_size=2, embed_dim=16,
         depths=[1, 2], num_heads=[2, 4], window_size=4),
    _see("ConvNeXt-v2", hf.ConvNextV2Model, hf.ConvNextV2Config, hidden_sizes=[16, 32],
         depths=[1, 2], num_stages=2),
    _see("MobileNet-v2", hf.MobileNetV2Model, hf.MobileNetV2Config),
    _see("EfficientNet of transformers", hf.EfficientNetModel, hf.EfficientNetConfig,
         width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=320),
    _see("RegNet", hf.RegNetModel, hf.RegNetConfig, embedding_size=8, hidden_sizes=[16, 32],
         depths=[1, 2], groups_width=8),
    _see("SegFormer", hf.SegformerForSemanticSegmentation, hf.SegformerConfig, extent=64,
         hidden_sizes=[16, 32, 32, 48], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4],
         decoder_hidden_size=32),
    _see("MobileViT", hf.MobileViTModel, hf.MobileViTConfig, extent=64, image_size=64,
         hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 16, 24, 32, 40, 48, 56]),
    ModelCase("CLIP", _clip, is_quick=False),
    ModelCase("DETR", _detr, is_quick=False),
    ModelCase("wav2vec 2.0", _wav2vec2, is_quick=False),
    ModelCase("Whisper", _whisper, is_quick=False),
]  # fmt: skip
