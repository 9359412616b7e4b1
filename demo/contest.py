# SPDX-License-Identifier: Apache-2.0
"""What the demo compares: ways to run one network, checked image by image and timed in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from bench.measurement import sample
from demo.progress import with_progress

_ROUNDS = 9
_TURN_SECONDS = 0.02
# Thread pools spin for a while after a call; the next way's turn waits until they sleep.
_SETTLE_SECONDS = 0.02


@dataclass(frozen=True)
class Way:
    """One way to run the network: what to call, with images in its own kind of array."""

    name: str
    call: Callable[[Any], Any]
    from_numpy: Callable[[np.ndarray], Any]

    def scores(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self.call(self.from_numpy(images)))


def microseconds_per_image(ways: Sequence[Way], images: np.ndarray) -> Mapping[str, float]:
    """Medians over turns that alternate, so that a busy moment of the machine hits all alike."""
    arguments = {way.name: way.from_numpy(images) for way in ways}
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in with_progress(range(_ROUNDS), f"timing {len(images)} at a time", "round"):
        for way in ways:
            time.sleep(_SETTLE_SECONDS)
            times[way.name] += sample(partial(way.call, arguments[way.name]), _TURN_SECONDS)
    return {name: median(samples) / len(images) * 1e6 for name, samples in times.items()}


class PredictionMismatch(AssertionError):
    """The compiled network sees another digit than eager in some image."""


def require_equal_predictions(expected: np.ndarray, actual: np.ndarray, how: str) -> None:
    """Both are scores of (N, 10); raises PredictionMismatch naming the images that differ."""
    differ = np.flatnonzero(expected.argmax(axis=1) != actual.argmax(axis=1))
    if actual.shape != expected.shape or differ.size:
        shown = ", ".join(map(str, differ[:10]))
        raise PredictionMismatch(
            f"{how}: {differ.size} of {len(expected)} predictions differ (images {shown})"
        )
