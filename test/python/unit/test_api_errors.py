# SPDX-License-Identifier: Apache-2.0
"""What errors say and which builtin kinds they are."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import torshjit


def test_location_shows_the_source_line(tmp_path: Path) -> None:
    source = tmp_path / "model.py"
    source.write_text("first\n    y = np.fft.fft(x)\n")
    error = torshjit.UnsupportedOpError(
        "numpy.fft.fft is not supported",
        op="numpy.fft.fft",
        location=(str(source), 2),
        reproduce="torsh-opt x.mlir",
    )
    assert str(error).splitlines() == [
        "numpy.fft.fft is not supported",
        f'  File "{source}", line 2',
        "    y = np.fft.fft(x)",
        "  reproduce with: torsh-opt x.mlir",
    ]
    assert error.message == "numpy.fft.fft is not supported"


def test_missing_source_is_no_error() -> None:
    error = torshjit.ShapeError("shapes differ", location=("nowhere.py", 7))
    assert str(error) == 'shapes differ\n  File "nowhere.py", line 7'


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (torshjit.ShapeError, ValueError),
        (torshjit.DTypeError, TypeError),
        (torshjit.ConfigError, ValueError),
        (torshjit.DeviceError, RuntimeError),
        (torshjit.CompileError, RuntimeError),
        (torshjit.LoadError, OSError),
        (torshjit.UnsupportedOpError, NotImplementedError),
        (torshjit.UnsupportedOpError, torshjit.CaptureError),
    ],
)
def test_kinds(kind: type, builtin: type) -> None:
    error = kind("what", op="torsh.add", location=("a.py", 1))
    assert isinstance(error, builtin)
    assert isinstance(error, torshjit.TorshError)
    assert str(error) == 'what\n  File "a.py", line 1'
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.op) == (kind, str(error), "torsh.add")
