# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU; exporting the torch module counts as compiling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from bench.onnx_export import exported
from bench.torch_modules import make_module
from bench.workload import Case


class OnnxRuntime:
    version = onnxruntime.__version__

    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 3

    def load(self, case: Case) -> None:
        self._module = make_module(case)
        self._inputs = [np.ascontiguousarray(array) for array in case.inputs]

    def build(self) -> Callable[[], Any]:
        with exported(self._module, self._inputs) as path:
            session = onnxruntime.InferenceSession(
                str(path), self._options, providers=["CPUExecutionProvider"]
            )
        names = [node.name for node in session.get_inputs()]
        feeds = dict(zip(names, self._inputs, strict=True))
        return lambda: session.run(None, feeds)

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(array) for array in result]
