# SPDX-License-Identifier: Apache-2.0
"""Compiled torch programs that write to tensors of their caller leave there what eager leaves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from hypothesis import given  # noqa: E402
from torch import nn  # noqa: E402
from torch_alias_programs import actions_of, perform  # noqa: E402

import torshjit  # noqa: E402
from torshjit.capture.graph_function import tree_leaves  # noqa: E402
from torshjit.capture.opened_objects import open_objects  # noqa: E402

F = nn.functional


def grid() -> Any:
    return torch.arange(12.0).reshape(3, 4)


def image() -> Any:
    return torch.randn(4, 3, 5, 5)


def statistics() -> list[Any]:
    return [torch.rand(3), torch.rand(3) + 0.5]


def add(x: Any) -> Any:
    return x.add_(1)


def set_items(x: Any) -> None:
    x[0] = 1
    x[:, 1] += 2
    x[x > 8] = -1


def through_a_transpose(x: Any) -> Any:
    y = x.t()
    y.add_(torch.arange(3.0))
    return y, x, y[1:]


def through_slices(x: Any) -> Any:
    x[1:, ::2] *= 3
    return x[1], x.sum()


def through_a_view(x: Any) -> Any:
    x.view(2, 6)[0].zero_()
    return x.unsqueeze(0)


def swap(x: Any, y: Any) -> None:
    kept = x.clone()
    x.copy_(y)
    y.copy_(kept)


def augmented(x: Any, y: Any) -> Any:
    x += y
    y *= x
    return x - y


def to_out(x: Any, y: Any) -> Any:
    torch.add(x, y, out=x)
    return torch.mul(x, 2, out=y)


def two_outs(x: Any, values: Any, places: Any) -> Any:
    return torch.max(x, 1, out=(values, places))


def read_before_and_after(x: Any) -> Any:
    before = x * 2
    x.relu_()
    return before, x * 2, x.detach()


def written_twice(x: Any) -> Any:
    for _ in range(3):
        x.mul_(2)
        x.sub_(1)
    return {"x": x, "rows": list(x)}


def scattered(x: Any) -> Any:
    x.index_add_(0, torch.tensor([0, 0, 2]), torch.ones(3, 4))
    return x.scatter_(1, torch.tensor([[0], [3], [1]]), 7.0)


def batch_norm(x: Any, mean: Any, variance: Any) -> Any:
    return F.batch_norm(x, mean, variance, training=True, momentum=0.3)


def instance_norm(x: Any, mean: Any, variance: Any) -> Any:
    return F.instance_norm(x, mean, variance, torch.arange(3.0), torch.ones(3), momentum=0.3)


def native_batch_norm(x: Any, mean: Any, variance: Any) -> Any:
    return torch.native_batch_norm(x, None, None, mean, variance, True, 0.1, 1e-5)


def batch_norm_with_update(x: Any, mean: Any, variance: Any) -> Any:
    update = torch.ops.aten._batch_norm_with_update
    return update(x, torch.ones(3), None, mean, variance, 0.1, 1e-5)


PROGRAMS: list[tuple[Callable[..., Any], Callable[[], list[Any]]]] = [
    *[
        (program, lambda: [grid() - 4])
        for program in (
            add,
            set_items,
            through_a_transpose,
            through_slices,
            through_a_view,
            read_before_and_after,
            written_twice,
            scattered,
        )
    ],
    *[(program, lambda: [grid(), grid() - 5]) for program in (swap, augmented, to_out)],
    (two_outs, lambda: [grid(), torch.zeros(3), torch.zeros(3, dtype=torch.int64)]),
    *[
        (program, lambda: [image(), *statistics()])
        for program in (batch_norm, instance_norm, native_batch_norm, batch_norm_with_update)
    ],
    (native_batch_norm, lambda: [torch.zeros(1, 3, 1), *statistics()]),
    (lambda x: x.add_(1), lambda: [torch.zeros(0, 4)]),
    (lambda x: x.mul_(3), lambda: [torch.tensor(2.0)]),
    (lambda x: x.logical_not_(), lambda: [torch.tensor([True, False])]),
    (lambda x: x.add_(1), lambda: [torch.full((5,), 250, dtype=torch.uint8)]),
    (lambda x, y: x.add_(y), lambda: [torch.ones(3, dtype=torch.bfloat16), torch.rand(3)]),
    (lambda x, y: x.copy_(y), lambda: [torch.zeros(2, 3, dtype=torch.int32), torch.rand(3) * 9]),
]


def shares(one: Any, other: Any) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def assert_same_results(actual: Any, mine: list[Any], expected: Any, theirs: list[Any]) -> None:
    """Equal values, and the same aliases of the arguments."""
    torch.testing.assert_close(mine, theirs, equal_nan=True)
    ours, wanted = (list(tree_leaves(open_objects(each))) for each in (actual, expected))
    assert len(ours) == len(wanted)
    for one, other in zip(ours, wanted, strict=True):
        if other is None:
            assert one is None
            continue
        torch.testing.assert_close(one, other, equal_nan=True)
        for argument, twin in zip(mine, theirs, strict=True):
            assert (one is argument) == (other is twin)
            if shares(other, twin):
                assert shares(one, argument)
                assert one.storage_offset() == other.storage_offset()
                assert one.stride() == other.stride()


@pytest.mark.parametrize("target", ["cpu", "interpreter"])
@pytest.mark.parametrize(("program", "make"), PROGRAMS)
def test_a_program_leaves_what_eager_leaves(program: Any, make: Any, target: str) -> None:
    torch.manual_seed(0)
    fast = torshjit.compile(program, strict=True, target_device=target)
    for _ in range(2):
        mine = make()
        theirs = [each.clone() for each in mine]
        versions = [each._version for each in mine]
        expected = program(*theirs)
        assert_same_results(fast(*mine), mine, expected, theirs)
        for before, one, other in zip(versions, mine, theirs, strict=True):
            assert one._version > before or other._version == 0
    assert fast.stats()["specializations"] == 1
    assert fast.stats()["fallback_ops"] == {}


WRITES = {
    "add": lambda t, u: t.add_(1),
    "scale": lambda t, u: t.mul_(3),
    "zero": lambda t, u: t.zero_(),
    "copy": lambda t, u: t.copy_(u.sum()),
    "relu": lambda t, u: t.relu_(),
}
READS = {
    "row": lambda t: t[0] if t.ndim else t,
    "columns": lambda t: t[..., 1:] if t.ndim and t.shape[-1] > 1 else t,
    "transpose": lambda t: t.transpose(0, -1) if t.ndim else t,
    "every second": lambda t: t[::2] if t.ndim else t,
    "double": lambda t: t * 2,
    "flat": lambda t: t.reshape(-1),
    "itself": lambda t: t.contiguous(),
}


@given(actions=actions_of(READS, WRITES, 8, 5))
def test_random_programs_leave_what_eager_leaves_or_are_refused(actions: Any) -> None:
    def program(x: Any, y: Any) -> Any:
        return perform(actions, [x, y], READS, WRITES)

    mine = [grid() - 6, 6 - grid()]
    theirs = [each.clone() for each in mine]
    expected = program(*theirs)
    try:
        actual = torshjit.compile(program, strict=True, target_device="interpreter")(*mine)
    except torshjit.CaptureError as error:
        assert "may share memory" in str(error) or "writes in place to" in str(error)  # noqa: PT017
        torch.testing.assert_close(mine, [grid() - 6, 6 - grid()])
        return
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(actual, expected)


# State besides the arguments.


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seen", torch.zeros(4))
        self.norm = nn.BatchNorm1d(4)
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        self.count += 1
        self.seen[1:].add_(x.mean(0)[1:])
        with torch.no_grad():
            self.layer.weight.mul_(0.5)
        return self.norm(self.layer(x)), self.count, self.seen[:2]


def test_buffers_and_parameters_are_written() -> None:
    torch.manual_seed(0)
    module, twin = Counting(), Counting()
    twin.load_state_dict(module.state_dict())
    fast = torshjit.compile(module, strict=True)
    x = torch.randn(8, 4)
    with torch.no_grad():
        for _ in range(3):
            actual, expected = fast(x), twin(x)
            torch.testing.assert_close(actual, expected)
            assert actual[1] is module.count
            assert shares(actual[2], module.seen)
    torch.testing.assert_close(module.state_dict(), twin.state_dict())
    assert fast.stats()["specializations"] == 1


def test_closures_and_items_are_written() -> None:
    total, slots = torch.zeros(3), [torch.ones(3), torch.zeros(2)]

    def program(x: Any) -> Any:
        total.add_(x)
        slots[0] *= 2
        return total

    fast = torshjit.compile(lambda x: (total.add_(x), slots[0].mul_(2)), strict=True)
    for _ in range(2):
        first, second = fast(torch.ones(3))
        assert first is total
        assert second is slots[0]
    assert total.tolist() == [2, 2, 2]
    assert slots[0].tolist() == [4, 4, 4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        torshjit.compile(program)(torch.ones(3))
    assert total.tolist() == [3, 3, 3]


# Memory that the compiled program must not write.


def reads_what_another_writes(x: Any, y: Any) -> Any:
    x.add_(1)
    return y * 2


def shared_arguments() -> dict[str, Callable[[], tuple[Any, Any]]]:
    def numbers(start: int, stop: int) -> tuple[Any, Any]:
        array = np.arange(9, dtype=np.float32)
        return torch.from_numpy(array[:6]), torch.from_numpy(array[start:stop])

    def halves() -> tuple[Any, Any]:
        base = torch.arange(12.0).reshape(6, 2)
        return base[:, 0], base[:, 1]

    base = torch.arange(9.0)
    return {
        "one tensor": lambda: (base[:6],) * 2,
        "views": lambda: (base[:6], base[3:]),
        "arrays": lambda: numbers(3, 9),
        "neighbours": lambda: (base.clone()[:6], base.clone()[3:]),
        "columns": halves,
    }


@pytest.mark.parametrize("target", ["cpu", "interpreter"])
@pytest.mark.parametrize("kind", sorted(shared_arguments()))
@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_shared_memory_is_seen(kind: str, target: str) -> None:
    make = shared_arguments()[kind]
    fast = torshjit.compile(reads_what_another_writes, target_device=target)
    separate = torch.arange(6.0), torch.arange(6.0)
    for x, y in (separate, make(), separate, make()):
        x.copy_(torch.arange(6.0))
        expected = (y * 2, x + 1)
        if kind != "neighbours" and x is not separate[0]:
            spare = x.clone()
            expected = (reads_what_another_writes(x, y), x.clone())
            x.copy_(spare)
        torch.testing.assert_close((fast(x, y), x), expected)


def test_shared_memory_is_an_error_where_fallbacks_are() -> None:
    fast = torshjit.compile(reads_what_another_writes, strict=True)
    x = torch.arange(6.0)
    fast(x, torch.zeros(6))
    before = x.clone()
    with pytest.raises(torshjit.CaptureError, match="may share memory with another"):
        fast(x, x)
    torch.testing.assert_close(x, before)


def test_an_argument_that_is_a_bound_tensor_too() -> None:
    held = torch.arange(4.0)

    def program(x: Any) -> Any:
        x.mul_(2)
        return held + 1

    fast = torshjit.compile(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        torch.testing.assert_close(fast(held), torch.tensor([1.0, 3.0, 5.0, 7.0]))
    torch.testing.assert_close(fast(torch.ones(4)), torch.tensor([1.0, 3.0, 5.0, 7.0]))


def flattened(x: Any) -> Any:
    y = x.contiguous()
    y.add_(1)
    return y


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize("program", [add, set_items, through_a_transpose, flattened])
@pytest.mark.parametrize(
    "make",
    [
        lambda: grid().t().contiguous().t(),
        lambda: torch.arange(24.0).reshape(3, 8)[:, ::2],
        lambda: torch.view_as_complex(torch.randn(3, 4, 2)).conj().imag,
    ],
)
def test_arguments_with_strides_are_written(program: Any, make: Any) -> None:
    fast = torshjit.compile(program)
    fast(grid())
    mine, theirs = make(), make()
    theirs.copy_(mine)
    assert not mine.is_contiguous()
    torch.testing.assert_close((fast(mine), mine), (program(theirs), theirs))
    again = grid()
    fast(again)
    theirs = grid()
    program(theirs)
    torch.testing.assert_close(again, theirs)


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_arguments_whose_elements_share_memory() -> None:
    fast = torshjit.compile(set_first)
    fast(torch.zeros(3, 2))
    mine, theirs = (torch.zeros(1, 2).expand(3, 2) for _ in range(2))
    fast(mine)
    set_first(theirs)
    torch.testing.assert_close(mine, theirs)
    with pytest.raises(RuntimeError, match="single memory location"):
        torshjit.compile(add)(mine)


def set_first(x: Any) -> None:
    x[0] = 1


# What eager refuses or does otherwise.


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize(
    ("program", "make"),
    [
        (lambda x: x.t_(), lambda: torch.rand(2, 3)),
        (lambda x: x.unsqueeze_(0).add_(1), lambda: torch.rand(2, 3)),
        (lambda x: x.resize_(4).zero_(), lambda: torch.rand(2, 3)),
        (lambda x: x.set_(torch.ones(2)), lambda: torch.rand(2, 3)),
        (lambda x: torch.add(x[0].clone(), 1, out=x), lambda: torch.rand(3, 2)),
    ],
)
def test_what_is_refused_runs_in_eager(program: Any, make: Any) -> None:
    mine = make()
    theirs = mine.clone()
    torch.testing.assert_close(torshjit.compile(program)(mine), program(theirs))
    torch.testing.assert_close(mine, theirs)
    assert mine.shape == theirs.shape


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize(
    "program",
    [
        lambda x: x.add_(1.5),
        lambda x: x.div_(2),
        lambda x: x.add_(torch.ones(2, 3, dtype=torch.int64)),
        lambda x: x.t().view(-1).add_(1),
        lambda x: torch.add(x, 0.5, out=x),
    ],
)
def test_what_eager_refuses_writes_nothing(program: Any) -> None:
    x = torch.arange(6).reshape(3, 2)
    with pytest.raises((RuntimeError, torshjit.ShapeError)):
        torshjit.compile(program)(x)
    assert x.flatten().tolist() == list(range(6))


def test_sizes_of_tensors_of_the_program_are_those_of_eager() -> None:
    def program(x: Any) -> Any:
        y = x + 1
        return y.resize_(1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        torch.testing.assert_close(torshjit.compile(program)(torch.zeros(4)), torch.ones(1))


def test_an_error_while_it_runs_leaves_the_arguments() -> None:
    def program(x: Any, places: Any) -> Any:
        x.add_(1)
        return x[places]

    fast = torshjit.compile(program, strict=True)
    x = torch.zeros(3)
    fast(x, torch.tensor([0, 2]))
    with pytest.raises(IndexError):
        fast(x, torch.tensor([0, 3]))
    assert x.tolist() == [1, 1, 1]


def test_gradients_go_as_in_eager() -> None:
    fast = torshjit.compile(add)
    leaf = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        fast(leaf)
    with torch.no_grad():
        fast(leaf)
    assert leaf.tolist() == [2, 2, 2]
    product = leaf * 3
    (gradient,) = torch.autograd.grad(fast(product).sum(), leaf)
    assert gradient.tolist() == [3, 3, 3]
    # What the backward pass needs has been written: an error, as in eager.
    factor = torch.ones(3)
    loss = (leaf * factor).sum()
    fast(factor)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_modules_are_trained_and_evaluated_with_running_statistics() -> None:
    torch.manual_seed(0)
    module, twin = (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double() for _ in range(2))
    twin.load_state_dict(module.state_dict())
    fast = torshjit.compile(module)
    x = torch.randn(5, 4, dtype=torch.float64)
    for _ in range(2):
        fast(x).square().sum().backward()
        twin(x).square().sum().backward()
        with torch.no_grad():
            torch.testing.assert_close(fast(x), twin(x))
    torch.testing.assert_close(module.state_dict(), twin.state_dict())
    torch.testing.assert_close(module[0].weight.grad, twin[0].weight.grad)
    module.eval()
    twin.eval()
    torch.testing.assert_close(fast(x), twin(x))


# Random numbers, and files.


@pytest.mark.parametrize(
    ("fill", "low", "high", "measure"),
    [
        (lambda x: x.uniform_(2, 3), 2.4, 2.6, torch.mean),
        (lambda x: x.normal_(5, 0.1), 4.9, 5.1, torch.mean),
        (lambda x: x.exponential_(2), 0.45, 0.55, torch.mean),
        (lambda x: x.bernoulli_(0.25), 0.2, 0.3, torch.mean),
        (lambda x: x.geometric_(0.25), 3.7, 4.3, torch.mean),
        (lambda x: x.geometric_(0.25), 1, 1, torch.min),
        (lambda x: x.log_normal_(1, 0.5), 2.6, 2.8, torch.median),
        (lambda x: x.cauchy_(3, 0.2), 2.9, 3.1, torch.median),
        (lambda x: (x.cauchy_(3, 0.2) - 3).abs(), 0.18, 0.22, torch.median),
    ],
)
def test_random_fills(fill: Any, low: float, high: float, measure: Any) -> None:
    fast = torshjit.compile(fill, strict=True)
    x = torch.zeros(4000)
    torch.manual_seed(7)
    assert low <= measure(fast(x)).item() <= high
    first = x.clone()
    fast(x)
    assert not torch.equal(x, first)
    torch.manual_seed(7)
    fast(x)
    assert torch.equal(x, first)


def test_such_a_program_is_not_saved(tmp_path: Any) -> None:
    fast = torshjit.compile(add)
    fast(grid())
    with pytest.raises(torshjit.TorshError, match="writes to its caller's tensors"):
        fast.save(tmp_path / "program.torsh")
