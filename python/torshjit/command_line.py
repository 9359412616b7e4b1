# SPDX-License-Identifier: Apache-2.0
"""The commands of ``python -m torshjit``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import torshjit
from torshjit import environment, targets
from torshjit.capture.graph_function import ArrayLeaf, tree_leaves
from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.cpu_features import host_features, host_machine
from torshjit.errors import ConfigError, TorshError

__all__ = ["main"]


def _doctor(arguments: argparse.Namespace) -> int:
    """Prints what is installed and found; returns 1 where something needed is missing."""
    print(f"torshjit {torshjit.__version__}")
    print(f"python {platform.python_version()} on {platform.platform()}")
    print(f"numpy {np.__version__}")
    for package in ("torch", "ml_dtypes"):
        found = importlib.util.find_spec(package) is not None
        print(f"{package}: {'installed' if found else 'not installed (optional)'}")
    print(f"processor: {host_machine()}, {' '.join(host_features()) or 'features unknown'}")
    missing = 0
    for name, purpose in (("_runtime", "runs programs"), ("_compiler", "compiles programs")):
        started = time.perf_counter()
        try:
            module = importlib.import_module(f"torshjit.{name}")
        except ImportError as error:
            missing += 1
            print(f"torshjit.{name} ({purpose}): does not load: {error}")
            continue
        elapsed = (time.perf_counter() - started) * 1e3
        print(f"torshjit.{name} ({purpose}): loaded in {elapsed:.0f} ms")
        if name == "_runtime":
            print(f"threads: {module.num_threads()}")
    for name in targets.names():
        kind = targets.find(name)
        problem = kind.device_problem() if not missing else "the runtime does not load"
        print(f"target {name} ({kind.sentence}): {problem or 'runs here'}")
    print("cache: in memory, for one process")
    for variable in environment.VARIABLES.values():
        value = environment.read(variable.name)
        if value != variable.default:
            print(f"{variable.name}={value}")
    return 1 if missing else 0


def _compiled(arguments: argparse.Namespace) -> Any:
    """The program of a .mlir file, compiled for its own signature, or a saved executable."""
    path = Path(arguments.file)
    if path.suffix != ".mlir":
        return torshjit.load(path)
    options = {"target_device": arguments.target} if arguments.target else {}
    return torshjit.compile(path.read_text(), **options)


def _random_input(leaf: ArrayLeaf, generator: np.random.Generator, extent: int) -> np.ndarray:
    shape = tuple(extent if size < 0 else size for size in leaf.shape)
    dtype = numpy_dtype(leaf.dtype)
    if leaf.dtype == "i1":
        return generator.random(shape) < 0.5
    if leaf.dtype.startswith(("i", "ui")):
        return generator.integers(0, 10, shape).astype(dtype)
    return generator.standard_normal(shape).astype(dtype)


def _inputs(compiled: Any, arguments: argparse.Namespace) -> list[np.ndarray]:
    """The arrays of the given .npy files, or random ones of the program's signature."""
    if arguments.inputs:
        return [np.load(name, allow_pickle=False) for name in arguments.inputs]
    generator = np.random.default_rng(arguments.seed)
    leaves = list(tree_leaves(compiled.input_types()))
    unknown = [leaf for leaf in leaves if not isinstance(leaf, ArrayLeaf) or leaf.kind == "torch"]
    if unknown:
        raise ConfigError("the program takes more than NumPy arrays, so none can be made for it")
    return [_random_input(leaf, generator, arguments.extent) for leaf in leaves]


def _describe(value: Any) -> str:
    array = np.asarray(value)
    summary = f"{array.dtype}{list(array.shape)}"
    if array.size and array.dtype.kind in "fiub":
        wide = array.astype(np.float64)
        summary += f"  min {wide.min():.6g}  mean {wide.mean():.6g}  max {wide.max():.6g}"
    return summary


def _run(arguments: argparse.Namespace) -> int:
    compiled = _compiled(arguments)
    inputs = _inputs(compiled, arguments)
    result = compiled(*inputs)
    for _ in range(arguments.repeat - 1):
        compiled(*inputs)
    results = list(tree_leaves(result))
    for number, value in enumerate(results):
        print(f"result {number}: {_describe(value)}")
        if arguments.output:
            np.save(f"{arguments.output}{number}.npy", np.asarray(value), allow_pickle=False)
    stats = compiled.stats()
    mean = stats["total_time_us"] / max(stats["calls"], 1)
    print(f"{stats['calls']} calls, {mean:.1f} us each, {stats['kernels']} kernels")
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    compiled = _compiled(arguments)
    if Path(arguments.file).suffix == ".mlir":
        compiled.prepare(*_inputs(compiled, arguments))
    if arguments.phase:
        print(compiled.ir(arguments.phase))
    else:
        print(compiled.explain())
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    compiled = _compiled(arguments)
    compiled.prepare(*_inputs(compiled, arguments))
    compiled.save(arguments.output)
    stats = compiled.stats()
    print(f"{arguments.output}: {stats['kernels']} kernels, {stats['compile_ms']:.0f} ms")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m torshjit", description="The torshjit tools.")
    parser.add_argument("--version", action="version", version=torshjit.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    doctor = commands.add_parser("doctor", help="say what is installed and what is missing")
    doctor.set_defaults(action=_doctor)

    def add(name: str, action: Any, help: str, file_help: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help)
        command.set_defaults(action=action, inputs=[])
        command.add_argument("file", help=file_help)
        command.add_argument("--target", help="what to compile for, as target_device")
        command.add_argument("--seed", type=int, default=0, help="of random inputs")
        command.add_argument(
            "--extent", type=int, default=8, help="of a random input along a dynamic axis"
        )
        return command

    either = "MLIR text (.mlir) or a saved executable"
    run = add("run", _run, "run a program once on given or random inputs", either)
    run.add_argument("inputs", nargs="*", help=".npy files, one per input; random without any")
    run.add_argument("--repeat", type=int, default=1, help="number of calls")
    run.add_argument("--output", help="prefix of .npy files to write the results to")

    explain = add("explain", _explain, "say what a program was compiled to", either)
    explain.add_argument("--phase", help="print the IR after this phase instead")

    compile_ = add("compile", _compile, "compile MLIR text to an executable file", "MLIR text")
    compile_.add_argument("-o", "--output", required=True, help="the file to write")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, or 1 after printing an error."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.action(arguments))
    except (TorshError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
