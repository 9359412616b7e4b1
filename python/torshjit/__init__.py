# SPDX-License-Identifier: Apache-2.0
"""torshjit compiles tensor programs.

Hand `compile` a Python function over NumPy arrays, a `torch.nn.Module` or MLIR text, and
call what it returns. Importing this package is light: the compiler and torch are loaded when
they are first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torshjit.config import FusionStrategy, JitConfig
from torshjit.errors import (
    CaptureError,
    CompileError,
    ConfigError,
    DataError,
    DeviceError,
    DTypeError,
    LoadError,
    ShapeError,
    TorshError,
    UnsupportedOpError,
)

if TYPE_CHECKING:
    from torshjit.compiled import CompiledModule, FallbackWarning
    from torshjit.custom_operations import custom_op
    from torshjit.rewrites import fusion_rule, rewrite

__version__ = "0.1.0"

__all__ = [
    "CaptureError",
    "CompileError",
    "CompiledModule",
    "ConfigError",
    "DTypeError",
    "DataError",
    "DeviceError",
    "FallbackWarning",
    "FusionStrategy",
    "JitConfig",
    "LoadError",
    "ShapeError",
    "TorshError",
    "UnsupportedOpError",
    "__version__",
    "compile",
    "custom_op",
    "fusion_rule",
    "load",
    "reset_stats",
    "rewrite",
    "stats",
    "trace",
]

_LAZY = {
    "CompiledModule": "torshjit.compiled",
    "FallbackWarning": "torshjit.compiled",
    "custom_op": "torshjit.custom_operations",
    "fusion_rule": "torshjit.rewrites",
    "rewrite": "torshjit.rewrites",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'torshjit' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def _configured(config: JitConfig | None, options: dict[str, Any]) -> JitConfig:
    if config is not None and not isinstance(config, JitConfig):
        raise ConfigError(f"config must be a JitConfig, not {type(config).__name__}")
    config = JitConfig() if config is None else config
    return config.replace(**options) if options else config


def compile(f: Any = None, *, config: JitConfig | None = None, **options: Any) -> Any:
    """Returns a callable that runs `f` as machine code; also a decorator.

    `f` is a function over NumPy arrays or torch tensors, a `torch.nn.Module`, an ONNX model
    (an `onnx.ModelProto`, its bytes or the path of a file), or an MLIR module (text, bytecode or
    object). Without `f`, returns a decorator. `options` are those of `JitConfig` and override
    `config`.

    The program is captured and compiled at the first call with arguments of given dtypes and
    shapes. Results are new arrays, C-contiguous, of the dtypes and shapes that `f` returns.

    Raises:
        ConfigError: an option is unknown or malformed, or `f` is nothing that compiles.
        CompileError: `f` is malformed MLIR or a malformed ONNX model.
    """
    configured = _configured(config, options)
    if f is None:
        return lambda program: compile(program, config=configured)
    from torshjit.compiled import CompiledModule
    from torshjit.sources import source_of

    if configured.num_threads is not None:
        from torshjit import _runtime

        _runtime.set_num_threads(configured.num_threads)
    if isinstance(f, CompiledModule) and f.__torshjit_function__ is not None:
        f = f.__torshjit_function__
    source = source_of(f)
    callable_type = getattr(source, "callable_type", CompiledModule)
    return callable_type(source, configured)


def trace(
    f: Any, example_inputs: Sequence[Any], *, config: JitConfig | None = None, **options: Any
) -> CompiledModule:
    """As `compile`, but captures and compiles at once, for the given example inputs.

    Needs no device of the target: only calls do.

    Raises:
        TorshError: as `compile`, and whatever a first call would raise.
    """
    if not isinstance(example_inputs, (tuple, list)):
        raise ConfigError("example_inputs must be a tuple of the call's arguments")
    return compile(f, config=config, **options).prepare(*example_inputs)


def load(path: Any) -> CompiledModule:
    """Returns the callable that `CompiledModule.save` wrote to `path`.

    Needs neither the compiler nor torch.

    Raises:
        LoadError: the file is missing, damaged, of another version, or made for a processor
            with features that this one lacks.
        DeviceError: the device that it was made for is absent.
    """
    from torshjit.executable_file import load as load_file

    return load_file(path)


def stats() -> dict[str, Any]:
    """Returns the sums over the process of what `CompiledModule.stats` counts."""
    from torshjit.process_statistics import TOTALS

    return TOTALS.snapshot()


def reset_stats() -> None:
    """Sets the process's sums to zero."""
    from torshjit.process_statistics import TOTALS

    TOTALS.reset()
