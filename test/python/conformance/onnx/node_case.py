# SPDX-License-Identifier: Apache-2.0
"""One backend test of ONNX: runs it compiled and compares the results."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import torshjit

#: What a case can come to. A case is folded where nothing but constants is left to compile: every
#: result follows from inputs that are compared by value, and was computed at import.
OUTCOMES = ("compiled", "folded", "fallback", "failed")


@dataclasses.dataclass
class Outcome:
    """What became of a case.

    `kind` is one of `OUTCOMES`; `op` and `reason` say why it was not compiled, or what failed.
    """

    name: str
    family: str
    kind: str
    op: str = ""
    reason: str = ""


def all_cases(kind: str = "node") -> list[Any]:
    """Every case of a kind in the installed package: ``node``, or a folder of exported models."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [_with_data(case) for case in load_model_tests(kind=kind)]


def _with_data(case: Any) -> Any:
    """A case whose model and arrays are in files, with them."""
    import onnx

    if case.model is not None:
        return case
    folder = Path(case.model_dir)

    def arrays(data_set: Path, prefix: str) -> list[np.ndarray]:
        count = len(list(data_set.glob(f"{prefix}_*.pb")))
        paths = [data_set / f"{prefix}_{number}.pb" for number in range(count)]
        return [onnx.numpy_helper.to_array(onnx.load_tensor(path)) for path in paths]

    return dataclasses.replace(
        case,
        model=onnx.load(folder / "model.onnx"),
        data_sets=[
            (arrays(each, "input"), arrays(each, "output"))
            for each in sorted(folder.glob("test_data_set_*"))
        ],
    )


def cases_of(modules: list[str]) -> list[Any]:
    """The cases of a few of the files of `onnx.backend.test.case.node`, which load quickly."""
    from onnx.backend.test.case import node

    cases: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules:
            name = f"{node.__name__}.{module}"
            before = len(node._NodeTestCases)
            # Importing a file adds its cases to the list; where it has been, it runs again.
            if name in sys.modules:
                importlib.reload(sys.modules[name])
            else:
                importlib.import_module(name)
            cases += node._NodeTestCases[before:]
    return sorted(cases, key=lambda case: case.name)


def family_of(case: Any) -> str:
    """The operator that a case is about: the only node, or the last one."""
    return case.model.graph.node[-1].op_type


def run_case(case: Any, *, strict: bool = False) -> Outcome:
    """Runs a case through `torshjit.compile`; never raises."""
    outcome = Outcome(case.name, family_of(case), "compiled")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            compiled = torshjit.compile(case.model, strict=strict)
            for inputs, outputs in case.data_sets:
                results = compiled(*map(_array, inputs))
                results = results if isinstance(results, tuple) else (results,)
                assert len(results) == len(outputs), f"{len(results)} results"
                for result, expected in zip(results, outputs, strict=True):
                    assert_equal(result, _array(expected), case.rtol, case.atol)
        explained = compiled.explain(structured=True)
        fallbacks = explained["fallbacks"]
        calls = [
            call
            for each in explained["specializations"]
            for call in each["host_calls"]
            if call["fallback"]
        ]
        if fallbacks:
            outcome.kind, outcome.op = "fallback", fallbacks[0]["op"]
            outcome.reason = fallbacks[0]["reason"]
        elif calls:
            outcome.kind, outcome.op = "fallback", calls[0]["op"]
            outcome.reason = "the node is a call of the reference evaluator"
        elif _has_only_constants(compiled.ir("capture")):
            outcome.kind = "folded"
    except Exception as error:
        outcome.kind, outcome.op = "failed", type(error).__name__
        outcome.reason = " ".join(str(error).split())[:300]
    return outcome


def _has_only_constants(program: str) -> bool:
    # A result that is an input unchanged has no operation either, and is no constant.
    made = re.findall(r"= (torsh\.\w+)", program)
    return bool(made) and set(made) == {"torsh.constant"}


def _array(value: Any) -> Any:
    """What a case has as a `TensorProto`, as an array."""
    from onnx import TensorProto, numpy_helper

    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def assert_equal(result: Any, expected: Any, rtol: float, atol: float) -> None:
    """Compares as ONNX's own runner does: types and shapes are equal, floats are close."""
    if isinstance(expected, (list, tuple)):
        assert len(result) == len(expected), f"{len(result)} elements, not {len(expected)}"
        for part, wanted in zip(result, expected, strict=True):
            assert_equal(part, wanted, rtol, atol)
        return
    if expected is None:
        assert result is None, "expected no value"
        return
    result, expected = np.asarray(result), np.asarray(expected)
    if expected.dtype.kind in "OSU":
        assert result.tolist() == expected.tolist(), f"{result.tolist()}"
        return
    assert result.dtype == expected.dtype, f"dtype {result.dtype}, not {expected.dtype}"
    assert result.shape == expected.shape, f"shape {result.shape}, not {expected.shape}"
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(result, expected)
        return
    if expected.dtype.kind not in "fc":
        # Types of ml_dtypes; of bfloat16 ONNX's own runner allows two units in the last place.
        rtol = max(rtol, 2**-6) if expected.dtype.name == "bfloat16" else rtol
        result, expected = result.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol, equal_nan=True)
