# SPDX-License-Identifier: Apache-2.0
"""Programs whose weights, and all other state around them, are taken as they are.

What a captured program reads besides its arguments becomes frozen inputs: the compiler may
compute once what depends on nothing else, and the program is given them when it is loaded.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.graph_function import (
    ArrayLeaf,
    AttributeGuard,
    CapturedProgram,
    ObjectBinding,
    ValueLeaf,
    tree_leaves,
)
from torshjit.errors import ConfigError, TorshError
from torshjit.signatures import is_torch_tensor

__all__ = [
    "FrozenArrays",
    "freeze_program",
    "frozen_values",
    "kept_arrays",
    "require_inference",
    "value_to_save",
]

#: What kernels read fastest: a cache line, and the widest vector.
_ALIGNMENT = 64


def require_inference(program: Any) -> None:
    """Refuses a torch module that is to be trained.

    Raises:
        ConfigError: it is in training mode.
    """
    if getattr(program, "training", False) and hasattr(program, "parameters"):
        raise ConfigError(
            f"freeze=True takes a module for inference, and {type(program).__name__} is in "
            "training mode; call its eval() first"
        )


def freeze_program(program: CapturedProgram, *, takes_all: bool) -> None:
    """Marks inputs of a captured program that never change, as ``torsh.frozen``.

    Those are arrays that nobody can write, such as the initializers of a model in a file, and
    with `takes_all` all that are bound to objects. Then no guard on state remains, and gradients
    are those of the arguments alone.

    Raises:
        ConfigError: the program writes to what is to be frozen.
    """
    frozen = [
        number
        for number, binding in enumerate(program.bindings)
        if isinstance(binding, ObjectBinding) and (takes_all or binding.is_constant)
    ]
    if takes_all:
        _require_unwritten(program, frozen)
        program.guards = [
            guard
            for guard in program.guards
            if isinstance(guard, AttributeGuard) and getattr(guard.owner, "is_of_the_call", False)
        ]
        program.grad_sensitive = program.grad_sensitive and any(
            isinstance(leaf, ArrayLeaf) and leaf.dtype in ("f16", "bf16", "f32", "f64")
            for leaf in tree_leaves(program.args_tree)
        )
    if frozen:
        program.module.freeze_inputs(program.entry, frozen)
        program.frozen = frozenset(frozen)


def _require_unwritten(program: CapturedProgram, frozen: list[int]) -> None:
    targets = [
        target.value
        for target, _ in getattr(program.output_tree, "writes", ())
        if isinstance(target, ValueLeaf)
    ]
    for number in frozen:
        value = program.bindings[number].value  # type: ignore[union-attr]
        name = program.source_names[number] if program.source_names else f"input {number}"
        if any(value is target for target in targets):
            raise ConfigError(
                f"freeze=True: the program writes to {name}, which is to stay as it is"
            )
        if number in program.strided_inputs:
            raise ConfigError(
                f"freeze=True: the program addresses the storage of {name} by strides"
            )
    if targets:
        raise ConfigError("freeze=True: the program writes to a tensor that it reaches itself")


class FrozenArrays:
    """Copies of weights, of which the programs of one callable that need the same share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[int, weakref.ref[np.ndarray]] = {}

    def copy(self, pairs: Sequence[tuple[Any, np.ndarray]]) -> list[np.ndarray]:
        """Returns copies of arrays, each given with the object whose contents it is now.

        Where an earlier copy of the object's contents is equal, it is that one. New copies lie in
        one block of memory, which lives as long as any of them.
        """
        with self._lock:
            found = [self._find(value, array) for value, array in pairs]
            new = [array for (_, array), known in zip(pairs, found, strict=True) if known is None]
            made = iter(_copies_in_one_block(new))
            result = [next(made) if known is None else known for known in found]
            for (value, _), copy in zip(pairs, result, strict=True):
                self._copies[id(value)] = weakref.ref(copy)
            return result

    def _find(self, value: Any, array: np.ndarray) -> np.ndarray | None:
        known = self._copies.get(id(value))
        earlier = known() if known is not None else None
        return earlier if earlier is not None and _are_equal(earlier, array) else None


def _are_equal(earlier: np.ndarray, array: np.ndarray) -> bool:
    """Whether the bits are the same: NaN equals itself, and 0.0 is not -0.0."""
    if earlier.shape != array.shape or earlier.dtype != array.dtype:
        return False
    bits = np.dtype(f"u{array.dtype.itemsize}")
    return np.array_equal(earlier.view(bits), np.ascontiguousarray(array).view(bits))


def _copies_in_one_block(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    import torshjit._runtime as _runtime  # type: ignore[import-not-found]

    starts, size = [], 0
    for array in arrays:
        starts.append(size)
        size += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    # Mapped in huge pages: fresh small ones take ten times as long as the copy.
    memory = _runtime.new_memory(size + _ALIGNMENT)
    memory = memory[-memory.ctypes.data % _ALIGNMENT :]
    copies = []
    for array, start in zip(arrays, starts, strict=True):
        copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        copies.append(copy)
    return copies


def frozen_values(
    program: CapturedProgram, executable: Any, copies: FrozenArrays
) -> list[np.ndarray | None]:
    """Returns what `executable.freeze` takes: for each input its array, or None.

    What calls read is copied, so that later changes of the weights are not seen. What is only
    read now is not, unless nobody could tell when it is saved that it has been written since.
    """
    from torshjit.specialization import as_numpy

    held = executable.held_inputs
    arrays: list[np.ndarray | None] = []
    copied = []
    for number, binding in enumerate(program.bindings):
        if number not in program.frozen:
            arrays.append(None)
            continue
        assert isinstance(binding, ObjectBinding)
        array = as_numpy(binding.value)
        binding.version = _version_of(binding.value)
        is_tracked = binding.version is not None
        if binding.is_constant:
            pass
        elif (held[number] and executable.is_host_memory) or not is_tracked:
            copied.append((number, (binding.value, array)))
        arrays.append(array)
    made = copies.copy([pair for _, pair in copied])
    for (number, _), array in zip(copied, made, strict=True):
        arrays[number] = array
    return arrays


def kept_arrays(
    program: CapturedProgram, executable: Any, arrays: Sequence[np.ndarray | None]
) -> dict[int, np.ndarray]:
    """Returns, by input, the arrays of `frozen_values` that calls or a later `save` need."""
    held = executable.held_inputs
    return {
        number: array
        for number, array in enumerate(arrays)
        if array is not None and (held[number] or not _is_kept_elsewhere(program.bindings[number]))
    }


def _is_kept_elsewhere(binding: Any) -> bool:
    return binding.is_constant or binding.version is not None


def _version_of(value: Any) -> int | None:
    """How often torch has written to a tensor, if it counts that; None for arrays of NumPy's."""
    is_counted = is_torch_tensor(value) and not value.is_inference()
    return value._version if is_counted else None


def value_to_save(binding: Any, given: np.ndarray | None, name: str) -> Any:
    """Returns the array of a frozen input as it was when it was frozen.

    `given` is the program's own copy, if it has one.

    Raises:
        TorshError: only the user's tensor has it, which has been written since.
    """
    if given is not None:
        return given
    if binding.version is not None and binding.version != _version_of(binding.value):
        raise TorshError(
            f"{name} was written after it was frozen, and its old values are not kept; "
            "call refreeze() and the program before it is saved"
        )
    return binding.value
