# SPDX-License-Identifier: Apache-2.0
"""The page of ONNX operators is what the importer's table says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")

_ROOT = Path(__file__).parents[3]


def test_page_is_up_to_date() -> None:
    made = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "onnx-coverage"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "`Conv`" in made
    committed = (_ROOT / "docs" / "generated" / "OnnxCoverage.md").read_text()
    assert made == committed, "run `make docs`"
