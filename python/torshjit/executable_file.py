# SPDX-License-Identifier: Apache-2.0
"""Saved executables: one zip file of JSON, kernels and .npy arrays; no pickle.

metadata.json           format, version, target, what it requires, specializations
<n>/program.json        the host program of specialization n
<n>/kernels.so, .json   its kernels, in the form of the target
<n>/constants/<i>.npy   its constants
<n>/objects/<i>.npy     arrays that it read by reference, with the values they had
<n>/explain.json        the compiler's account of it
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

import torshjit._runtime as _runtime  # type: ignore[import-not-found]
from torshjit import __version__
from torshjit.capture.graph_function import ArrayLeaf, ValueLeaf
from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.compiled import CompiledModule
from torshjit.config import JitConfig
from torshjit.errors import ConfigError, DeviceError, LoadError, TorshError
from torshjit.frozen_weights import value_to_save
from torshjit.host_functions import called_functions, host_calls, is_found_by_name, op_of
from torshjit.signatures import is_torch_tensor
from torshjit.specialization import Specialization
from torshjit.tree_json import read_tree, write_tree

__all__ = ["FORMAT", "load", "save"]

#: Raised when a file of an older version of torshjit can no longer be read.
FORMAT = 2

_MALFORMED = (KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError, OSError)


# Writing.


def save(path: Any, name: str, config: JitConfig, specializations: list[Specialization]) -> None:
    """Writes compiled specializations to `path`, replacing it at once or not at all.

    Raises:
        TorshError: there is nothing to save, or something has no form in a file.
    """
    native = [each for each in specializations if not each.is_interpreted]
    if not native:
        raise TorshError(
            f"{name} has no machine code to save; call it or use torshjit.trace first, with "
            "a target_device that compiles"
        )
    kind = config.target.kind
    target = os.fspath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(target)))
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            rows = [
                _write(archive, number, each, kind.binary_name)
                for number, each in enumerate(native)
            ]
            metadata = {
                "format": FORMAT,
                "version": __version__,
                "name": name,
                "target": str(config.target),
                "requirements": kind.requirements(config.target.architecture),
                "specializations": rows,
            }
            archive.writestr("metadata.json", json.dumps(metadata, indent=1))
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _write(
    archive: zipfile.ZipFile, number: int, each: Specialization, binary_name: str
) -> dict[str, Any]:
    if each.result is None:
        raise TorshError("a program that was loaded from a file is saved by copying the file")
    parts = each.runtime_arguments
    if parts["strided_inputs"]:
        raise TorshError(
            "an executable file cannot hold a program that addresses the storage of its tensors"
        )
    if parts["grad_sensitive"]:
        # Gradients need the module itself; without it the file computes values only.
        parts = {**parts, "grad_sensitive": False}
    for callee, location in host_calls(each.result.program):
        if not is_found_by_name(callee):
            raise TorshError(
                f"the program calls {op_of(callee)} on the host, a function that only this "
                "process has; register it by torshjit.custom_op to save programs that call it",
                op=op_of(callee),
                location=location,
            )
    archive.writestr(f"{number}/program.json", each.result.program)
    archive.writestr(f"{number}/{binary_name}", each.result.binary())
    archive.writestr(
        f"{number}/explain.json",
        json.dumps({**each.explanation, "host_calls": each.host_calls}),
    )
    constants = [
        _write_array(archive, f"{number}/constants/{index}.npy", array)
        for index, array in enumerate(each.result.constants)
    ]
    bindings: list[list] = []
    for index, (kind, value) in enumerate(parts["bindings"]):
        if kind == "arg":
            bindings.append(["arg", value])
            continue
        if kind == "frozen" and each.program is not None and each.executable is not None:
            program = each.program
            value = value_to_save(
                program.bindings[index], each.frozen_copies.get(index), program.source_names[index]
            )
        dtype = _write_array(archive, f"{number}/objects/{index}.npy", value)
        bindings.append([kind, dtype])
    args, kwargs = parts["args_tree"]
    return {
        "args": [write_tree(node) for node in args],
        "kwargs": {key: write_tree(node) for key, node in kwargs.items()},
        "output": write_tree(parts["output_tree"]),
        "bindings": bindings,
        "constants": constants,
    }


def _write_array(archive: zipfile.ZipFile, name: str, value: Any) -> str:
    """Writes an array and returns its dtype's name; bf16, which .npy lacks, goes as its bits."""
    if is_torch_tensor(value):
        from torshjit.specialization import as_numpy

        value = as_numpy(value)
    array = np.ascontiguousarray(value).reshape(np.shape(value))
    dtype = array.dtype.name
    buffer = io.BytesIO()
    np.save(buffer, array.view(np.uint16) if dtype == "bfloat16" else array, allow_pickle=False)
    archive.writestr(name, buffer.getvalue())
    return dtype


# Reading.


