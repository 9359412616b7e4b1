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
