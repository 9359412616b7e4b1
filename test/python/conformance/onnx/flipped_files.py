# SPDX-License-Identifier: Apache-2.0
"""Models with flipped bits: each gives an exception or the right answer, and none a crash.

usage: python -m conformance.onnx.flipped_files [--count N] [--seed N]
"""

from __future__ import annotations

import argparse
import resource
import sys
import warnings
from typing import Any

import numpy as np

from conformance.case_process import CaseProcess, run_seeds
from conformance.onnx.node_case import assert_equal

_MOST_SECONDS = 60

#: A flipped extent may ask for any amount of memory: allocations beyond this fail.
_MOST_BYTES = 16 << 30


def sample_model() -> Any:
    """A model with weights, shapes, a function, a condition, positions and narrow types."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.standard_normal((4, 3, 3, 3), dtype=np.float32),
        "scale": np.ones(4, np.float32),
        "shift": np.zeros(4, np.float32),
        "weight": rng.standard_normal((64, 10), dtype=np.float32),
        "rows": np.array([2, -1], np.int64),
        "axes": np.array([1], np.int64),
        "order": np.array([9, 0, 3, -2, 5], np.int64),
        "count": np.array([4], np.int64),
        "step": np.array(0.25, np.float32),
        "step1": np.full((2, 1), 3, np.float32),
        "zero": np.array(3, np.int8),
    }
    make = helper.make_node
    leaf = helper.make_tensor_value_info("branch", TensorProto.FLOAT, (2, 10))
    positive = helper.make_graph([make("Exp", ["logits"], ["branch"])], "then", [], [leaf])
    negative = helper.make_graph([make("Neg", ["logits"], ["branch"])], "else", [], [leaf])
    nodes = [
        make("Conv", ["x", "kernel"], ["c"], pads=[1, 1, 1, 1]),
        make("InstanceNormalization", ["c", "scale", "shift"], ["i"]),
        make("Double", ["i"], ["d"], domain="local"),
        make("MaxPool", ["d"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Reshape", ["m", "rows"], ["r"]),
        make("MatMul", ["r", "weight"], ["logits"]),
        make("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        make("If", ["yes"], ["e"], then_branch=positive, else_branch=negative),
        make("ReduceSum", ["e", "axes"], ["total"]),
        make("Div", ["e", "total"], ["d1"]),
        make("Cast", ["d1"], ["narrow"], to=TensorProto.FLOAT8E5M2),
        make("Cast", ["narrow"], ["wide"], to=TensorProto.FLOAT),
        make("QuantizeLinear", ["wide", "step", "zero"], ["q"]),
        make("DequantizeLinear", ["q", "step", "zero"], ["dq"]),
        make("ArgMax", ["dq"], ["best"], axis=1),
        make("ScatterElements", ["d1", "best", "step1"], ["s"], axis=1),
        make("Gather", ["s", "order"], ["g"], axis=1),
        make("TopK", ["g", "count"], ["t", "places"], axis=1),
        make("GatherElements", ["g", "places"], ["ge"], axis=1),
        make("Add", ["t", "ge"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "flipped",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, "classes"))],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    function = helper.make_function(
        "local", "Double", ["a"], ["b"], [make("Add", ["a", "a"], ["b"])], opsets[:1]
    )
    return helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=10)


def flipped(data: bytes, seed: int) -> bytes:
    """`data` with one to three bits flipped; half of the flips are outside of the weights."""
    rng = np.random.default_rng(seed)
    changed = bytearray(data)
    # Weights are most of the file and any bits are good ones there: look for the rest.
    text = [place for place in range(len(data)) if data[max(0, place - 8) : place + 8].isascii()]
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.choice(text) if rng.random() < 0.5 else rng.integers(len(data)))
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def run_flipped(data: bytes, strict: bool) -> str:
    """Returns ``exception``, ``right`` or ``unjudged``; what is wrong begins with ``wrong``."""
    import torshjit

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8), dtype=np.float32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = torshjit.compile(data, strict=strict)(x)
        except Exception:
            return "exception"
        try:
            import onnx
            from onnx.reference import ReferenceEvaluator

            expected = ReferenceEvaluator(onnx.load_model_from_string(data)).run(None, {"x": x})
        except Exception:
            return "unjudged"
        results = result if isinstance(result, tuple) else (result,)
        try:
            assert len(results) == len(expected)
            for part, wanted in zip(results, expected, strict=True):
                assert_equal(part, wanted, 1e-3, 1e-3)
        except AssertionError as error:
            return "wrong: " + " ".join(str(error).split())[:200]
    return "right"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.onnx.flipped_files")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    data = sample_model().SerializeToString()
    # The file as it is comes first: were it refused, the others would say nothing.
    files = {-1: data}
    process = CaseProcess(
        lambda number: run_flipped(
            files.get(number) or flipped(data, number), strict=number % 2 != 0
        ),
        _MOST_SECONDS,
    )
    whole, lost = process.run(-1)
    if whole != "right":
        print(f"the file without flips: {lost or whole}")
        return 1
    numbers = range(options.seed, options.seed + options.count)
    return 1 if run_seeds(process, numbers, "flipped files") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
