# SPDX-License-Identifier: Apache-2.0
"""The input: 1,797 scanned handwritten digits of 8x8 pixels, which ship inside scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scans:
    """Images of (N, 1, 8, 8), float32 from 0 to 1, their digits, and which are kept for testing."""

    images: np.ndarray
    digits: np.ndarray
    is_test: np.ndarray


def load_scans(seed: int = 0, test_share: float = 0.25) -> Scans:
    """Reads the scans from the installed package (no network) and sets a random share aside."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    images = (scans.images / 16).astype(np.float32)[:, None]
    is_test = np.random.default_rng(seed).random(len(images)) < test_share
    return Scans(np.ascontiguousarray(images), scans.target, is_test)
