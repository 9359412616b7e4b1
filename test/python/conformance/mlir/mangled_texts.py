# SPDX-License-Identifier: Apache-2.0
"""MLIR texts that were mangled: each gives an exception or the right answer, and none a crash.

What a text that still compiles means is what the reference interpreter computes for it.

usage: python -m conformance.mlir.mangled_texts [--count N] [--seed N]
"""

from __future__ import annotations

import argparse
import math
import re
import resource
import sys
import warnings

import numpy as np

from conformance.case_process import CaseProcess, run_seeds
from conformance.mlir.programs import PROGRAMS

_MOST_SECONDS = 60

#: A mangled extent may ask for any amount of memory: allocations beyond this fail.
_MOST_BYTES = 16 << 30
_MOST_ELEMENTS = 1 << 20

_TOKEN = re.compile(r"[%@#!^]?[\w.$]+|\"[^\"\n]*\"|->|\s+|.")
_NUMBER = re.compile(r"\d+")
_NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "64",
    "2147483648",
    "9223372036854775807",
    "99999999999999999999",
]


def mangled(text: str, seed: int) -> str:
    """`text` with one to three bytes, tokens, numbers or lines changed."""
    rng = np.random.default_rng(seed)
    for _ in range(int(rng.integers(1, 4))):
        change = rng.choice(_CHANGES)
        text = change(text, rng)
    return text


def _flip(text: str, rng: np.random.Generator) -> str:
    data = bytearray(text.encode())
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return data.decode("utf-8", "replace")


def _tokens(text: str, rng: np.random.Generator) -> tuple[list[str], list[int]]:
    tokens = _TOKEN.findall(text)
    solid = [place for place, token in enumerate(tokens) if not token.isspace()]
    return tokens, solid


def _delete(text: str, rng: np.random.Generator) -> str:
    tokens, solid = _tokens(text, rng)
    del tokens[int(rng.choice(solid))]
    return "".join(tokens)


def _duplicate(text: str, rng: np.random.Generator) -> str:
    tokens, solid = _tokens(text, rng)
    place = int(rng.choice(solid))
    return "".join([*tokens[: place + 1], " ", *tokens[place:]])


def _swap(text: str, rng: np.random.Generator) -> str:
    tokens, solid = _tokens(text, rng)
    first, second = (int(place) for place in rng.choice(solid, 2))
    tokens[first], tokens[second] = tokens[second], tokens[first]
    return "".join(tokens)


def _replace(text: str, rng: np.random.Generator) -> str:
    """A token by another of its kind: a value by a value, a type by a type."""
    tokens, solid = _tokens(text, rng)
    place = int(rng.choice(solid))
    same = [each for each in solid if tokens[each][0] == tokens[place][0]]
    tokens[place] = tokens[int(rng.choice(same))]
    return "".join(tokens)


def _renumber(text: str, rng: np.random.Generator) -> str:
    numbers = list(_NUMBER.finditer(text))
    found = numbers[int(rng.integers(len(numbers)))]
    return text[: found.start()] + str(rng.choice(_NUMBERS)) + text[found.end() :]


def _move_line(text: str, rng: np.random.Generator) -> str:
    lines = text.split("\n")
    line = lines.pop(int(rng.integers(len(lines))))
    lines.insert(int(rng.integers(len(lines) + 1)), line)
    return "\n".join(lines)


_CHANGES = np.array([_flip, _delete, _duplicate, _swap, _replace, _renumber, _move_line])


def _arguments(compiled, rng: np.random.Generator) -> list[np.ndarray] | None:
    """Arrays of the program's types; None where they would be large."""
    from torshjit.capture.numpy_dtypes import numpy_dtype

    arrays = []
    for each in compiled.input_types():
        shape = [4 if extent < 0 else extent for extent in each.shape]
        if math.prod(shape) > _MOST_ELEMENTS:
            return None
        dtype = numpy_dtype(each.dtype)
        if dtype.kind in "iu":
            arrays.append(rng.integers(0, 4, shape).astype(dtype))
        elif dtype.kind == "b":
            arrays.append(rng.random(shape) > 0.5)
        else:
            arrays.append(rng.standard_normal(shape).astype(dtype))
    return arrays


def _results(text: str, target: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    import torshjit

    results = torshjit.compile(text, target_device=target, strict=True)(*arrays)
    return [np.asarray(each) for each in (results if isinstance(results, tuple) else (results,))]


def run_mangled(text: str) -> str:
    """Returns ``exception``, ``right`` or ``unjudged``; what is wrong begins with ``wrong``."""
    import torshjit

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            compiled = torshjit.compile(text, strict=True)
            arrays = _arguments(compiled, np.random.default_rng(1))
            if arrays is None:
                compiled.input_types()
                return "unjudged"
            results = _results(text, "cpu", arrays)
        except (torshjit.TorshError, MemoryError, UnicodeError):
            return "exception"
        except Exception as error:
            # An error of another kind is one that nobody thought of.
            return f"wrong: {type(error).__name__}: {error}"[:200]
        try:
            expected = _results(text, "interpreter", arrays)
        except Exception:
            return "unjudged"
    for part, wanted in zip(results, expected, strict=True):
        if part.dtype != wanted.dtype or part.shape != wanted.shape:
            return f"wrong: {part.dtype} {part.shape}, not {wanted.dtype} {wanted.shape}"
        x, y = (each.astype(np.float64) for each in (part, wanted))
        if not np.allclose(x, y, rtol=1e-3, atol=1e-3, equal_nan=True):
            return f"wrong: {x.ravel()[:4]}, not {y.ravel()[:4]}"
    return "right"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.mlir.mangled_texts")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    # Every third text is one of torsh, in its own form or the generic one.
    own = [text for kind, text in PROGRAMS if kind != "upstream"]
    upstream = [text for kind, text in PROGRAMS if kind == "upstream"]

    def text_of(number: int) -> str:
        if number < 0:
            return PROGRAMS[-1 - number][1]
        pool = own if number % 3 == 0 else upstream
        return mangled(pool[number // 3 % len(pool)], number)

    process = CaseProcess(lambda number: run_mangled(text_of(number)), _MOST_SECONDS)
    # The texts as they are come first: were they refused, the others would say nothing.
    for number in range(len(PROGRAMS)) if options.count >= 300 else range(3):
        whole, lost = process.run(-1 - number)
        if whole != "right":
            print(f"a text as it is: {lost or whole}\n{PROGRAMS[number][1]}")
            return 1
    numbers = range(options.seed, options.seed + options.count)
    return 1 if run_seeds(process, numbers, "mangled texts") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
