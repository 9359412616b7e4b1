# SPDX-License-Identifier: Apache-2.0
"""Products with what is elementwise behind them, of every kind of operand and of ragged extents.

Their operands are small integers, so that sums are exact in any order: results have to be equal,
but for functions. TORSH_EPILOGUE_CASES adds as many random ones.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import compile_natively
from graph_records import DTYPES

from torshjit import _compiler
from torshjit.interpreter import evaluate

TARGET = os.environ.get("TORSH_EPILOGUE_TARGET", "cpu")

#: Small blocks, so that small products have several of everything: one block of the depth, several
#: of them, rows that are read where they lie, panels that tiles share or that do not fit them.
WAYS = {
    "one-block": "tile = [16, 32], register_tile = [8, 16{}], block = [16, 32, 4096, 1, 1]",
    "blocks": "tile = [16, 32], register_tile = [8, 16{}], block = [16, 32, 16, 2, 2]",
    "in-place": "tile = [12, 32], register_tile = [6, 16{}], block = [12, 32, 16, 0, 2]",
    "other-panels": "tile = [12, 24], register_tile = [8, 32{}], block = [12, 24, 16, 2, 2]",
    "ahead": "tile = [0, 48], register_tile = [8, 16{}], block = [256, 48, 24, 1, 1]",
    "exchanged": "tile = [0, 12], register_tile = [6, 16{}], block = [64, 12, 16, 2, 0]",
    "untiled": "register_tile = [8, 32{}], block = [64, 64, 24, 1, 1]",
}

#: Of the product %0 : M x N, a vector %b : N, a column %c : M x 1, a matrix %r : M x N and a
#: scalar %s, all of the sums' type: text, and the types of the results.
EPILOGUES = {
    "vectors": (
        """%1 = torsh.add %0, %b : ({y}, {b}) -> {y}
           %2 = torsh.mul %1, %c : ({y}, {c}) -> {y}
           %3 = torsh.sub %2, %r : ({y}, {r}) -> {y}
           %4 = torsh.maximum %3, %s : ({y}, {s}) -> {y}
           torsh.return %4 : {y}""",
        ("sum",),
    ),
    "relu": (
        """%1 = torsh.relu %0 : ({y}) -> {y}
           torsh.return %1 : {y}""",
        ("sum",),
    ),
    "narrow": (
        """%1 = torsh.add %0, %b : ({y}, {b}) -> {y}
           %2 = torsh.cast %1 to {narrow} : ({y}) -> {yn}
           torsh.return %2 : {yn}""",
        ("narrow",),
    ),
    "from-narrow": (
        """%1 = torsh.cast %n to {sum} : ({yn}) -> {y}
           %2 = torsh.add %0, %1 : ({y}, {y}) -> {y}
           torsh.return %2 : {y}""",
        ("sum",),
    ),
    "wider": (
        """%1 = torsh.cast %0 to f64 : ({y}) -> {yd}
           %2 = torsh.tanh %1 : ({yd}) -> {yd}
           torsh.return %2 : {yd}""",
        ("f64",),
    ),
    "booleans": (
        """%1 = torsh.compare gt, %0, %r : ({y}, {r}) -> {yb}
           torsh.return %1 : {yb}""",
        ("i1",),
    ),
    "selected": (
        """%1 = torsh.compare gt, %r, %s : ({r}, {s}) -> {yb}
           %2 = torsh.select %1, %0, %c : ({yb}, {y}, {c}) -> {y}
           torsh.return %2 : {y}""",
        ("sum",),
    ),
    "several": (
        """%1 = torsh.add %0, %b : ({y}, {b}) -> {y}
           %2 = torsh.mul %1, %r : ({y}, {r}) -> {y}
           torsh.return %1, %2 : {y}, {y}""",
        ("sum", "sum"),
    ),
    "functions": (
        """%1 = torsh.add %0, %b : ({y}, {b}) -> {y}
           %2 = torsh.cast %1 to f32 : ({y}) -> {yf}
           %3 = torsh.sigmoid %2 : ({yf}) -> {yf}
           %4 = torsh.erf %2 : ({yf}) -> {yf}
           %5 = torsh.mul %3, %4 : ({yf}, {yf}) -> {yf}
           torsh.return %5 : {yf}""",
        ("f32",),
    ),
    "row-sums": (
        """%1 = torsh.add %0, %b : ({y}, {b}) -> {y}
           %2 = torsh.sum %1 {{axes = array<i64: 1>, keepdims = true}} : ({y}) -> {c}
           %3 = torsh.sub %1, %2 : ({y}, {c}) -> {y}
           torsh.return %3 : {y}""",
        ("sum",),
    ),
}


@dataclass(frozen=True)
class Case:
    """The types of the operands, of the sums, and what narrow results are."""

    way: str
    epilogue: str
    extents: tuple[int, int, int]
    types: tuple[str, str, str] = ("f32", "f32", "bf16")
    batch: int = 0
    threads: int = 2

    def program(self, is_reference: bool = False) -> str:
        """One kernel of this schedule, or a function without."""
        m, n, k = self.extents
        own, total, narrow = self.types
        outer = f"{self.batch}x" if self.batch else ""
        text, results = EPILOGUES[self.epilogue]
        types = {
            "x": f"tensor<{outer}{m}x{k}x{own}>",
            "w": f"tensor<{outer}{k}x{n}x{own}>",
            "b": f"tensor<{n}x{total}>",
            "c": f"tensor<{outer}{m}x1x{total}>",
            "r": f"tensor<{outer}{m}x{n}x{total}>",
            "s": f"tensor<{total}>",
            "n": f"tensor<{outer}{m}x{n}x{narrow}>",
        }
        of = {"sum": total, "narrow": narrow}
        wanted = [f"tensor<{outer}{m}x{n}x{of.get(x, x)}>" for x in results]
        letters = {"y": total, "yn": narrow, "yd": "f64", "yf": "f32", "yb": "i1"}
        names = {name: f"tensor<{outer}{m}x{n}x{element}>" for name, element in letters.items()}
        body = text.format(**types | names, sum=total, narrow=narrow)
        if self.epilogue == "row-sums" and self.batch:
            body = body.replace("array<i64: 1>", "array<i64: 2>")
        steps = {"i8": ", 4", "bf16": ", 2"}.get(own, "")
        way = WAYS[self.way].format(steps)
        if self.batch:
            way = way.replace("tile = [", "tile = [1, ", 1) if way.startswith("tile") else way
        kind = f" {{dtype = {total}}}" if own != total and total == "i32" else ""
        # Products of bf16 are of bf16, those of bytes say what they are summed in.
        product = names["y"] if kind or own == total else f"tensor<{outer}{m}x{n}x{own}>"
        head = f"%0 = torsh.matmul %x, %w{kind} : ({types['x']}, {types['w']}) -> {product}"
        if product != names["y"]:
            head = head.replace("%0 =", "%p =")
            head += f"\n%0 = torsh.cast %p to {total} : ({product}) -> {names['y']}"
        arguments = ", ".join(f"%{name}: {type}" for name, type in types.items())
        returned = ", ".join(wanted)
        launched = ", ".join(f"%{name}" for name in types)
        numbers = f":{len(wanted)}" if len(wanted) > 1 else ""
        each = ", ".join(f"%0#{i}" for i in range(len(wanted))) if len(wanted) > 1 else "%0"
        if is_reference:
            return f"""
              func.func @main({arguments}) -> ({returned}) {{
                {head}
                {body.replace("torsh.return", "return")}
              }}"""
        return f"""
          torsh.kernel @product({arguments}) -> ({returned}) attributes {{
              kind = #torsh.kind<contraction>, schedule = #torsh.schedule<{way}>}} {{
            {head}
            {body}
          }}
          func.func @main({arguments}) -> ({returned}) {{
            %0{numbers} = torsh.launch @product({launched}) :
                ({", ".join(types.values())}) -> ({returned})
            return {each} : {returned}
          }}"""

    def arguments(self, rng: np.random.Generator) -> list[np.ndarray]:
        m, n, k = self.extents
        own, total, narrow = self.types
        outer = (self.batch,) if self.batch else ()

        def draw(element: str, *shape: int) -> np.ndarray:
            return rng.integers(-3, 4, shape).astype(DTYPES[element])

        return [
            draw(own, *outer, m, k),
            draw(own, *outer, k, n),
            draw(total, n),
            draw(total, *outer, m, 1),
            draw(total, *outer, m, n),
            draw(total),
            draw(narrow, *outer, m, n),
        ]


def _check(case: Case) -> None:
    module = _compiler.Module.parse(case.program(), _compiler.Context())
    arguments = case.arguments(np.random.default_rng(sum(case.extents)))
    reference = _compiler.Module.parse(case.program(is_reference=True), _compiler.Context())
    expected = evaluate(reference.graph(reference.functions()[0]), arguments)
    compiled = compile_natively(module, num_threads=case.threads, target_device=TARGET)
    actual = compiled(*arguments)
    for x, y in zip(actual if isinstance(actual, tuple) else (actual,), expected, strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        if case.epilogue in ("functions", "wider"):
            np.testing.assert_allclose(np.asarray(x), y, rtol=1e-5, atol=1e-6, err_msg=str(case))
        else:
            np.testing.assert_array_equal(np.asarray(x), y, err_msg=str(case))


TYPES = [
    ("f32", "f32", "bf16"),
    ("f32", "f32", "f16"),
    ("bf16", "f32", "bf16"),
    ("i8", "i32", "i8"),
    ("f64", "f64", "f32"),
    ("f16", "f16", "i16"),
]


@pytest.mark.parametrize("epilogue", EPILOGUES)
@pytest.mark.parametrize("way", WAYS)
def test_every_way(way: str, epilogue: str) -> None:
    number = list(WAYS).index(way) + list(EPILOGUES).index(epilogue)
    extents = [(40, 67, 33), (17, 35, 16), (48, 64, 64)][number % 3]
    _check(Case(way, epilogue, extents, TYPES[number % len(TYPES)], threads=1 + number % 2))


@pytest.mark.parametrize("types", TYPES, ids=str)
def test_types(types: tuple[str, str, str]) -> None:
    for number, epilogue in enumerate(EPILOGUES):
        way, extents = [("blocks", (33, 50, 40)), ("one-block", (32, 32, 70))][number % 2]
        _check(Case(way, epilogue, extents, types))


@pytest.mark.parametrize("epilogue", ["vectors", "narrow", "several"])
def test_batches(epilogue: str) -> None:
    for way in ("one-block", "blocks"):
        _check(Case(way, epilogue, (20, 37, 33), batch=3))


@pytest.mark.parametrize("side", range(3))
def test_ragged_extents(side: int) -> None:
    """Each extent from 2 to 67, in steps that meet every remainder of a register tile."""
    for number, extent in enumerate(range(2, 68, 5)):
        extents = [33, 40, 24]
        extents[side] = extent
        way = list(WAYS)[number % len(WAYS)]
        types = TYPES[number % len(TYPES)]
        _check(Case(way, "vectors" if number % 2 else "narrow", (*extents,), types))


def test_nothing_to_sum() -> None:
    for way in WAYS:
        _check(Case(way, "vectors", (20, 40, 0)))


def test_random_cases() -> None:
    rng = np.random.default_rng(11)
    for _ in range(int(os.environ.get("TORSH_EPILOGUE_CASES", "0"))):
        extents = (*(int(x) for x in rng.integers(2, 68, 3)),)
        way, epilogue = (str(rng.choice(list(x))) for x in (WAYS, EPILOGUES))
        types = TYPES[int(rng.integers(len(TYPES)))]
        _check(Case(way, epilogue, extents, types, int(rng.choice([0, 0, 2, 3]))))
