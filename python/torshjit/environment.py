# SPDX-License-Identifier: Apache-2.0
"""The environment variables that torshjit reads: one typed table; no other place reads any."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from torshjit.errors import ConfigError
from torshjit.record import Record

__all__ = ["VARIABLES", "Variable", "read", "read_foreign"]


class Variable(Record):
    """One environment variable.

    Attributes:
        name: the variable's name.
        parse: turns the text into the value; raises ValueError where it cannot.
        default: the value where the variable is unset or empty.
        affects_output: whether it can change what is compiled, so that it belongs in a
            cache key.
        summary: one line for the documentation.
    """

    __slots__ = ("affects_output", "default", "name", "parse", "summary")

    def __init__(
        self,
        name: str,
        parse: Callable[[str], Any],
        default: Any,
        affects_output: bool,
        summary: str,
    ) -> None:
        self.name = name
        self.parse = parse
        self.default = default
        self.affects_output = affects_output
        self.summary = summary


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "true", "on", "yes"):
        return True
    if lowered in ("0", "false", "off", "no"):
        return False
    raise ValueError("expected 1, true, on, yes, 0, false, off or no")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("expected an integer of at least 1")
    return value


def _size(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("expected an integer of at least 0")
    return value


_TABLE = (
    Variable("TORSHJIT_TARGET", str, "cpu", True, "what to compile for, as `target_device`"),
    Variable(
        "TORSHJIT_FUSION_STRATEGY",
        str,
        "default",
        True,
        "`none`, `conservative`, `default` or `aggressive`",
    ),
    Variable(
        "TORSHJIT_MAX_FUSION_SIZE", _count, 256, True, "most operations that one kernel may hold"
    ),
    Variable(
        "TORSHJIT_OPTIMIZE", _boolean, True, True, "whether the graph is simplified and fused"
    ),
    Variable(
        "TORSHJIT_NUMERICS",
        str,
        "strict",
        True,
        "`strict`, or `fast` to allow rewrites that change float rounding",
    ),
    Variable(
        "TORSHJIT_LIBDEVICE",
        str,
        None,
        True,
        "libdevice.10.bc of the CUDA toolkit; by default that of the package nvidia-nvvm or of an "
        "installed toolkit",
    ),
    Variable(
        "TORSHJIT_STRICT",
        _boolean,
        False,
        False,
        "whether a program that cannot be compiled raises instead of running as Python",
    ),
    Variable("TORSHJIT_PROFILE", _boolean, False, False, "whether each kernel is timed"),
    Variable(
        "TORSHJIT_CACHE",
        _boolean,
        True,
        False,
        "whether equal programs are compiled once in a process",
    ),
    Variable(
        "TORSHJIT_MAX_SPECIALIZATIONS",
        _count,
        32,
        False,
        "most signatures that one function is compiled for",
    ),
    Variable("TORSHJIT_DUMP_DIR", str, None, False, "folder that the IR of each phase goes to"),
    Variable(
        "TORSHJIT_NUM_THREADS",
        _count,
        None,
        False,
        "threads of the runtime's pool; by default what affinity and the cgroup quota allow",
    ),
    Variable(
        "TORSHJIT_OUTPUT_POOL_MB",
        _size,
        None,
        False,
        "most memory that freed results keep for later ones; read by the runtime, which has "
        "the default",
    ),
    Variable(
        "TORSHJIT_LIBCUDA",
        str,
        None,
        False,
        "the CUDA driver's library; by default libcuda.so.1; read by the runtime",
    ),
    Variable(
        "TORSHJIT_CUDA_DEVICE",
        _size,
        None,
        False,
        "the number of the GPU that CUDA programs run on, among those the driver shows; by default "
        "0; read by the runtime",
    ),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _TABLE}


def read_foreign(name: str) -> str:
    """Returns the text of a variable that another package reads too, empty where it is unset."""
    return os.environ.get(name, "")


def read(name: str) -> Any:
    """Returns the value of the variable `name`, or its default where it is unset or empty.

    Raises:
        KeyError: `name` is not in the table.
        ConfigError: the variable's text cannot be parsed.
    """
    variable = VARIABLES[name]
    text = os.environ.get(name, "")
    if not text:
        return variable.default
    try:
        return variable.parse(text)
    except ValueError as error:
        raise ConfigError(f"environment variable {name}={text!r}: {error}") from None
