# SPDX-License-Identifier: Apache-2.0
"""How near to eager a result must be: torch's own figures, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.testing._internal.common_device_type import toleranceOverride
from torch.utils._pytree import tree_flatten, tree_map

__all__ = ["compare", "tolerance_of"]

#: torch.testing.assert_close's own (rtol, atol).
_DEFAULTS = {
    torch.float64: (1e-7, 1e-7),
    torch.float32: (1.3e-6, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
    torch.complex32: (1e-3, 1e-5),
}


def tolerance_of(op: Any, dtype: torch.dtype) -> tuple[float, float]:
    """The largest (rtol, atol) that torch's own tests of an operator allow on the CPU."""
    relative, absolute = _DEFAULTS.get(dtype, (0.0, 0.0))
    for info in op.decorators:
        if getattr(info, "device_type", None) not in (None, "cpu"):
            continue
        for decorator in getattr(info, "decorators", ()):
            if isinstance(decorator, toleranceOverride) and dtype in decorator.d:
                allowed = decorator.d[dtype]
                relative = max(relative, allowed.rtol)
                absolute = max(absolute, allowed.atol)
    return relative, absolute


def compare(
    actual: Any,
    expected: Any,
    tolerance: Callable[[torch.dtype], tuple[float, float]],
    exact: Callable[[], Any],
    by_value: bool = True,
) -> None:
    """Compares structure, dtypes, shapes and, unless `by_value` is false, values.

    A float result that is further from eager's than the tolerance still passes if it is as near,
    within the tolerance, to what `exact` computes in float64 as eager's is: a fused kernel
    rounds less often.

    Raises:
        AssertionError: they differ.
    """
    got, _ = tree_flatten(actual)
    wanted, _ = tree_flatten(expected)
    assert len(got) == len(wanted), f"{len(got)} results, not {len(wanted)}"
    for place, (mine, theirs) in enumerate(zip(got, wanted, strict=True)):
        if not isinstance(theirs, torch.Tensor):
            assert type(mine) is type(theirs), f"{type(mine).__name__}, not {type(theirs).__name__}"
            same = mine == theirs or (mine != mine and theirs != theirs)
            assert same or not by_value, f"{mine!r}, not {theirs!r}"
            continue
        assert isinstance(mine, torch.Tensor), f"a {type(mine).__name__}, not a tensor"
        assert mine.dtype == theirs.dtype, f"dtype {mine.dtype}, not {theirs.dtype}"
        assert mine.shape == theirs.shape, f"shape {tuple(mine.shape)}, not {tuple(theirs.shape)}"
        if not by_value:
            continue
        relative, absolute = tolerance(theirs.dtype)
        try:
            _assert_close(mine, theirs, relative, absolute)
        except AssertionError:
            if not theirs.is_floating_point() or not theirs.is_floating_point():
                raise
            if not _is_as_near(mine, theirs, exact, place, relative, absolute):
                raise


def _assert_close(
    actual: torch.Tensor, expected: torch.Tensor, relative: float, absolute: float
) -> None:
    torch.testing.assert_close(
        actual, expected, rtol=relative, atol=absolute, equal_nan=True, check_stride=False
    )


def _is_as_near(
    mine: torch.Tensor,
    theirs: torch.Tensor,
    exact: Callable[[], Any],
    place: int,
    relative: float,
    absolute: float,
) -> bool:
    try:
        truth = tree_flatten(exact())[0][place]
    except Exception:  # The operator has no float64 form.
        return False
    if not isinstance(truth, torch.Tensor) or truth.shape != mine.shape:
        return False
    truth, mine, theirs = (each.detach().double() for each in (truth, mine, theirs))
    allowed = (theirs - truth).abs() + absolute + relative * truth.abs()
    near = ((mine - truth).abs() <= allowed) | (mine == theirs) | (mine.isnan() & theirs.isnan())
    return bool(near.all())


def in_float64(tree: Any) -> Any:
    """A tree of arguments with every float tensor as float64."""

    def widen(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.detach().double()
        if isinstance(value, torch.dtype) and value.is_floating_point:
            return torch.float64
        return value

    return tree_map(widen, tree)
