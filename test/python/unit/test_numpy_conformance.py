# SPDX-License-Identifier: Apache-2.0
"""The table of NumPy calls, interpreted, and a sample of it compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torshjit._compiler")

from conformance.numpy.call_case import Case, all_cases, run_case
from conformance.numpy.known_failures import KNOWN_FAILURES

CASES = list(all_cases())

_ROOT = Path(__file__).parents[3]


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


def test_the_page_of_functions_is_up_to_date() -> None:
    command = [sys.executable, _ROOT / "scripts" / "numpy-coverage"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "`linalg.inv`" in made
    committed = (_ROOT / "docs" / "generated" / "NumpyCoverage.md").read_text()
    assert made == committed, "run `make docs`"
