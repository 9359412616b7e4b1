# SPDX-License-Identifier: Apache-2.0
"""The suite that is compiled on one machine and run on another, with both of them here."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.executors import missing
from e2e.tolerance import EXACT
from runtime_program import compile_c
from saved_suite.archive import Reader, Writer
from saved_suite.run import run
from saved_suite.write import write


@pytest.mark.parametrize("target", ["cpu", "cuda-emulated", "vulkan"])
def test_an_archive_passes_where_it_was_made(target: str, tmp_path: Path) -> None:
    if reason := missing(target):
        pytest.skip(reason)
    archive = tmp_path / "suite.zip"
    saved, refused = write(archive, target, "*m*x*-*f16-*")
    assert saved > 10
    assert not refused
    report = run(archive, jobs=2, batch=saved // 2 + 1)
    assert not report.failures
    assert len(report.passed) == saved
    assert report.text().startswith(f"{target}: {saved} passed, 0 failed, 0 refused")


def test_networks_take_torch_tensors(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    archive = tmp_path / "suite.zip"
    assert write(archive, "cpu", "torch-*cnn") == (1, 0)
    for tensors in ("auto", "host"):
        assert run(archive, 1, tensors).passed == ["torch-digits_cnn"]


def test_workloads_are_compared_and_timed(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from saved_suite.timings import measure, page
    from saved_suite.workloads import WORKLOADS

    archive = tmp_path / "suite.zip"
    write(archive, "cpu", "nothing", factor=1)
    rows = measure(archive, "cpu", with_compile=False)
    assert [row.name for row in rows] == [workload.name for workload in WORKLOADS]
    for row in rows:
        assert set(row.times) == {"torshjit", "torch eager"}
        assert all(0 < time < 1000 for time in row.times.values())
        assert (row.teraflops > 0) == row.name.startswith("matmul")
    text = page(rows, "cpu")
    assert "| workload | shapes | torshjit | torch eager | TB/s | TFLOP/s |" in text
    assert text.count("\n| ") == len(rows) + 1


def test_programs_that_the_compiler_refuses_are_listed(tmp_path: Path) -> None:
    if reason := missing("vulkan"):
        pytest.skip(reason)
    archive = tmp_path / "suite.zip"
    saved, refused = write(archive, "metal", "exp-f??-odd")
    assert (saved, refused) == (2, 1)
    assert "f64" in Reader(archive).refused["exp-f64-odd"]


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """An archive of four programs that pass."""
    archive = tmp_path / "sums.zip"
    assert write(archive, "cpu", "add-i??-odd*") == (4, 0)
    assert len(run(archive, 1).passed) == 4
    return archive


def _changed(archive: Path, change) -> Path:
    """The archive with the executable and result that `change(reader, program)` gives each."""
    reader = Reader(archive)
    path = archive.with_name("changed.zip")
    writer = Writer(path, reader.target)
    for program in reader.programs:
        executable, expected = change(reader, program)
        result = writer.result(program.results[0].dtype, expected, EXACT, None)
        writer.add(program.id, "numpy", executable, reader.arguments(program), [result])
    writer.close()
    return path


def test_wrong_results_are_failures(sums: Path) -> None:
    wrong = "add-i32-odd"

    def change(reader, program):
        expected = reader.array(program.results[0].expected)
        return reader.executable(program), expected + (program.id == wrong)

    report = run(_changed(sums, change), 1)
    assert list(report.failures) == [wrong]
    assert "Mismatched elements" in report.failures[wrong]
    assert len(report.passed) == 3
    assert f"FAILED {wrong}: " in report.text()


def _replaced(executable: bytes, name: str, data: bytes) -> bytes:
    """A saved executable with another file in the place of one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(executable)) as old, zipfile.ZipFile(buffer, "w") as new:
        for each in old.namelist():
            new.writestr(each, data if each == name else old.read(each))
    return buffer.getvalue()


def _kernel_names(executable: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(executable)) as archive:
        program = json.loads(archive.read("0/program.json"))
    return [step["kernel"] for step in program["steps"]]


def test_a_program_that_ends_its_process_takes_no_other_with_it(sums: Path) -> None:
    fatal = "add-i32-odd"

    def change(reader, program):
        executable = reader.executable(program)
        if program.id == fatal:
            kernels = "".join(
                f"void torsh_kernel_{name}(void) {{ abort(); }}"
                for name in _kernel_names(executable)
            )
            library = compile_c(f"#include <stdlib.h>\n{kernels}")
            executable = _replaced(executable, "0/kernels.so", library)
        return executable, reader.array(program.results[0].expected)

    report = run(_changed(sums, change), 1)
    assert list(report.failures) == [fatal]
    assert "the process ended: exit status -6" in report.failures[fatal]
    assert len(report.passed) == 3


def test_a_missing_device_is_no_endless_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saved_suite.run._MAX_CUT_SHORT", 3)
    monkeypatch.setenv("TORSHJIT_LIBCUDA", "/nowhere/libcuda.so.1")
    executable = io.BytesIO()
    metadata = {
        "format": 2,
        "version": "0.1.0",
        "name": "nothing",
        "target": "cuda:sm_80",
        "requirements": {},
        "specializations": [
            {"args": [], "kwargs": {}, "output": ["none"], "bindings": [], "constants": []}
        ],
    }
    program = {
        "version": 1,
        "target": "cuda:sm_80",
        **{
            key: []
            for key in ("inputs", "dims", "checks", "constants", "buffers", "steps", "results")
        },
    }
    with zipfile.ZipFile(executable, "w") as file:
        file.writestr("metadata.json", json.dumps(metadata))
        file.writestr("0/program.json", json.dumps(program))
        file.writestr("0/kernels.json", "{}")
        file.writestr("0/explain.json", "{}")
    archive = tmp_path / "suite.zip"
    writer = Writer(archive, "cuda:sm_80")
    result = writer.result("float32", np.zeros(1), EXACT, None)
    for number in range(30):
        writer.add(f"nothing-{number}", "numpy", executable.getvalue(), [], [result])
    writer.close()
    report = run(archive, jobs=2, batch=15)
    assert len(report.failures) == 30
    assert "DeviceError: there is no cuda device here" in report.failures["nothing-0"]
    given_up = [
        id for id, reason in report.failures.items() if "3 batches were cut short" in reason
    ]
    assert len(given_up) >= 24
