# SPDX-License-Identifier: Apache-2.0
"""A sample of the functions of jax; `make conformance` runs all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torshjit._compiler")
pytest.importorskip("jax")

from conformance.jax.call_case import all_cases, run_case
from conformance.jax.known_failures import KNOWN_FAILURES

_PAGE = Path(__file__).parents[3] / "docs" / "generated" / "JaxCoverage.md"


def test_a_sample_of_each_family():
    families: dict[str, list] = {}
    for case in all_cases():
        families.setdefault(case.family, []).append(case)
    for cases in families.values():
        for case in cases[:: max(1, len(cases) // 3)][:3]:
            outcome = run_case(case)
            wanted = "refused" if case.source in KNOWN_FAILURES else "compiled"
            assert (outcome.kind, outcome.reason if wanted == "compiled" else "") == (wanted, ""), (
                case.source
            )


def test_known_failures_are_cases():
    assert set(KNOWN_FAILURES) <= {case.source for case in all_cases()}


def test_the_page_is_of_these_cases():
    text = _PAGE.read_text()
    counts = Counter(case.family for case in all_cases())
    for family, count in counts.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {family} |"))
        assert sum(map(int, row.split("|")[2:5])) == count
    assert all(f"`{source}`" in text for source in KNOWN_FAILURES)
