# SPDX-License-Identifier: Apache-2.0
"""Saved machine code in a process, and in a build, that has no compiler and no torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

from e2e.executors import COMPILED, missing
from runtime_program import run_python

ROOT = Path(__file__).parents[3]
RANDOM = np.random.default_rng(5)
WEIGHT = RANDOM.normal(size=(64, 10)).astype(np.float32)
BIAS = RANDOM.normal(size=10).astype(np.float32)

#: Loads the program argv[1], runs it on argv[2], writes the results to argv[3].
RUN = """
import sys
import numpy as np
import torshjit

program = torshjit.load(sys.argv[1])
x = np.load(sys.argv[2])
np.save(sys.argv[3], program(x))
# A software driver of Vulkan has an LLVM of its own.
assert not any("LLVM.so.22" in line or "MLIR" in line for line in open("/proc/self/maps"))
assert "torch" not in sys.modules or sys.modules["torch"] is None
"""

#: Makes an import of the compiler or of torch fail as if it were not installed.
BLOCK = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "torshjit._compiler" or name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""


def classify(x: np.ndarray) -> np.ndarray:
    scores = np.tanh(x @ WEIGHT + BIAS)
    exponentials = np.exp(scores - scores.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def run_without_compiler(
    code: str, saved: Path, x: np.ndarray, packages: Path | None = None
) -> np.ndarray:
    """Runs `code` in a fresh process on a saved program and returns what the program returned."""
    folder = saved.parent
    np.save(folder / "x.npy", x)
    environment = dict(os.environ)
    if packages is not None:
        environment["PYTHONPATH"] = str(packages)
    done = subprocess.run(
        [sys.executable, "-c", code, saved, folder / "x.npy", folder / "y.npy"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return np.load(folder / "y.npy")


@pytest.mark.parametrize("executor", COMPILED)
def test_every_executor_runs_what_was_saved(executor: str, tmp_path: Path) -> None:
    if reason := missing(executor):
        pytest.skip(reason)
    x = RANDOM.normal(size=(9, 64)).astype(np.float32)
    compiled = torshjit.trace(classify, (x,), target_device=executor)
    compiled.save(tmp_path / "classify")
    loaded = torshjit.load(tmp_path / "classify")
    np.testing.assert_array_equal(loaded(x), compiled(x))
    np.testing.assert_allclose(loaded(x), classify(x), rtol=1e-5, atol=1e-6)
    assert loaded.stats()["cache"] == "disk"


@pytest.mark.parametrize("executor", ["cpu", "vulkan"])
def test_numpy_function(executor: str, tmp_path: Path) -> None:
    if reason := missing(executor):
        pytest.skip(reason)
    x = RANDOM.normal(size=(33, 64)).astype(np.float32)
    compiled = torshjit.trace(classify, (x,), target_device=executor)
    compiled.save(tmp_path / "classify")
    result = run_without_compiler(BLOCK + RUN, tmp_path / "classify", x)
    np.testing.assert_array_equal(result, compiled(x))
    np.testing.assert_allclose(result, classify(x), rtol=1e-5, atol=1e-6)


def test_torch_module_without_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch_models import digits_cnn

    module, x = digits_cnn()
    with torch.no_grad():
        compiled = torshjit.trace(module, (x,), target_device="cpu")
        compiled.save(tmp_path / "cnn")
        expected = compiled(x).numpy()
    result = run_without_compiler(BLOCK + RUN, tmp_path / "cnn", x.numpy())
    np.testing.assert_array_equal(result, expected)


def test_build_of_the_runtime_alone(tmp_path: Path) -> None:
    """Builds without MLIR and LLVM, and runs there what this build saved."""
    cmake, ninja = shutil.which("cmake"), shutil.which("ninja")
    if cmake is None or ninja is None:
        pytest.skip("cmake and ninja are not on the PATH")
    build = tmp_path / "build"
    options = {
        "TORSH_RUNTIME_ONLY": "ON",
        "CMAKE_BUILD_TYPE": "Release",
        "Python_EXECUTABLE": sys.executable,
        # Neither is there to be found.
        "CMAKE_DISABLE_FIND_PACKAGE_MLIR": "ON",
        "CMAKE_DISABLE_FIND_PACKAGE_LLVM": "ON",
    }
    if shutil.which("clang++-22") is not None:
        options |= {"CMAKE_C_COMPILER": "clang-22", "CMAKE_CXX_COMPILER": "clang++-22"}
    if shutil.which("ccache") is not None:
        options["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    flags = [f"-D{name}={value}" for name, value in options.items()]
    for command in (
        [cmake, "-S", ROOT, "-B", build, "-G", "Ninja", *flags],
        [cmake, "--build", build, "-j2"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    packages = build / "python_packages"
    assert list((packages / "torshjit").glob("_runtime*"))
    assert not list((packages / "torshjit").glob("_compiler*"))

    x = RANDOM.normal(size=(7, 64)).astype(np.float32)
    compiled = torshjit.trace(classify, (x,), target_device="cpu")
    compiled.save(tmp_path / "classify")
    code = f"{RUN}\nassert torshjit.__file__.startswith({str(packages)!r}), torshjit.__file__\n"
    code += """
try:
    torshjit.compile(lambda x: x + 1, strict=True)(x)
except torshjit.CompileError as error:
    assert "saved executables still run" in str(error), error
else:
    raise AssertionError("compiled without a compiler")
"""
    result = run_without_compiler(code, tmp_path / "classify", x, packages)
    np.testing.assert_array_equal(result, compiled(x))


#: Compiles and saves for argv-like TARGET, forks, and does both again in the child.
FORK = """
import os, signal
import numpy as np
import torshjit

def make(name, program):
    traced = torshjit.trace(program, (np.ones(9, np.float32),), target_device="TARGET")
    traced.save(os.path.join("FOLDER", name))
    return traced

make("parent", lambda x: x + 1)
child = os.fork()
if child == 0:
    signal.alarm(60)
    make("child", lambda x: x * 3 + 1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("target", ["cpu", "cuda-emulated"])
def test_a_forked_child_compiles_and_saves(target: str, tmp_path: Path) -> None:
    """The linker waited for threads that only the parent had."""
    code = FORK.replace("TARGET", target).replace("FOLDER", str(tmp_path))
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    loaded = torshjit.load(tmp_path / "child")
    np.testing.assert_array_equal(loaded(np.ones(9, np.float32)), np.full(9, 4, np.float32))
