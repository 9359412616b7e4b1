# SPDX-License-Identifier: Apache-2.0
"""The file between the two machines: a zip of a manifest, executables and arrays.

manifest.json           the target, the programs, the workloads that are timed
executables/<hash>      what torshjit.load takes
arrays/<hash>           .npy without bfloat16, which goes as its bits
include/nlohmann/...    the headers that the runtime is built with, for machines that lack them
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from e2e.tolerance import Tolerance, assert_within

__all__ = ["FORMAT", "MAX_BYTES", "Array", "Program", "Reader", "Result", "Writer"]

#: Raised when an older archive can no longer be read.
FORMAT = 1
#: An archive has to be carried to the other machine.
MAX_BYTES = 40 << 20


@dataclass(frozen=True)
class Array:
    """An array of the archive: the hash of its bytes, and bfloat16 if it is that."""

    hash: str
    dtype: str


@dataclass(frozen=True)
class Result:
    """What a result must be: the oracle's value, and how far it may be from that."""

    dtype: str
    expected: Array
    scale: Array | None
    units: float
    exact: bool
    signed_zeros: bool


@dataclass(frozen=True)
class Program:
    """An executable with arguments and results.

    Attributes:
        id: its name in reports.
        kind: what its arguments are, "numpy" or "torch".
        executable: the hash of the file.
    """

    id: str
    kind: str
    executable: str
    arguments: tuple[Array, ...]
    results: tuple[Result, ...]


class Writer:
    """Collects programs; equal bytes are stored once."""

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self._stored: set[str] = set()
        self._programs: list[Program] = []
        self._refused: dict[str, str] = {}
        self._timed: list[str] = []
        self.factor = 0

    def _store(self, folder: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()[:32]
        name = f"{folder}/{digest}"
        if name not in self._stored:
            self._stored.add(name)
            self._zip.writestr(name, data)
        return digest

    def array(self, value: Any) -> Array:
        value = np.asarray(value)
        buffer = io.BytesIO()
        bits = value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value
        np.save(buffer, np.ascontiguousarray(bits).reshape(value.shape), allow_pickle=False)
        return Array(self._store("arrays", buffer.getvalue()), value.dtype.name)

    def result(
        self, dtype: str, expected: np.ndarray, tolerance: Tolerance, scale: np.ndarray | None
    ) -> Result:
        return Result(
            dtype,
            self.array(expected),
            None if scale is None else self.array(scale),
            tolerance.units,
            tolerance.exact,
            tolerance.signed_zeros,
        )

    def add(
        self,
        id: str,
        kind: str,
        executable: bytes,
        arguments: Sequence[Any],
        results: Sequence[Result],
    ) -> None:
        stored = tuple(map(self.array, arguments))
        self._programs.append(
            Program(id, kind, self._store("executables", executable), stored, tuple(results))
        )

    def add_timed(self, executable: bytes) -> None:
        """Adds the executable of the next workload."""
        self._timed.append(self._store("executables", executable))

    def refuse(self, id: str, reason: str) -> None:
        """Lists a program that the target's compiler refuses."""
        self._refused[id] = reason

    def add_file(self, name: str, data: bytes) -> None:
        self._zip.writestr(name, data)

    def close(self) -> None:
        """Writes the manifest.

        Raises:
            ValueError: the archive is larger than MAX_BYTES.
        """
        manifest = {
            "format": FORMAT,
            "target": self.target,
            "programs": [asdict(program) for program in self._programs],
            "refused": self._refused,
            "timed": self._timed,
            "factor": self.factor,
        }
        self._zip.writestr("manifest.json", json.dumps(manifest))
        self._zip.close()
        size = self.path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"the archive has {size} bytes, at most {MAX_BYTES} are allowed")


class Reader:
    """An archive; not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        manifest = json.loads(self._zip.read("manifest.json"))
        if manifest["format"] != FORMAT:
            raise ValueError(f"{path} has format {manifest['format']}, this reads {FORMAT}")
        self.target: str = manifest["target"]
        self.refused: dict[str, str] = manifest["refused"]
        self._timed: list[str] = manifest["timed"]
        self.factor: int = manifest["factor"]
        self.programs = [_program(row) for row in manifest["programs"]]

    def array(self, reference: Array) -> np.ndarray:
        data = io.BytesIO(self._zip.read(f"arrays/{reference.hash}"))
        array = np.load(data, allow_pickle=False)
        return array.view(ml_dtypes.bfloat16) if reference.dtype == "bfloat16" else array

    def arguments(self, program: Program) -> list[np.ndarray]:
        return [self.array(argument) for argument in program.arguments]

    def executable(self, program: Program) -> bytes:
        return self._zip.read(f"executables/{program.executable}")

    def timed_executables(self) -> Iterator[bytes]:
        """The executables of the workloads, in their order, with shapes of the factor `factor`."""
        for digest in self._timed:
            yield self._zip.read(f"executables/{digest}")

    def check(self, program: Program, results: Sequence[np.ndarray]) -> None:
        """Compares results with what they must be.

        Raises:
            AssertionError: one differs by more than its tolerance.
        """
        assert len(results) == len(program.results)
        for actual, wanted in zip(results, program.results, strict=True):
            assert actual.dtype.name == wanted.dtype, f"dtype {actual.dtype.name}"
            scale = None if wanted.scale is None else self.array(wanted.scale)
            tolerance = Tolerance(
                wanted.units, exact=wanted.exact, signed_zeros=wanted.signed_zeros
            )
            assert_within(actual, self.array(wanted.expected), tolerance, scale)

    def extract_headers(self, folder: Path) -> None:
        for name in self._zip.namelist():
            if name.startswith("include/"):
                self._zip.extract(name, folder)


def _program(row: dict[str, Any]) -> Program:
    results = tuple(
        Result(
            **{
                **result,
                "expected": Array(**result["expected"]),
                "scale": None if result["scale"] is None else Array(**result["scale"]),
            }
        )
        for result in row["results"]
    )
    arguments = tuple(Array(**argument) for argument in row["arguments"])
    return Program(**{**row, "arguments": arguments, "results": results})
