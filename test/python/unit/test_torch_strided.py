# SPDX-License-Identifier: Apache-2.0
"""`as_strided` addresses the storage of a tensor, whatever that of the call is."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

import torshjit  # noqa: E402

PROGRAMS = {
    "windows": lambda x: x.as_strided((2, 3), (4, 1), 1) * 2,
    "repeated": lambda x: torch.as_strided(x, (3, 3, 2), (1, 0, 2)),
    "copy": lambda x: torch.as_strided_copy(x, (2, 2), (3, 2), 4) + x[0, 0],
    "of a view": lambda x: x.t()[1:].as_strided((4,), (3,), 2).sum(),
    "scatter": lambda x: torch.as_strided_scatter(x, torch.ones(2, 2), (2, 2), (5, 2), 1),
    "nothing": lambda x: x.as_strided((0, 3), (1, 1)) + 1,
    "scalar": lambda x: x.as_strided((), (), 7),
}


@pytest.mark.parametrize("target", ["cpu", "interpreter"])
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_contiguous_arguments_are_compiled(name: str, target: str) -> None:
    program = PROGRAMS[name]
    fast = torshjit.compile(program, strict=True, target_device=target)
    for _ in range(2):
        x = torch.randn(3, 4)
        torch.testing.assert_close(fast(x), program(x))
    with pytest.raises(torshjit.CaptureError, match="not contiguous"):
        fast(torch.randn(4, 3).t())


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize("name", sorted(PROGRAMS))
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(4, 3).t(),
        lambda: torch.randn(3, 8)[:, ::2],
        lambda: torch.randn(5, 4)[1:4],
    ],
)
def test_other_arguments_are_seen(name: str, make: Any) -> None:
    program = PROGRAMS[name]
    fast = torshjit.compile(program)
    for x in (make(), torch.randn(3, 4), make()):
        torch.testing.assert_close(fast(x), program(x))


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize(
    "program",
    [
        lambda x: (x + 0).as_strided((2, 2), (1, 2), 1) * 1,
        lambda x: x.t().as_strided((2, 2), (1, 2)) * 1,
        lambda x: x.as_strided((2,), (1,)).add_(1) + x.sum(),
    ],
)
def test_what_the_trace_does_not_know_is_left_to_torch(program: Any) -> None:
    for x in (torch.randn(3, 4), torch.randn(4, 3).t()):
        mine, theirs = x.clone(memory_format=torch.preserve_format), x
        torch.testing.assert_close(torshjit.compile(program)(mine), program(theirs))
        torch.testing.assert_close(mine, theirs)


def test_memory_beyond_the_tensor_is_that_of_its_storage() -> None:
    base = torch.arange(10.0)
    fast = torshjit.compile(lambda x: x.as_strided((3,), (3,), 2) * 1)
    assert fast(base).tolist() == [2, 5, 8]
    assert torshjit.compile(lambda x: x.as_strided((3,), (3,), 2) * 1)(base[:5]).tolist() == [
        2,
        5,
        8,
    ]
