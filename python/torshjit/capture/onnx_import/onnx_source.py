# SPDX-License-Identifier: Apache-2.0
"""An ONNX model as a source, and the callable that is made of it."""

from __future__ import annotations

from typing import Any

from torshjit.capture.graph_function import CapturedProgram
from torshjit.capture.onnx_import.arguments import (
    array_of,
    bound_arguments,
    check_argument,
    declared_dtype,
    kind_of,
    passed_argument,
    result_of,
)
from torshjit.capture.onnx_import.capture import capture_model
from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.capture.onnx_import.narrow_types import is_narrow
from torshjit.capture.onnx_import.split_model import SplitModel, split_model
from torshjit.capture.onnx_import.value_inputs import value_inputs
from torshjit.compiled import CompiledModule
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig

__all__ = ["CompiledOnnxModel", "OnnxSource"]


class OnnxSource:
    """An ONNX model: an `onnx.ModelProto`, its bytes, or the path of a file.

    Plainly it runs in onnx's reference evaluator, but for what comes before the node that the
    import stopped at.

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
        narrow = [is_narrow(declared_dtype(each)) for each in self.model.inputs]
        #: Whether a program takes an argument in another form than the user gives it.
        self.changes_arguments = bool(self.value_inputs) or any(narrow)
        types = [declared_dtype(self.model.declared[name]) for name in self.model.outputs]
        #: The element type of each result; empty where none of them is narrow.
        self.narrow_results = types if any(map(is_narrow, types)) else []
        self._evaluator: Any = None
        self._config: JitConfig | None = None
        self._splits: dict[tuple[str, ...], SplitModel | None] = {}

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        self._config = config
        return capture_model(
            self.model, args, kwargs, load_compiler(), compiler_context(), config.strict
        )

    def run(self, args: tuple, kwargs: dict) -> Any:
        declarations = {each.name: each for each in (*self.model.inputs, *self.model.defaults)}
        feeds = {}
        for name, value in bound_arguments(self.model, args, kwargs).items():
            declaration = declarations[name]
            if kind_of(declaration) == "tensor":
                value = result_of(array_of(value, declaration), declared_dtype(declaration))
                # The evaluator would take any type, and answer for a model that there is not.
                check_argument(declaration, value.dtype, value.shape)
            feeds[name] = value
        results = self._results(feeds)
        return results[0] if len(results) == 1 else tuple(results)

    def _results(self, feeds: dict[str, Any]) -> list[Any]:
        """What the model computes of all its inputs: in two parts where the import stopped."""
        refused = tuple(self.model.refused)
        if refused and refused not in self._splits:
            self._splits[refused] = split_model(self.model, refused, self._config)
        split = self._splits.get(refused)
        if split is not None:
            return split.run(feeds)
        if self._evaluator is None:
            self._evaluator = load_onnx().reference.ReferenceEvaluator(self.model.proto)
        return self._evaluator.run(None, feeds)


class CompiledOnnxModel(CompiledModule):
    """A compiled ONNX model, called with arrays in the order of its inputs or by their names.

    Inputs that shapes depend on are compared by value: one program is compiled for each.
    """

    def _passed(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        source: Any = self._source
        if not source.changes_arguments:
            return args, kwargs
        declarations = {each.name: each for each in (*source.model.inputs, *source.model.defaults)}

        def passed(name: str, value: Any) -> Any:
            if name not in declarations:
                return value
            return passed_argument(value, declarations[name], name in source.value_inputs)

        return (
            tuple(passed(name, value) for name, value in zip(declarations, args, strict=False))
            + args[len(declarations) :],
            {name: passed(name, value) for name, value in kwargs.items()},
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self._passed(args, kwargs)
        results = super().__call__(*args, **kwargs)
        types = self._source.narrow_results  # type: ignore[union-attr]
        if not types:
            return results
        if isinstance(results, tuple):
            return tuple(map(result_of, results, types))
        return result_of(results, types[0])

    def prepare(self, *args: Any, **kwargs: Any) -> CompiledModule:
        args, kwargs = self._passed(args, kwargs)
        return super().prepare(*args, **kwargs)
