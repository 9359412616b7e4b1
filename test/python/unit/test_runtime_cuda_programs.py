# SPDX-License-Identifier: Apache-2.0
"""What the compiler makes for CUDA against what the runtime expects of it, over a fake driver."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_cuda import Driver, with_fake_cuda

import torshjit

pytest.importorskip("torshjit._compiler")

RANDOM = np.random.default_rng(3)
WEIGHT = RANDOM.normal(size=(48, 33)).astype(np.float32)


def network(x: Any) -> Any:
    y = np.maximum(x @ WEIGHT, 0)
    exponentials = np.exp(y - y.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True), x.sum(0)


def traced(rows: int = 17) -> Any:
    x = np.zeros((rows, 48), np.float32)
    return torshjit.trace(network, (x,), target_device="cuda:sm_80", strict=True)


def test_entries_take_the_parameters_that_launches_give(tmp_path: Path) -> None:
    traced().save(tmp_path / "network")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "network").read_bytes())) as archive:
        bundle = json.loads(archive.read("0/kernels.json"))
        program = json.loads(archive.read("0/program.json"))
    assert bundle["target"] == "cuda"
    assert bundle["architecture"] == "sm_80"
    assert {step["kernel"] for step in program["steps"]} <= set(bundle["kernels"])
    for kernel in bundle["kernels"].values():
        for variant in kernel["variants"]:
            code = bundle["modules"][variant["module"]]["ptx"]
            entry = re.search(rf"\.entry {variant['entry']}\((.*?)\)([^{{]*)", code, re.DOTALL)
            assert entry, variant["entry"]
            assert entry[1].count(".param") == len(kernel["operands"]) + kernel["sizes"]
            threads = re.search(r"\.(?:reqntid|maxntid) (\d+)", entry[2])
            assert threads
            assert int(threads[1]) == variant["threads"]


@with_fake_cuda()
def test_programs_load_and_launch() -> None:
    driver = Driver()
    call = traced(rows=19)
    assert "cuModuleLoadDataEx" in driver.calls()
    probabilities, total = call(np.ones((19, 48), np.float32))
    assert (probabilities.shape, total.shape) == ((19, 33), (48,))
    launches = [line.split() for line in driver.calls() if line.startswith("cuLaunchKernel")]
    assert len(launches) >= 3
    for _, entry, _, grid, _, block, *_ in launches:
        assert entry.startswith("torsh_kernel_")
        assert int(grid) > 0
        assert int(block) % 32 == 0


@with_fake_cuda(FAKE_CUDA_CAPABILITY="75")
def test_a_gpu_that_is_too_old_is_told_at_the_call() -> None:
    call = traced()
    with pytest.raises(torshjit.DeviceError, match=r"for sm_80, this GPU is sm_75"):
        call(np.ones((17, 48), np.float32))


def test_without_a_driver_only_calls_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORSHJIT_LIBCUDA", "/nowhere/libcuda.so.1")
    call = traced()
    assert ".entry" in call.ir("ptx")
    with pytest.raises(torshjit.DeviceError, match="there is no cuda device here: /nowhere"):
        call(np.ones((17, 48), np.float32))


@with_fake_cuda()
def test_results_of_one_program_are_arguments_of_the_next() -> None:
    from cuda_dispatchers import Producer
    from fake_cuda import add_program, executable

    driver = Driver()
    ones = Producer(driver.device_array(np.ones(6, np.float32)))
    (x,) = executable(add_program(6)).run([ones, ones], results="dlpack")
    driver.calls()
    call = torshjit.compile(lambda a: (a * 2, a.sum()), target_device="cuda:sm_80", strict=True)
    doubled, total = call(x)
    assert (doubled.shape, doubled.dtype, total.shape) == ((6,), "f32", ())
    assert total.__dlpack_device__() == (2, 0)
    assert not any("Synchronize" in line or "DtoH" in line for line in driver.calls())
