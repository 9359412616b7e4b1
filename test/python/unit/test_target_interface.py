# SPDX-License-Identifier: Apache-2.0
"""The target interface is enough: a target from outside the tree runs programs through it, and no
code outside the targets' folders decides by a target's name."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import torshjit
from torshjit import targets

pytest.importorskip("torshjit._compiler")

from fake_target.example_target import ExampleKind, build_library

ROOT = Path(__file__).parents[3]

#: What may know targets by name: their folders, and the tables that list them.
_OWN_FOLDERS = ("lib/Target/", "lib/Runtime/", "include/torshjit/Target/",
                "include/torshjit/Runtime/", "python/torshjit/targets/")  # fmt: skip
_SOURCES = ("include", "lib", "python", "tools")

_NAMES = "|".join(re.escape(name) for name in targets.names())
_LITERAL = rf"\"(?:{_NAMES})(?::[^\"]*)?\"|'(?:{_NAMES})(?::[^']*)?'"
_COMPARED = re.compile(
    rf"(?:[=!]=|\bin\b|\bnot in\b|\bcase\b)\s*[(\[{{]?\s*(?:{_LITERAL})"
    rf"|(?:{_LITERAL})\s*(?:[=!]=|\bin\b)"
    rf"|(?:starts_with|startswith|consume_front|equals\w*|compare\w*|Cases?)\(\s*\(?(?:{_LITERAL})"
)


def _sources() -> Iterator[tuple[str, str]]:
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".py", ".cpp", ".h", ".td") and not name.startswith(_OWN_FOLDERS):
                yield name, path.read_text()


def test_no_code_elsewhere_compares_a_target_s_name() -> None:
    found = [
        f"{name}: {match.group()}"
        for name, text in _sources()
        for match in _COMPARED.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'if (target == "cuda")',
        "if kind != 'metal':",
        'if name in ("cpu", "cuda"):',
        '"vulkan" == name',
        'name.startswith("cuda:")',
        'StringSwitch<int>(name).Case("cuda-emulated", 1)',
    ],
)
def test_such_comparisons_are_found(line: str) -> None:
    assert _COMPARED.search(line)


def test_shared_folders_include_no_header_of_a_target() -> None:
    """Only a target's own folder, and the table of targets, name its headers."""
    own = re.compile(r'#include "torshjit/Target/(CUDA|Metal|CPU)/')
    allowed = ("lib/Compiler/Targets.cpp", "lib/Compiler/Registration.cpp",
               "python/bindings/compiler/")  # fmt: skip
    found = [
        name
        for name, text in _sources()
        if name.startswith(("lib/", "include/")) and own.search(text)
        if not name.startswith(allowed)
    ]
    assert found == []


# A target from outside.


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("clang++-22") is None:
        pytest.skip("clang++-22 is not installed")
    return build_library(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def example(library: Path) -> ExampleKind:
    """The target, part of this process from now on."""
    kind = ExampleKind()
    targets.load_library(library)
    targets.register(kind)
    return kind


WEIGHT = np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32)


