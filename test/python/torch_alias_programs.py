# SPDX-License-Identifier: Apache-2.0
"""Random programs that read and write tensors which may share memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

__all__ = ["actions_of", "perform"]

#: Whether it reads or writes, which table entry, and two tensors by number.
Action = tuple[str, str, int, int]


def actions_of(
    reads: Mapping[str, Any], writes: Mapping[str, Any], most: int, last_number: int
) -> st.SearchStrategy[list[Action]]:
    """Lists of at most `most` actions."""
    number = st.integers(0, last_number)
    read = st.tuples(st.just("read"), st.sampled_from(sorted(reads)), number, number)
    write = st.tuples(st.just("write"), st.sampled_from(sorted(writes)), number, number)
    return st.lists(st.one_of(read, write), min_size=1, max_size=most)


def perform(
    actions: Sequence[Action],
    tensors: Sequence[Any],
    reads: Mapping[str, Callable[[Any], Any]],
    writes: Mapping[str, Callable[[Any, Any], Any]],
) -> list[Any]:
    """The tensors, and after them what each read gave."""
    tensors = list(tensors)
    for kind, name, first, second in actions:
        source = tensors[first % len(tensors)]
        if kind == "read":
            tensors.append(reads[name](source))
        else:
            writes[name](source, tensors[second % len(tensors)])
    return tensors
