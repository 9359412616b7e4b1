# SPDX-License-Identifier: Apache-2.0
"""One signature's program: captured, compiled, and counted."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import numpy as np

from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArgumentLeaf,
    ArrayLeaf,
    AttributeGuard,
    CapturedProgram,
    IdentityGuard,
    ResultLeaf,
    ValueLeaf,
    leaves_like,
    tree_leaves,
)
from torshjit.capture.opened_objects import build, open_objects, opened_sources
from torshjit.compiler_cache import compile_module
from torshjit.config import JitConfig
from torshjit.errors import TorshError
from torshjit.frozen_weights import FrozenArrays, frozen_values, kept_arrays
from torshjit.host_functions import called_functions, find_function, host_calls, op_of
from torshjit.signatures import Signature, format_signature, is_torch_tensor, trees_match
from torshjit.targets import Target

__all__ = ["Specialization", "as_numpy", "as_torch", "build_interpreted", "build_native"]

#: Operation, user's line, whether it stands in for what the compiler lacks.
HostCallRow = tuple[str, tuple[str, int] | None, bool]


class Specialization:
    """A captured program with what became of it.

    Attributes:
        program: the captured program; None for one that was loaded from a file.
        signature: the argument tree it answers.
        executable: the `_runtime.Executable`; None where the interpreter runs it, and before
            `load`.
        result: the `_compiler.CompileResult`, or None.
        explanation: the compiler's account of its fusion groups.
        cache: where the machine code came from: ``memory``, ``disk``, ``miss`` or None.
    """

    def __init__(
        self,
        program: CapturedProgram | None,
        signature: Signature,
        *,
        executable: Any = None,
        result: Any = None,
        explanation: dict[str, Any] | None = None,
        cache: str | None = None,
        capture_ms: float = 0.0,
        compile_ms: float = 0.0,
        timings_ms: dict[str, float] | None = None,
        runtime_arguments: dict[str, Any] | None = None,
    ) -> None:
        self.program = program
        self.signature = signature
        self.executable = executable
        self.result = result
        self.explanation = explanation or {"groups": [], "unfused": [], "schedules": {}}
        self.cache = cache
        self.capture_ms = capture_ms
        self.compile_ms = compile_ms
        self.timings_ms = timings_ms or {}
        self.runtime_arguments = runtime_arguments or {}
        #: By input: the frozen arrays that calls read.
        self.frozen_copies: dict[int, np.ndarray] = {}
        self.graph: Any = None
        self.interpreted_calls = 0
        self.interpreted_us = 0.0
        self._host_calls: list[HostCallRow] | None = None
        #: Whether the user knows of its host calls.
        self.has_warned = False

    @property
    def is_interpreted(self) -> bool:
        """Whether `interpret` answers its calls."""
        return self.executable is None and self.result is None

    def load(self, target: Target, *, profiles: bool, copies: FrozenArrays | None = None) -> None:
        """Loads what was compiled onto the device of its target, and runs what runs once.

        `copies` are those of weights that other specializations of the program have.

        Raises:
            DeviceError: the device is absent.
        """
        import torshjit._runtime as _runtime  # type: ignore[import-not-found]

        target.kind.open_device(target.architecture)
        result, kernels = self.result, self.result.kernels
        # Nothing is loaded for kernels that are in this process already, or for a program that
        # only moves memory.
        is_loaded = bool(kernels) or '"kernel":' not in result.program
        binary = None if is_loaded else result.binary()
        given = self.program.host_functions if self.program is not None else None
        functions = called_functions(result.program, given)
        executable = _runtime.Executable(
            result.program,
            kernels,
            binary,
            list(result.constants),
            result.code,
            {name: function.entry for name, function in functions.items()} or None,
        )
        if self.program is not None and self.program.frozen:
            arrays = frozen_values(self.program, executable, copies or FrozenArrays())
            executable.freeze(arrays)
            self.frozen_copies = kept_arrays(self.program, executable, arrays)
        if profiles:
            executable.set_profiling(True)
        self.executable = executable

    def accepts(self, signature: Signature) -> bool:
        """Whether a call of this signature may run it now."""
        if not trees_match(self.signature, signature):
            return False
        return self.program is None or all(guard.holds() for guard in self.program.guards)

    def changed_state(self) -> list[str]:
        """The names of the guarded state that is no longer what it was."""
        guards = self.program.guards if self.program is not None else []
        return [
            str(guard.key) if isinstance(guard, IdentityGuard) else guard_name(guard)
            for guard in guards
            if not guard.holds()
        ]

    def __str__(self) -> str:
        return format_signature(self.signature)

    def statistics(self) -> dict[str, Any]:
        """Returns the numbers of `CompiledModule.stats` for this signature."""
        groups = self.explanation.get("groups", ())
        row: dict[str, Any] = {
            "calls": self.interpreted_calls,
            "total_time_us": self.interpreted_us,
            "capture_ms": self.capture_ms,
            "compile_ms": self.compile_ms,
            "kernels": len(groups),
            "compiled_ops": sum(len(group["ops"]) for group in groups),
            "fused_groups": sum(len(group["ops"]) > 1 for group in groups),
            "peak_bytes": 0,
            "naive_peak_bytes": 0,
            "constant_bytes": 0,
            "once_launches": 0,
            "once_us": 0.0,
            "cache": self.cache,
            "kernel_times": {},
        }
        if self.executable is not None:
            native = self.executable.stats()
            row["calls"] += native["calls"]
            row["total_time_us"] += native["total_time_us"]
            row["peak_bytes"] = native["peak_bytes"]
            for name in ("naive_peak_bytes", "constant_bytes", "once_launches", "once_us"):
                row[name] = native[name]
            row["constant_bytes"] += sum(each.nbytes for each in self.frozen_copies.values())
            row["kernel_times"] = dict(native.get("kernels", {}))
        counts = Counter(op for op, _, is_fallback in self.host_calls if is_fallback)
        row["fallback_ops"] = {op: count * row["calls"] for op, count in counts.items()}
        return row

    @property
    def host_calls(self) -> list[HostCallRow]:
        """The calls of the host in the program, each as (operation, user's line, fallback)."""
        if self._host_calls is None:
            self._host_calls = [
                (op_of(name), location, self._is_fallback(name))
                for name, location in self._named_host_calls()
            ]
        return self._host_calls

    def _named_host_calls(self) -> list[tuple[str, tuple[str, int] | None]]:
        if self.result is not None:
            return host_calls(self.result.program)
        if self.program is None:
            rows = self.explanation.get("host_calls", ())
            return [(name, tuple(place) if place else None) for name, place, _ in rows]
        if "torsh.host_call" not in str(self.program.module):
            return []
        graph = self.program.module.graph(self.program.entry)
        return [
            (op.attributes["callee"], op.location)
            for op in graph.ops
            if op.name == "torsh.host_call"
        ]

    def _is_fallback(self, name: str) -> bool:
        given = self.program.host_functions.get(name) if self.program is not None else None
        try:
            return (given or find_function(name)).is_fallback
        except TorshError:
            return False

    def _array_leaves(self, call: Any) -> list[Any]:
        assert self.program is not None
        tree = self.program.args_tree
        pairs = zip(tree_leaves(tree), leaves_like(tree, call), strict=True)
        return [value for leaf, value in pairs if isinstance(leaf, ArrayLeaf)]

    def _inputs(self, leaves: list[Any]) -> list[Any]:
        """The arrays that the program reads: arguments, and objects that it is bound to."""
        assert self.program is not None
        return [
            leaves[each.leaf] if isinstance(each, ArgumentBinding) else each.value
            for each in self.program.bindings
        ]

    def memory_obstacle(self, args: tuple, kwargs: dict) -> str | None:
        """Why an interpreted call must not run, if the memory of its tensors matters to it."""
        program = self.program
        if program is None or not (program.writes or program.strided_inputs):
            return None
        import torshjit._runtime as _runtime  # type: ignore[import-not-found]

        leaves = self._array_leaves(open_objects((args, kwargs)))
        inputs = self._inputs(leaves)
        targets = [
            leaves[target.leaf] if isinstance(target, ArgumentLeaf) else target.value
            for target, _ in getattr(program.output_tree, "writes", ())
        ]
        written = [n for n, each in enumerate(inputs) if any(each is t for t in targets)]
        return _runtime.find_memory_obstacle(inputs, written, program.strided_inputs)

    def interpret(self, args: tuple, kwargs: dict) -> Any:
        """Answers a call through the reference interpreter."""
        from torshjit.interpreter import evaluate

        started = time.perf_counter()
        program = self.program
        assert program is not None
        if self.graph is None:
            self.graph = program.module.graph(program.entry)
        call = open_objects((args, kwargs))
        leaves = self._array_leaves(call)
        inputs = list(map(as_numpy, self._inputs(leaves)))
        outputs = [
            np.array(output)
            if any(np.may_share_memory(output, each) for each in inputs)
            else output
            for output in map(
                np.asarray,
                evaluate(self.graph, inputs, host_functions=program.host_functions),
            )
        ]
        if program.output_kind == "torch":
            outputs = [as_torch(output) for output in outputs]

        def leave(leaf: Any) -> Any:
            if isinstance(leaf, ResultLeaf):
                return outputs[leaf.index][()] if leaf.scalar else outputs[leaf.index]
            if isinstance(leaf, ArgumentLeaf):
                return leaves[leaf.leaf]
            assert isinstance(leaf, ValueLeaf)
            return leaf.value

        result = build(program.output_tree, leave, list(opened_sources(call)))
        self.interpreted_calls += 1
        self.interpreted_us += (time.perf_counter() - started) * 1e6
        return result


def guard_name(guard: AttributeGuard) -> str:
    """What a message calls the state that a guard watches."""
    return getattr(guard.owner, "name", None) or f"{type(guard.owner).__name__}.{guard.name}"


def as_numpy(value: Any) -> np.ndarray:
    """Returns an array of any library as a NumPy array of native byte order, shared if it can."""
    if not is_torch_tensor(value):
        array = np.asarray(value) if hasattr(value, "__array__") else np.from_dlpack(value)
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        import ml_dtypes
        import torch

        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def as_torch(array: np.ndarray) -> Any:
    """Returns a NumPy array as a torch tensor."""
    import torch

    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def build_interpreted(program: CapturedProgram) -> Specialization:
    """Returns the specialization that the interpreter runs."""
    return Specialization(program, program.args_tree, capture_ms=program.capture_ms)


def build_native(program: CapturedProgram, config: JitConfig) -> Specialization:
    """Compiles a captured program; `Specialization.load` makes it ready to run.

    Raises:
        CompileError: the compiler rejects the program.
    """
    import torshjit._runtime as _runtime  # type: ignore[import-not-found]
    from torshjit.dispatch_trees import runtime_arguments

    started = time.perf_counter()
    options = config.compiler_options()
    options["num_threads"] = _runtime.num_threads()
    options["dump_dir"] = config.dump_dir
    result, origin = compile_module(program.module, options, use_cache=config.enable_caching)
    return Specialization(
        program,
        program.args_tree,
        result=result,
        explanation=json.loads(result.explain),
        cache=origin,
        capture_ms=program.capture_ms,
        compile_ms=(time.perf_counter() - started) * 1e3,
        timings_ms=dict(result.timings_ms) if origin == "miss" else {},
        runtime_arguments=runtime_arguments(program),
    )
