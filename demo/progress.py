# SPDX-License-Identifier: Apache-2.0
"""A progress bar for what lasts longer than a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def with_progress(items: Sequence[T], what: str, unit: str) -> Iterable[T]:
    """The items, counted by a bar; on a terminal only, and gone when they are through."""
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, desc=f"  {what}", unit=unit, leave=False, disable=None)
    return bar
