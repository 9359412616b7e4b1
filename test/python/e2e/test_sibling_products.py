# SPDX-License-Identifier: Apache-2.0
"""Products of one tensor by fixed weights, which become one, and attention that reads slices."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import compile_natively

import torshjit
from torshjit import _compiler

torch = pytest.importorskip("torch")


class Attention(torch.nn.Module):
    """Queries of some heads, keys and values of as many or fewer, and what is left of them."""

    def __init__(
        self, width: int, heads: int, shared: int, head: int, bias: bool, rotate: bool = False
    ) -> None:
        super().__init__()
        self.head, self.rotate = head, rotate
        self.query = torch.nn.Linear(width, heads * head, bias)
        self.key = torch.nn.Linear(width, shared * head, bias)
        self.value = torch.nn.Linear(width, shared * head, bias)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:-1], -1, self.head).transpose(-2, -3)

    def forward(self, x: torch.Tensor, past: torch.Tensor | None = None) -> tuple:
        query, key, value = (self.split(p(x)) for p in (self.query, self.key, self.value))
        if self.rotate:
            query, key = query * 0.5 + query.flip(-1), key * 0.5 + key.flip(-1)
        keys, values = key, value
        if past is not None:
            keys, values = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        mixed = torch.nn.functional.scaled_dot_product_attention(
            query, keys, values, enable_gqa=query.shape[1] != keys.shape[1]
        )
        return mixed.transpose(-2, -3).flatten(-2), keys, values


class Packed(torch.nn.Module):
    """As GPT-2 has it: one product, cut into queries, keys and values."""

    def __init__(self, width: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.all = torch.nn.Linear(width, 3 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.all(x).split(x.shape[-1], -1)
        query, key, value = (p.view(*p.shape[:-1], -1, self.head).transpose(1, 2) for p in parts)
        mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return mixed.transpose(1, 2).flatten(2)


def _compile(module: torch.nn.Module, **options) -> torshjit.compiled.CompiledModule:
    return torshjit.compile(module.eval(), strict=True, freeze=True, num_threads=2, **options)


def _check(
    module: torch.nn.Module, *arguments: torch.Tensor, dtype: torch.dtype, **options
) -> dict:
    module = module.to(dtype)
    arguments = tuple(x.to(dtype) for x in arguments)
    compiled = _compile(module, **options)
    bound = {torch.float16: 4e-3, torch.bfloat16: 4e-2, torch.float64: 1e-10}.get(dtype, 2e-5)
    kept = []
    with torch.no_grad():
        for turn in range(3):
            inputs = tuple(x + turn for x in arguments)
            kept.append((compiled(*inputs), module.double()(*(x.double() for x in inputs))))
            module.to(dtype)
    # Results of earlier calls stay as they are.
    for actual, expected in kept:
        for one, other in zip(_listed(actual), _listed(expected), strict=True):
            torch.testing.assert_close(one.double(), other, rtol=bound, atol=bound)
    return compiled.explain(structured=True)["specializations"][-1]


def _listed(result: torch.Tensor | tuple) -> tuple:
    return result if isinstance(result, tuple) else (result,)


def _merged(explanation: dict) -> list[int]:
    return [each["merged"] for each in explanation["siblings"]]


class OnlyMixed(Attention):
    def forward(self, x: torch.Tensor, past: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(x, past)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_heads(dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    said = _check(OnlyMixed(48, 3, 3, 16, bias), torch.randn(2, 21, 48), dtype=dtype)
    assert _merged(said) == [3, 3, 3] or dtype in (torch.float16, torch.bfloat16)


@pytest.mark.parametrize("tokens", [1, 2, 5, 16, 17, 67])
@pytest.mark.parametrize(
    ("heads", "shared", "head"), [(4, 2, 16), (4, 1, 32), (1, 1, 24), (3, 3, 7)]
)
def test_ragged_and_shared_heads(tokens: int, heads: int, shared: int, head: int) -> None:
    torch.manual_seed(0)
    module = OnlyMixed(37, heads, shared, head, True)
    _check(module, torch.randn(1, tokens, 37), dtype=torch.float32)


@pytest.mark.parametrize("tokens", [1, 3, 18])
def test_rotated_heads(tokens: int) -> None:
    torch.manual_seed(0)
    module = OnlyMixed(64, 4, 2, 16, False, rotate=True)
    said = _check(module, torch.randn(2, tokens, 64), dtype=torch.float32)
    assert _merged(said) == [3, 3, 3]


@pytest.mark.parametrize(("heads", "shared"), [(4, 4), (4, 2), (8, 1)])
@pytest.mark.parametrize("tokens", [1, 3])
def test_caches(tokens: int, heads: int, shared: int) -> None:
    torch.manual_seed(0)
    module = Attention(64, heads, shared, 16, True)
    past = torch.randn(2, 1, shared, 33, 16)
    _check(module, torch.randn(1, tokens, 64), past, dtype=torch.float32)
    compiled = _compile(module)
    with torch.no_grad():
        x = torch.randn(1, tokens, 64)
        _, keys, values = compiled(x, past)
    # What was in the cache is there bit by bit.
    assert torch.equal(keys[:, :, :33], past[0])
    assert torch.equal(values[:, :, :33], past[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tokens", [1, 15, 70])
def test_one_product_cut_into_heads(tokens: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    said = _check(Packed(64, 16), torch.randn(2, tokens, 64), dtype=dtype)
    assert any(group["kernel"] == "slice_slice_slice_attention" for group in said["groups"])


ROWS = """
func.func @main(%x: tensor<?x48xf32>) -> tensor<?x2x16xf32> {{
  %a = {} %b = {} %c = {}
  %0 = torsh.linear %x, %a : (tensor<?x48xf32>, tensor<32x48xf32>) -> tensor<?x32xf32>
  %1 = torsh.linear %x, %b : (tensor<?x48xf32>, tensor<32x48xf32>) -> tensor<?x32xf32>
  %2 = torsh.linear %x, %c : (tensor<?x48xf32>, tensor<32x48xf32>) -> tensor<?x32xf32>
  %q = torsh.reshape %0 : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %k = torsh.reshape %1 : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %v = torsh.reshape %2 : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %r = torsh.attention %q, %k, %v {{causal = true, key_axes = array<i64: 1, 0, 2>,
      query_axes = array<i64: 1, 0, 2>, result_axes = array<i64: 1, 0, 2>,
      value_axes = array<i64: 1, 0, 2>, scale = 0.25 : f64}}
      : (tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>) -> tensor<?x2x16xf32>
  return %r : tensor<?x2x16xf32>
}}
"""


def test_unknown_rows() -> None:
    rng = np.random.default_rng(0)
    weights = [(0.1 * rng.standard_normal((32, 48))).astype(np.float32) for _ in range(3)]
    text = ROWS.format(
        *(
            f'torsh.constant dense<"0x{w.tobytes().hex().upper()}"> : tensor<32x48xf32>'
            for w in weights
        )
    )
    compiled = compile_natively(_compiler.Module.parse(text, _compiler.Context()))
    for rows in (1, 2, 16, 17, 64, 99):
        x = rng.standard_normal((rows, 48)).astype(np.float32)
        parts = [torch.from_numpy((x @ w.T).reshape(rows, 2, 16)).transpose(0, 1) for w in weights]
        expected = torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        actual = torch.from_numpy(np.asarray(compiled(x)))
        torch.testing.assert_close(actual, expected.transpose(0, 1), rtol=2e-5, atol=2e-5)
    said = compiled.explain(structured=True)["specializations"][-1]
    assert _merged(said) == [3, 3, 3]


def test_weights_that_may_change_stay_apart() -> None:
    torch.manual_seed(0)
    module = OnlyMixed(48, 3, 3, 16, True).eval()
    compiled = torshjit.compile(module, strict=True)
    x = torch.randn(2, 9, 48)
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(compiled(x), module(x), rtol=2e-5, atol=2e-5)
            module.key.weight.mul_(1.5)
    said = compiled.explain(structured=True)["specializations"][-1]
    assert {each["reason"] for each in said["siblings"]} == {
        "its weights are not fixed, and would be copied at every call"
    }
    assert "not fixed" in compiled.explain()
