# SPDX-License-Identifier: Apache-2.0
"""Compiles the suite for a target that need not be here, and saves it. Needs the compiler."""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from e2e.op_case import Case
from e2e.op_cases import CASES, DYNAMIC_CASES
from e2e.op_programs import build_program
from e2e.tolerance import Tolerance, scale_of
from graph_records import DTYPES

import torshjit
from saved_suite.archive import Writer
from torshjit.interpreter import evaluate

__all__ = ["write"]

_HEADERS = Path("/usr/include/nlohmann")

#: A network's result may differ from float64's by so many roundings of float32, relative to its
#: largest element: the sums in it have up to a thousand terms.
_NETWORK_UNITS = 512


def write(path: Path, target: str, pattern: str = "*", factor: int = 0) -> tuple[int, int]:
    """Saves the programs whose ids match `pattern`; returns how many were saved and refused.

    With a `factor`, also the workloads of that size, to be timed; torch is needed for them.
    """
    writer = Writer(path, target)
    saved = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "executable"
        for id, add in _programs(writer, target, file):
            if not fnmatch.fnmatch(id, pattern):
                continue
            try:
                add()
                saved += 1
            except torshjit.CompileError as error:
                writer.refuse(id, str(error))
                refused += 1
        if factor:
            _add_workloads(writer, target, factor, file)
    if _HEADERS.is_dir():
        for header in sorted(_HEADERS.rglob("*.hpp")):
            name = f"include/nlohmann/{header.relative_to(_HEADERS)}"
            writer.add_file(name, header.read_bytes())
    writer.close()
    return saved, refused


def _programs(writer: Writer, target: str, file: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """The id of each program, and what compiles and adds it."""
    for case in CASES:
        yield case.id, lambda case=case: _add_case(writer, case, False, target, file)
    for case in DYNAMIC_CASES:
        yield f"{case.id}-dynamic", lambda case=case: _add_case(writer, case, True, target, file)
    try:
        import torch_models
    except BaseException as error:  # pytest's skip, where torch is not installed
        if type(error).__name__ not in ("Skipped", "ImportError", "ModuleNotFoundError"):
            raise
        return
    for make in torch_models.MODELS:
        yield (
            f"torch-{make.__name__}",
            lambda make=make: _add_network(writer, make, target, file),
        )


def _save(program: Any, arguments: Sequence[Any], target: str, file: Path) -> bytes:
    options = {"strict": True, "numerics": "strict", "enable_caching": False}
    torshjit.trace(program, tuple(arguments), target_device=target, **options).save(file)
    return file.read_bytes()


def _add_case(writer: Writer, case: Case, dynamic: bool, target: str, file: Path) -> None:
    from torshjit import _compiler  # type: ignore[attr-defined]

    module = build_program(case, _compiler.GraphBuilder(_compiler.Context()), dynamic)
    graph = module.graph("main")
    arrays = case.values()

    def oracle(operands: Sequence[np.ndarray]) -> np.ndarray:
        typed = [a.astype(b.dtype) for a, b in zip(operands, arrays, strict=True)]
        return evaluate(graph, typed, "f64")[0]

    executable = _save(module, arrays, target, file)
    expected = oracle(arrays)
    scale = scale_of(case.tolerance, arrays, expected, oracle)
    result = writer.result(
        DTYPES[case.result_dtype].name, np.asarray(expected), case.tolerance, scale
    )
    id = f"{case.id}-dynamic" if dynamic else case.id
    writer.add(id, "numpy", executable, arrays, [result])


def _add_network(writer: Writer, make: Any, target: str, file: Path) -> None:
    import torch

    torch.manual_seed(0)
    network, x = make()
    with torch.no_grad():
        executable = _save(network, [x], target, file)
        wide = x.double() if x.is_floating_point() else x
        expected = network.double()(wide).numpy()
    scale = np.full(expected.shape, np.abs(expected).max())
    result = writer.result("float32", expected, Tolerance(_NETWORK_UNITS), scale)
    writer.add(f"torch-{make.__name__}", "torch", executable, [x.numpy()], [result])


def _add_workloads(writer: Writer, target: str, factor: int, file: Path) -> None:
    import torch

    from saved_suite.workloads import WORKLOADS, example_inputs

    writer.factor = factor
    for workload in WORKLOADS:
        with torch.no_grad():
            inputs = example_inputs(workload, factor)
            writer.add_timed(_save(workload.function, inputs, target, file))
