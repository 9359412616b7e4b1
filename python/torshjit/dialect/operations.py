# SPDX-License-Identifier: Apache-2.0
"""Loads the generated classes into an MLIR Python package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from torshjit.dialect.inference import inferring_view
from torshjit.errors import ConfigError

__all__ = ["load"]

#: Attributes whose values are words, and how the dialect writes them.
_WORDS = {
    "Torsh_ComparePredicateAttr": "#torsh<compare {}>",
    "Torsh_GeluApproximationAttr": "#torsh.gelu_approximation<{}>",
    "Torsh_KernelKindAttr": "#torsh.kind<{}>",
    "Torsh_ScanKindAttr": "#torsh<scan {}>",
    "Torsh_ScatterReductionAttr": "#torsh.scatter_reduction<{}>",
}

_GENERATED = Path(__file__).with_name("_torsh_ops_gen.py")

_lock = threading.Lock()
_loaded: dict[str, ModuleType] = {}


def load(ir: ModuleType) -> ModuleType:
    """Returns a module with a class and a function for each operation of the dialect.

    `ir` is the module of that name of an MLIR Python package: `mlir.ir`, `iree.compiler.ir`,
    `jaxlib.mlir.ir`, `torch_mlir.ir`. The result types of an operation are inferred where they
    follow from its operands; else they are the argument `results` or `result`. An attribute whose
    values are words takes a string: ``torsh.compare("lt", x, y)``.

    Raises:
        ConfigError: `ir` is not such a module, or the classes were not generated: this torshjit is
            only the runtime.
    """
    package, _, last = getattr(ir, "__name__", "").rpartition(".")
    if last != "ir" or not hasattr(ir, "OpView"):
        raise ConfigError(
            "torshjit.dialect.load takes the module 'ir' of an MLIR Python package, such as "
            f"iree.compiler.ir, not {ir!r}"
        )
    if not _GENERATED.exists():
        raise ConfigError("the classes of the torsh dialect are not part of a runtime-only build")
    with _lock:
        if package not in _loaded:
            _loaded[package] = _load(ir, package)
    return _loaded[package]


def _load(ir: Any, package: str) -> ModuleType:
    common = importlib.import_module(f"{package}.dialects._ods_common")
    name = f"torshjit.dialect.{package.replace('.', '_')}"
    # The generated file imports from ._ods_common, which stands beside those of MLIR's dialects.
    parent = ModuleType(name)
    parent.__path__ = []
    shim = ModuleType(f"{name}._ods_common")
    shim.__dict__.update({key: value for key, value in vars(common).items() if key[:2] != "__"})
    shim._cext = _Overriding(  # type: ignore[attr-defined]
        common._cext, ir=_Overriding(common._cext.ir, OpView=inferring_view(ir))
    )
    sys.modules[name], sys.modules[shim.__name__] = parent, shim
    for attribute, form in _WORDS.items():
        ir.register_attribute_builder(attribute, replace=True)(_word_builder(ir, form))
    spec = importlib.util.spec_from_file_location(f"{name}.torsh", _GENERATED)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _word_builder(ir: Any, form: str) -> Any:
    def build(word: object, context: Any = None) -> Any:
        return ir.Attribute.parse(form.format(word), context=context)

    return build


class _Overriding:
    """Another object with some attributes replaced."""

    def __init__(self, other: Any, **replaced: Any) -> None:
        self.__dict__.update(replaced)
        self.__dict__["_other"] = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)
