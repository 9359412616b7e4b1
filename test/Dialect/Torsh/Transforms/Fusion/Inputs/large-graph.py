# SPDX-License-Identifier: Apache-2.0
"""Prints a graph of many operations as MLIR text: `large-graph.py <shape> <operations>`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

TYPE = "tensor<?x8xf32>"


def chain(count: int) -> Iterator[str]:
    """Each operation reads the one before."""
    for i in range(count):
        source = f"%{i - 1}" if i else "%x"
        yield f"%{i} = torsh.relu {source} : ({TYPE}) -> {TYPE}"


def residual(count: int) -> Iterator[str]:
    """Blocks of a contraction, an activation and a sum with the block's input."""
    source = "%x"
    for i in range(0, count - 2, 3):
        yield f"%{i} = torsh.linear {source}, %w : ({TYPE}, tensor<8x8xf32>) -> {TYPE}"
        yield f"%{i + 1} = torsh.gelu %{i} : ({TYPE}) -> {TYPE}"
        yield f"%{i + 2} = torsh.add {source}, %{i + 1} : ({TYPE}, {TYPE}) -> {TYPE}"
        source = f"%{i + 2}"


def shared(count: int) -> Iterator[str]:
    """One early value that every later operation reads."""
    yield f"%0 = torsh.exp %x : ({TYPE}) -> {TYPE}"
    for i in range(1, count):
        if i % 2:
            yield f"%{i} = torsh.linear %{i - 1}, %w : ({TYPE}, tensor<8x8xf32>) -> {TYPE}"
        else:
            yield f"%{i} = torsh.add %{i - 1}, %0 : ({TYPE}, {TYPE}) -> {TYPE}"


def wide(count: int) -> Iterator[str]:
    """Many operations on one value, then their sum."""
    half = count // 2
    for i in range(half):
        yield f"%{i} = torsh.sin %x : ({TYPE}) -> {TYPE}"
    total = "%0"
    for i in range(1, half):
        yield f"%{half + i} = torsh.add {total}, %{i} : ({TYPE}, {TYPE}) -> {TYPE}"
        total = f"%{half + i}"


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {
    "chain": chain,
    "residual": residual,
    "shared": shared,
    "wide": wide,
}


def main() -> None:
    lines = list(SHAPES[sys.argv[1]](int(sys.argv[2])))
    # Named, so that numbers may have gaps.
    last = lines[-1].split(" ")[0]
    print(f"func.func @main(%x: {TYPE}, %w: tensor<8x8xf32>) -> {TYPE} {{")
    print("\n".join(lines).replace("%", "%v").replace("%vx", "%x").replace("%vw", "%w"))
    print(f"return {last.replace('%', '%v')} : {TYPE}\n}}")


if __name__ == "__main__":
    main()
