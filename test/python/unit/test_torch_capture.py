# SPDX-License-Identifier: Apache-2.0
"""What the torch capture records: locations, in-place operations, guards, trees, refusals."""

from __future__ import annotations

import gc
import inspect
import re
import threading
import time
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import (  # noqa: E402
    assert_captured,
    assert_matches,
    capture,
    interpreted,
    run,
)
from torch import nn  # noqa: E402

from torshjit.capture.graph_function import ArgumentLeaf, ObjectBinding, ValueLeaf  # noqa: E402
from torshjit.errors import (  # noqa: E402
    CaptureError,
    DeviceError,
    DTypeError,
    ShapeError,
    UnsupportedOpError,
)

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def line_of(function: Any, text: str) -> int:
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if text in line)


def holds(captured: Any) -> bool:
    return all(guard.holds() for guard in captured.guards)


# In-place operations and views.


def in_place_on_intermediate(x):
    y = x * 1
    y.add_(2).mul_(x).clamp_(max=1)
    return y


def write_through_view(x):
    y = x + 0
    y[1] = 5
    y[:, 2] += x[:, 0]
    y.t()[0, 1:].zero_()
    return y, y.sum()


def view_sees_write(x):
    y = x + 0
    row, flat = y[0], y.view(-1)
    y.mul_(3)
    row.add_(1)
    return row, flat, y


def chunk_is_a_view(x):
    y = x + 0
    left, right = y.chunk(2, dim=1)
    left.copy_(right)
    return y


def fill_buffer(x):
    out = torch.zeros(2, 3, 4)
    out[0] = x
    out[1, :, 1:3] = x[:, :2]
    out[..., -1] = 7
    return out


def masked_assignment(x):
    y = x.clone()
    y[y < 0] = 0
    y[x > 1] = x.max()
    return y


def promotes_into_target(x):
    y = x.to(torch.float16)
    y += x
    z = torch.ones(4, dtype=torch.int64)
    z += torch.arange(4)
    return y, z


def permutes_of_permutes(x):
    y = (x + 0).reshape(3, 2, 2)
    z = y.permute(2, 0, 1).permute(1, 2, 0).transpose(0, 2)
    z.transpose(0, 2)[0] = 7
    return y, z, y.permute(1, 2, 0).permute(1, 2, 0)


def metadata_in_place(x):
    y = x + 0
    y.transpose_(0, 1).unsqueeze_(0)
    y[0, 1] = 2
    y.squeeze_(0)
    return y


def relu_in_place_after_reshape(x):
    y = (x + 0).reshape(-1)
    return y.relu_()


def known_contents(x):
    mask = torch.tril(torch.ones(3, 3, dtype=torch.bool))
    weights = torch.arange(3).float().softmax(0)
    scale = weights.max().item()
    if bool(mask[0, 0]):
        weights = weights[mask.sum(1) - 1]
    count = torch.zeros(())
    for _ in range(2):
        count += 1
    return x * scale, weights, x[:, :3].masked_fill(~mask, 0), x + count


def writes_out(x):
    result = torch.empty(3, 4)
    torch.add(x, 1, out=result)
    return result


@pytest.mark.parametrize(
    "program",
    [
        in_place_on_intermediate,
        write_through_view,
        view_sees_write,
        chunk_is_a_view,
        permutes_of_permutes,
        fill_buffer,
        masked_assignment,
        promotes_into_target,
        metadata_in_place,
        relu_in_place_after_reshape,
        known_contents,
        writes_out,
    ],
    ids=lambda program: program.__name__,
)
def test_program(program: Any) -> None:
    assert_captured(program, X)


def add_to_argument(x):
    x.add_(1)
    return x * 2


def write_to_view_of_argument(x):
    x[0] = 1
    return x * 2


def relu_in_place_on_argument(x):
    return torch.relu_(x.reshape(4, 3))


def ambiguous_alias(x):
    y = x + 0
    z = y.t().reshape(-1)
    z.add_(1)
    return y, z


