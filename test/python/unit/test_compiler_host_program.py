# SPDX-License-Identifier: Apache-2.0
"""What the compiler refuses to make a program of, with the message that says why."""

from __future__ import annotations

import json

import pytest

_compiler = pytest.importorskip("torshjit._compiler")


def _compile(text: str):
    module = _compiler.Module.parse(text, _compiler.Context())
    return _compiler.compile(module, {"num_threads": 1})


_FUNCTION = """
func.func @{}(%x: tensor<8xf32>) -> tensor<8xf32> {{
  %0 = torsh.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}}
"""


def test_the_only_function_is_compiled_whatever_its_name():
    assert list(_compile(_FUNCTION.format("f")).kernels) == ["neg"]


def test_of_several_functions_main_is_compiled():
    text = _FUNCTION.format("first") + _FUNCTION.format("main").replace("neg", "exp")
    program = json.loads(_compile(text).program)
    assert [step["kernel"] for step in program["steps"]] == ["exp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module {}", "needs one function, or one called main, to compile"),
        (
            _FUNCTION.format("f") + _FUNCTION.format("g"),
            "needs one function, or one called main, to compile",
        ),
        (
            "func.func @main(%x: memref<8xf32>) { return }",
            "argument 0 is not a tensor",
        ),
        (
            "func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {\n"
            "  %e = tensor.empty() : tensor<4x8xf32>\n"
            "  %0 = linalg.softmax dimension(1) ins(%x : tensor<4x8xf32>)"
            " outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>\n"
            "  return %0 : tensor<4x8xf32>\n}",
            "linalg.softmax",
        ),
        (
            "func.func private @other(tensor<8xf32>) -> tensor<8xf32>\n"
            "func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {\n"
            "  %0 = func.call @other(%x) : (tensor<8xf32>) -> tensor<8xf32>\n"
            "  return %0 : tensor<8xf32>\n}",
            "call",
        ),
        (
            "func.func @main(%x: tensor<8xf32>, %c: tensor<i1>) -> tensor<8xf32> {\n"
            "  cf.br ^end(%x : tensor<8xf32>)\n"
            "^end(%y: tensor<8xf32>):\n"
            "  return %y : tensor<8xf32>\n}",
            "control flow between blocks",
        ),
    ],
    ids=["empty", "two-functions", "memref-argument", "unknown-operation", "call", "branch"],
)
def test_a_host_function_that_is_no_program_is_an_error(text, message):
    with pytest.raises(_compiler.MLIRError, match=message):
        _compile(text)


def test_an_unknown_phase_is_an_error():
    module = _compiler.Module.parse(_FUNCTION.format("f"), _compiler.Context())
    with pytest.raises(_compiler.MLIRError, match="there is no phase 'machine'"):
        _compiler.run_to_phase(module, "machine")
