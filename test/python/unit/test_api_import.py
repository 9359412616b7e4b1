# SPDX-License-Identifier: Apache-2.0
"""Importing the package is light: little time, no compiler, no torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import torshjit

PROBE = """
import json, sys, time
started = time.perf_counter()
import torshjit
elapsed = (time.perf_counter() - started) * 1e3
heavy = ("torch", "torshjit._compiler", "torshjit.capture")
loaded = [name for name in heavy if name in sys.modules]
print(json.dumps([elapsed, loaded]))
"""


def probe() -> tuple[float, list[str]]:
    output = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    ).stdout
    return tuple(json.loads(output))


def test_import_is_light() -> None:
    results = [probe() for _ in range(3)]
    assert all(loaded == [] for _, loaded in results)
    assert min(elapsed for elapsed, _ in results) < 100


def test_every_public_name_exists() -> None:
    pytest.importorskip("torshjit._runtime")
    for name in torshjit.__all__:
        assert getattr(torshjit, name) is not None
    assert set(torshjit.__all__) <= set(dir(torshjit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        torshjit.nothing  # noqa: B018


def test_version_is_that_of_the_project() -> None:
    from pathlib import Path

    project = Path(__file__).parents[3] / "pyproject.toml"
    assert f'version = "{torshjit.__version__}"' in project.read_text()
