# SPDX-License-Identifier: Apache-2.0
"""Module.parse refuses what MLIR's parser does not survive, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

_compiler = pytest.importorskip("torshjit._compiler")

_MODULE = "module attributes {{torsh.x = {}}} {{}}"
_ERROR = "expected integer or float type, got: 'index'"


def _parse(text: str | bytes) -> object:
    return _compiler.Module.parse(text, _compiler.Context())


@pytest.mark.parametrize(
    "text",
    [
        _MODULE.format("array<index: 1>"),
        _MODULE.format("array<index>"),
        _MODULE.format("array // of\n < index: 1>"),
        "!i = index\n!j = !i\n" + _MODULE.format("array<!j: 1>"),
        _MODULE.format('{a = "quoted", b = [array<index: 1, 2>]}'),
    ],
)
def test_an_array_of_index_is_an_error(text):
    assert _ERROR in _error_of(text)


def _linalg(line: str) -> str:
    return (
        "func.func @main(%x: tensor<2x9xf32>, %e: tensor<9x2xf32>) -> tensor<9x2xf32> {\n"
        f"  %0 = linalg.{line} : tensor<9x2xf32>\n}}"
    )


_TRANSPOSE = "transpose ins(%x : tensor<2x9xf32>) outs(%e : tensor<9x2xf32>) permutation = "


@pytest.mark.parametrize(
    "text",
    [
        _linalg(_TRANSPOSE + "[1xf32, 0]\n  return %0"),
        _linalg(_TRANSPOSE + "1, 0\n  return %0"),
        _linalg(_TRANSPOSE + "[1, 99999999999999999999]\n  return %0"),
        _linalg(_TRANSPOSE + "["),
        _linalg("matmul<0.0>"),
    ],
)
def test_what_parsers_of_operations_do_not_survive_is_an_error(text):
    assert _error_of(text).startswith("expected ")


def test_a_list_of_integers_is_none_of_it():
    text = _linalg(_TRANSPOSE + "[1, 0]\n  return %0")
    assert "permutation = [1, 0]" in str(_parse(text))


def _error_of(text: str) -> str:
    """What parsing `text` reports.

    In a process of its own: where a check is missing, MLIR ends the process.
    """
    script = (
        "import sys\n"
        "from torshjit import _compiler\n"
        "try:\n"
        "    _compiler.Module.parse(sys.argv[1], _compiler.Context())\n"
        "except _compiler.MLIRError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, text],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_error_names_the_line():
    text = "\n\n" + _MODULE.format("array<index: 1>")
    with pytest.raises(_compiler.MLIRError) as caught:
        _parse(text)
    assert caught.value.diagnostics == [
        ("error", _ERROR, "-", 3, text.splitlines()[2].index("index") + 1)
    ]


@pytest.mark.parametrize(
    "value",
    [
        '"array<index: 1>"',
        '"a \\" array<index: 1>"',
        "array<i64: 1> // array<index: 1>",
        "dense<1> : tensor<2xindex>",
        "memref<2xindex>",
    ],
)
def test_what_only_looks_like_one_is_parsed(value):
    assert "torsh.x" in str(_parse(_MODULE.format(value + "\n")))


def test_bytecode_is_not_searched():
    module = _parse(_MODULE.format('"array<index: 1>"'))
    assert "array<index: 1>" in str(_parse(module.bytecode()))
