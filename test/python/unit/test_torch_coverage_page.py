# SPDX-License-Identifier: Apache-2.0
"""The page of torch's operations is what the capture's tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

_ROOT = Path(__file__).parents[3]


def test_page_is_up_to_date() -> None:
    made = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "torch-coverage"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "`conv2d`" in made
    committed = (_ROOT / "docs" / "generated" / "TorchCoverage.md").read_text()
    assert made == committed, "run `make docs`"
