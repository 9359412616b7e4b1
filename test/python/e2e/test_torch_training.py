# SPDX-License-Identifier: Apache-2.0
"""Training steps through torch.compile(backend="torshjit") agree with eager torch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from training_models import bert, gpt, resnet  # noqa: E402

import torshjit  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    torch._dynamo.reset()
    torch.manual_seed(0)
    yield
    torch._dynamo.reset()


def assert_near(actual: Any, expected: Any) -> None:
    """Within 1e-4 of the largest element."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def assert_steps_agree(compiled: Any, model: Any, twin: Any, args: tuple, steps: int = 2) -> None:
    """Compares loss, every gradient, every buffer and the updated parameters of some steps."""
    optimizers = [torch.optim.AdamW(each.parameters(), lr=1e-2) for each in (model, twin)]
    for step in range(steps):
        losses = []
        for program, optimizer in zip((compiled, twin), optimizers, strict=True):
            torch.manual_seed(step)
            optimizer.zero_grad()
            loss = program(*args)
            loss.backward()
            losses.append(loss.detach())
        assert_near(*losses)
        expected = dict(twin.named_parameters())
        for name, parameter in model.named_parameters():
            assert_near(parameter.grad, expected[name].grad)
        torch.testing.assert_close(dict(model.named_buffers()), dict(twin.named_buffers()))
        for optimizer in optimizers:
            optimizer.step()
        # What differs by rounding must not add up: Adam divides by what may be near zero.
        twin.load_state_dict(model.state_dict())


@pytest.mark.parametrize("make", [bert, gpt, resnet], ids=lambda make: make.__name__)
def test_steps_agree_with_nothing_left_to_eager(make: Any) -> None:
    model, args = make()
    twin = copy.deepcopy(model)
    torshjit.reset_stats()
    assert_steps_agree(torch.compile(model, backend="torshjit"), model, twin, args)
    assert torshjit.stats()["fallback_ops"] == {}
    assert torshjit.stats()["calls"] == 4


@pytest.mark.parametrize("compiler", ["torch.compile", "torshjit.compile"])
def test_gradients_with_dropout_are_those_of_the_numbers_drawn(compiler: str) -> None:
    """Against differences along one direction, with the same seed for every call."""
    model, args = gpt(0.2)
    model.double()
    fast = (
        torch.compile(model, backend="torshjit")
        if compiler == "torch.compile"
        else torshjit.compile(model)
    )

    def loss() -> Any:
        torch.manual_seed(7)
        return fast(*args)

    def moved(step: float) -> float:
        with torch.no_grad():
            for parameter, way in zip(model.parameters(), direction, strict=True):
                parameter.add_(way, alpha=step)
        # With gradients, so that forward and backward graph draw in all calls.
        return loss().item()

    direction = [torch.randn_like(parameter) for parameter in model.parameters()]
    for _ in range(2):
        model.zero_grad()
        loss().backward()
        pairs = zip(model.parameters(), direction, strict=True)
        slope = sum((parameter.grad * way).sum().item() for parameter, way in pairs)
        difference = (moved(1e-5) - moved(-2e-5)) / 2e-5
        moved(1e-5)
        assert slope == pytest.approx(difference, rel=1e-4)
    model.eval()
    with torch.no_grad():
        assert abs(moved(0) - moved(0)) == 0


@pytest.mark.parametrize("make", [gpt, resnet], ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_steps_of_a_compiled_module_agree(make: Any) -> None:
    model, args = make()
    twin = copy.deepcopy(model)
    assert_steps_agree(torshjit.compile(model), model, twin, args, steps=3)
