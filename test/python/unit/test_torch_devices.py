# SPDX-License-Identifier: Apache-2.0
"""Captures on another device than the CPU, for which torch's device without memory stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
compiler = pytest.importorskip("torshjit._compiler")

from torshjit.capture.graph_function import AttributeGuard  # noqa: E402
from torshjit.capture.torch_capture import capture_module  # noqa: E402
from torshjit.capture.torch_device import CaptureDevice  # noqa: E402
from torshjit.errors import DeviceError  # noqa: E402

CONTEXT = compiler.Context()
ELSEWHERE = torch.zeros(3, device="meta")


def capture(program: Callable, *args: Any) -> Any:
    return capture_module(program, args, {}, compiler, CONTEXT, ("cpu", "meta"))


def test_tensors_of_one_other_device() -> None:
    captured = capture(
        lambda x, y: (x * y + torch.ones(3, device=x.device)).sum(), ELSEWHERE, ELSEWHERE
    )
    assert "torsh.sum" in str(captured.module)


def test_tensors_of_two_devices() -> None:
    with pytest.raises(DeviceError, match=r"is on device cpu, an argument is on device meta"):
        capture(lambda x, y: x + y, ELSEWHERE, torch.zeros(3))
    weight = torch.zeros(3)
    with pytest.raises(DeviceError, match=r"weight.* is on device cpu, .* on device meta"):
        capture(lambda x: x + weight, ELSEWHERE)


def test_moving_away() -> None:
    for move in (lambda x: x.cpu() + 1, lambda x: x + torch.ones(3, device="cpu")):
        with pytest.raises(DeviceError, match="moves a tensor to device cpu"):
            capture(move, ELSEWHERE)


def test_targets_say_whose_tensors_they_take() -> None:
    with pytest.raises(DeviceError, match=r"an argument is on device meta.* take tensors of cpu$"):
        capture_module(lambda x: x + 1, (ELSEWHERE,), {}, compiler, CONTEXT)


def test_a_device_index_left_out_is_the_one_in_use() -> None:
    device = CaptureDevice(("cpu", "cuda"))
    device.check(_On("cuda", 1), "x")
    device.check_destination("cuda")
    device.check_destination("cuda:1")
    for other in ("cuda:0", "cpu"):
        with pytest.raises(DeviceError, match="where its tensors are on cuda:1"):
            device.check_destination(other)


class _On:
    """As much of a tensor as the check of a device reads."""

    def __init__(self, kind: str, index: int) -> None:
        self.device = torch.device(kind, index)


def test_autocast_is_guarded_for_every_device_of_the_target() -> None:
    captured = capture_module(
        lambda x: x + 1, (torch.ones(3),), {}, compiler, CONTEXT, ("cpu", "cuda")
    )
    (guard,) = [
        each
        for each in captured.guards
        if isinstance(each, AttributeGuard) and each.name == "autocast_enabled"
    ]
    assert guard.holds()
    for kind in ("cpu", "cuda"):
        torch.set_autocast_enabled(kind, True)
        assert not guard.holds()
        torch.set_autocast_enabled(kind, False)
