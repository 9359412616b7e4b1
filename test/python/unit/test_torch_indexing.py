# SPDX-License-Identifier: Apache-2.0
"""Reading at positions that are tensors: ranges are checked as in eager, masks where known."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import assert_matches, interpreted  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import torshjit  # noqa: E402
from torshjit.errors import CaptureError, DTypeError  # noqa: E402

TABLE = torch.arange(12.0).reshape(4, 3)


def embedding(ids: Any, table: Any) -> Any:
    return F.embedding(ids, table) * 2


def gathered(ids: Any, table: Any) -> Any:
    return table.gather(0, ids[:, None].expand(-1, 2))


def selected(ids: Any, table: Any) -> Any:
    return table.index_select(0, ids)


def indexed(ids: Any, table: Any) -> Any:
    return table[ids]


@pytest.mark.parametrize("program", [embedding, gathered, selected, indexed])
def test_a_position_out_of_range_is_an_index_error(program: Any) -> None:
    fast = torshjit.compile(program, strict=True)
    inside = torch.tensor([3, 0, 3])
    assert_matches(fast(inside, TABLE), program(inside, TABLE))
    with pytest.raises(IndexError, match=r"out of range for an axis of extent 4.*\n.*test_torch"):
        fast(torch.tensor([0, 4, 1]), TABLE)
    below = torch.tensor([-1, 0, 1])
    if program is indexed:
        assert_matches(fast(below, TABLE), program(below, TABLE))
        below -= 4
    with pytest.raises(IndexError, match="out of range"):
        fast(below, TABLE)


def test_narrow_positions_are_refused_as_in_eager() -> None:
    with pytest.raises(DTypeError, match="positions of element type i8"):
        interpreted(lambda t, i: t[i], TABLE, torch.tensor([1], dtype=torch.int8))


def test_a_known_mask_is_an_index() -> None:
    x = torch.randn(3, 4, 2)

    def program(x: Any) -> Any:
        mask = torch.ones(3, 4).tril().bool()
        return x[mask], x[:, torch.tensor([True, False, False, True])]

    assert_matches(interpreted(program, x), program(x))


def test_an_unknown_mask_is_refused() -> None:
    with pytest.raises(CaptureError, match="as many elements as a mask is true"):
        interpreted(lambda x: x[x > 0], torch.randn(3))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("options", [{}, {"include_last_offset": True}, {"padding_idx": 1}])
def test_bags_of_embeddings(mode: str, options: dict) -> None:
    ids = torch.tensor([0, 3, 1, 2, 1, 0])
    offsets = torch.tensor([0, 2, 2, 5, *([6] if options.get("include_last_offset") else [])])

    def program(ids: Any, offsets: Any, table: Any) -> Any:
        return F.embedding_bag(ids, table, offsets, mode=mode, **options)

    fast = torshjit.compile(program, strict=True)
    assert_matches(fast(ids, offsets, TABLE), program(ids, offsets, TABLE))
    with pytest.raises(IndexError, match="out of range"):
        fast(ids + 3, offsets, TABLE)


def test_bags_of_weighted_embeddings() -> None:
    ids, weights = torch.tensor([[0, 3], [1, 1]]), torch.rand(2, 2)

    def program(ids: Any, table: Any, weights: Any) -> Any:
        return F.embedding_bag(ids, table, per_sample_weights=weights, mode="sum")

    assert_matches(interpreted(program, ids, TABLE, weights), program(ids, TABLE, weights), 4)


def test_rows_of_known_total_are_repeated() -> None:
    repeats = torch.tensor([2, 0, 1, 3])

    def program(x: Any, repeats: Any) -> Any:
        return x.repeat_interleave(repeats, 0, output_size=6)

    assert_matches(interpreted(program, TABLE, repeats), program(TABLE, repeats))


def test_counts_between_given_edges() -> None:
    edges = torch.tensor([-1.0, 0.0, 0.5, 3.0])
    x = torch.tensor([-1.0, -0.5, 0.0, 0.5, 2.0, 3.0, 3.5, -2.0])

    def program(x: Any, edges: Any) -> Any:
        return tuple(torch.histogram(x, edges))

    assert_matches(interpreted(program, x, edges), program(x, edges))


def test_values_under_a_mask() -> None:
    mask = torch.tensor([True, False, True, True])

    def program(table: Any, mask: Any, rows: Any) -> Any:
        chosen, added, same = table.clone(), table.clone(), table.clone()
        chosen[mask] = rows
        added.index_put_((mask,), rows, accumulate=True)
        same[mask] = rows[0]
        return chosen, added, same

    fast = torshjit.compile(program, strict=True)
    rows = torch.randn(3, 3)
    assert_matches(fast(TABLE, mask, rows), program(TABLE, mask, rows))
    with pytest.raises(IndexError, match="does not choose 3 elements"):
        fast(TABLE, ~mask, rows)


def test_what_a_known_mask_selects() -> None:
    def program(table: Any) -> Any:
        return table.masked_select(torch.ones(4, 3).tril().bool())

    assert_matches(interpreted(program, TABLE), program(TABLE))
    with pytest.raises(CaptureError, match="depends on the data"):
        interpreted(torch.masked_select, TABLE, TABLE > 2)


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("initial", [None, 2.0])
def test_reductions_of_segments(how: str, initial: float | None) -> None:
    x, lengths = torch.randn(5, 2), torch.tensor([2, 0, 3])
    rows, offsets = torch.randn(2, 5), torch.tensor([[0, 1, 4, 5], [0, 0, 5, 5]])

    def program(x: Any, lengths: Any, rows: Any, offsets: Any) -> Any:
        return (
            torch.segment_reduce(x, how, lengths=lengths, unsafe=True, initial=initial),
            torch.segment_reduce(rows, how, offsets=offsets, axis=1, unsafe=True, initial=initial),
        )

    given = (x, lengths, rows, offsets)
    assert_matches(interpreted(program, *given), program(*given), 4)