def expanded_write(x):
    y = (x[:1] + 0).expand(3, 4)
    y[0] = 1
    return y


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (add_to_argument, "in place to the argument"),
        (write_to_view_of_argument, "in place to the argument"),
        (relu_in_place_on_argument, "in place to the argument"),
        (ambiguous_alias, "may share memory"),
        (expanded_write, "expanded view"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_write_that_would_be_lost(program: Any, message: str) -> None:
    before = X.clone()
    with pytest.raises(CaptureError, match=message) as caught:
        capture(program, X)
    assert caught.value.location is not None
    assert caught.value.location[0] == __file__
    assert torch.equal(X, before)


def test_parameter_is_not_written() -> None:
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            self.count += 1
            return x + self.count

    module = Counter()
    with pytest.raises(CaptureError, match="count"):
        capture(module, X)
    assert module.count.item() == 0
    assert not module.count.is_meta


def test_batch_norm_in_training_is_refused() -> None:
    module = nn.BatchNorm1d(4)
    with pytest.raises(CaptureError, match="num_batches_tracked"):
        capture(module, X)
    assert module.num_batches_tracked.item() == 0
    mean, variance = torch.zeros(4), torch.ones(4)
    with pytest.raises(CaptureError, match="writes in place to mean"):
        capture(lambda x: nn.functional.batch_norm(x, mean, variance, training=True), X)


# What a program asks for.


def asks_item(x):
    scale = x.sum().item()
    return x * scale


def asks_bool(x):
    if x.sum() > 0:
        return x
    return -x


def asks_shape_of_data(x):
    return x[x > 0]


def asks_nonzero(x):
    return x.nonzero()


def asks_numpy(x):
    return torch.from_numpy(x.numpy())


def draws(x):
    return x + torch.poisson(x)


def uses_autocast(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return x @ x.t()


def makes_meta(x):
    return x + torch.tensor([1.0], device="meta")


def returns_object(x):
    return {1, 2}


def returns_nothing(x):
    x * 2


def changes_container(x, rest):
    rest.append(x)
    return x


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (asks_item, "x.sum().item()"),
        (asks_bool, "if x.sum() > 0"),
        (asks_shape_of_data, "x[x > 0]"),
        (asks_nonzero, "x.nonzero()"),
        (asks_numpy, "x.numpy()"),
        (draws, "torch.poisson"),
        (uses_autocast, "x @ x.t()"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refusal_names_the_line(program: Any, line: str) -> None:
    with pytest.raises(CaptureError) as caught:
        capture(program, X)
    assert caught.value.location == (__file__, line_of(program, line))


@pytest.mark.parametrize("program", [makes_meta, returns_object, returns_nothing])
def test_refusal(program: Any) -> None:
    with pytest.raises(CaptureError):
        capture(program, X)


def test_tensors_are_made_where_the_arguments_are() -> None:
    def program(x):
        assert x.device == torch.device("cpu")
        return (x + torch.tensor([1.0, 2.0], device=x.device))[[2, 0]]

    assert_captured(program, torch.randn(3, 2))


def test_changed_container_of_arguments() -> None:
    with pytest.raises(CaptureError, match="container"):
        capture(changes_container, X, [X])


def test_swallowed_error_voids_the_capture() -> None:
    def program(x):
        try:
            return x * x.sum().item()
        except Exception:
            return x

    with pytest.raises(CaptureError, match="asks for the value"):
        capture(program, X)


def test_uncovered_operation_names_itself() -> None:
    with pytest.raises(UnsupportedOpError, match=r"aten\._linalg_eigh") as caught:
        capture(torch.linalg.eigh, torch.eye(3))
    assert caught.value.op == "aten._linalg_eigh.default"
    with pytest.raises(UnsupportedOpError, match="too large for unrolled steps"):
        capture(torch.linalg.inv, torch.eye(40))


def test_shape_error_names_operation_and_line() -> None:
    def program(x):
        return x @ torch.ones(3, 5) if x.ndim == 2 else x

    with pytest.raises(ShapeError) as caught:
        capture(program, X)
    assert caught.value.op == "aten.matmul.default"
    assert caught.value.location == (__file__, line_of(program, "x @ torch.ones"))
    with pytest.raises(ShapeError, match="invalid for a tensor of 12 elements"):
        capture(lambda x: x.view(5, -1), X)


def test_unsupported_arguments() -> None:
    with pytest.raises(DTypeError, match="float8"):
        capture(lambda x: x + 1, torch.zeros(3, dtype=torch.float8_e4m3fn))
    with pytest.raises(DTypeError, match="complex"):
        capture(lambda x: x * 1j, X)
    with pytest.raises(DeviceError, match="meta"):
        capture(lambda x: x + 1, torch.zeros(3, device="meta"))
    with pytest.raises(CaptureError, match="layout"):
        capture(lambda x: x, X.to_sparse())
    with pytest.raises(CaptureError, match="type object"):
        capture(lambda x, y: x, X, object())
    with pytest.raises(CaptureError, match="not a plain tensor"):
        torch.func.vmap(lambda x: capture(torch.relu, x))(X)
    with pytest.raises((CaptureError, DeviceError), match=r"(?i)cuda"):
        capture(lambda x: x.to("cuda"), X)


def test_capture_within_a_capture_is_refused() -> None:
    def program(x):
        return run(capture(torch.relu, x), x)

    with pytest.raises((CaptureError, DeviceError)):
        capture(program, X)


# State: bindings and guards.


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.scale = 2.0
        self.table = torch.ones(4)
        self.extra = [torch.full((4,), 3.0)]

    def forward(self, x):
        return self.norm(self.fc(x)) * self.scale + self.table + self.extra[0]


def test_parameters_are_read_where_they_lie() -> None:
    module = Scaled().eval()
    captured = capture(module, X)
    bound = [b.value for b in captured.bindings if isinstance(b, ObjectBinding)]
    assert any(value is module.fc.weight for value in bound)
    assert any(value is module.norm.running_mean for value in bound)
    assert {"fc.weight", "norm.running_var", "table", "extra[0]"} <= set(captured.source_names)
    with torch.no_grad():
        module.fc.weight.mul_(2)
        module.norm.running_mean.add_(1)
        module.table += 5
    assert holds(captured)
    with torch.no_grad():
        assert_matches(run(captured, X), module(X), 4)


def test_tied_parameters_are_one_input() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    assert len(capture(module, X).bindings) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.train(),
        lambda m: m.norm.train(),
        lambda m: setattr(m, "scale", 3.0),
        lambda m: setattr(m.fc, "weight", nn.Parameter(torch.ones(4, 4))),
        lambda m: setattr(m, "fc", nn.Linear(4, 4)),
        lambda m: setattr(m.norm, "running_mean", torch.zeros(4)),
        lambda m: setattr(m, "table", torch.zeros(4)),
        lambda m: m.extra.__setitem__(0, torch.zeros(4)),
        lambda m: m.fc.register_forward_hook(lambda *args: None),
        lambda m: m.register_forward_pre_hook(lambda *args: None),
    ],
)
def test_changed_module_fails_a_guard(change: Any) -> None:
    module = Scaled().eval()
    captured = capture(module, X)
    assert holds(captured)
    change(module)
    assert not holds(captured)


def test_autocast_fails_a_guard() -> None:
    captured = capture(torch.relu, X)
    assert holds(captured)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not holds(captured)
        with pytest.raises(CaptureError, match="autocast"):
            capture(torch.relu, X)


OFFSET = torch.tensor([1.0, 2.0, 3.0, 4.0])
FACTOR = 2


def uses_globals(x):
    return scaled_by_global(x) + OFFSET


def scaled_by_global(x):
    return x * FACTOR


def test_globals_and_closures_are_bound_and_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = capture(uses_globals, X)
    assert "OFFSET" in captured.source_names
    assert holds(captured)
    monkeypatch.setitem(uses_globals.__globals__, "FACTOR", 3)
    assert not holds(captured)

    weight = torch.ones(4)

    def closed(x):
        return x * weight

    captured = capture(closed, X)
    weight.mul_(7)
    assert holds(captured)
    assert_matches(run(captured, X), X * 7)
    weight = torch.zeros(4)
    assert not holds(captured)
    assert_captured(closed, X)


@torch.no_grad()
def decorated(x):
    return x * FACTOR + OFFSET


def test_decorated_function_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = capture(decorated, X)
    assert_matches(run(captured, X), decorated(X))
    monkeypatch.setitem(uses_globals.__globals__, "FACTOR", 5)
    assert not holds(captured)


def test_caches_of_installed_packages_do_not_matter() -> None:
    # re keeps a dict of compiled patterns, which this call changes.
    def program(x):
        return x * len(re.sub(f"[{time.time()}]", "", "text"))

    assert_matches(interpreted(program, X), X * 4)


def test_compiled_callable_is_walked_through() -> None:
    module = nn.Linear(4, 4)

    class Compiled:
        __torshjit_function__ = module
        calls = 0

        def __call__(self, x):
            self.calls += 1
            return module(x)

    inner = Compiled()
    captured = capture(lambda x: inner(x) * 2, X)
    assert_matches(run(captured, X), module(X) * 2, 4)
    assert holds(captured)


def test_tensor_of_unknown_origin_is_refused() -> None:
    class Holder:
        tensor = torch.ones(4)

    with pytest.raises(CaptureError, match="neither an argument nor"):
        capture(lambda x: x + Holder.tensor, X)


def test_module_that_remembers_is_refused_and_left_as_it_was() -> None:
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = []
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            self.last = x * 2
            return self.last

    module = Remembers()
    with pytest.raises(CaptureError, match="calls"):
        capture(module, X)
    assert module.calls == 0
    assert not hasattr(module, "last")

    class Appends(Remembers):
        def forward(self, x):
            self.seen.append(x)
            return x * 2

    module = Appends()
    module.seen.append(1)
    with pytest.raises(CaptureError, match="container"):
        capture(module, X)
    assert module.seen == [1]


_REMEMBERED: dict[str, Any] = {"calls": 0}
_CALLS = 0


def test_functions_that_remember_are_refused_and_what_they_wrote_undone() -> None:
    calls, seen = 0, {1}

    def in_global(x):
        global _CALLS
        _CALLS += 1
        return x * 2

    def in_dict(x):
        _REMEMBERED["calls"] += 1
        _REMEMBERED["last"] = x
        return x * 2

    def in_cell(x):
        nonlocal calls
        calls += 1
        seen.add(calls + 5)
        return x * 2

    for program in (in_global, in_dict, in_cell):
        with pytest.raises(CaptureError, match="changes a global, closure or container"):
            capture(program, X)
    assert _CALLS == calls == 0
    assert _REMEMBERED == {"calls": 0}
    assert seen == {1}


def test_hooks_that_the_program_registers_are_undone() -> None:
    class Hooks(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            self.layer.register_forward_hook(lambda module, args, result: result * 2)
            self.layer.register_forward_pre_hook(lambda module, args: None)
            return self.layer(x)

    module = Hooks()
    with pytest.raises(CaptureError, match="assigns to layer"):
        capture(module, X)
    assert not module.layer._forward_hooks
    assert not module.layer._forward_pre_hooks


def test_hooks_are_refused() -> None:
    module = nn.Sequential(nn.Linear(4, 4))
    module[0].register_forward_hook(lambda *args: None)
    with pytest.raises(CaptureError, match="hooks"):
        capture(module, X)


def test_module_is_usable_by_other_threads_meanwhile() -> None:
    module = Scaled().eval()
    with torch.no_grad():
        expected = module(X)
    failures: list[Any] = []
    stop = threading.Event()

    def call() -> None:
        with torch.no_grad():
            while not stop.is_set():
                if not torch.equal(module(X), expected):
                    failures.append("differs")

    thread = threading.Thread(target=call)
    thread.start()
    try:
        for _ in range(20):
            capture(module, X)
    finally:
        stop.set()
        thread.join()
    assert not failures


def test_traced_tensors_show_the_device_of_those_they_stand_for() -> None:
    def program(x):
        assert x.is_cpu
        assert not x.is_meta
        assert not x.is_cuda
        return x + torch.tensor([1.0], device=x.device), x.device

    assert_matches(interpreted(program, X)[0], X + 1)
    assert interpreted(program, X)[1] == torch.device("cpu")


def test_a_view_that_eager_refuses_while_aotautograd_compiles() -> None:
    def program(x):
        return torch.clone(x[:, 1:], memory_format=torch.contiguous_format).view(-1) * 2

    with torch._dispatch.python.enable_python_dispatcher():
        captured = capture(program, X)
    assert_matches(run(captured, X), program(X))


def test_libraries_are_told_that_they_are_traced() -> None:
    def program(x, mask):
        if not torch.compiler.is_compiling() and mask.all():
            return x
        return x.where(mask, 0)

    mask = torch.ones(3, 4, dtype=torch.bool)
    assert_captured(program, X, mask)
    assert not torch.compiler.is_compiling()
    assert not torch.compiler.is_exporting()


def test_captures_of_two_threads_leave_the_process_as_it_was() -> None:
    both = threading.Barrier(2, timeout=30)

    def meeting(x):
        both.wait()
        return x + 1

    def leaving_first(x):
        both.wait()
        return x * 2

    threads = [threading.Thread(target=capture, args=(f, X)) for f in (meeting, leaving_first)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torch.compiler.is_compiling()
    assert gc.isenabled()


# Trees, identity, locations.


def test_nested_arguments_and_results() -> None:
    def program(batch, *, factor, flags):
        y = batch["x"] * factor + batch["pair"][1]
        return {"y": y, "both": (y, [y + 1, None, "text"]), "flag": flags[0]}

    batch = {"x": X, "pair": (X + 1, X + 2)}
    assert_captured(program, batch, factor=2.5, flags=[True])


def test_arguments_and_parameters_returned_as_they_are() -> None:
    parameter = nn.Parameter(torch.ones(4))

    def program(x):
        return x, parameter, x + parameter

    tree = capture(program, X).output_tree
    assert tree[0] == ArgumentLeaf(0)
    assert isinstance(tree[1], ValueLeaf)
    assert tree[1].value is parameter


def test_operations_carry_the_users_line() -> None:
    def program(x):
        y = x * 2
        return torch.tanh(y)

    ops = {op.name: op.location for op in capture(program, X).module.graph("main").ops}
    assert ops["torsh.tanh"] == (__file__, line_of(program, "torch.tanh"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64])
def test_non_contiguous_arguments(dtype: Any) -> None:
    x = torch.arange(24).reshape(2, 3, 4).to(dtype)
    for view in (x.transpose(0, 2), x[:, ::2], x[..., 1].expand(5, 2, 3)):
        assert_captured(lambda t: t * 2 + t.sum(0), view)


def test_grad_sensitivity_follows_float_tensors() -> None:
    assert capture(lambda x: x + 1, X).grad_sensitive
    assert not capture(lambda x: x + 1, torch.arange(3)).grad_sensitive


def test_result_kept_from_an_earlier_capture_is_refused() -> None:
    kept: dict[str, Any] = {}

    class Box:
        pass

    box = Box()

    def program(x):
        if not hasattr(box, "kept"):
            box.kept = x * 2
        return box.kept + x

    capture(program, X)
    with pytest.raises(CaptureError, match="earlier capture"):
        capture(program, X)
    assert not kept


def test_rnn_layers_decompose() -> None:
    x = torch.randn(2, 5, 4)
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        assert_captured(kind(4, 8, batch_first=True).eval(), x, scale=4)


def test_operations_that_torch_writes_in_python_decompose() -> None:
    from torch.nn.modules import linear_cross_entropy_options

    options = linear_cross_entropy_options.LinearCrossEntropyOptions(batch_chunk_size=2)

    x, weight, target = torch.randn(8, 3), torch.randn(4, 3), torch.randint(0, 4, (8,))
    for reduction in ("none", "mean"):
        assert_captured(
            lambda *args, how=reduction: nn.functional.linear_cross_entropy(
                *args, reduction=how, options=options
            ),
            x,
            weight,
            target,
            scale=4,
        )


def test_interpreted_results_do_not_depend_on_grad_mode() -> None:
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(2, 3, 8)
    with torch.no_grad():
        first = interpreted(module, x)
    second = interpreted(module, x)
    assert_matches(first, second)


def test_a_transposition_that_is_undone_leaves_nothing() -> None:
    captured = capture(lambda x: x.t().t() @ x.t(), X)
    assert str(captured.module).count("torsh.permute") == 1
