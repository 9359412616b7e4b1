# SPDX-License-Identifier: Apache-2.0
"""Kernel functions in MSL text: where they are, and what they take."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["KernelFunction", "MSLTextError", "Parameter", "kernel_functions"]

_HEAD = re.compile(r"(?:\[\[\s*kernel\s*\]\]|\bkernel\b)(?:\s*\[\[[^\]]*\]\])*\s+void\s+(\w+)\s*\(")
_PARAMETER = re.compile(r"\s*(.*?)\b(\w+)\s*\[\[\s*(.*?)\s*\]\]\s*", re.DOTALL)
_BUFFER = re.compile(r"buffer\((\d+)\)")
_QUALIFIERS = ("device", "constant", "const", "volatile")


class MSLTextError(Exception):
    """MSL text has a form that is not known here."""


@dataclass(frozen=True)
class Parameter:
    """A kernel's parameter, such as ``device _14& x [[buffer(0)]]``.

    Attributes:
        declaration: what stands before the name.
        attribute: what stands in double brackets.
    """

    declaration: str
    name: str
    attribute: str

    @property
    def binding(self) -> int | None:
        """The buffer's number; None for a position."""
        match = _BUFFER.fullmatch(self.attribute)
        return int(match.group(1)) if match else None

    @property
    def is_read_only(self) -> bool:
        return bool(re.search(r"\b(const|constant)\b", self.declaration))

    @property
    def pointee(self) -> tuple[str, str]:
        """(type, ``*`` or ``&``) of a buffer.

        Raises:
            MSLTextError: it is declared in another way.
        """
        match = re.fullmatch(r"(.*?)\s*([*&])", self.declaration, re.DOTALL)
        words = re.findall(r"[\w:]+", match.group(1)) if match else []
        types = [word for word in words if word not in _QUALIFIERS]
        if not match or len(types) != 1:
            raise MSLTextError(f"a buffer is declared as {self.declaration!r}")
        return types[0], match.group(2)


@dataclass(frozen=True)
class KernelFunction:
    """A kernel function and its place in a text.

    Attributes:
        start: where its declaration begins.
        body: where its opening brace is.
        end: behind its closing brace.
    """

    name: str
    parameters: tuple[Parameter, ...]
    start: int
    body: int
    end: int

    @property
    def num_bindings(self) -> int:
        """How many buffers a launch binds."""
        numbers = [each.binding for each in self.parameters if each.binding is not None]
        return max(numbers, default=-1) + 1


def kernel_functions(text: str) -> list[KernelFunction]:
    """The kernel functions of MSL text, in their order.

    Raises:
        MSLTextError: the text is no whole program.
    """
    return [_function(text, match) for match in _HEAD.finditer(text)]


def _function(text: str, match: re.Match[str]) -> KernelFunction:
    after = _closing(text, match.end() - 1, "()")
    body = text.find("{", after)
    if body < 0:
        raise MSLTextError(f"kernel {match.group(1)} has no body")
    parts = _split(text[match.end() : after - 1])
    parameters = tuple(_parameter(part) for part in parts)
    return KernelFunction(
        match.group(1), parameters, match.start(), body, _closing(text, body, "{}")
    )


def _closing(text: str, start: int, pair: str) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == pair[0]) - (text[position] == pair[1])
        if depth == 0:
            return position + 1
    raise MSLTextError(f"a {pair[0]} is not closed")


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([<") - (character in ")]>")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


def _parameter(text: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if not match:
        raise MSLTextError(f"a kernel's parameter has no attribute: {text.strip()}")
    return Parameter(match.group(1).strip(), match.group(2), match.group(3))
