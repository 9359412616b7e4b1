# SPDX-License-Identifier: Apache-2.0
"""Captured networks, interpreted, give what torch eager gives."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import assert_matches, capture, interpreted, run  # noqa: E402
from torch import nn  # noqa: E402
from torch_models import MODELS  # noqa: E402


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def model(request: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return request.param()


def test_model_matches_eager(model: tuple[Any, Any]) -> None:
    module, x = model
    captured = capture(module, x)
    expected = module(x)
    assert_matches(run(captured, x), expected, 10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_model_in_other_types(model: tuple[Any, Any], dtype: Any) -> None:
    module, x = model
    module = copy.deepcopy(module).to(dtype)
    x = x.to(dtype)
    assert_matches(interpreted(module, x), module(x), 10)


def test_model_sees_updated_parameters(model: tuple[Any, Any]) -> None:
    module, x = model
    captured = capture(module, x)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(0.9).add_(0.01)
        assert_matches(run(captured, x), module(x), 10)


def test_capture_leaves_the_module_as_it_was(model: tuple[Any, Any]) -> None:
    module, x = model
    state = {name: value.clone() for name, value in module.state_dict().items()}
    attributes = {name: dict(inner.__dict__) for name, inner in module.named_modules()}
    capture(module, x)
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name])
    for name, inner in module.named_modules():
        assert inner.__dict__ == attributes[name]


def test_linear_layers_stay_whole(model: tuple[Any, Any]) -> None:
    module, x = model
    names = [op.name for op in capture(module, x).module.graph("main").ops]
    linear = sum(isinstance(inner, nn.Linear) for inner in module.modules())
    convolutions = sum(isinstance(inner, (nn.Conv1d, nn.Conv2d)) for inner in module.modules())
    assert names.count("torsh.linear") >= linear
    assert names.count("torsh.conv") == convolutions


def test_padding_mask_of_the_encoder() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    module = nn.TransformerEncoder(layer, 2).eval()
    x = torch.randn(2, 5, 16)
    mask = torch.tensor([[False] * 5, [False, False, False, True, True]])
    # With gradients torch takes its path without nested tensors, which keeps padded positions.
    expected = module(x, src_key_padding_mask=mask)
    assert_matches(interpreted(module, x, src_key_padding_mask=mask), expected, 10)
    causal = nn.Transformer.generate_square_subsequent_mask(5)
    expected = module(x, mask=causal, is_causal=True)
    assert_matches(interpreted(module, x, mask=causal, is_causal=True), expected, 10)
