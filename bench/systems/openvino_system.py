# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU, for latency, in the precision of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino
from openvino import properties

from bench.onnx_export import exported
from bench.torch_modules import make_module
from bench.workload import Case


class OpenVino:
    version = openvino.__version__.split("-")[0]

    def __init__(self, threads: int) -> None:
        self._options = {
            properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
            # Its default is bfloat16 where the processor has it: another result than was asked for.
            properties.hint.inference_precision: openvino.Type.f32,
            properties.inference_num_threads: threads,
            properties.num_streams: 1,
        }

    def load(self, case: Case) -> None:
        self._module = make_module(case)
        self._inputs = [np.ascontiguousarray(array) for array in case.inputs]

    def build(self) -> Callable[[], Any]:
        core = openvino.Core()
        with exported(self._module, self._inputs) as path:
            compiled = core.compile_model(core.read_model(path), "CPU", self._options)
        request = compiled.create_infer_request()
        for index, array in enumerate(self._inputs):
            request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
        outputs = range(len(compiled.outputs))

        def call() -> list[np.ndarray]:
            request.infer()
            return [request.get_output_tensor(index).data for index in outputs]

        return call

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return [np.array(array, dtype=np.float32) for array in result]
