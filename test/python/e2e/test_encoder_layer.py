# SPDX-License-Identifier: Apache-2.0
"""A transformer encoder layer of width 256 on 65 tokens: all of it is kernels on every target."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
compiler = pytest.importorskip("torshjit._compiler")

from e2e.executors import COMPILED, missing  # noqa: E402
from interpreted_capture import assert_matches  # noqa: E402
from torch import nn  # noqa: E402

import torshjit  # noqa: E402

WIDTH, HEADS, HIDDEN, TOKENS = 256, 8, 512, 65


@pytest.fixture(scope="module")
def layer() -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    module = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, batch_first=True, activation="gelu"
    ).eval()
    return module.requires_grad_(False), torch.randn(1, TOKENS, WIDTH)


@pytest.mark.parametrize("executor", COMPILED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_equals_eager(executor: str, dtype: Any, layer: tuple[nn.Module, Any]) -> None:
    if reason := missing(executor):
        pytest.skip(reason)
    module, x = layer
    typed = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, batch_first=True, activation="gelu", dtype=dtype
    ).eval()
    typed.load_state_dict(module.state_dict())
    typed.requires_grad_(False)
    compiled = torshjit.compile(typed, target_device=executor, strict=True)
    # The oracle is eager in float32 on the weights as the type rounds them.
    reference = copy_in_float32(typed)(x.to(dtype).float())
    result = compiled(x.to(dtype))
    assert result.dtype == dtype
    assert_matches(result, reference.to(dtype), 10 if dtype == torch.float32 else 4)
    assert compiled.stats()["fallback_ops"] == {}


def copy_in_float32(module: nn.Module) -> nn.Module:
    copy = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, batch_first=True, activation="gelu")
    copy.load_state_dict(module.state_dict())
    return copy.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("target", "artifact", "marker"),
    [
        ("cuda:sm_80", "ptx", ".entry"),
        ("cuda:sm_90a", "ptx", ".entry"),
        ("metal", "msl", "kernel void"),
        ("metal", "spirv", "spirv.EntryPoint"),
        ("vulkan", "spirv", "spirv.EntryPoint"),
    ],
)
def test_it_lowers_completely(
    target: str, artifact: str, marker: str, layer: tuple[nn.Module, Any]
) -> None:
    module, x = layer
    traced = torshjit.trace(module, (x,), target_device=target, strict=True)
    groups = traced.explain(structured=True)["specializations"][0]["groups"]
    # Equal kernels are one.
    kernels = {group["kernel"] for group in groups}
    assert len(kernels) >= 8
    text = traced.ir(artifact)
    assert text.count(marker) >= len(kernels)
    assert [name for name in kernels if f"torsh_kernel_{name}" not in text] == []
    assert ".extern .func" not in text


@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a", "metal", "vulkan"])
def test_its_saved_bundle_has_every_kernel(
    target: str, layer: tuple[nn.Module, Any], tmp_path: Any
) -> None:
    import zipfile

    module, x = layer
    traced = torshjit.trace(module, (x,), target_device=target, strict=True)
    traced.save(tmp_path / "layer")
    with zipfile.ZipFile(tmp_path / "layer") as archive:
        program = json.loads(archive.read("0/program.json"))
        bundle = json.loads(archive.read("0/kernels.json"))
    launched = {step["kernel"] for step in program["steps"] if "kernel" in step}
    assert launched == set(bundle["kernels"])
    assert bundle["target"] == program["target"] == target.partition(":")[0]
    for kernel in bundle["kernels"].values():
        # The last variant makes no demands, so that one always fits.
        assert not {"alignment", "divisible"} & set(kernel["variants"][-1])
        assert np.all([variant["threads"] <= 1024 for variant in kernel["variants"]])
