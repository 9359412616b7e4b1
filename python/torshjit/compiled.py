# SPDX-License-Identifier: Apache-2.0
"""The callable that `compile` returns."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn

import torshjit._runtime as _runtime  # type: ignore[import-not-found]
from torshjit.account import describe, sum_statistics
from torshjit.capture.graph_function import TRACED, CapturedProgram, tree_leaves
from torshjit.capture.opened_objects import open_objects
from torshjit.config import JitConfig
from torshjit.errors import (
    CaptureError,
    ConfigError,
    DataError,
    DeviceError,
    DTypeError,
    ShapeError,
    TorshError,
)
from torshjit.explanation import format_explanation
from torshjit.fallback import (
    REASONS_TO_FALL_BACK,
    Fallback,
    FallbackWarning,
    TooManySignatures,
    too_many_signatures,
    warn_of_host_calls,
    warn_of_parts,
)
from torshjit.frozen_weights import FrozenArrays, freeze_program, require_inference
from torshjit.process_statistics import TOTALS
from torshjit.rewrites import apply_rewrites
from torshjit.signatures import (
    Signature,
    is_torch_tensor,
    signature_of,
    trees_match,
)
from torshjit.sources import Source
from torshjit.specialization import Specialization

if TYPE_CHECKING:
    from torshjit.torch_backend.partitioned_program import PartitionedProgram

__all__ = ["CompiledModule", "FallbackWarning"]

_runtime.register_errors(
    program=TorshError,
    shape=ShapeError,
    dtype=DTypeError,
    device=DeviceError,
    data=DataError,
    option=ConfigError,
)


class CompiledModule(_runtime.Dispatcher):
    """A program compiled on demand, for each signature that it is called with.

    Calling it runs machine code where the arguments fit a specialization: the same arrays'
    dtypes and shapes, the same other arguments, and unchanged globals. Otherwise the program
    is captured and compiled first. It may be called from any thread.

    A program that cannot be captured runs as plain Python, with a FallbackWarning, or raises
    if the configuration is strict.
    """

    def __init__(
        self,
        source: Source | None,
        config: JitConfig,
        name: str | None = None,
        *,
        warns: bool = True,
    ) -> None:
        super().__init__()
        self._source = source
        self._config = config
        self._name = name or (source.name if source is not None else "program")
        self._lock = threading.RLock()
        self._specializations: list[Specialization] = []
        self._frozen_arrays = FrozenArrays()
        self._fallbacks: list[Fallback] = []
        #: Whether its user knows, or need not know, that it runs as plain Python.
        self._warned = not warns
        self._warns = warns
        #: Whether calls with gradients compile their backward pass; None before the first one.
        self._is_trained: bool | None = None
        self._training_calls, self._training_us = 0, 0.0
        #: What it is taken apart into where it cannot be captured as a whole.
        self._parts: PartitionedProgram | None = None
        #: Whether every further signature runs as the latest fallback does.
        self._is_full = False
        function = getattr(source, "function", None)
        if function is not None:
            functools.update_wrapper(self, function, updated=())

    @property
    def config(self) -> JitConfig:
        """The options it was made with."""
        return self._config

    @property
    def is_compiled(self) -> bool:
        """Whether there is a specialization, and no signature runs as plain Python."""
        with self._lock:
            return bool(self._specializations) and not self._fallbacks

    @property
    def __torshjit_function__(self) -> Any:
        """The Python function behind it, which a capture of its caller traces through."""
        return getattr(self._source, "function", None)

    def __repr__(self) -> str:
        count = len(self._specializations)
        noun = "specialization" if count == 1 else "specializations"
        return f"<torshjit.CompiledModule {self._name} for {self._config.target}, {count} {noun}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Binds as a function does, so that `compile` decorates methods: one per instance."""
        function = self.__torshjit_function__
        if instance is None or type(function) is not FunctionType:
            return self
        key = f"_torshjit_compiled_{self._name.rpartition('.')[2]}"
        try:
            known = instance.__dict__.get(key)
        except AttributeError:
            return MethodType(self, instance)
        if known is None or known[0] is not self:
            from torshjit.sources import PythonSource

            bound = CompiledModule(PythonSource(MethodType(function, instance)), self._config)
            known = instance.__dict__[key] = (self, bound)
        return known[1]

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a torshjit.CompiledModule cannot be pickled; use save(path) and torshjit.load(path), "
            "or pickle the program and compile it again"
        )

    # The slow path of a call.

    def _specialize(self, args: tuple, kwargs: dict) -> tuple | None:
        """Called where no specialization fits; adds one, or returns the answer as ``(value,)``."""
        if self._source is None:
            # The runtime then raises an error that says how the arguments differ.
            return None
        if any(hasattr(leaf, TRACED) for leaf in tree_leaves(open_objects((args, kwargs)))):
            return (self._inline(args, kwargs),)
        signature = signature_of(args, kwargs)
        with self._lock:
            found = self._find(signature)
            if found is None:
                found = self._add(signature, args, kwargs)
        if isinstance(found, Fallback):
            return (self._run_plainly(found, args, kwargs),)
        if not found.has_warned:
            found.has_warned = True
            warn_of_host_calls(self._name, found.host_calls)
        if found.is_interpreted:
            return (self._interpret(found, args, kwargs),)
        if found.executable is None:
            # It was compiled where its device was absent: a call needs the device.
            with self._lock:
                self._load(found)
        return None

    def _inline(self, args: tuple, kwargs: dict) -> Any:
        """Traces the program into the torch program whose capture calls it.

        Raises:
            CaptureError: it is an MLIR module, which torch cannot run.
        """
        assert self._source is not None
        if not self._source.runs_plainly:
            raise CaptureError(f"a compiled MLIR module cannot be inlined: {self._name}")
        return self._source.run(args, kwargs)

    def _find(self, signature: Signature) -> Specialization | Fallback | None:
        for each in self._specializations:
            if each.accepts(signature):
                return each
        for fallback in self._fallbacks:
            if trees_match(fallback.signature, signature):
                return fallback
        # After so many failures the next signature is not tried either.
        full = len(self._fallbacks) > self._config.max_specializations
        return self._fallbacks[-1] if full or self._is_full else None

    def _add(self, signature: Signature, args: tuple, kwargs: dict) -> Specialization | Fallback:
        try:
            if len(self._specializations) >= self._config.max_specializations:
                known = [each.signature for each in self._specializations]
                changed = [name for each in self._specializations for name in each.changed_state()]
                raise too_many_signatures(known, changed, signature)
            program = self._capture(args, kwargs)
            if program.writes and self._may_fall_back() and _needs_grad(program, args, kwargs):
                raise CaptureError(
                    "the program writes to tensors of its caller while it is trained"
                )
            made = self._build(program)
        except TorshError as error:
            if not isinstance(error, REASONS_TO_FALL_BACK) or not self._may_fall_back():
                raise
            return self._fall_back(signature, error)
        if not made.is_interpreted:
            # A program may be compiled, looked at and saved without its device.
            with contextlib.suppress(DeviceError):
                self._load(made)
        self._specializations.append(made)
        TOTALS.add_compilation(made.statistics())
        return made

    def _load(self, made: Specialization) -> None:
        """Makes a compiled specialization ready for calls, unless another thread has.

        Raises:
            DeviceError: the device of its target is absent.
        """
        if made.executable is None:
            made.load(
                self._config.target,
                profiles=self._config.enable_profiling,
                copies=self._frozen_arrays,
            )
            self.add_specialization(executable=made.executable, **made.runtime_arguments)

    def _capture(self, args: tuple, kwargs: dict) -> CapturedProgram:
        assert self._source is not None
        if self._config.freeze:
            require_inference(self._source.function)  # type: ignore[attr-defined]
        try:
            return self._source.capture(args, kwargs, self._config)
        except TorshError as error:
            again = getattr(self._source, "capture_again", None)
            if again is None or not self._may_fall_back() or not isinstance(error, CaptureError):
                raise
            program = again(args, kwargs, self._config, error)
            if program is None:
                raise
            return program
        except Exception as error:
            if not self._may_fall_back():
                raise
            # The program's own error shows again, with its own traceback, in the plain run.
            raise CaptureError(f"{type(error).__name__} while tracing: {error}") from error

    def _build(self, program: CapturedProgram) -> Specialization:
        if program.output_kind == "torch" or any(
            is_torch_tensor(getattr(binding, "value", None)) for binding in program.bindings
        ):
            import torch

            _runtime.register_torch(torch)
        if program.rewritten is None:
            program.module, program.rewritten = apply_rewrites(
                program.module, self._config.rewrites
            )
        freeze_program(program, takes_all=self._config.freeze)
        if "bf16" in str(program.module):
            _register_bfloat16()
        return self._config.target.kind.build(program, self._config)

    def _may_fall_back(self) -> bool:
        return not self._config.strict and self._source is not None and self._source.runs_plainly

    def _fall_back(self, signature: Signature, error: TorshError) -> Fallback:
        fallback = Fallback(
            signature,
            error.op or "program",
            error.message,
            error.location,
            str(error),
            self._take_apart(signature, error),
        )
        self._fallbacks.append(fallback)
        self._is_full = len(self._specializations) >= self._config.max_specializations
        return fallback

    def _take_apart(self, signature: Signature, error: TorshError) -> PartitionedProgram | None:
        """What runs a torch program in parts, unless the compiler itself refused it."""
        take_apart = getattr(self._source, "take_apart", None)
        is_over = isinstance(error, TooManySignatures)
        if take_apart is None or is_over or not isinstance(error, (CaptureError, DTypeError)):
            return None
        if self._parts is None and self._source.takes_tensors(signature):  # type: ignore[union-attr]
            self._parts = take_apart(self._config)
        return self._parts

    def _run_plainly(
        self, fallback: Fallback, args: tuple, kwargs: dict, in_parts: bool = True
    ) -> Any:
        assert self._source is not None
        started = time.perf_counter()
        parts = fallback.parts if in_parts else None
        result = (self._source if parts is None else parts).run(args, kwargs)
        elapsed = (time.perf_counter() - started) * 1e6
        is_whole = parts is not None and parts.is_whole
        with self._lock:
            fallback.calls += 1
            fallback.time_us += elapsed
            is_first = not self._warned and not is_whole
            self._warned = self._warned or is_first
        if is_first:
            # Not before the run: a program that fails by itself is no matter of the compiler.
            fallback.warn(self._name)
        if parts is None:
            TOTALS.add_python_call(elapsed, fallback.op)
        elif parts.is_broken:
            TOTALS.add_fallback(fallback.op)
        return result

    def _interpret(self, found: Specialization, args: tuple, kwargs: dict) -> Any:
        started = time.perf_counter()
        obstacle = found.memory_obstacle(args, kwargs)
        if obstacle is not None:
            return self._call_otherwise(args, kwargs, obstacle)
        if _needs_grad(found.program, args, kwargs):
            return self._call_with_grad(args, kwargs)
        result = found.interpret(args, kwargs)
        TOTALS.add_python_call((time.perf_counter() - started) * 1e6)
        return result

    def _call_otherwise(self, args: tuple, kwargs: dict, obstacle: str) -> Any:
        """Called where a call's tensors do not lie in memory as the compiled program assumes.

        `obstacle` is ``shared memory`` or ``layout``.

        Raises:
            CaptureError: the configuration is strict.
        """
        signature = signature_of(args, kwargs)
        with self._lock:
            fallback = next(
                (each for each in self._fallbacks if trees_match(each.signature, signature)), None
            )
            if fallback is None:
                error = CaptureError(f"{self._name} {_OBSTACLES[obstacle]}")
                if not self._may_fall_back():
                    raise error
                fallback = self._fall_back(signature, error)
        if obstacle == "layout":
            return self._run_plainly(fallback, args, kwargs)
        # Parts that are compiled know less of the memory than eager torch does.
        return self._run_plainly(fallback, args, kwargs, in_parts=False)

    def _call_with_grad(self, args: tuple, kwargs: dict) -> Any:
        """Called by the runtime for a grad-sensitive specialization in torch's grad mode."""
        found = self._find(signature_of(args, kwargs))
        program = getattr(found, "program", None)
        if program is None or program.call_with_grad is None:
            raise CaptureError(f"{self._name} was not captured for a call that needs gradients")
        if self._config.freeze:
            raise CaptureError(
                f"{self._name} has frozen weights and no gradients; call it under torch.no_grad(), "
                "or compile it without freeze"
            )
        if self._is_trained or program.draws_numbers or program.writes:
            return self._run_training_graphs(args, kwargs)
        return program.call_with_grad(self, args, kwargs)

    def _run_training_graphs(self, args: tuple, kwargs: dict) -> Any:
        """Answers a call with gradients by graphs whose backward pass is compiled too."""
        with self._lock:
            if self._parts is None:
                self._parts = self._source.take_apart(self._config)  # type: ignore[union-attr]
            parts = self._parts
        started = time.perf_counter()
        result = parts.run(args, kwargs)
        with self._lock:
            self._training_calls += 1
            self._training_us += (time.perf_counter() - started) * 1e6
            is_first = not self._warned and not parts.is_whole
            self._warned = self._warned or is_first
        if is_first:
            warn_of_parts(self._name, parts)
        return result

    def note_backward(self, is_differentiable: bool) -> None:
        """Told of each backward pass that ran the program again, in eager torch.

        The next calls with gradients compile their backward pass, unless one was to be
        differentiated again: torch cannot trace that.
        """
        self._is_trained = not is_differentiable and self._is_trained is not False

    def prepare(self, *args: Any, **kwargs: Any) -> CompiledModule:
        """Compiles for a call of these arguments without running it; returns itself.

        Raises:
            TorshError: the program cannot be captured or compiled, and the configuration is
                strict or nothing else can run it.
        """
        if self._source is None:
            return self
        signature = signature_of(args, kwargs)
        with self._lock:
            if self._find(signature) is None:
                self._add(signature, args, kwargs)
        return self

    # What it tells about itself.

    def input_types(self) -> tuple:
        """Returns the types of the positional arguments: an MLIR module's, or the latest call's.

        Raises:
            TorshError: it is a Python program that has not been called yet.
        """
        types = getattr(self._source, "input_types", None)
        return types() if types is not None else self._specialization(-1).signature[0]

    def stats(self) -> dict[str, Any]:
        """Returns counters summed over its signatures.

        Keys: ``calls``, ``total_time_us``, ``capture_ms``, ``compile_ms``, ``kernels``,
        ``compiled_ops``, ``constant_bytes`` (of constants, frozen weights and what was computed of
        them once), ``once_launches`` and ``once_us`` (what ran once), ``fallback_ops`` (calls by
        the operation that made them run as plain Python), ``fused_groups``, ``peak_bytes`` and
        ``naive_peak_bytes`` (of the largest arena, with reuse and without), ``cache`` (where the
        latest machine code came from), ``specializations``, and ``kernel_times`` (by kernel, where
        profiling is enabled).
        """
        with self._lock:
            programs = self._parts.programs if self._parts is not None else []
            result = sum_statistics(
                self._specializations, self._fallbacks, [each.stats() for each in programs]
            )
            result["calls"] += self._training_calls
            result["total_time_us"] += self._training_us
            return result

    def explain(self, *, structured: bool = False) -> Any:
        """Says what was fused, what was not and why, and what runs as plain Python.

        Returns text, or with `structured` a dict of ``name``, ``target``, ``specializations``
        (each with ``signature``, ``groups``, ``unfused``, ``siblings``, ``schedules``, ``packed``,
        times and ``cache``),
        ``fallbacks``, and ``parts``: the same of each graph of a program that was taken apart.
        """
        with self._lock:
            programs = self._parts.programs if self._parts is not None else []
            explanation = {
                "name": self._name,
                "target": str(self._config.target),
                **describe(self._specializations, self._fallbacks),
                "parts": [each.explain(structured=True) for each in programs],
            }
        return explanation if structured else format_explanation(explanation)

    def ir(self, phase: str = "capture", specialization: int = -1) -> str:
        """Returns the IR text after a phase, of the latest specialization unless said otherwise.

        `phase` is ``capture``, a phase of the compiler on the way to the target, or an artifact
        of the target: for the CPU ``llvmir`` (LLVM IR after LLVM's own passes) or ``assembly``,
        for CUDA ``ptx``, for Metal ``spirv`` or ``msl``. Needs no device.

        Raises:
            ConfigError: the phase is unknown; the message lists them.
            TorshError: there is no such specialization, or it was loaded from a file.
        """
        from torshjit.compiler_cache import compiler_error, load_compiler

        program = self._specialization(specialization).program
        if program is None:
            raise TorshError(f"{self._name} was loaded from a file, which holds no IR")
        if phase == "capture":
            return str(program.module)
        compiler = load_compiler()
        options = {
            **self._config.compiler_options(),
            "num_threads": _runtime.num_threads(),
            "dump_dir": None,
        }
        tables = (compiler.phases, compiler.artifacts)
        names = [name for table in tables for name, _ in table(options["target"])]
        if phase not in names:
            raise ConfigError(f"unknown phase {phase!r}; phases: {', '.join(names)}")
        try:
            return compiler.run_to_phase(program.module, phase, options)
        except compiler.MLIRError as error:
            raise compiler_error(error, f"phase {phase} failed") from error

    def _specialization(self, index: int) -> Specialization:
        with self._lock:
            try:
                return self._specializations[index]
            except IndexError:
                if self._fallbacks:
                    last = self._fallbacks[-1]
                    raise TorshError(
                        f"{self._name} was not compiled: {last.warning}", op=last.op
                    ) from None
                raise TorshError(
                    f"{self._name} has no specialization {index}; call it, or use torshjit.trace"
                ) from None

    def save(self, path: Any) -> None:
        """Writes its compiled specializations to one file, for `torshjit.load`.

        Arrays that the program reads by reference are written with the values they have now.

        Raises:
            TorshError: nothing is compiled yet, or something has no form in a file.
        """
        from torshjit.executable_file import save

        with self._lock:
            save(path, self._name, self._config, list(self._specializations))

    def add_loaded(self, loaded: Specialization) -> None:
        """Lists a specialization that was read from a file and added to the dispatcher."""
        with self._lock:
            self._specializations.append(loaded)
            TOTALS.add_compilation(loaded.statistics())

    def refreeze(self) -> None:
        """Has each signature take the weights as they are at its next call.

        The machine code is kept, unless something else changed than their contents.

        Raises:
            TorshError: it was compiled without ``freeze``, or loaded from a file.
        """
        if not self._config.freeze:
            raise TorshError(f"{self._name} was compiled without freeze=True: nothing is frozen")
        self.reset()

    def reset(self) -> None:
        """Forgets every specialization; the next call captures and compiles again."""
        if self._source is None:
            raise TorshError(f"{self._name} was loaded from a file, so it cannot be compiled again")
        with self._lock:
            self.clear_specializations()
            self._specializations.clear()
            self._fallbacks.clear()
            self._parts = self._is_trained = None
            self._training_calls, self._training_us = 0, 0.0
            self._warned, self._is_full = not self._warns, False


#: What keeps a compiled program from running on the tensors of a call.
_OBSTACLES = {
    "layout": "writes to, or addresses by strides, a tensor that is not contiguous",
    "shared memory": "writes to a tensor that may share memory with another one, or within itself",
}


def _needs_grad(program: CapturedProgram | None, args: tuple, kwargs: dict) -> bool:
    if program is None or not program.grad_sensitive:
        return False
    import torch

    if not torch.is_grad_enabled():
        return False
    bound = [getattr(binding, "value", None) for binding in program.bindings]
    return any(
        is_torch_tensor(value) and value.requires_grad
        for value in [*bound, *tree_leaves(open_objects((args, kwargs)))]
    )


def _register_bfloat16() -> None:
    from torshjit.capture.numpy_dtypes import numpy_dtype

    _runtime.register_numpy_dtype("bf16", numpy_dtype("bf16"))
