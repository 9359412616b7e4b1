# SPDX-License-Identifier: Apache-2.0
"""Compiles MSL text for this machine, many texts in one translation unit, and keeps the results.

A text's key is a hash of it, of the headers and of the flags; the file KEY.batch names the shared
library that holds its kernels, so that what one run compiled the next one finds.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msl.host_text import MSLTextError, host_text

__all__ = ["CACHE", "COMPILER", "CONTRACTS", "Compiler", "MSLCompileError", "executor"]

COMPILER = "clang++-22"
_FOLDER = Path(__file__).parent
_ROOT = _FOLDER.parents[2]
_FIBER = _ROOT / "lib" / "Runtime" / "Emulator"
CACHE = Path(os.environ.get("TORSH_BUILD_DIR", _ROOT / "build" / "dev")) / "msl-emulation"

CONTRACTS = os.environ.get("TORSH_MSL_CONTRACT") == "1"

#: MSL has no double: literals are float. Operations on half round. Signed integers wrap around.
_FLAGS = (
    *("-std=c++20", "-O1", "-w", "-fPIC", "-fvisibility=hidden", "-fno-exceptions"),
    *("-fwrapv", "-fno-math-errno", "-fno-threadsafe-statics"),
    *("-Xclang", "-cl-single-precision-constant"),
    *("-Xclang", "-ffloat16-excess-precision=none"),
    # Metal's compiler may make fma of a product and a sum; TORSH_MSL_CONTRACT=1 does so wherever it
    # can (x86-64 needs AVX2 for it), otherwise it is done where the text says so.
    "-ffp-contract=fast" if CONTRACTS else "-ffp-contract=off",
    *(["-march=x86-64-v3"] if CONTRACTS and platform.machine() == "x86_64" else []),
)
_LINK = ("-shared", "-nostdlib", "-fuse-ld=lld")
_BATCH = 24
_KEPT_SECONDS = 14 * 24 * 3600


class MSLCompileError(Exception):
    """MSL text does not compile; the message has the compiler's and the text."""


@functools.cache
def _fingerprint() -> bytes:
    digest = hashlib.sha256(repr((_FLAGS, _LINK)).encode())
    sources = [*_FOLDER.glob("include/**/*"), _FOLDER / "executor.cpp", _FOLDER / "host_text.py"]
    for path in sorted([*sources, *_FIBER.glob("Fiber.*")]):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.digest()


def _run(arguments: Sequence[str], output: Path) -> None:
    """Runs the compiler; `output` appears whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=output.parent)
    os.close(handle)
    try:
        done = subprocess.run(
            [COMPILER, *arguments, "-o", temporary], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise MSLCompileError(done.stderr)
        os.replace(temporary, output)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


@functools.cache
def executor(cache: Path = CACHE) -> ctypes.CDLL:
    """The library that runs kernels; those find its functions under their global names."""
    cache.mkdir(parents=True, exist_ok=True)
    library = cache / f"executor_{_fingerprint().hex()[:20]}.so"
    if not library.exists():
        sources = [str(_FOLDER / "executor.cpp"), str(_FIBER / "Fiber.cpp")]
        flags = ["-std=c++20", "-O2", "-fPIC", "-shared", "-Wno-user-defined-literals"]
        _run([*flags, f"-I{_FIBER}", *sources, "-lm"], library)
    return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


class Compiler:
    """Shared libraries of MSL texts, in the folder `cache`."""

    def __init__(self, cache: Path = CACHE) -> None:
        self.cache = cache
        self._libraries: dict[str, ctypes.CDLL] = {}
        self._batches: dict[str, str] = {}
        executor()
        cache.mkdir(parents=True, exist_ok=True)
        self._discard_old()

    @staticmethod
    def is_available() -> bool:
        return shutil.which(COMPILER) is not None

    def prefetch(self, texts: Iterable[str]) -> None:
        """Compiles what is new among `texts`, on all processors. Errors wait for `address`."""
        new = {key: text for text in texts if not self._find(key := self._key(text))}
        keys = list(new)
        batches = [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda batch: self._try(batch, new), batches))

    def address(self, text: str, kernel: str, checked: bool = True) -> int:
        """The address of a kernel's msl::Entry. Unless `checked`, buffers are plain pointers.

        Raises:
            MSLTextError, MSLCompileError: the text is not what the emulator can run.
        """
        key = self._key(text, checked)
        batch = self._find(key)
        if batch is None:
            batch = self._compile([key], {key: text}, checked)
        library = self._libraries.get(batch)
        if library is None:
            library = self._libraries[batch] = ctypes.CDLL(str(self.cache / batch))
        return ctypes.addressof(ctypes.c_char.in_dll(library, f"msl_{key}_{kernel}"))

    def _key(self, text: str, checked: bool = True) -> str:
        return hashlib.sha256(_fingerprint() + bytes([checked]) + text.encode()).hexdigest()[:24]

    def _find(self, key: str) -> str | None:
        if key not in self._batches:
            link = self.cache / f"{key}.batch"
            try:
                batch = link.read_text()
                os.utime(link)
                os.utime(self.cache / batch)
            except FileNotFoundError:
                return None
            self._batches[key] = batch
        return self._batches[key]

    def _try(self, batch: list[str], texts: dict[str, str]) -> None:
        try:
            self._compile(batch, texts)
        except (MSLTextError, MSLCompileError):
            if len(batch) > 1:
                for key in batch:
                    self._try([key], texts)

    def _compile(self, keys: list[str], texts: dict[str, str], checked: bool = True) -> str:
        source = "#include <metal_stdlib>\n" + "".join(
            host_text(texts[key], f"msl_{key}", checked) for key in keys
        )
        name = f"batch_{hashlib.sha256(''.join(keys).encode()).hexdigest()[:24]}.so"
        with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
            file.write(source)
            file.flush()
            include = ["-isystem", str(_FOLDER / "include")]
            try:
                _run([*_FLAGS, *_LINK, *include, file.name], self.cache / name)
            except MSLCompileError as error:
                if len(keys) > 1:
                    raise
                raise MSLCompileError(f"{error}\n{texts[keys[0]]}") from None
        for key in keys:
            link = self.cache / f"{key}.batch"
            partial = link.with_suffix(f".{os.getpid()}.part")
            partial.write_text(name)
            os.replace(partial, link)
            self._batches[key] = name
        return name

    def _discard_old(self) -> None:
        limit = time.time() - _KEPT_SECONDS
        for path in self.cache.iterdir():
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except FileNotFoundError:
                continue
