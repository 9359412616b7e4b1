# SPDX-License-Identifier: Apache-2.0
"""A sample of mangled MLIR texts; `make conformance` runs more of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torshjit._compiler")

_FOLDER = Path(__file__).parents[1]


def test_mangled_texts_do_not_crash() -> None:
    command = [sys.executable, "-m", "conformance.mlir.mangled_texts", "--count", "100"]
    result = subprocess.run(
        command, cwd=_FOLDER, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "100 mangled texts" in result.stdout
    # Were every text refused, the comparison would say nothing.
    assert " right" in result.stdout
