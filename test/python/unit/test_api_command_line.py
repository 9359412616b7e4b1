# SPDX-License-Identifier: Apache-2.0
"""``python -m torshjit``."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from runtime_program import run_python

pytest.importorskip("torshjit._compiler")

from torshjit.command_line import main

PROGRAM = """
func.func @main(%x: tensor<?x3xf32>, %flags: tensor<3xi1>, %n: tensor<3xi64>) -> tensor<?x3xf32> {
  %0 = torsh.cast %n to f32 : (tensor<3xi64>) -> tensor<3xf32>
  %1 = torsh.add %x, %0 : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %2 = torsh.select %flags, %1, %x
      : (tensor<3xi1>, tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return %2 : tensor<?x3xf32>
}
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


def test_doctor(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORSHJIT_STRICT", "1")
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    for part in ("torshjit._runtime", "torshjit._compiler", "threads: ", "TORSHJIT_STRICT=True"):
        assert part in output
    for target in ("cpu", "interpreter"):
        assert re.search(rf"^target {target} \(.*\): runs here$", output, re.M)
    assert re.search(r"^target metal \(.*\): metal needs a Mac", output, re.M)


def test_doctor_in_a_process_of_its_own() -> None:
    done = run_python(
        "from torshjit.command_line import main; main(['doctor'])",
        TORSHJIT_LIBCUDA="libcuda-is-absent.so",
    )
    assert done.returncode == 0
    assert re.search(r"^target cuda \(.*\): there is no cuda device here", done.stdout, re.M)
    assert "cache: in memory" in done.stdout


def test_compiling_for_a_device_that_is_not_here(
    program: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "program"
    assert main(["compile", program, "--target", "cuda:sm_90a", "-o", str(path)]) == 0
    with zipfile.ZipFile(path) as archive:
        assert '"sm_90a"' in archive.read("0/kernels.json").decode()
    assert main(["explain", program, "--target", "metal", "--phase", "msl"]) == 0
    assert "kernel void torsh_kernel_" in capsys.readouterr().out


def test_run_with_random_inputs(program: str, capsys: pytest.CaptureFixture) -> None:
    command = ["run", program, "--target", "interpreter", "--extent", "5", "--repeat", "2"]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "result 0: float32[5, 3]" in output
    assert "2 calls" in output


def test_run_with_given_inputs(program: str, tmp_path: Path) -> None:
    arrays = [np.ones((2, 3), np.float32), np.array([True, False, True]), np.arange(3)]
    names = []
    for number, array in enumerate(arrays):
        names.append(str(tmp_path / f"in{number}.npy"))
        np.save(names[-1], array)
    prefix = str(tmp_path / "out")
    command = ["run", program, *names, "--target", "interpreter", "--output", prefix]
    assert main(command) == 0
    expected = np.where(arrays[1], arrays[0] + arrays[2].astype(np.float32), arrays[0])
    np.testing.assert_array_equal(np.load(prefix + "0.npy"), expected)


def test_explain(program: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["explain", program, "--target", "interpreter"]) == 0
    assert "(f32[?, 3], i1[3], i64[3])" in capsys.readouterr().out
    command = ["explain", program, "--target", "interpreter", "--phase", "capture"]
    assert main(command) == 0
    assert "torsh.select" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["run", "nowhere.mlir"], "nowhere.mlir"),
        (["run", "nowhere.tsx"], "no such file"),
        (["explain", "{program}", "--target", "tpu"], "unknown target"),
        (["compile", "{program}", "-o", "{program}.tsx", "--target", "interpreter"], "no machine"),
    ],
)
def test_errors(
    program: str, command: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main([part.format(program=program) for part in command]) == 1
    assert message in capsys.readouterr().err


def test_usage() -> None:
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
