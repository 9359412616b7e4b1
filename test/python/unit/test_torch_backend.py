# SPDX-License-Identifier: Apache-2.0
"""torch.compile with this backend: discovery, shapes, writes, sharing of memory, statistics."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from torch import nn  # noqa: E402

import torshjit  # noqa: E402
from torshjit.torch_backend import DynamoBackend  # noqa: E402
from torshjit.torch_backend.graph_callable import CompiledGraph  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    torch._dynamo.reset()
    torch.manual_seed(0)
    yield
    torch._dynamo.reset()


def compiled(function: Any, **options: Any) -> Any:
    return torch.compile(function, backend="torshjit", fullgraph=True, **options)


def small_network() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def test_it_is_found_with_nothing_imported_and_leaves_nothing_behind() -> None:
    program = (
        "import sys, torch\n"
        "model = torch.nn.Linear(4, 2)\n"
        "assert 'torshjit' not in sys.modules\n"
        "fast = torch.compile(model, backend='torshjit')\n"
        "x = torch.randn(3, 4)\n"
        "torch.testing.assert_close(fast(x), model(x))\n"
        "fast(x).sum().backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr


def test_a_module_is_compiled_whole_and_counted() -> None:
    model, x = small_network(), torch.randn(3, 8)
    fast = compiled(model)
    torshjit.reset_stats()
    with torch.no_grad():
        torch.testing.assert_close(fast(x), model(x))
        fast(x)
    stats = torshjit.stats()
    assert stats["calls"] == 2
    assert stats["compiled_ops"] == 3  # linear with relu, linear: not taken apart
    assert stats["fallback_ops"] == {}


def test_extents_that_vary_are_specialised() -> None:
    model = small_network()
    fast = compiled(model)
    torshjit.reset_stats()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (3, 4, 5, 6, 4):
            x = torch.randn(rows, 8)
            torch.testing.assert_close(fast(x), model(x))
    assert torshjit.stats()["calls"] == 5


def test_past_the_limit_other_extents_run_eager() -> None:
    def program(x: Any, factor: int) -> Any:
        return (x * factor).sum(0), x.shape[0] + factor

    fast = compiled(program, dynamic=True, options={"max_specializations": 2})
    for rows in (3, 4):
        x = torch.randn(rows, 8)
        assert fast(x, 2)[1] == program(x, 2)[1]
    x = torch.randn(9, 8)
    with pytest.warns(torshjit.FallbackWarning, match="max_specializations"):
        actual = fast(x, 3)
    torch.testing.assert_close(actual, program(x, 3))
    torch.testing.assert_close(fast(x[:3], 2), program(x[:3], 2))


def writes_to_an_argument(x: Any, y: Any) -> Any:
    x.add_(1)
    row = x[0]
    row.mul_(y)
    return row, x.t(), (x * 2).t(), y


def returns_views_of_one_result(x: Any, y: Any) -> Any:
    z = x * y
    return z[0], z.t(), z.view(-1), x[1:]


def returns_expanded(x: Any, y: Any) -> Any:
    return (x + y).unsqueeze(1).expand(-1, 5, -1), y.expand(3, 4)


def returns_what_it_is_given(x: Any, y: Any) -> Any:
    return x, (y, None, 3, {"double": x + x})


def repeats_results(x: Any, y: Any) -> Any:
    z = x - y
    return z, [z, z + 0]


def writes_and_returns_another(x: Any, y: Any) -> Any:
    x.clamp_(min=0)
    return (y * 2).exp()


def transposes(x: Any, y: Any) -> Any:
    return (x * y).reshape(2, 3, 2).permute(2, 0, 1), x.double().t(), (x.t() > 0).unsqueeze(-1)


@pytest.mark.parametrize(
    "program",
    [
        writes_to_an_argument,
        returns_views_of_one_result,
        returns_expanded,
        returns_what_it_is_given,
        repeats_results,
        writes_and_returns_another,
        transposes,
    ],
)
@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize("dynamic", [False, True])
def test_memory_is_shared_and_written_as_in_eager(
    program: Any, with_gradients: bool, dynamic: bool
) -> None:
    if with_gradients and program is transposes:
        pytest.skip("only a part of its results is differentiable")
    x, y = torch.randn(3, 4), torch.randn(4, requires_grad=with_gradients)
    other = x.clone()
    expected, actual = program(x, y), compiled(program, dynamic=dynamic)(other, y)
    assert torch.equal(x, other)
    results = torch.utils._pytree.tree_leaves((expected, x, y))
    others = torch.utils._pytree.tree_leaves((actual, other, y))
    assert len(results) == len(others)
    for result, compared in zip(results, others, strict=True):
        if not isinstance(result, torch.Tensor):
            assert result == compared
            continue
        torch.testing.assert_close(compared, result)
        if program is not returns_expanded:
            assert compared.stride() == result.stride()
    assert _sharing(others) == _sharing(results)


def _sharing(leaves: list) -> list:
    """For each pair of tensors, whether they share memory."""
    pointers = [
        leaf.untyped_storage().data_ptr() for leaf in leaves if isinstance(leaf, torch.Tensor)
    ]
    return [[first == second for second in pointers] for first in pointers]


def test_a_buffer_is_updated() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return x * self.calls

    model, x = Counter(), torch.randn(3)
    torshjit.reset_stats()
    fast = compiled(model)
    torch.testing.assert_close(fast(x), x)
    torch.testing.assert_close(fast(x), x * 2)
    assert model.calls == 2
    assert torshjit.stats()["fallback_ops"] == {}


def test_a_training_step_agrees_with_eager() -> None:
    model, x = small_network(), torch.randn(6, 8, requires_grad=True)
    torshjit.reset_stats()
    loss = compiled(model)(x).square().mean()
    loss.backward()
    gradients = [x.grad, *(p.grad for p in model.parameters())]
    x.grad = None
    model.zero_grad()
    expected = model(x).square().mean()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients, [x.grad, *(p.grad for p in model.parameters())])
    assert torshjit.stats()["calls"] == 2
    assert torshjit.stats()["fallback_ops"] == {}


def test_results_under_no_grad_carry_none() -> None:
    model, x = small_network(), torch.randn(2, 8)
    fast = compiled(model)
    assert fast(x).requires_grad
    with torch.no_grad():
        assert not fast(x).requires_grad


def test_parameters_are_read_at_each_call() -> None:
    model, x = small_network(), torch.randn(2, 8)
    fast = compiled(model)
    with torch.no_grad():
        fast(x)
        model[0].weight.mul_(2)
        model[2].bias.data = torch.ones(4)
        torch.testing.assert_close(fast(x), model(x))


def test_options_are_those_of_the_configuration() -> None:
    with pytest.raises(Exception, match=r"unknown option|fusion"):
        compiled(lambda x: x + 1, options={"fusion": "none"})(torch.ones(2))
    fast = compiled(lambda x: x + 1, options={"target_device": "interpreter"})
    torch.testing.assert_close(fast(torch.ones(2)), torch.full((2,), 2.0))
    with pytest.raises(Exception, match="option of torch's inductor"):
        compiled(lambda x: x + 2, mode="max-autotune")(torch.ones(2))


def test_a_backend_of_ones_own_knows_its_programs() -> None:
    backend = DynamoBackend(torshjit.JitConfig())
    fast = torch.compile(lambda x: (x + 1).tanh(), backend=backend)
    fast(torch.ones(2))
    (program,) = backend.programs
    assert program.stats()["calls"] == 1
    assert "torsh.tanh" in program.ir("capture")


def test_an_error_names_the_users_line() -> None:
    def program(x: Any) -> Any:
        y = x + 1
        return torch.special.zeta(y, y)  # the line

    fast = torch.compile(program, backend="torshjit", options={"strict": True})
    with pytest.raises(Exception, match=r"(?s)special_zeta.*test_torch_backend\.py"):
        fast(torch.ones(2))


def test_a_label_that_is_no_class_is_an_error_as_in_eager() -> None:
    scores, labels = torch.randn(3, 4), torch.tensor([0, 4, 1])
    fast = torshjit.compile(nn.functional.cross_entropy)
    with pytest.raises(IndexError, match="out of range"):
        fast(scores, labels)
    labels[1] = -100
    torch.testing.assert_close(fast(scores, labels), nn.functional.cross_entropy(scores, labels))


def test_a_graph_that_only_writes_is_run() -> None:
    """It has no results, and was left out as if it did nothing."""

    def program(x: Any, y: Any) -> None:
        x.add_(y, alpha=2)

    x, y = torch.randn(2, 3, 4)
    expected = x + 2 * y
    compiled(program)(x, y)
    torch.testing.assert_close(x, expected)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_the_step_of_an_optimizer_is_compiled(make: Any) -> None:
    sizes = [(5,), (2, 3)]
    parameters = [nn.Parameter(torch.randn(size)) for size in sizes]
    twins = [nn.Parameter(each.detach().clone()) for each in parameters]
    mine, theirs = make(parameters, lr=0.1), make(twins, lr=0.1)
    step = torch.compile(mine.step, backend="torshjit")
    torshjit.reset_stats()
    for _ in range(3):
        for parameter, twin in zip(parameters, twins, strict=True):
            parameter.grad = torch.randn_like(parameter)
            twin.grad = parameter.grad.clone()
        step()
        theirs.step()
        torch.testing.assert_close(parameters, twins)
    assert torshjit.stats()["fallback_ops"] == {}
    assert torshjit.stats()["compiled_ops"] > 0


def test_parameters_that_a_graph_holds_get_gradients() -> None:
    model, twin = small_network(), small_network()
    twin.load_state_dict(model.state_dict())
    x = torch.randn(3, 8)
    compiled(lambda x: model(x) * 2)(x).sum().backward()
    (twin(x) * 2).sum().backward()
    torch.testing.assert_close(
        [p.grad for p in model.parameters()], [p.grad for p in twin.parameters()]
    )


def chooses(x: Any) -> Any:
    return torch.cond(x.sum() > 0, lambda t: (t.sin(), t + 1), lambda t: (t.cos() * 2, t * 3), (x,))


def chooses_among_reads(x: Any) -> Any:
    places = x.long().abs()
    return torch.cond(x.sum() > 0, lambda t, i: t[i] + 1, lambda t, i: t * 2, (x, places))


@pytest.mark.parametrize("with_gradients", [False, True])
def test_both_branches_of_cond_are_compiled(with_gradients: bool) -> None:
    fast = torch.compile(chooses, backend="torshjit")
    torshjit.reset_stats()
    for sign in (1, -1):
        x = (torch.rand(4) * sign).requires_grad_(with_gradients)
        actual, expected = fast(x), chooses(x)
        torch.testing.assert_close(actual, expected)
        if with_gradients:
            mine, theirs = (torch.autograd.grad(each[0].sum(), x) for each in (actual, expected))
            torch.testing.assert_close(mine, theirs)
    assert torshjit.stats()["fallback_ops"] == {}


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_a_branch_that_is_not_chosen_raises_nothing() -> None:
    fast = torch.compile(chooses_among_reads, backend="torshjit")
    x = torch.tensor([-9.0, 1.0])
    torch.testing.assert_close(fast(x), x * 2)


def test_gradients_are_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's engine copies a gradient that somebody else holds, be it a cycle that awaits gc."""
    model, made = small_network(), set()
    fast, run = compiled(model), CompiledGraph.__call__

    def watched(self: CompiledGraph, *args: Any) -> Any:
        results = run(self, *args)
        made.update(each.data_ptr() for each in results if each is not None)
        return results

    x = torch.randn(8, 8)
    fast(x).sum().backward()
    monkeypatch.setattr(CompiledGraph, "__call__", watched)
    gc.collect()
    gc.disable()
    try:
        model.zero_grad(set_to_none=True)
        fast(x).sum().backward()
    finally:
        gc.enable()
    assert made.issuperset(parameter.grad.data_ptr() for parameter in model.parameters())
