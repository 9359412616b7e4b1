# SPDX-License-Identifier: Apache-2.0
"""Random programs of views and in-place operations give what eager gives, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from hypothesis import given  # noqa: E402
from interpreted_capture import assert_matches, interpreted  # noqa: E402
from torch_alias_programs import actions_of, perform  # noqa: E402

from torshjit.errors import CaptureError  # noqa: E402

DEFINITE_VIEWS = {
    "row": lambda t: t[0] if t.ndim else t,
    "last": lambda t: t[..., -1] if t.ndim else t,
    "middle": lambda t: t[1:3] if t.ndim and t.shape[0] > 1 else t,
    "inner": lambda t: t.narrow(-1, 1, t.shape[-1] - 1) if t.ndim and t.shape[-1] > 1 else t,
    "transpose": lambda t: t.transpose(0, -1) if t.ndim else t,
    "unsqueeze": lambda t: t.unsqueeze(0),
    "squeeze": lambda t: t.squeeze(),
    "second half": lambda t: t.chunk(2)[-1] if t.ndim else t,
    "detach": lambda t: t.detach(),
}
STRIDED_VIEWS = {
    "every second": lambda t: t[::2] if t.ndim else t,
    "expand": lambda t: t.unsqueeze(0).expand(2, *t.shape),
}
LAYOUT_DEPENDENT = {
    "reshape": lambda t: t.reshape(-1),
    "contiguous": lambda t: t.contiguous(),
    "flatten": lambda t: t.flatten(),
}
PURE = {
    "double": lambda t: t * 2,
    "clone": lambda t: t.clone(),
    "known": lambda t: torch.arange(12.0).reshape(3, 4),
}
WRITES = {
    "add": lambda t, u: t.add_(1),
    "scale": lambda t, u: t.mul_(3),
    "fill": lambda t, u: t.fill_(7),
    "zero": lambda t, u: t.zero_(),
    "copy": lambda t, u: t.copy_(u.sum()),
    "augment": lambda t, u: t.sub_(u.max()),
    "unsqueeze": lambda t, u: t.unsqueeze_(0) if t.ndim < 4 else t,
}
READS = {**DEFINITE_VIEWS, **STRIDED_VIEWS, **LAYOUT_DEPENDENT, **PURE}


def program_of(actions: list[tuple[str, str, int, int]]) -> Any:
    return lambda x: perform(actions, [x + 0], READS, WRITES)


X = torch.arange(12.0).reshape(3, 4)


@given(actions=actions_of({**DEFINITE_VIEWS, **PURE}, WRITES, 10, 7))
def test_views_and_writes_are_never_refused(actions: Any) -> None:
    program = program_of(actions)
    assert_matches(interpreted(program, X), program(X))


@given(actions=actions_of(READS, WRITES, 10, 7))
def test_a_program_equals_eager_or_is_refused(actions: Any) -> None:
    program = program_of(actions)
    try:
        expected = program(X)
    except RuntimeError:  # Eager refuses to write where elements are repeated.
        with pytest.raises(CaptureError):
            interpreted(program, X)
        return
    try:
        actual = interpreted(program, X)
    except CaptureError as error:
        assert "may share memory" in str(error) or "expanded view" in str(error)  # noqa: PT017
        return
    assert_matches(actual, expected)


def test_flattening_one_axis_gives_the_tensor_itself() -> None:
    def program(x):
        flat = x.flatten()
        again = flat.flatten()
        again.unsqueeze_(0)
        return flat, again

    assert_matches(interpreted(program, X + 1), program(X + 1))
