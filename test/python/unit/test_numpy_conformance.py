# SPDX-License-Identifier: Apache-2.0
"""The table of NumPy calls, interpreted, and a sample of it compiled."""

from __future__ import annotations

import pytest

pytest.importorskip("torshjit._compiler")

from conformance.numpy.call_case import Case, all_cases, run_case
from conformance.numpy.known_failures import KNOWN_FAILURES

CASES = list(all_cases())


def test_cases_are_distinct_and_known_failures_are_cases() -> None:
    sources = [case.source for case in CASES]
    assert len(set(sources)) == len(sources)
    assert set(KNOWN_FAILURES) <= set(sources)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source)
def test_interpreted(case: Case) -> None:
    outcome = run_case(case, "interpreter")
    assert (outcome.kind == "failed") == (case.source in KNOWN_FAILURES), outcome.reason


@pytest.mark.parametrize("case", CASES[::23], ids=lambda case: case.source)
def test_compiled(case: Case) -> None:
    outcome = run_case(case, "cpu")
    assert (outcome.kind == "failed") == (case.source in KNOWN_FAILURES), outcome.reason
