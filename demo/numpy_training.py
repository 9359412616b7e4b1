# SPDX-License-Identifier: Apache-2.0
"""Trains a small perceptron in NumPy alone, for machines without torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.workload import Weights
from bench.workloads.linear import linear, linear_weights
from demo.progress import with_progress
from demo.scans import Scans

_EPOCHS = 60
_BATCH = 64
_HIDDEN = 64
_RATE = 0.1
_MOMENTUM = 0.9


def scores(images: np.ndarray, weights: Weights) -> np.ndarray:
    """Images of (N, 1, 8, 8) to scores of (N, 10)."""
    hidden = np.maximum(linear(images.reshape(-1, 64), weights, "fc1"), 0)
    return linear(hidden, weights, "fc2")


def loss_gradients(
    images: np.ndarray, digits: np.ndarray, weights: Weights
) -> dict[str, np.ndarray]:
    """The gradient of the mean cross entropy with respect to every weight."""
    pixels = images.reshape(-1, 64)
    hidden = np.maximum(linear(pixels, weights, "fc1"), 0)
    out = linear(hidden, weights, "fc2")
    exponentials = np.exp(out - out.max(axis=1, keepdims=True))
    d_out = exponentials / exponentials.sum(axis=1, keepdims=True)
    d_out[np.arange(len(digits)), digits] -= 1
    d_out /= len(digits)
    d_hidden = (d_out @ weights["fc2.weight"]) * (hidden > 0)
    return {
        "fc1.weight": d_hidden.T @ pixels,
        "fc1.bias": d_hidden.sum(axis=0),
        "fc2.weight": d_out.T @ hidden,
        "fc2.bias": d_out.sum(axis=0),
    }


def initial_weights() -> dict[str, np.ndarray]:
    """Random weights that training starts from, float32, by name."""
    rng = np.random.default_rng(0)
    initial = {
        **linear_weights(rng, "fc1", 64, _HIDDEN),
        **linear_weights(rng, "fc2", _HIDDEN, 10),
    }
    return {name: value.astype(np.float32) for name, value in initial.items()}


def classifier(weights: Weights) -> Callable[[np.ndarray], np.ndarray]:
    """A function from images to scores, with the weights inside."""

    def classify(images: np.ndarray) -> np.ndarray:
        return scores(images, weights)

    return classify


def train(scans: Scans) -> Callable[[np.ndarray], np.ndarray]:
    """The trained classifier."""
    rng = np.random.default_rng(1)
    weights = initial_weights()
    velocity = {name: np.zeros_like(value) for name, value in weights.items()}
    images, digits = scans.images[~scans.is_test], scans.digits[~scans.is_test]
    for _ in with_progress(range(_EPOCHS), "training", "epoch"):
        order = rng.permutation(len(images))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            for name, gradient in loss_gradients(images[batch], digits[batch], weights).items():
                velocity[name] = _MOMENTUM * velocity[name] - _RATE * gradient
                weights[name] += velocity[name]
    return classifier(weights)