def load(path: Any) -> CompiledModule:
    """Returns the callable that `save` wrote to `path`.

    Raises:
        LoadError: the file is missing, damaged, of another version, or made for a processor
            with features that this one lacks.
        DeviceError: the device that it was made for is absent.
    """
    name = os.fspath(path)
    try:
        with zipfile.ZipFile(name) as archive:
            metadata = json.loads(archive.read("metadata.json"))
            _check(name, metadata)
            module = CompiledModule(None, _config(name, metadata), str(metadata["name"]))
            module.config.target.kind.open_device()
            for number, row in enumerate(metadata["specializations"]):
                _read(archive, number, row, module)
            return module
    except (LoadError, DeviceError):
        raise
    except FileNotFoundError as error:
        raise LoadError(f"cannot load {name}: no such file") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, TorshError, RuntimeError) as error:
        raise LoadError(f"cannot load {name}: {error}") from error
    except _MALFORMED as error:
        raise LoadError(
            f"cannot load {name}: malformed ({type(error).__name__}: {error})"
        ) from error


def _release(version: str) -> list[str]:
    """The part of a version within which files can be exchanged."""
    return version.split(".")[:2]


def _check(name: str, metadata: Any) -> None:
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else None
        raise LoadError(
            f"cannot load {name}: its format is {found!r}, this version of torshjit "
            f"({__version__}) reads format {FORMAT}"
        )
    if _release(metadata["version"]) != _release(__version__):
        raise LoadError(
            f"cannot load {name}: it was saved by torshjit {metadata['version']}, this is "
            f"{__version__}, whose kernels are called otherwise"
        )


def _config(name: str, metadata: dict[str, Any]) -> JitConfig:
    """Options with the file's target, for which this machine meets the requirements."""
    try:
        config = JitConfig(target_device=metadata["target"])
        config.target.kind.check_requirements(metadata["requirements"])
    except (ConfigError, LoadError) as error:
        raise LoadError(f"cannot load {name}: {error}") from error
    return config


def _read(
    archive: zipfile.ZipFile, number: int, row: dict[str, Any], module: CompiledModule
) -> None:
    binary_name = module.config.target.kind.binary_name
    constants = [
        _read_array(archive, f"{number}/constants/{index}.npy", dtype)
        for index, dtype in enumerate(row["constants"])
    ]
    bindings: list[tuple[str, Any]] = []
    frozen: list[np.ndarray | None] = []
    for index, (kind, value) in enumerate(row["bindings"]):
        if kind in ("object", "frozen"):
            value = _read_array(archive, f"{number}/objects/{index}.npy", value)
        frozen.append(value if kind == "frozen" else None)
        # Nobody else has the array, so that a device may keep a copy of it. A frozen one is given
        # to the executable, which keeps what calls read.
        kind = "constant" if kind == "object" else kind
        bindings.append((kind, None if kind == "frozen" else value))
    program = archive.read(f"{number}/program.json").decode()
    if '"bf16"' in program:
        _runtime.register_numpy_dtype("bf16", numpy_dtype("bf16"))
    executable = _runtime.Executable(
        program,
        None,
        archive.read(f"{number}/{binary_name}"),
        constants,
        None,
        {name: function.entry for name, function in called_functions(program).items()} or None,
    )
    if any(array is not None for array in frozen):
        executable.freeze(frozen)
    args = [read_tree(node) for node in row["args"]]
    kwargs = {key: read_tree(node) for key, node in row["kwargs"].items()}
    output_tree = read_tree(row["output"])
    if _mentions_torch([*args, *kwargs.values(), output_tree]):
        try:
            import torch
        except ImportError:
            # The program takes and returns NumPy arrays instead.
            args = [_without_torch(node) for node in args]
            kwargs = {key: _without_torch(node) for key, node in kwargs.items()}
            output_tree = _without_torch(output_tree)
        else:
            _runtime.register_torch(torch)
    parts = {
        "args_tree": (args, kwargs),
        "bindings": bindings,
        "output_tree": output_tree,
    }
    loaded = Specialization(
        None,
        (tuple(map(_signature, args)), {key: _signature(node) for key, node in kwargs.items()}),
        executable=executable,
        explanation=json.loads(archive.read(f"{number}/explain.json")),
        cache="disk",
    )
    module.add_specialization(executable=executable, **parts)
    module.add_loaded(loaded)


def _read_array(archive: zipfile.ZipFile, name: str, dtype: str) -> np.ndarray:
    array = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
    return array.view(numpy_dtype("bf16")) if dtype == "bfloat16" else array


def _mentions_torch(nodes: Sequence[tuple]) -> bool:
    for node in nodes:
        if node[0] in ("tuple", "list") and _mentions_torch(node[1]):
            return True
        if node[0] == "dict" and _mentions_torch(list(node[1].values())):
            return True
        if "torch" in (node[1:2] if node[0] == "array" else node[2:3]):
            return True
    return False


def _without_torch(node: tuple) -> tuple:
    """The node with NumPy arrays in the place of torch tensors."""
    kind, *rest = node
    if kind in ("tuple", "list"):
        return (kind, [_without_torch(child) for child in rest[0]], *rest[1:])
    if kind == "dict":
        return (kind, {key: _without_torch(child) for key, child in rest[0].items()})
    if kind in ("array", "leaf"):
        return (kind, *("numpy" if part == "torch" else part for part in rest))
    return node


def _signature(node: tuple) -> Any:
    kind = node[0]
    if kind == "array":
        return ArrayLeaf(*node[1:])
    if kind == "value":
        return ValueLeaf(node[1])
    if kind == "dict":
        return {key: _signature(child) for key, child in node[1].items()}
    children = map(_signature, node[1])
    return list(children) if kind == "list" else tuple(children)
