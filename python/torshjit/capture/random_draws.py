# SPDX-License-Identifier: Apache-2.0
"""Random numbers of a program under construction: Philox on a counter and a key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["Draws"]

Shape = Sequence[int]

#: So many numbers are set apart for each draw of a program.
_MOST_NUMBERS = 1 << 40


class Draws:
    """The random numbers that follow from one key, other ones at each draw.

    `g` adds operations, as the importers of torch and of ONNX do; `key` is a Value of ui64 without
    axes.
    """

    def __init__(self, g: Any, key: Any) -> None:
        self._g = g
        self._count = 0
        self._key = key

    def bits(self, shape: Shape) -> Any:
        """64 random bits for each element."""
        g, count = self._g, math.prod(shape)
        start = g.scalar(self._count * _MOST_NUMBERS, "ui64")
        self._count += 1
        place = g.emit("add", g.iota((count,), 0, "ui64"), start)
        return g.reshape(g.emit("philox", place, self._key), shape)

    def uniform(self, shape: Shape, dtype: str, *, positive: bool = False) -> Any:
        """Numbers in [0, 1), or with `positive` in (0, 1), evenly spread over a float type."""
        g = self._g
        digits = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}[dtype] - positive
        high = g.emit("shift_right", self.bits(shape), g.scalar(64 - digits, "ui64"))
        # Small enough for the signed type, which every target converts.
        value = g.cast(g.cast(high, "i64"), dtype)
        if positive:
            value = g.emit("add", value, g.scalar(0.5, dtype))
        return g.emit("mul", value, g.scalar(2.0**-digits, dtype))

    def normal(self, shape: Shape, dtype: str) -> Any:
        """Numbers of the standard normal distribution, by Box and Muller."""
        g = self._g
        wide = "f32" if dtype in ("f16", "bf16") else dtype
        log = g.emit("log", self.uniform(shape, wide, positive=True))
        length = g.emit("sqrt", g.emit("mul", log, g.scalar(-2, wide)))
        turn = g.emit("mul", self.uniform(shape, wide), g.scalar(2 * math.pi, wide))
        return g.cast(g.emit("mul", length, g.emit("cos", turn)), dtype)

    def exponential(self, shape: Shape, dtype: str) -> Any:
        """Numbers of the exponential distribution with rate one."""
        g = self._g
        return g.emit("neg", g.emit("log", self.uniform(shape, dtype, positive=True)))
