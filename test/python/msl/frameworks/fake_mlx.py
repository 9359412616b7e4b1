# SPDX-License-Identifier: Apache-2.0
"""What the Metal runtime uses of mlx.core: lazy arrays, and kernels whose signature MLX writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from msl.compiler import Compiler
from msl.kernel_run import HEADER, Kernel

__all__ = ["FakeMLX"]

#: What a kernel's source may mention, with the type that MLX declares it with.
_ATTRIBUTES = {
    "thread_index_in_simdgroup": "uint",
    "thread_index_in_threadgroup": "uint",
    "thread_position_in_grid": "uint3",
    "thread_position_in_threadgroup": "uint3",
    "threadgroup_position_in_grid": "uint3",
    "threadgroups_per_grid": "uint3",
    "threads_per_grid": "uint3",
    "threads_per_threadgroup": "uint3",
}
_TYPES = {"uint8": "uint8_t", "int32": "int32_t", "uint32": "uint32_t", "uint64": "uint64_t"}


class _Array(np.ndarray):
    """An array that may still have to be computed."""

    compute: Callable[[], None] | None = None


class FakeMLX:
    """In the place of the module mlx.core; `log` has the kernels and their launches.

    A launch runs when its output is evaluated, after the launches whose outputs it takes: whoever
    reads memory earlier reads old bytes.
    """

    uint8, int32, uint32, uint64 = np.uint8, np.int32, np.uint32, np.uint64

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.log: list[tuple] = []
        self.fast = SimpleNamespace(metal_kernel=self._metal_kernel)
        self.metal = SimpleNamespace(is_available=lambda: True)

    def zeros(self, shape: Sequence[int], dtype: Any) -> _Array:
        return np.zeros(shape, dtype).view(_Array)

    def array(self, values: Any, dtype: Any) -> _Array:
        return np.array(values, dtype).view(_Array)

    def eval(self, *arrays: _Array) -> None:
        for array in arrays:
            if array.compute is not None:
                compute, array.compute = array.compute, None
                compute()

    def _metal_kernel(
        self,
        name: str,
        input_names: Sequence[str],
        output_names: Sequence[str],
        source: str,
        header: str = "",
        ensure_row_contiguous: bool = True,
        atomic_outputs: bool = False,
        compile_options: Any = None,
    ) -> Callable[..., list[_Array]]:
        assert ensure_row_contiguous
        assert not atomic_outputs
        assert compile_options is None  # MLX compiles with the safe math mode
        self.log.append(("metal_kernel", name, tuple(input_names)))

        def call(
            *,
            inputs: Sequence[_Array],
            output_shapes: Sequence[Sequence[int]],
            output_dtypes: Sequence[Any],
            grid: tuple[int, int, int],
            threadgroup: tuple[int, int, int],
        ) -> list[_Array]:
            assert len(inputs) == len(input_names)
            assert len(output_shapes) == len(output_dtypes) == len(output_names)
            arguments = [*zip(input_names, inputs, strict=True)]
            declarations = [
                # Fewer than eight elements are passed as constants.
                f"const {'device' if array.size >= 8 else 'constant'} "
                f"{_TYPES[array.dtype.name]}* {name} [[buffer({number})]]"
                for number, (name, array) in enumerate(arguments)
            ]
            outputs = [
                np.full(shape, 0x5A, dtype).view(_Array)
                for shape, dtype in zip(output_shapes, output_dtypes, strict=True)
            ]
            declarations += [
                f"device {_TYPES[array.dtype.name]}* {name} [[buffer({number})]]"
                for number, (name, array) in enumerate(
                    zip(output_names, outputs, strict=True), len(inputs)
                )
            ]
            declarations += [
                f"{type_} {attribute} [[{attribute}]]"
                for attribute, type_ in _ATTRIBUTES.items()
                if attribute in source
            ]
            text = (
                f"{HEADER}{header}\n[[kernel]] void custom_kernel_{name}(\n"
                f"{', '.join(declarations)}) {{\n{source}\n}}\n"
            )
            kernel = Kernel(self.compiler, text, f"custom_kernel_{name}", checked=False)
            self.log.append(("launch", name, grid, threadgroup))

            def compute() -> None:
                self.eval(*inputs)
                bindings = [(each.ctypes.data, each.nbytes) for each in [*inputs, *outputs]]
                kernel.launch(bindings, grid[0] // threadgroup[0], threadgroup[0])

            for each in outputs:
                each.compute = compute
            return outputs

        return call
