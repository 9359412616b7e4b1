# SPDX-License-Identifier: Apache-2.0
"""An ONNX model as a source, and the callable that is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.graph_function import CapturedProgram
from torshjit.capture.onnx_import.capture import (
    array_of,
    bound_arguments,
    capture_model,
    check_argument,
)
from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.capture.onnx_import.value_inputs import value_inputs
from torshjit.compiled import CompiledModule
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig

__all__ = ["CompiledOnnxModel", "OnnxSource"]

#: Arrays of more elements are not taken for shapes.
_LARGEST_VALUE = 1024


class OnnxSource:
    """An ONNX model: an `onnx.ModelProto`, its bytes, or the path of a file.

    Plainly it runs in onnx's reference evaluator.

    Raises:
        ConfigError: the package onnx is not installed.
        CompileError: the model is malformed or cannot be read.
    """

    runs_plainly = True
    function = None

    def __init__(self, program: Any) -> None:
        self.model = OnnxModel(program)
        self.name = self.model.name
        self.callable_type = CompiledOnnxModel
        #: The inputs that are passed on as values, since shapes depend on them.
        self.value_inputs = value_inputs(self.model)
        self._evaluator: Any = None

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        return capture_model(self.model, args, kwargs, load_compiler(), compiler_context())

    def run(self, args: tuple, kwargs: dict) -> Any:
        declarations = {each.name: each for each in (*self.model.inputs, *self.model.defaults)}
        feeds = {}
        for name, value in bound_arguments(self.model, args, kwargs).items():
            declaration = declarations[name]
            if declaration.type.WhichOneof("value") == "tensor_type":
                value = array_of(value, declaration)
                # The evaluator would take any type, and answer for a model that there is not.
                check_argument(declaration, value.dtype, value.shape)
            feeds[name] = value
        if self._evaluator is None:
            self._evaluator = load_onnx().reference.ReferenceEvaluator(self.model.proto)
        results = self._evaluator.run(None, feeds)
        return results[0] if len(results) == 1 else tuple(results)


class CompiledOnnxModel(CompiledModule):
    """A compiled ONNX model, called with arrays in the order of its inputs or by their names.

    Inputs that shapes depend on are compared by value: one program is compiled for each.
    """

    def _passed(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        source: Any = self._source
        if not source.value_inputs:
            return args, kwargs
        names = [each.name for each in (*source.model.inputs, *source.model.defaults)]
        values = source.value_inputs
        return (
            tuple(
                _plain(value) if name in values else value
                for name, value in zip(names, args, strict=False)
            )
            + args[len(names) :],
            {name: _plain(value) if name in values else value for name, value in kwargs.items()},
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self._passed(args, kwargs)
        return super().__call__(*args, **kwargs)

    def prepare(self, *args: Any, **kwargs: Any) -> CompiledModule:
        args, kwargs = self._passed(args, kwargs)
        return super().prepare(*args, **kwargs)


def _plain(value: Any) -> Any:
    """A small array as a number or a list."""
    if not isinstance(value, (np.ndarray, np.generic)) or value.size > _LARGEST_VALUE:
        return value
    if value.dtype.name == "bfloat16":
        value = value.astype(np.float32)
    return value.tolist() if value.dtype.kind in "biuf" else value
