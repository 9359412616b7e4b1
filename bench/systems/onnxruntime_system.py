# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU; exporting the torch module counts as compiling."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import onnxscript  # noqa: F401  (torch's exporter needs it: say so before measuring, not within)
import torch

from bench.torch_modules import make_module, to_tensor
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
        tensors = tuple(to_tensor(array) for array in self._inputs)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            torch.onnx.export(self._module, tensors, str(path), dynamo=True, verbose=False)
            session = onnxruntime.InferenceSession(
                str(path), self._options, providers=["CPUExecutionProvider"]
            )
        names = [node.name for node in session.get_inputs()]
        feeds = dict(zip(names, self._inputs, strict=True))
        return lambda: session.run(None, feeds)[0]

    def to_numpy(self, result: Any) -> np.ndarray:
        return np.asarray(result)
