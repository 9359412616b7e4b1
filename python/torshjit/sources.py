# SPDX-License-Identifier: Apache-2.0
"""What a user may hand to `compile`: each kind knows how to capture itself and to run as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from torshjit.capture.graph_function import ArrayLeaf, CapturedProgram, tree_leaves
from torshjit.capture.onnx_import.model_kinds import is_onnx_bytes, is_onnx_file, is_onnx_model
from torshjit.capture.opened_objects import open_objects
from torshjit.capture.stablehlo_import.module_kinds import (
    is_jitted_function,
    is_lowered_function,
    is_stablehlo,
)
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig
from torshjit.errors import ConfigError, TorshError

__all__ = ["MlirSource", "PythonSource", "Source", "TorchSource", "is_torch_tensor", "source_of"]


class Source(Protocol):
    """A program in its user's form."""

    #: What messages call it.
    name: str

    #: Whether `run` can answer a call.
    runs_plainly: bool

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        """Captures the program for a call; raises CaptureError where that is impossible."""

    def run(self, args: tuple, kwargs: dict) -> Any:
        """Answers a call without the compiler."""


def is_torch_tensor(value: object) -> bool:
    """Whether `value` is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_torch_module(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _devices(config: JitConfig) -> tuple[str, ...]:
    """The types of torch devices whose tensors a program may compute on."""
    return config.target.kind.tensor_devices


class PythonSource:
    """A Python function over NumPy arrays, or over torch tensors if a call passes any."""

    runs_plainly = True

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.name = getattr(function, "__qualname__", None) or type(function).__qualname__

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        if any(is_torch_tensor(leaf) for leaf in tree_leaves(open_objects((args, kwargs)))):
            from torshjit.capture.torch_capture import capture_module

            return capture_module(
                self.function,
                args,
                kwargs,
                load_compiler(),
                compiler_context(),
                _devices(config),
                is_strict=config.strict,
                may_write=True,
            )
        from torshjit.capture.numpy_trace import capture_function

        return capture_function(
            self.function,
            args,
            kwargs,
            load_compiler(),
            compiler_context(),
            is_strict=config.strict,
        )

    def run(self, args: tuple, kwargs: dict) -> Any:
        return self.function(*args, **kwargs)

    def takes_tensors(self, signature: Any) -> bool:
        """Whether it is a torch program for a call of this signature."""
        return any(getattr(leaf, "kind", None) == "torch" for leaf in tree_leaves(signature))

    def capture_again(
        self, args: tuple, kwargs: dict, config: JitConfig, refused: TorshError
    ) -> CapturedProgram | None:
        """Captures a torch program through torch.export, if that knows what was refused."""
        if refused.op not in ("aten.item.default", "aten._local_scalar_dense.default"):
            return None
        from torshjit.torch_backend.exported_program import capture_exported

        try:
            return capture_exported(self.function, args, kwargs, config)
        except TorshError:
            return None

    def take_apart(self, config: JitConfig) -> Any:
        """The program in parts that torch._dynamo finds."""
        from torshjit.torch_backend.partitioned_program import PartitionedProgram

        # The parts have the weights as arguments.
        return PartitionedProgram(self.function, config.replace(freeze=False))


class TorchSource(PythonSource):
    """A `torch.nn.Module`."""

    def __init__(self, module: Any) -> None:
        self.function = module
        self.name = type(module).__qualname__

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        from torshjit.capture.torch_capture import capture_module

        return capture_module(
            self.function,
            args,
            kwargs,
            load_compiler(),
            compiler_context(),
            _devices(config),
            is_strict=config.strict,
            may_write=True,
        )

    def takes_tensors(self, signature: Any) -> bool:
        return True


class MlirSource:
    """An MLIR module, as text, bytecode or an object of any MLIR Python package.

    It is of the `torsh` dialect, or of MLIR's own dialects on tensors, which are imported.
    """

    runs_plainly = False
    function = None
    module: Any
    name: str

    def __init__(self, module: Any) -> None:
        from torshjit.capture.mlir_text import entry_function, parse_module

        self.module = parse_module(module)
        entry = entry_function(self.module)
        # Each call gives all arguments, and may give others than the one before.
        self.module = self.module.without_frozen_inputs(entry)
        self.name = "@" + entry

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        from torshjit.capture.mlir_text import bind_module

        return bind_module(self.module, args, kwargs)

    def input_types(self) -> tuple[ArrayLeaf, ...]:
        """The types of the entry function's inputs."""
        from torshjit.capture.mlir_text import entry_function, flat_graph

        graph = flat_graph(self.module, entry_function(self.module))
        return tuple(ArrayLeaf("numpy", each.dtype, tuple(each.shape)) for each in graph.inputs)

    def run(self, args: tuple, kwargs: dict) -> Any:
        raise NotImplementedError("an MLIR module has no plain form")


def source_of(program: Any) -> Source:
    """Returns the source for what a user handed to `compile`.

    Raises:
        ConfigError: nothing that can be compiled.
        CompileError: MLIR that does not parse or cannot be imported, or a malformed ONNX model.
    """
    if is_onnx_model(program) or is_onnx_file(program) or is_onnx_bytes(program):
        from torshjit.capture.onnx_import.onnx_source import OnnxSource

        return OnnxSource(program)
    kind = type(program)
    if is_lowered_function(program):
        from torshjit.capture.stablehlo_import.stablehlo_source import JaxSource

        return JaxSource(program)
    if is_jitted_function(program):
        from torshjit.capture.stablehlo_import.jit_source import JitSource

        return JitSource(program)
    is_module = kind.__name__ == "Module" and (
        hasattr(program, "operation") or kind.__module__.rpartition(".")[2] == "_compiler"
    )
    if isinstance(program, (str, bytes)) or hasattr(program, "get_asm") or is_module:
        if is_stablehlo(program):
            from torshjit.capture.stablehlo_import.stablehlo_source import StableHloSource

            return StableHloSource(program)
        return MlirSource(program)
    if _is_torch_module(program):
        return TorchSource(program)
    if callable(program):
        return PythonSource(program)
    raise ConfigError(
        f"cannot compile an object of type {kind.__name__}: expected a function, a "
        "torch.nn.Module, an ONNX model, an MLIR module or a lowered function of jax"
    )
