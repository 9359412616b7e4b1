# SPDX-License-Identifier: Apache-2.0
"""Small variants of the models that `make conformance` runs at their full size."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from conformance.models.all_cases import all_cases  # noqa: E402
from conformance.models.known_failures import KNOWN_FAILURES  # noqa: E402
from conformance.models.model_case import ModelCase, Outcome, run_case, table  # noqa: E402

CASES = [case for case in all_cases() if case.is_quick]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
@pytest.mark.filterwarnings("ignore")
def test_a_small_model_agrees_with_eager_and_is_compiled_whole(case: ModelCase) -> None:
    if case.name in KNOWN_FAILURES:
        pytest.skip(KNOWN_FAILURES[case.name])
    through = "torch.compile" if case.is_trained else "torshjit.compile"
    outcome = run_case(case, small=True, through=through)
    assert outcome.passed, outcome.why
    assert outcome.compiled_ops > 50


def test_known_failures_are_cases() -> None:
    assert set(KNOWN_FAILURES) <= {case.name for case in all_cases()}


def test_outcomes_say_why() -> None:
    good = Outcome("a", "torch.compile", 1e-6, 10, {}, 0, 1.0, 2.0)
    assert good.passed
    bad = [
        Outcome("b", "torch.compile", 2e-4, 10, {}, 0, 1.0, 2.0),
        Outcome("c", "torch.compile", float("nan"), 10, {}, 0, 1.0, 2.0),
        Outcome("d", "torch.compile", 0.0, 10, {"aten.fft": 2}, 0, 1.0, 2.0),
        Outcome("e", "torch.compile", 0.0, 10, {}, 3, 1.0, 2.0),
        Outcome("f", "torch.compile", 0.0, 0, {}, 0, 0.0, 0.0, "RuntimeError: no"),
    ]
    reasons = ["differs from eager by 2.0e-04", "differs from eager by nan", "aten.fft", "3 graph"]
    for outcome, reason in zip(bad, [*reasons, "RuntimeError: no"], strict=True):
        assert reason in outcome.why
    assert "| a | torch.compile | yes | 1.0e-06 | 10 | 0 | 0 | 1 | 2 |" in table([good, *bad])
