# SPDX-License-Identifier: Apache-2.0
"""Every operation of the dialect has a syntax test, an invalid test and a lowering test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_DEFINITIONS = _ROOT / "include" / "torshjit" / "Dialect" / "Torsh" / "IR"
_TESTS = _ROOT / "test"

# Composites have no lowering of their own: the decomposition is tested instead.
_COMPOSITES = {"softmax", "log_softmax", "layer_norm", "batch_norm", "argsort"}
# Operations of the host function become steps and checks of the program, in
# test_compiler_host_program.py, e2e/test_dynamic_extents.py and e2e/test_host_steps.py.
_HOST = {"launch", "check", "assert", "host_call"}
# Operations on memory are lowered where contractions are.
_PANELS = {"pack_panels", "panels_view"}


def _defined() -> list[str]:
    names: set[str] = set()
    for path in _DEFINITIONS.glob("Torsh*Ops.td"):
        names |= set(re.findall(r'^def Torsh_\w+Op\s*:\s*\w+<"(\w+)"', path.read_text(), re.M))
    return sorted(names)


def _used(folder: str, pattern: str) -> set[str]:
    """The operations in the MLIR of some tests; comments do not count."""
    names: set[str] = set()
    for path in (_TESTS / folder).glob(pattern):
        text = re.sub(r"//.*", "", path.read_text())
        names |= set(re.findall(r"\btorsh\.(\w+)", text))
    return names


def _named_in_errors() -> set[str]:
    names: set[str] = set()
    for path in (_TESTS / "Dialect/Torsh/IR").glob("invalid-*.mlir"):
        for line in path.read_text().splitlines():
            if "expected-error" in line:
                names |= set(re.findall(r"torsh\.(\w+)", line))
    return names


_SYNTAX = _used("Dialect/Torsh/IR", "syntax-*.mlir")
_INVALID = _named_in_errors()
_LOWERED = _used("Conversion/TorshToLinalg", "*.mlir")
_DECOMPOSED = _used("Dialect/Torsh/Transforms/Decompose", "*.mlir")
_ON_MEMORY = _used("Buffer", "*.mlir")


def test_the_definitions_are_found():
    assert len(_defined()) > 60


@pytest.mark.parametrize("name", _defined())
def test_has_a_syntax_test(name):
    assert name in _SYNTAX


@pytest.mark.parametrize("name", _defined())
def test_has_an_invalid_test(name):
    assert name in _INVALID


@pytest.mark.parametrize("name", [name for name in _defined() if name not in _HOST])
def test_has_a_lowering_test(name):
    if name in _PANELS:
        assert name in _ON_MEMORY
    else:
        assert name in (_DECOMPOSED if name in _COMPOSITES else _LOWERED)
