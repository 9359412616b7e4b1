# SPDX-License-Identifier: Apache-2.0
"""The bench harness measures what it says: same programs, true errors, nothing lost in silence."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import __main__ as command
from bench.limits import Limits, LimitsError, least_seconds, measure_limits
from bench.measurement import MemoryPeak, sample
from bench.namespaces import numpy_namespace
from bench.page import as_page, read_limits, read_measurements, slower_than
from bench.report import as_json, as_markdown, ratios, share
from bench.runner import Effort, Measurement, measure
from bench.systems import SYSTEMS
from bench.worker_process import WorkerError, WorkerProcess
from bench.workload import Cost, cost, make_case, reference, relative_error
from bench.workloads import WORKLOADS

QUICK = Effort(rounds=2, turn_seconds=0.005, build_timeout=60)


def _direct_conv2d(x, w, stride, padding, groups):
    """The definition, one output element at a time."""
    n, _, height, width = x.shape
    out_channels, group_channels, kh, kw = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out_h = (height + 2 * padding - kh) // stride + 1
    out_w = (width + 2 * padding - kw) // stride + 1
    result = np.zeros((n, out_channels, out_h, out_w))
    for b, o, i, j in np.ndindex(*result.shape):
        first = o // (out_channels // groups) * group_channels
        window = padded[
            b,
            first : first + group_channels,
            i * stride : i * stride + kh,
            j * stride : j * stride + kw,
        ]
        result[b, o, i, j] = (window * w[o]).sum()
    return result


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "stride", "padding", "groups"),
    [(3, 4, 3, 1, 1, 1), (4, 6, 3, 2, 0, 2), (4, 4, 3, 1, 1, 4), (3, 2, 1, 1, 0, 1)],
)
def test_numpy_convolution_follows_the_definition(
    channels, outputs, kernel, stride, padding, groups
):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, channels, 7, 6))
    w = rng.standard_normal((outputs, channels // groups, kernel, kernel))
    actual = numpy_namespace().conv2d(x, w, stride, padding, groups)
    np.testing.assert_allclose(actual, _direct_conv2d(x, w, stride, padding, groups), atol=1e-12)


@pytest.mark.parametrize("name", WORKLOADS)
def test_torch_form_computes_what_the_function_does(name):
    pytest.importorskip("torch")
    from bench.torch_modules import TrainingStep, make_module, to_arrays, to_tensor

    case = make_case(WORKLOADS[name], quick=True)
    module = make_module(case)
    if case.workload.trains:
        module = TrainingStep(module, module.parameters())
    result = module(*map(to_tensor, case.inputs))
    assert relative_error(to_arrays(result), reference(case)) <= case.workload.tolerance


@pytest.mark.parametrize("name", WORKLOADS)
def test_cases_are_the_same_in_every_process_and_finite(name):
    first, second = (make_case(WORKLOADS[name], quick=True) for _ in range(2))
    for one, other in zip(first.inputs, second.inputs, strict=True):
        np.testing.assert_array_equal(one, other)
    for key, value in first.weights.items():
        np.testing.assert_array_equal(value, second.weights[key])
    expected = reference(first)
    assert all(result.dtype == np.float64 for result in expected)
    assert all(np.isfinite(result).all() for result in expected)


def test_systems_named_as_exceptions_exist():
    for workload in WORKLOADS.values():
        assert set(workload.without) <= set(SYSTEMS), workload.name


def test_relative_error():
    expected = np.array([1.0, -4.0])
    assert relative_error([np.array([1.0, -4.0])], [expected]) == 0
    assert relative_error([np.array([1.0, -3.0])], [expected]) == pytest.approx(0.25)
    assert relative_error([expected, np.array([1.0, -3.0])], [expected] * 2) == pytest.approx(0.25)
    assert relative_error([np.array([1.0, math.nan])], [expected]) == math.inf
    assert relative_error([np.zeros((2, 1))], [expected]) == math.inf
    assert relative_error([expected], [expected, expected]) == math.inf


def test_sample_counts_every_call_of_a_batch():
    calls = 0

    def tick():
        nonlocal calls
        calls += 1

    samples = sample(tick, 0.01)
    assert len(samples) >= 3
    assert calls > len(samples), "calls this short must be timed by the batch"
    assert all(0 < seconds < 1e-3 for seconds in samples)


def test_memory_peak_sees_what_was_freed_again():
    size = 64 * 2**20
    peak = MemoryPeak()
    block = np.ones(size, dtype=np.uint8)
    del block
    assert peak.bytes() >= 0.9 * size
    peak.restart()
    assert peak.bytes() < 0.5 * size


def test_measure_runs_systems_in_their_own_processes():
    systems = ["numpy", "torch-eager"]
    results = measure(WORKLOADS["softmax"], systems, 1, True, QUICK)
    assert [m.system for m in results] == systems
    numpy_result = results[0]
    assert numpy_result.version == np.__version__
    assert numpy_result.samples >= 3 * QUICK.rounds
    assert 0 < numpy_result.p10_us <= numpy_result.median_us <= numpy_result.p90_us
    assert numpy_result.compile_ms >= 0
    assert 0 < numpy_result.error < 1e-5
    assert not numpy_result.note
    torch_result = results[1]
    assert torch_result.samples or torch_result.note.startswith("skipped: ")


def test_a_wrong_result_is_called_wrong():
    impossible = dataclasses.replace(WORKLOADS["softmax"], tolerance=0.0)
    (result,) = measure(impossible, ["numpy"], 1, True, QUICK)
    assert result.wrong
    assert result.note.startswith("wrong: error ")
    assert ratios([result, dataclasses.replace(result, system="torshjit", wrong=False)]) == {}


def test_an_excluded_system_is_skipped_with_the_reason():
    workload = dataclasses.replace(WORKLOADS["softmax"], without={"numpy": "for the test"})
    (result,) = measure(workload, ["numpy"], 1, True, QUICK)
    assert result.note == "skipped: for the test"
    assert result.samples == 0


def test_a_request_that_raises_is_reported_and_the_worker_lives():
    worker = WorkerProcess("numpy", 1)
    try:
        worker.ask({"do": "start"}, 60)
        with pytest.raises(WorkerError, match="KeyError: 'no_such_workload'"):
            worker.ask({"do": "build", "workload": "no_such_workload", "quick": True}, 60)
        assert worker.ask({"do": "start"}, 60)["version"] == np.__version__
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "signal SIGSEGV"),
        ("import sys; sys.exit('out of luck')", "exit status 1: out of luck"),
        ("import time; time.sleep(60)", "no answer to 'start' within"),
    ],
)
def test_a_worker_that_dies_or_hangs_is_an_error_not_a_wait(program, message):
    worker = WorkerProcess("numpy", 1, command=[sys.executable, "-c", program])
    try:
        with pytest.raises(WorkerError, match=message):
            worker.ask({"do": "start"}, 2)
    finally:
        worker.close()


def test_more_threads_than_processors_are_refused():
    with pytest.raises(ValueError, match="threads asked for"):
        WorkerProcess("numpy", 4096)


def _measured(system, median_us, workload="w", **changes):
    values = {"samples": 5, "compile_ms": 1.0, "error": 0.0}
    values |= {"p10_us": median_us, "median_us": median_us, "p90_us": median_us}
    return Measurement(workload, system, 1, **{**values, **changes})


def test_report_bolds_the_best_and_gives_ratios():
    measurements = [
        _measured("torshjit", 500.0),
        _measured("jax", 1000.0),
        _measured("numpy", 250.0, wrong=True, note="wrong: error 1, at most 1e-04"),
        _measured("torshjit", 3000.0, workload="v"),
        _measured("jax", 1000.0, workload="v"),
    ]
    assert ratios(measurements) == {"w": 0.5, "v": 3.0}
    tables = as_markdown(measurements, quick=False)
    assert "| w | **0.5** | 1 | – | 0.50 |" in tables
    assert "| v | 3 | **1** | – | 3.00 |" in tables
    assert "over 2 workloads: 1.22" in tables
    assert "- numpy, w: wrong: error 1, at most 1e-04" in tables


_LIMITS = Limits(1, 100.0, 0.0, 200.0, 100.0, 40.0, 30.0, 20.0, 2**20, 2**25)


def test_the_least_time_is_of_products_or_of_bytes_where_they_fit():
    assert least_seconds(_LIMITS, Cost(1e9, 8.0, 8.0), "float32") == pytest.approx(1e-2)
    assert least_seconds(_LIMITS, Cost(1e9, 8.0, 8.0), "bfloat16") == pytest.approx(1e-2)
    faster = dataclasses.replace(_LIMITS, dot_bf16=200.0)
    assert least_seconds(faster, Cost(1e9, 8.0, 8.0), "bfloat16") == pytest.approx(5e-3)
    assert least_seconds(_LIMITS, Cost(0.0, 1e5, 1e5), "float32") == pytest.approx(1e-6)
    assert least_seconds(_LIMITS, Cost(0.0, 5e6, 5e6), "float32") == pytest.approx(1e-4)
    assert least_seconds(_LIMITS, Cost(0.0, 4e8, 2e8), "float32") == pytest.approx(2e-2)


def test_costs_count_arguments_results_and_products():
    case = make_case(WORKLOADS["matmul_1024"], quick=True)
    needed = cost(case, reference(case))
    assert needed == Cost(2.0 * 64**3, 2 * 4.0 * 64**2, 4.0 * 64**2)
    case = make_case(WORKLOADS["matmul_1024_bf16"], quick=True)
    assert cost(case, reference(case)).written == 2.0 * 64**2
    # Of the embedding one row a token is read.
    case = make_case(WORKLOADS["bert_base"], quick=True)
    weights = sum(value.nbytes for value in case.weights.values())
    unread = 4 * 128 * (500 + 64 - 2 * 16)
    assert cost(case, reference(case)).read == weights + case.inputs[0].nbytes - unread


def test_report_gives_the_share_of_the_limit():
    costs = {"flops": 1e9, "read_bytes": 8.0, "written_bytes": 8.0}
    measurements = [_measured("torshjit", 20e3, **costs), _measured("jax", 12.5e3, **costs)]
    assert share(measurements[0], _LIMITS) == pytest.approx(0.5)
    tables = as_markdown(measurements, quick=False, limits=[_LIMITS])
    assert "## 1 thread: share of the machine's limit, %" in tables
    assert "f32 FMA 100 GFLOP/s; reading from L2 200 GB/s" in tables
    assert "| w | 50 | **80** |" in tables
    assert "share of the machine's limit" not in as_markdown(measurements, quick=False)
    run = json.loads(json.dumps(as_json(measurements, {}, [_LIMITS])))
    assert read_limits(run) == [_LIMITS]


def test_limits_are_measured_by_kernels_of_this_compiler(monkeypatch):
    monkeypatch.setattr("bench.limits._LARGE", 2**22)
    monkeypatch.setattr("bench.limits._cache_bytes", lambda level: 2**18)
    limits = measure_limits(1, quick=True)
    assert limits.fma_f32 > 1
    assert min(limits.l2_read, limits.l3_read, limits.dram_read) > 0.1
    assert min(limits.dram_triad, limits.dram_write) > 0.1
    assert (limits.dot_bf16 > 1) == ("avx512_bf16" in Path("/proc/cpuinfo").read_text())


def test_limits_that_cannot_be_measured_say_why(monkeypatch):
    monkeypatch.setattr("bench.limits.torsh_run", lambda: "false")
    with pytest.raises(LimitsError, match="torsh-run failed"):
        measure_limits(1, quick=True)


def test_command_writes_json_without_nan(tmp_path, capsys):
    path = tmp_path / "out.json"
    arguments = ["--quick", "--rounds", "1", "--threads", "1", "--no-limits", "--json", str(path)]
    arguments += ["--system", "numpy", "--workload", "^add_one_element$", "--workload", "bf16"]
    assert command.main(arguments) == 0
    result = json.loads(path.read_text(), parse_constant=pytest.fail)
    by_name = {row["workload"]: row for row in result["measurements"]}
    assert by_name["add_one_element"]["median_us"] > 0
    assert by_name["matmul_1024_bf16"]["median_us"] is None
    assert result["options"] == {"quick": True, "threads": [1], "rounds": 1}
    assert result["machine"]["processors"] >= 1
    assert "| add_one_element |" in capsys.readouterr().out


def test_a_run_that_is_stopped_keeps_what_it_measured(monkeypatch, tmp_path):
    def measure_one(workload, systems, threads, quick, effort):
        if workload.name == "layer_norm":
            raise KeyboardInterrupt
        return [_measured("torshjit", 1.0, workload=workload.name)]

    monkeypatch.setattr(command, "measure", measure_one)
    path = tmp_path / "out.json"
    arguments = ["--quick", "--threads", "1", "--no-limits", "--json", str(path)]
    with pytest.raises(KeyboardInterrupt):
        command.main([*arguments, "--workload", "^softmax$", "--workload", "^layer_norm$"])
    assert [m["workload"] for m in json.loads(path.read_text())["measurements"]] == ["softmax"]


def test_command_fails_when_torshjit_is_wrong(monkeypatch):
    def wrong(workload, systems, threads, quick, effort):
        return [_measured("torshjit", 1.0, wrong=True, note="wrong: error 1, at most 1e-04")]

    monkeypatch.setattr(command, "measure", wrong)
    assert (
        command.main(["--quick", "--threads", "1", "--no-limits", "--workload", "^softmax$"]) == 1
    )


def test_command_names_a_pattern_that_matches_nothing():
    with pytest.raises(SystemExit, match="no workload matches zzz"):
        command.main(["--workload", "zzz"])


def test_json_keeps_every_measurement():
    measurements = [_measured("torshjit", 500.0), _measured("jax", math.nan, samples=0)]
    rows = as_json(measurements, {})["measurements"]
    assert [row["median_us"] for row in rows] == [500.0, None]


def test_page_is_made_from_the_json_alone():
    measurements = [
        _measured("torshjit", 500.0, version="1.2.3"),
        _measured("torch-eager", 250.0),
        _measured("torshjit", 100.0, workload="v"),
        _measured("torch-eager", 200.0, workload="v"),
        _measured("jax", math.nan, samples=0, note="skipped: absent"),
    ]
    options = {"quick": True, "threads": [1], "rounds": 3}
    run = json.loads(json.dumps(as_json(measurements, options)))
    assert slower_than(read_measurements(run), "torch-eager", 1) == [("w", 2.0)]
    page = as_page(run)
    assert "- 1 thread: w (2.00)\n" in page
    assert run["machine"]["processor"] in page
    assert run["machine"]["date"] in page
    assert "torshjit 1.2.3" in page
    assert "| w | 0.5 | **0.25** | 2.00 |" in page
    assert "sizes are smaller" in page


def test_figures_that_other_work_has_spoilt_are_named():
    measurements = [
        _measured("torshjit", 100.0),
        _measured("torch-eager", 9000.0, p10_us=50.0, p90_us=16000.0),
    ]
    assert slower_than(measurements, "torch-eager", 1) == [("w", 2.0)]
    tables = as_markdown(measurements, quick=False)
    assert "| w | **0.1** | ~9 | 0.01 |" in tables
    assert "\n~ marks figures that other work" in tables
