# SPDX-License-Identifier: Apache-2.0
"""The demo's digit classifier predicts the same on every executor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("torshjit._compiler")

from e2e.executors import COMPILED, missing  # noqa: E402

import torshjit  # noqa: E402
from demo.contest import require_equal_predictions  # noqa: E402
from demo.scans import load_scans  # noqa: E402

#: Emulated threads are slow: they see some of the images.
_IMAGES = {"cuda-emulated": 48, "msl-emulated": 48}


@pytest.fixture(scope="module")
def trained() -> tuple[Any, np.ndarray, np.ndarray]:
    """The trained network, the images and eager's scores of them."""
    from demo.torch_training import train

    scans = load_scans()
    module, _ = train(scans)
    with torch.no_grad():
        return module, scans.images, module(torch.from_numpy(scans.images)).numpy()


@pytest.mark.parametrize("executor", COMPILED)
def test_predictions_equal_eager_s(
    executor: str, trained: tuple[Any, np.ndarray, np.ndarray]
) -> None:
    if reason := missing(executor):
        pytest.skip(reason)
    module, images, expected = trained
    count = _IMAGES.get(executor, len(images))
    compiled = torshjit.compile(module, target_device=executor, strict=True)
    with torch.no_grad():
        scores = compiled(torch.from_numpy(images[:count])).numpy()
        alone = [compiled(torch.from_numpy(images[i : i + 1])).numpy() for i in range(5)]
    require_equal_predictions(expected[:count], scores, executor)
    require_equal_predictions(expected[:5], np.concatenate(alone), f"{executor}, one at a time")
    np.testing.assert_allclose(scores, expected[:count], rtol=1e-3, atol=1e-3)
    assert compiled.stats()["fallback_ops"] == {}
