# SPDX-License-Identifier: Apache-2.0
"""Gradients through captured programs equal eager's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import assert_matches, capture, run  # noqa: E402
from torch import nn  # noqa: E402
from torch_models import MODELS, mlp  # noqa: E402


def compiled(program: Callable) -> Callable:
    """`program` through capture, interpreter and `call_with_grad`, as the call path does it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        captured = capture(program, *args, **kwargs)

        def without_grad(*args: Any, **kwargs: Any) -> Any:
            assert not torch.is_grad_enabled()
            return run(captured, *args, **kwargs)

        assert captured.grad_sensitive
        assert captured.call_with_grad is not None
        return captured.call_with_grad(without_grad, args, kwargs)

    return call


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_gradients_of_inputs_and_parameters(make: Any) -> None:
    torch.manual_seed(0)
    module, x = make()
    module, x = module.double(), x.double()
    weights = torch.randn_like(module(x))
    results = []
    for program in (module, compiled(module)):
        module.zero_grad()
        source = x.clone().requires_grad_()
        y = program(source)
        (y * weights).sum().backward()
        gradients = [parameter.grad.clone() for parameter in module.parameters()]
        results.append((y.detach(), source.grad, gradients))
    assert_matches(results[1], results[0], 10)


def test_training_step_equals_eager() -> None:
    states = []
    for use in (lambda module: module, compiled):
        torch.manual_seed(1)
        module, x = mlp()
        target = torch.tensor([0, 1, 2, 3, 0])
        program = use(module)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        for _ in range(4):
            optimizer.zero_grad()
            nn.functional.nll_loss(program(x), target).backward()
            optimizer.step()
        states.append([parameter.detach().clone() for parameter in module.parameters()])
    assert_matches(states[1], states[0], 10)


def test_only_some_tensors_need_grad() -> None:
    module = nn.Linear(4, 3)
    module.weight.requires_grad_(False)
    y = compiled(module)(torch.randn(2, 4))
    y.sum().backward()
    assert module.weight.grad is None
    assert torch.equal(module.bias.grad, torch.full((3,), 2.0))


def test_gradients_flow_on_into_what_made_the_argument() -> None:
    x = torch.randn(3, 4, requires_grad=True)
    y = compiled(lambda t: t * t)(x.exp())
    y.sum().backward()
    torch.testing.assert_close(x.grad, 2 * (2 * x.detach()).exp())


def test_several_results_and_containers() -> None:
    def program(pair, *, scale):
        left, right = pair
        return {"sum": left + right, "most": (left * scale).argmax(), "same": right}

    def loss(call):
        left = torch.arange(4.0, requires_grad=True)
        right = torch.ones(4, requires_grad=True)
        result = call((left, right), scale=2.0)
        (result["sum"].sin().sum() + (result["same"] * 3).sum()).backward()
        return result["most"], left.grad, right.grad

    assert_matches(loss(compiled(program)), loss(program))
    right = torch.ones(4, requires_grad=True)
    result = compiled(program)((torch.arange(4.0), right), scale=2.0)
    assert result["same"] is right
    assert not result["most"].requires_grad
    assert result["sum"].requires_grad


def test_the_same_tensor_twice() -> None:
    x = torch.randn(4, requires_grad=True)
    compiled(lambda a, b: a * b)(x, x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


def test_unused_inputs_have_no_gradient() -> None:
    used, unused = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    compiled(lambda a, b: a * 2)(used, unused).sum().backward()
    assert torch.equal(used.grad, torch.full((3,), 2.0))
    assert unused.grad is None


def test_closed_over_tensor_gets_its_gradient() -> None:
    weight = torch.randn(4, requires_grad=True)
    x = torch.randn(3, 4)
    compiled(lambda t: t * weight)(x).sum().backward()
    torch.testing.assert_close(weight.grad, x.sum(0))


def test_second_derivatives() -> None:
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64, requires_grad=True)

    def program(t):
        return (t * weight).sin() * t

    assert torch.autograd.gradcheck(compiled(program), (x,))
    assert torch.autograd.gradgradcheck(compiled(program), (x,))


def test_backward_twice_needs_the_graph_to_be_kept() -> None:
    x = torch.randn(3, requires_grad=True)
    y = compiled(lambda t: t.exp())(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    torch.testing.assert_close(x.grad, 2 * x.detach().exp())
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_changed_parameter_before_backward_is_an_error() -> None:
    module = nn.Linear(4, 3)
    y = compiled(module)(torch.randn(2, 4))
    with torch.no_grad():
        module.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
