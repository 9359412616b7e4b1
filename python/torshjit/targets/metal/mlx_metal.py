# SPDX-License-Identifier: Apache-2.0
"""Metal through MLX: `mlx.core.fast.metal_kernel`.

MLX writes the signature of a kernel and takes its body; its outputs are new arrays. Programs of
torshjit have an arena in which each kernel writes its own part. So every block of memory is an
array of bytes that a kernel takes as an input, its operands are places in them, and the one output
is a token: the next launch takes it as an input, which keeps launches in order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import Place
from torshjit.targets.metal.kernel_function import (
    KernelFunction,
    MSLTextError,
    Parameter,
    kernel_functions,
)
from torshjit.targets.metal.metal_device import HostVisibleMetalDevice

__all__ = ["MLXDevice"]

#: MLX passes arrays of fewer elements in the constant address space.
_LEAST_ELEMENTS = 8

#: What any Apple GPU runs of a kernel that does not need many registers. MLX does not tell what a
#: kernel can do, but checks at the launch.
_MAX_THREADS = 1024


class _Launcher(NamedTuple):
    """What `metal_kernel` returned, and how many buffers it takes."""

    call: Any
    num_bindings: int


class MLXDevice(HostVisibleMetalDevice):
    """Memory is arrays of bytes; MLX runs launches when someone waits for the last one's token.

    Args:
        mx: the module mlx.core.
    """

    def __init__(self, mx: Any) -> None:
        super().__init__()
        self._mx = mx
        self._token: Any = None

    def new_memory(self, size: int) -> Any:
        array = self._mx.zeros((size,), dtype=self._mx.uint8)
        self._mx.eval(array)
        return array

    def compile(self, text: str) -> str:
        return text

    def function(self, library: str, entry: str) -> _Launcher:
        try:
            functions = {each.name: each for each in kernel_functions(library)}
            if entry not in functions:
                raise DeviceError(f"the MSL text has no kernel {entry}")
            function = functions[entry]
            source = _body(library, function)
        except MSLTextError as error:
            raise DeviceError(f"kernel {entry} cannot be given to MLX: {error}") from error
        names = [f"operand{number}" for number in range(function.num_bindings)]
        header = _header(library, functions.values())
        # MLX keeps one library for each name.
        digest = hashlib.sha256((header + source).encode()).hexdigest()[:16]
        call = self._mx.fast.metal_kernel(
            name=f"{entry}_{digest}",
            input_names=[*names, "places", "after"],
            output_names=["token"],
            source=source,
            header=header,
            ensure_row_contiguous=True,
        )
        return _Launcher(call, function.num_bindings)

    def max_threads(self, function: _Launcher) -> int:
        return _MAX_THREADS

    def dispatch(
        self,
        function: _Launcher,
        operands: Sequence[Place],
        sizes: tuple[int, ...],
        groups: int,
        threads: int,
    ) -> None:
        mx = self._mx
        inputs = [place.memory for place in operands]
        places = [place.offset for place in operands]
        if sizes:
            inputs.append(mx.array(_padded(sizes), dtype=mx.int32))
            places.append(0)
        # A text declares no buffers behind the last one that its kernel uses.
        inputs = inputs[: function.num_bindings]
        if self._token is None:
            self._token = mx.zeros((_LEAST_ELEMENTS,), dtype=mx.uint32)
        (self._token,) = function.call(
            inputs=[*inputs, mx.array(_padded(places), dtype=mx.uint64), self._token],
            output_shapes=[(_LEAST_ELEMENTS,)],
            output_dtypes=[mx.uint32],
            grid=(groups * threads, 1, 1),
            threadgroup=(threads, 1, 1),
        )

    def synchronize(self) -> None:
        if self._token is not None:
            token, self._token = self._token, None
            self._mx.eval(token)

    def view(self, place: Place, size: int) -> memoryview:
        return memoryview(place.memory).cast("B")[place.offset : place.offset + size]


def _padded(values: Sequence[int]) -> list[int]:
    return [*values, *[0] * (_LEAST_ELEMENTS - len(values))]


def _header(text: str, functions: Any) -> str:
    """The text without its kernels: structures and functions that they use."""
    for each in sorted(functions, key=lambda function: -function.start):
        text = text[: each.start] + text[each.end :]
    return re.sub(r"^\s*#\s*include\b.*$", "", text, flags=re.MULTILINE)


def _body(text: str, function: KernelFunction) -> str:
    lines = [_binding(each) for each in function.parameters]
    lines.append("if (thread_position_in_grid.x == 0u) token[0] = after[0] + 1u;")
    # Its own braces keep its names apart from those of MLX's signature.
    return "\n".join([*lines, text[function.body : function.end]])


def _binding(parameter: Parameter) -> str:
    """A declaration of what the kernel's text calls by its own name."""
    number = parameter.binding
    if number is None:
        scalar = re.fullmatch(r"u(int|short)", parameter.declaration)
        is_vector = parameter.attribute.endswith(("_in_grid", "_in_threadgroup", "_per_grid"))
        is_vector |= parameter.attribute == "threads_per_threadgroup"
        is_vector &= "index" not in parameter.attribute
        value = parameter.attribute + (".x" if scalar and is_vector else "")
        return f"{parameter.declaration} {parameter.name} = {value};"
    pointee, form = parameter.pointee
    # The address space is device even where the text says constant: MLX binds it so.
    qualifier = "const device" if parameter.is_read_only else "device"
    place = f"({qualifier} {pointee}*)((device uint8_t*)operand{number} + places[{number}])"
    value = f"*{place}" if form == "&" else place
    return f"{qualifier} {pointee}{form} {parameter.name} = {value};"
