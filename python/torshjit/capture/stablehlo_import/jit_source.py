# SPDX-License-Identifier: Apache-2.0
"""A function under ``jax.jit``: lowered for each structure and types of its arguments."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArrayLeaf,
    CapturedProgram,
    ResultLeaf,
    ValueLeaf,
)
from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.capture.stablehlo_import.bindings import parse_stablehlo
from torshjit.capture.stablehlo_import.module_import import import_module
from torshjit.capture.stablehlo_import.stablehlo_source import canonical, kept_arguments
from torshjit.compiled import CompiledModule
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig
from torshjit.errors import CaptureError, ConfigError

__all__ = ["CompiledJitFunction", "JitSource"]


class JitSource:
    """What ``jax.jit`` returns. Plainly, jax runs it.

    Its calls are flat arrays, and a word for their structure.
    """

    runs_plainly = True
    function = None

    def __init__(self, jitted: Any) -> None:
        self.jitted = jitted
        self.name = getattr(jitted, "__qualname__", None) or "jax function"
        self.callable_type = CompiledJitFunction
        #: By the word for a structure: the trees of arguments and results, and which flat
        #: arguments are Python numbers, whose types give way to those of arrays.
        self.structures: dict[str, tuple[Any, tuple[bool, ...]]] = {}
        self.out_trees: dict[str, Any] = {}

    def word(self, tree: Any, weak: tuple[bool, ...]) -> str:
        """The word for a structure."""
        word = f"{tree} {''.join('n' if each else 'a' for each in weak)}"
        self.structures.setdefault(word, (tree, weak))
        return word

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        import jax

        started = time.perf_counter()
        word = kwargs["structure"]
        tree, weak = self.structures[word]
        specs = [
            jax.ShapeDtypeStruct(array.shape, array.dtype, weak_type=number)
            for array, number in zip(args, weak, strict=True)
        ]
        call_args, call_kwargs = jax.tree_util.tree_unflatten(tree, specs)
        try:
            lowered = self.jitted.lower(*call_args, **call_kwargs)
        except Exception as error:
            raise CaptureError(f"jax cannot lower {self.name}: {error}", op="jax.jit") from error
        hlo = parse_stablehlo(lowered.compiler_ir(dialect="stablehlo"))
        module, functions = import_module(hlo, load_compiler(), compiler_context())
        graph = module.graph("main")
        kept = kept_arguments(lowered, len(graph.inputs))
        self.out_trees[word] = lowered.out_tree
        leaves = tuple(
            ArrayLeaf("numpy", dialect_dtype(array.dtype), tuple(array.shape)) for array in args
        )
        return CapturedProgram(
            module=module,
            args_tree=(leaves, {"structure": ValueLeaf(word)}),
            bindings=[ArgumentBinding(number) for number in kept],
            output_tree=tuple(ResultLeaf(index) for index in range(len(graph.outputs))),
            output_kind="numpy",
            source_names=list(graph.input_names),
            host_functions=functions,
            capture_ms=(time.perf_counter() - started) * 1e3,
        )

    def run(self, args: tuple, kwargs: dict) -> Any:
        import jax

        tree, weak = self.structures[kwargs["structure"]]
        leaves = [a.item() if n else a for a, n in zip(args, weak, strict=True)]
        call_args, call_kwargs = jax.tree_util.tree_unflatten(tree, leaves)
        result = self.jitted(*call_args, **call_kwargs)
        flat, self.out_trees[kwargs["structure"]] = jax.tree_util.tree_flatten(result)
        return tuple(np.asarray(each) for each in flat)


class CompiledJitFunction(CompiledModule):
    """A compiled function under ``jax.jit``, called as that is.

    Returns jax arrays where an argument is one, else NumPy arrays.
    """

    def _flat(self, args: tuple, kwargs: dict) -> tuple[list[np.ndarray], str, bool]:
        import jax

        source: Any = self._source
        leaves, tree = jax.tree_util.tree_flatten((args, kwargs))
        weak = tuple(isinstance(leaf, (bool, int, float)) for leaf in leaves)
        arrays = [canonical(np.asarray(leaf)) for leaf in leaves]
        if any(array.dtype.kind in "OSU" for array in arrays):
            raise CaptureError(
                f"{source.name}: an argument is not an array; compile "
                "jax.jit(f).lower(...) where arguments are static",
                op="jax.jit",
            )
        has_jax = any(isinstance(leaf, jax.Array) for leaf in leaves)
        return arrays, source.word(tree, weak), has_jax

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import jax

        source: Any = self._source
        if source is None:
            return super().__call__(*args, **kwargs)
        arrays, word, has_jax = self._flat(args, kwargs)
        results = super().__call__(*arrays, structure=word)
        if has_jax:
            results = tuple(jax.numpy.asarray(result) for result in results)
        return jax.tree_util.tree_unflatten(source.out_trees[word], results)

    def prepare(self, *args: Any, **kwargs: Any) -> CompiledModule:
        if self._source is not None:
            arrays, word, _ = self._flat(args, kwargs)
            args, kwargs = tuple(arrays), {"structure": word}
        return super().prepare(*args, **kwargs)

    def save(self, path: Any) -> None:
        """Not offered: a file has one structure of arguments.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "a function under jax.jit has many structures of arguments; save "
            "torshjit.compile(jax.jit(f).lower(...)), which has one"
        )