def program(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores = np.exp(np.tanh(x @ WEIGHT))
    return scores / scores.sum(-1, keepdims=True), (x[::2] > 0).any(0)


X = np.random.default_rng(4).normal(size=(11, 7)).astype(np.float32)


def test_programs_run_on_it(example: ExampleKind) -> None:
    compiled = torshjit.compile(program, target_device="example", strict=True)
    for _ in range(2):
        for actual, expected in zip(compiled(X), program(X), strict=True):
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    assert example.device is not None
    assert example.device.launches == 2 * compiled.stats()["kernels"]
    assert compiled.stats()["fallback_ops"] == {}


def test_open_extents(example: ExampleKind) -> None:
    text = """
    func.func @main(%x: tensor<?x3xf32>, %y: tensor<3xf32>) -> tensor<?xf32> {
      %0 = torsh.mul %x, %y : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
      %1 = torsh.sum %0 {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?xf32>
      return %1 : tensor<?xf32>
    }"""
    compiled = torshjit.compile(text, target_device="example")
    y = np.arange(3, dtype=np.float32)
    for rows in (1, 4, 9):
        x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
        np.testing.assert_array_equal(compiled(x, y), (x * y).sum(1))


def test_its_phases_and_texts(example: ExampleKind) -> None:
    traced = torshjit.trace(program, (X,), target_device="example:v2")
    assert "llvm.func @example_kernel_" in traced.ir("example-llvm")
    assert "define void @_mlir_ciface_example_kernel_" in traced.ir("example-text")
    with pytest.raises(torshjit.ConfigError, match="linalg, example-llvm, example-text"):
        traced.ir("assembly")


def test_architectures(example: ExampleKind) -> None:
    compiled = torshjit.compile(np.negative, target_device="example:v2", strict=True)
    np.testing.assert_array_equal(compiled(X), -X)
    assert example.device is not None
    assert example.device.architectures[-1] == "v2"
    with pytest.raises(torshjit.ConfigError, match="begin with v"):
        torshjit.compile(np.negative, target_device="example:x")
    with pytest.raises(torshjit.ConfigError, match="no architecture 'v3'; it has v1 and v2"):
        torshjit.compile(np.negative, target_device="example:v3")(X)


def test_compiling_needs_no_device(
    example: ExampleKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "is_present", False)
    traced = torshjit.trace(program, (X,), target_device="example", strict=False)
    assert "define" in traced.ir("example-text")
    assert traced.stats()["kernels"] > 0
    traced.save(tmp_path / "program")
    with pytest.raises(torshjit.DeviceError, match="no example device"):
        traced(X)
    with pytest.raises(torshjit.DeviceError, match="no example device"):
        torshjit.load(tmp_path / "program")
    monkeypatch.setattr(example, "is_present", True)
    for run in (traced, torshjit.load(tmp_path / "program")):
        for actual, expected in zip(run(X), program(X), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_saved_programs_say_what_they_need(
    example: ExampleKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(example, "requirements", lambda architecture: {"example_version": 2})
        torshjit.trace(np.negative, (X,), target_device="example").save(tmp_path / "program")
    with pytest.raises(torshjit.LoadError, match="needs version 2 of example"):
        torshjit.load(tmp_path / "program")


def test_names_are_taken_once(example: ExampleKind, library: Path, tmp_path: Path) -> None:
    with pytest.raises(torshjit.ConfigError, match="there is a target 'example' already"):
        targets.register(ExampleKind())
    with pytest.raises(torshjit.ConfigError, match="there is a target 'example' already"):
        targets.load_library(library)
    with pytest.raises(torshjit.ConfigError, match=r"cannot load targets from .*nothing\.so"):
        targets.load_library(tmp_path / "nothing.so")
    assert targets.names()[-1] == "example"


def test_the_compiler_s_tool_takes_it_too(library: Path) -> None:
    tool = ROOT / "build" / "dev" / "bin" / "torsh-opt"
    if not tool.exists():
        pytest.skip("torsh-opt is not built")
    text = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
    text += "  %0 = torsh.neg %x : (tensor<4xf32>) -> tensor<4xf32>\n"
    text += "  return %0 : tensor<4xf32>\n}"
    done = subprocess.run(
        [tool, "-", f"--torsh-load-targets={library}", "--torsh-compile-to=example-text"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "define void @_mlir_ciface_example_kernel_neg" in done.stdout


def test_a_program_of_it_loads_without_the_compiler(example: ExampleKind, tmp_path: Path) -> None:
    torshjit.trace(program, (X,), target_device="example").save(tmp_path / "program")
    np.save(tmp_path / "x.npy", X)
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
sys.modules["torshjit._compiler"] = None
import numpy as np
import torshjit
from torshjit import targets
from fake_target.example_target import ExampleKind
targets.register(ExampleKind())
result = torshjit.load({str(tmp_path / "program")!r})(np.load({str(tmp_path / "x.npy")!r}))
np.save({str(tmp_path / "y.npy")!r}, result[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), program(X)[0], rtol=1e-5, atol=1e-6)
