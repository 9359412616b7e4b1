# SPDX-License-Identifier: Apache-2.0
"""A sample of ONNX's backend tests; `make conformance` runs all of them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from conformance.onnx.known_failures import KNOWN_FAILURES
from conformance.onnx.node_case import all_cases, cases_of, family_of, run_case

#: Files of ONNX's cases, one or two for each family of the importer.
SAMPLE = [
    "add",
    "argmax",
    "batch_normalization",
    "cast",
    "clip",
    "concat",
    "conv",
    "convtranspose",
    "cumsum",
    "dequantizelinear",
    "div",
    "einsum",
    "gather",
    "gelu",
    "gemm",
    "gridsample",
    "groupnormalization",
    "if_",
    "instance_normalization",
    "layernormalization",
    "lppool",
    "matmul",
    "maxpool",
    "mod",
    "onehot",
    "pad",
    "prelu",
    "qlinearmatmul",
    "quantizelinear",
    "reduce_log_sum_exp",
    "reducesum",
    "reshape",
    "scan",
    "scatternd",
    "slice",
    "sequence_map",
    "softmax",
    "split",
    "tile",
    "topk",
    "transpose",
    "unique",
    "where",
]

_FOLDER = Path(__file__).parents[1]


def test_sample_of_node_cases() -> None:
    # A few of each operator: some have a hundred.
    counts: Counter[str] = Counter()
    cases = []
    for case in cases_of(SAMPLE):
        counts[family_of(case)] += 1
        if counts[family_of(case)] <= 8 or case.name in KNOWN_FAILURES:
            cases.append(case)
    assert len(cases) > 200
    outcomes = [run_case(case) for case in cases]
    failed = [
        f"{each.name}: {each.op}: {each.reason}"
        for each in outcomes
        if each.kind == "failed" and each.name not in KNOWN_FAILURES
    ]
    assert not failed
    compiled = sum(each.kind == "compiled" for each in outcomes)
    assert compiled >= 0.9 * len(outcomes)
    # A comparison that finds nothing wrong would find everything right.
    assert any(each.kind == "fallback" and each.op == "onnx.Unique" for each in outcomes)


def test_wrong_results_are_failures() -> None:
    case = next(case for case in cases_of(["relu"]) if case.name == "test_relu")
    inputs, outputs = case.data_sets[0]
    changed = dataclasses.replace(case, data_sets=[(inputs, [outputs[0] + 1])])
    assert run_case(case).kind == "compiled"
    assert run_case(changed).kind == "failed"


def test_known_failures_are_cases() -> None:
    assert set(KNOWN_FAILURES) <= {case.name for case in all_cases()}


def test_flipped_files_do_not_crash() -> None:
    command = [sys.executable, "-m", "conformance.onnx.flipped_files", "--count", "30"]
    result = subprocess.run(
        command, cwd=_FOLDER, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "30 flipped files" in result.stdout
