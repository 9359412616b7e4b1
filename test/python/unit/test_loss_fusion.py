# SPDX-License-Identifier: Apache-2.0
"""Losses and softmax read their scores once."""

from __future__ import annotations

import pytest

import torshjit

torch = pytest.importorskip("torch")
F = torch.nn.functional

_ROWS, _CLASSES = 48, 200
_SCORES = torch.randn(_ROWS, _CLASSES, generator=torch.Generator().manual_seed(0))
_LABELS = torch.arange(_ROWS) * 7 % _CLASSES
_WEIGHT = torch.linspace(0.5, 2, _CLASSES)


def _traffic(function, *args):
    """The bytes that the kernels move, after a check of the result against eager float64."""
    fast = torshjit.compile(function, strict=True)
    with torch.no_grad():
        result = fast(*args)
        exact = function(*(each.double() if each.is_floating_point() else each for each in args))
    torch.testing.assert_close(result.double(), exact, rtol=1e-5, atol=1e-6)
    assert fast.stats()["specializations"] == 1
    text = fast.explain().splitlines()
    kernels = [line for line in text if "of memory traffic" in line]
    units = {"B": 1, "KiB": 2**10, "MiB": 2**20}
    total = 0.0
    for line in kernels:
        number, unit = line.split(" -> ")[1].split()[:2]
        total += float(number) * units[unit]
    return total


@pytest.mark.parametrize(
    ("function", "passes"),
    [
        (lambda x: F.softmax(x, -1), 2),
        (lambda x: F.log_softmax(x, -1), 2),
        (lambda x: F.layer_norm(x, x.shape[-1:]), 2),
    ],
)
def test_norms_read_and_write_once(function, passes):
    assert _traffic(function, _SCORES) < 1.05 * passes * _SCORES.nbytes


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore", [-100, 7])
def test_cross_entropy_reads_its_scores_once(reduction, ignore):
    def loss(x, labels):
        return F.cross_entropy(x, labels, reduction=reduction, ignore_index=ignore)

    assert _traffic(loss, _SCORES, _LABELS) < 1.1 * _SCORES.nbytes


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weighted_cross_entropy_reads_its_scores_once(reduction):
    def loss(x, labels, weight):
        return F.cross_entropy(x, labels, weight, reduction=reduction)

    assert _traffic(loss, _SCORES, _LABELS, _WEIGHT) < 1.2 * _SCORES.nbytes
