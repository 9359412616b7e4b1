# SPDX-License-Identifier: Apache-2.0
"""Torch programs that cannot be captured in one piece: compiled graphs with eager torch between."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from torch import nn  # noqa: E402

import torshjit  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def line_of(function: Any, text: str) -> int:
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if text in line)


def branches_on_a_value(x: Any) -> Any:
    y = (x * 2).tanh()
    if y.sum() > 0:
        y = y + 1
    return y.exp()


def test_a_branch_on_a_value_breaks_the_program_in_compiled_parts() -> None:
    fast = torshjit.compile(branches_on_a_value)
    torshjit.reset_stats()
    x = torch.ones(3)
    with pytest.warns(torshjit.FallbackWarning, match="in parts"):
        result = fast(x)
    torch.testing.assert_close(result, branches_on_a_value(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error", torshjit.FallbackWarning)
        torch.testing.assert_close(fast(-x), branches_on_a_value(-x))
    stats = fast.stats()
    assert stats["calls"] == 2
    assert stats["compiled_ops"] >= 4
    assert list(stats["fallback_ops"].values()) == [2]
    assert torshjit.stats()["fallback_ops"] == stats["fallback_ops"]
    line = line_of(branches_on_a_value, "if y.sum()")
    assert f"test_torch_partitioned.py:{line}" in fast.explain()
    explanation = fast.explain(structured=True)
    (fallback,) = explanation["fallbacks"]
    assert fallback["location"][1] == line
    assert fallback["breaks"]
    assert len(explanation["parts"]) >= 2


def test_strict_raises_instead() -> None:
    fast = torshjit.compile(branches_on_a_value, strict=True)
    with pytest.raises(torshjit.CaptureError, match="asks for the value"):
        fast(torch.ones(3))


def writes_to_its_argument(x: Any) -> Any:
    x += 1
    return x.sum()


def draws_a_view(x: Any) -> Any:
    row = x[0]
    row.mul_(2)
    return row


class Counter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        self.count += 1
        return self.layer(x) * self.count


class Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.layer.register_forward_hook(lambda module, args, result: result * 2)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


@pytest.mark.parametrize("make", [lambda: writes_to_its_argument, lambda: draws_a_view])
def test_writes_to_arguments_are_compiled(make: Any) -> None:
    program = make()
    fast = torshjit.compile(program)
    with warnings.catch_warnings():
        warnings.simplefilter("error", torshjit.FallbackWarning)
        for _ in range(2):
            x = torch.arange(12.0).reshape(3, 4)
            other = x.clone()
            torch.testing.assert_close(fast(x), program(other))
            assert torch.equal(x, other)
    assert fast.stats()["fallback_ops"] == {}
    assert fast.stats()["compiled_ops"] > 0


def test_a_view_of_an_argument_stays_one() -> None:
    fast = torshjit.compile(draws_a_view)
    x = torch.ones(3, 4)
    assert fast(x).data_ptr() == x.data_ptr()


@pytest.mark.parametrize("kind", [Counter, Hooked])
def test_modules_with_state_and_hooks(kind: Any) -> None:
    torch.manual_seed(0)
    module = kind()
    twin = kind()
    twin.load_state_dict(module.state_dict())
    fast = torshjit.compile(module)
    x = torch.randn(2, 4)
    for _ in range(2):
        torch.testing.assert_close(fast(x), twin(x))
    torch.testing.assert_close(module.state_dict(), twin.state_dict())
    fast(x).sum().backward()
    twin(x).sum().backward()
    torch.testing.assert_close(module.layer.weight.grad, twin.layer.weight.grad)
    assert fast.stats()["fallback_ops"] == {}


def test_an_error_of_the_program_is_its_own() -> None:
    def program(x: Any) -> Any:
        if x.sum() > 0:
            raise KeyError("mine")
        return x

    fast = torshjit.compile(program)
    with pytest.raises(KeyError, match="mine"):
        fast(torch.ones(2))


def test_reset_forgets_the_parts() -> None:
    fast = torshjit.compile(writes_to_its_argument)
    fast(torch.ones(2))
    fast.reset()
    assert fast.stats()["compiled_ops"] == 0
    torch.testing.assert_close(fast(torch.ones(2)), torch.tensor(4.0))


class AsksForItems(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("scale", torch.full((4,), 2.0))
        self.shift = torch.tensor([2.0, 3.0, 4.0, 5.0])

    def forward(self, x: Any, n: int = 2, *, unused: Any = None) -> Any:
        y = self.layer(x) * self.scale + self.shift
        k = y.sum().item()
        return {
            "a": y * k + 1,
            "b": (y.add(k, alpha=2) * n, k * 0.5 * y, (y / k).to(torch.float16) * k),
            "c": [torch.where(y > k, y, k), y.clamp(max=k)],
        }


def test_values_that_are_only_operands_are_compiled() -> None:
    torch.manual_seed(0)
    module = AsksForItems()
    fast = torshjit.compile(module)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error", torshjit.FallbackWarning)
        for _ in range(2):
            x = torch.randn(3, 4)
            torch.testing.assert_close(fast(x, 3, unused=None), module(x, 3, unused=None))
            module.scale.mul_(1.5)
    stats = fast.stats()
    assert stats["specializations"] == 1
    assert stats["fallback_ops"] == {}
    assert fast.explain(structured=True)["fallbacks"] == []
    assert "test_torch_partitioned.py" in fast.explain()


def of_two_dtypes(x: Any, i: Any) -> Any:
    return x * i.max().item() + x.mean().item(), i * x.sum().item(), i + i.sum().item()


def test_values_keep_the_dtypes_and_gradients_of_numbers() -> None:
    x, i = torch.randn(3, requires_grad=True), torch.randint(0, 9, (5,), dtype=torch.int32)
    fast = torshjit.compile(of_two_dtypes)
    for _ in range(2):
        actual, expected = fast(x, i), of_two_dtypes(x, i)
        torch.testing.assert_close(actual, expected)
        (mine,) = torch.autograd.grad(actual[0].sum(), x)
        (theirs,) = torch.autograd.grad(expected[0].sum(), x)
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize(
    "program",
    [
        lambda x: (x * 2, x.sum().item()),
        lambda x: x[: int(x.abs().sum().item()) % 5],
        lambda x: torch.zeros(int(x.abs().sum().item()) % 5) + 1,
    ],
)
@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_values_that_are_more_than_operands_take_the_program_apart(program: Any) -> None:
    fast = torshjit.compile(program)
    for x in (torch.rand(9), torch.rand(9)):
        torch.testing.assert_close(fast(x), program(x))
    assert fast.stats()["fallback_ops"] == {"aten.item.default": 2}
