# SPDX-License-Identifier: Apache-2.0
"""A StableHLO module as a source, and the callable made of a function that jax lowered."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.graph_function import CapturedProgram
from torshjit.capture.mlir_text import entry_function
from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.stablehlo_import.bindings import parse_stablehlo
from torshjit.capture.stablehlo_import.module_import import import_module
from torshjit.compiled import CompiledModule
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig
from torshjit.errors import ConfigError, ShapeError
from torshjit.sources import MlirSource

__all__ = ["CompiledJaxFunction", "JaxSource", "StableHloSource", "canonical", "kept_arguments"]


class StableHloSource(MlirSource):
    """A StableHLO module: text, bytecode, or a module object of jaxlib.

    Raises:
        ConfigError: jaxlib, which reads it, is not installed.
        CompileError: it does not parse.
        UnsupportedOpError: an operation or a form of it has no lowering.
    """

    def __init__(self, program: Any) -> None:
        module = parse_stablehlo(program)
        made = import_module(module, load_compiler(), compiler_context())
        self.module, self._host_functions = made
        self.name = "@" + entry_function(self.module)

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        program = super().capture(args, kwargs, config)
        program.host_functions.update(self._host_functions)
        return program


class JaxSource(StableHloSource):
    """What ``jax.jit(f).lower(...)`` or ``jax.export.export(...)`` returned.

    Attributes:
        in_tree: how a call is flattened.
        out_tree: what the results become.
        kept: the numbers of the flat arguments that the module takes.
    """

    def __init__(self, lowered: Any) -> None:
        if hasattr(lowered, "compiler_ir"):
            module = lowered.compiler_ir(dialect="stablehlo")
        else:
            module = lowered.mlir_module_serialized
        super().__init__(module)
        self.in_tree, self.out_tree = lowered.in_tree, lowered.out_tree
        self.kept = kept_arguments(lowered, len(self.input_types()))
        self.callable_type = CompiledJaxFunction
        self.name = str(getattr(lowered, "fun_name", None) or self.name)


def kept_arguments(lowered: Any, count: int) -> list[int]:
    """The flat arguments that a lowered module takes: jax leaves out those that are not used."""
    total = lowered.in_tree.num_leaves
    if total == count:
        return list(range(total))
    kept = getattr(lowered, "module_kept_var_idx", None)
    if kept is None:
        arguments = getattr(getattr(lowered, "_lowering", None), "compile_args", {})
        kept = arguments.get("kept_var_idx")
    if kept is None or len(kept) != count:
        raise ConfigError(
            f"the lowered module takes {count} of {total} arguments, and jax does not say which; "
            "lower with jax.jit(f, keep_unused=True)"
        )
    return sorted(kept)


class CompiledJaxFunction(CompiledModule):
    """A compiled function of jax: called as the function is, with arrays in trees.

    Returns jax arrays where an argument is one, else NumPy arrays.
    """

    def _flat(self, args: tuple, kwargs: dict) -> tuple[list[Any], bool]:
        import jax

        source: Any = self._source
        leaves, tree = jax.tree_util.tree_flatten((args, kwargs))
        if tree != source.in_tree:
            raise ShapeError(
                f"{source.name} was lowered for arguments of structure {source.in_tree}, got {tree}"
            )
        types = source.input_types()
        has_jax = any(isinstance(leaf, jax.Array) for leaf in leaves)
        kept = [leaves[number] for number in source.kept]
        return [_array(leaf, each.dtype) for leaf, each in zip(kept, types, strict=True)], has_jax

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import jax

        source: Any = self._source
        if source is None:
            # Loaded from a file: the flat arrays of the module.
            return super().__call__(*args, **kwargs)
        arrays, has_jax = self._flat(args, kwargs)
        results = super().__call__(*arrays)
        results = list(results) if isinstance(results, tuple) else [results]
        if has_jax:
            results = [jax.numpy.asarray(result) for result in results]
        return jax.tree_util.tree_unflatten(source.out_tree, results)

    def prepare(self, *args: Any, **kwargs: Any) -> CompiledModule:
        if self._source is not None:
            args, kwargs = tuple(self._flat(args, kwargs)[0]), {}
        return super().prepare(*args, **kwargs)


def canonical(array: np.ndarray) -> np.ndarray:
    """`array` in the type that jax takes it as: f32 for f64, unless 64 bits are enabled."""
    import jax

    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def _array(leaf: Any, dtype: str) -> Any:
    """An argument as a NumPy array; a Python number takes the type that it was lowered for."""
    if isinstance(leaf, (bool, int, float)):
        return np.asarray(leaf, numpy_dtype(dtype))
    return canonical(np.asarray(leaf))
