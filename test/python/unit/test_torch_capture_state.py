# SPDX-License-Identifier: Apache-2.0
"""What the torch capture binds and guards of the state around a program, and leaves as it was."""

from __future__ import annotations

import gc
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

from torshjit.capture.graph_function import ObjectBinding  # noqa: E402
from torshjit.errors import CaptureError  # noqa: E402

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def holds(captured: Any) -> bool:
    return all(guard.holds() for guard in captured.guards)


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
