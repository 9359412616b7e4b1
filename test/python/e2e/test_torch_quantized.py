# SPDX-License-Identifier: Apache-2.0
"""Quantised layers of torch against eager."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

pytest.importorskip("torshjit._compiler")

import torshjit

torch = pytest.importorskip("torch")

ENGINES = [
    each for each in ("fbgemm", "onednn") if each in torch.backends.quantized.supported_engines
]
pytestmark = pytest.mark.skipif(not ENGINES, reason="torch has no engine of quantised layers")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = request.param
    yield request.param
    torch.backends.quantized.engine = before


def quantised(module: Any, per_channel: bool = False) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = (
            torch.ao.quantization.per_channel_dynamic_qconfig
            if per_channel
            else torch.ao.quantization.default_dynamic_qconfig
        )
        return torch.ao.quantization.quantize_dynamic(module.eval(), {torch.nn.Linear: kind})


def check(layer: Any, compiled: Any, x: Any) -> None:
    """Equal but for elements of the input that lie between two steps, of which a few may differ."""
    with torch.no_grad():
        expected, actual = layer(x), compiled(x)
    assert actual.shape == expected.shape
    span = max(float(x.max()), 0.0) - min(float(x.min()), 0.0) if x.numel() else 0.0
    step = max(span / 127, 6.1e-5) * float(layer[0].weight().dequantize().abs().max())
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=4 * step + 1e-6)
    assert int(((actual - expected).abs() > 1e-5 * (1 + span)).sum()) <= 0.05 * actual.numel()


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic_linear(engine: str, per_channel: bool) -> None:
    torch.manual_seed(1)
    layer = quantised(torch.nn.Sequential(torch.nn.Linear(70, 45)), per_channel)
    compiled = torshjit.compile(layer, target_device="cpu", strict=True)
    for shape in ((33, 70), (2, 5, 70), (1, 70), (0, 70)):
        check(layer, compiled, torch.randn(shape))
    assert not compiled.stats()["fallback_ops"]


def test_ranges_of_the_input(engine: str) -> None:
    """One-sided, constant, zero, and too small for a scale."""
    torch.manual_seed(2)
    layer = quantised(torch.nn.Sequential(torch.nn.Linear(64, 32, bias=False)))
    compiled = torshjit.compile(layer, target_device="cpu", strict=True)
    x = torch.randn(16, 64)
    for each in (x.abs(), -x.abs(), x * 0, x * 0 + 3, x * 1e-5, x.abs() * 1e-5, x * 1e-42, x * 1e6):
        check(layer, compiled, each)


def test_replaced_weights_are_seen(engine: str) -> None:
    layer = quantised(torch.nn.Sequential(torch.nn.Linear(16, 8)))
    compiled = torshjit.compile(layer, target_device="cpu", strict=True)
    x = torch.randn(9, 16)
    check(layer, compiled, x)
    weight = torch.quantize_per_tensor(torch.randn(8, 16), 0.02, 0, torch.qint8)
    layer[0].set_weight_bias(weight, torch.ones(8))
    check(layer, compiled, x)


def test_weight_with_a_zero_point() -> None:
    torch.backends.quantized.engine = ENGINES[0]
    layer = quantised(torch.nn.Sequential(torch.nn.Linear(48, 20)))
    weight = torch.quantize_per_tensor(torch.randn(20, 48), 0.02, 11, torch.qint8)
    layer[0].set_weight_bias(weight, torch.zeros(20))
    compiled = torshjit.compile(layer, target_device="cpu", strict=True)
    for rows in (1, 40):
        check(layer, compiled, torch.randn(rows, 48))


def test_int_mm() -> None:
    x = torch.randint(-128, 128, (40, 72), dtype=torch.int8)
    y = torch.randint(-128, 128, (56, 72), dtype=torch.int8)
    compiled = torshjit.compile(
        lambda x, y: torch._int_mm(x, y.T), target_device="cpu", strict=True
    )
    assert torch.equal(compiled(x, y), torch._int_mm(x, y.T))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_of_bytes_with_a_scale_for_each_row(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 64, generator=generator).to(dtype)
    weight = torch.randint(-128, 128, (48, 64), dtype=torch.int8, generator=generator)
    scales = (torch.rand(48, generator=generator) / 64).to(dtype)
    compiled = torshjit.compile(torch._weight_int8pack_mm, target_device="cpu", strict=True)
    expected = x.double() @ weight.double().T * scales.double()
    unit = 2**-7 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(
        compiled(x, weight, scales).double(), expected, rtol=unit, atol=unit * 8
    )
