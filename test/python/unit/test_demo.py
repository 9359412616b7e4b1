# SPDX-License-Identifier: Apache-2.0
"""The demo's own parts: its data, its training, and that a wrong prediction does not pass."""

from __future__ import annotations

import numpy as np
import pytest

from bench.workloads.linear import linear, linear_weights
from demo.contest import PredictionMismatch, Way, microseconds_per_image, require_equal_predictions

pytest.importorskip("sklearn")

from demo import cold_start, numpy_training
from demo.fusion_summary import fusion_summary
from demo.scans import load_scans


def _cross_entropy(images, digits, weights):
    scores = numpy_training.scores(images, weights)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probability[np.arange(len(digits)), digits].mean()


def test_scans_are_the_known_set_with_a_share_kept_for_testing():
    scans = load_scans()
    assert scans.images.shape == (1797, 1, 8, 8)
    assert scans.images.dtype == np.float32
    assert scans.images.min() == 0
    assert scans.images.max() == 1
    assert set(scans.digits) == set(range(10))
    assert 0.2 < scans.is_test.mean() < 0.3
    np.testing.assert_array_equal(scans.is_test, load_scans().is_test)


def test_numpy_gradients_equal_finite_differences():
    rng = np.random.default_rng(1)
    weights = {**linear_weights(rng, "fc1", 64, 5), **linear_weights(rng, "fc2", 5, 10)}
    images, digits = rng.random((6, 1, 8, 8)), rng.integers(0, 10, 6)
    gradients = numpy_training.loss_gradients(images, digits, weights)
    step = 1e-6
    for name, gradient in gradients.items():
        direction = rng.standard_normal(gradient.shape)
        ahead = {**weights, name: weights[name] + step * direction}
        behind = {**weights, name: weights[name] - step * direction}
        slope = _cross_entropy(images, digits, ahead) - _cross_entropy(images, digits, behind)
        assert slope / (2 * step) == pytest.approx((gradient * direction).sum(), abs=1e-7), name


def test_numpy_training_learns_the_digits():
    scans = load_scans()
    classify = numpy_training.train(scans)
    seen = classify(scans.images).argmax(axis=1) == scans.digits
    assert seen[scans.is_test].mean() > 0.95


def test_torch_training_learns_and_agrees_with_numpy():
    torch = pytest.importorskip("torch")
    from bench.namespaces import numpy_namespace
    from bench.workloads.digits import network
    from demo.torch_training import train

    scans = load_scans()
    module, weights = train(scans)
    with torch.no_grad():
        scores = module(torch.from_numpy(scans.images)).numpy()
    assert (scores.argmax(axis=1) == scans.digits)[scans.is_test].mean() > 0.95
    np.testing.assert_allclose(
        network(numpy_namespace(), [scans.images], weights), scores, rtol=1e-4, atol=1e-4
    )


def test_a_single_different_prediction_is_an_error():
    expected = np.eye(10)[[3, 1, 4]]
    require_equal_predictions(expected, expected * 0.5, "scaled")
    with pytest.raises(PredictionMismatch, match=r"1 of 3 predictions differ \(images 2\)"):
        require_equal_predictions(expected, np.eye(10)[[3, 1, 5]], "changed")


def test_times_are_per_image_and_of_every_way():
    images = np.zeros((4, 64), dtype=np.float32)
    layer = linear_weights(np.random.default_rng(0), "fc", 64, 10)
    ways = [Way("one", lambda x: linear(x, layer, "fc"), np.asarray), Way("two", np.sin, np.copy)]
    times = microseconds_per_image(ways, images)
    assert list(times) == ["one", "two"]
    assert all(0 < microseconds < 1e4 for microseconds in times.values())


@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_cold_start_is_measured_in_fresh_processes(framework):
    if framework == "torch":
        pytest.importorskip("torch")
    milliseconds = cold_start.measure(framework)
    assert set(milliseconds) == {"import", "load", "first_call", "capture", "compile"}
    assert all(value > 0 for value in milliseconds.values())
    assert milliseconds["first_call"] > milliseconds["compile"] + milliseconds["capture"]


def test_fusion_summary_counts_operations_kernels_and_traffic():
    specialization = {
        "groups": [
            {
                "kernel": "conv_relu",
                "ops": [{"op": "torsh.conv"}, {"op": "torsh.relu"}],
                "bytes_before": 4096,
                "bytes_after": 1024,
            },
            {
                "kernel": "max_pool",
                "ops": [{"op": "torsh.max_pool"}],
                "bytes_before": 2048,
                "bytes_after": 2048,
            },
        ],
        "unfused": [
            {"producer": "torsh.relu", "consumer": "torsh.max_pool", "reason": "two windows"},
            {"producer": "torsh.relu", "consumer": "torsh.max_pool", "reason": "two windows"},
        ],
    }
    head, first, second, *unfused = fusion_summary(specialization)
    assert head == ("3 operations became 2 kernels; 3.0 KiB of memory traffic instead of 6.0:")
    assert first.split() == ["conv_relu", "conv", "+", "relu", "4.0", "->", "1.0", "KiB"]
    assert second.split() == ["max_pool", "max_pool", "2.0", "->", "2.0", "KiB"]
    assert unfused == ["Not fused:", "  relu -> max_pool: two windows (2 times)"]
