# SPDX-License-Identifier: Apache-2.0
"""Runs one pass on long chains that it takes apart link by link, and fails if its time
grows with the square of their length.

usage: long_chain.py PASS
"""

from __future__ import annotations

import re
import subprocess
import sys

SHORT, LONG = 1_000, 10_000
ENOUGH = 1.5
I32, F32 = "tensor<8xi32>", "tensor<8xf32>"
LINKS = {
    "i": f"torsh.add %c, %{{}} : (tensor<i32>, {I32}) -> {I32}",
    "d": "torsh.add %d, %{} : (tensor<f32>, tensor<f32>) -> tensor<f32>",
    "x": f"torsh.relu %{{}} : ({F32}) -> {F32}",
    "y": f"torsh.add %x, %{{}} : ({F32}, {F32}) -> {F32}",
    "e": f"torsh.neg %{{}} : ({F32}) -> {F32}",
    "s": f"torsh.softmax %{{}} {{{{axis = 0 : i64}}}} : ({F32}) -> {F32}",
}


def chains(length: int) -> str:
    """A function with one chain of `length` operations of each kind."""
    lines = [
        f"func.func @chain(%i: {I32}, %x: {F32}, %y: {F32}) -> ({I32}, {F32}, {F32}, {F32}) {{",
        "%c = torsh.constant dense<3> : tensor<i32>",
        "%d = torsh.constant dense<1.5> : tensor<f32>",
    ]
    last = {"i": "i", "d": "d", "x": "x", "y": "y", "e": "y", "s": "y"}
    for link in range(length):
        for chain, text in LINKS.items():
            lines.append(f"%{chain}{link} = {text.format(last[chain])}")
            last[chain] = f"{chain}{link}"
    lines += [
        f"%z = torsh.mul %{last['x']}, %{last['d']} : ({F32}, tensor<f32>) -> {F32}",
        f"return %{last['i']}, %z, %{last['y']}, %{last['e']} : {I32}, {F32}, {F32}, {F32}",
        "}",
    ]
    return "\n".join(lines)


def seconds(name: str, length: int) -> float:
    """The time that the pass took on chains of a length, without parsing and printing."""
    run = subprocess.run(
        ["torsh-opt", f"--{name}", "--mlir-timing", "--mlir-timing-display=list"],
        input=chains(length), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"([\d.]+) \( *[\d.]+%\)  \w+Pass$", run.stderr, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no timing of {name} in:\n{run.stderr}")
    return float(found[1])


def main() -> None:
    """A slow machine is told from a slow pass by how the time grows: 10 or 100 times."""
    name = sys.argv[1]
    long = seconds(name, LONG)
    print(f"{name}: {LONG} links in {long:.4f} s")
    if long < ENOUGH:
        return
    short = min(seconds(name, SHORT) for _ in range(3))
    long = min(long, *(seconds(name, LONG) for _ in range(2)))
    print(f"{name}: {SHORT} links in {short:.4f} s, {LONG} in {long:.4f} s")
    if long >= ENOUGH and long > 50 * short:
        raise SystemExit(f"the time of {name} grows with the square of the graph")


main()
