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


@pytest.mark.parametrize("make", [bert, gpt], ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_steps_with_dropout_draw_the_numbers_of_eager(make: Any) -> None:
    model, args = make(0.1)
    twin = copy.deepcopy(model)
    assert_steps_agree(torch.compile(model, backend="torshjit"), model, twin, args)


@pytest.mark.parametrize("make", [gpt, resnet], ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_steps_of_a_compiled_module_agree(make: Any) -> None:
    model, args = make()
    twin = copy.deepcopy(model)
    assert_steps_agree(torshjit.compile(model), model, twin, args, steps=3)
