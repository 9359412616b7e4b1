# SPDX-License-Identifier: Apache-2.0
"""Operations of arith and math on elements, and what they compute in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

#: Element types of MLIR, and the NumPy dtypes that programs take them as.
DTYPES = {
    "i1": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
}

_UNSIGNED = {np.int8: np.uint8, np.int16: np.uint16, np.int32: np.uint32, np.int64: np.uint64}


def _vector(function: Callable[[float], float]) -> Callable[[Any], Any]:
    return lambda x: np.array([function(float(each)) for each in x.ravel()]).reshape(x.shape)


def _unsigned(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the bits of its operands."""

    def on_bits(*arrays: np.ndarray) -> np.ndarray:
        kind = _UNSIGNED[arrays[0].dtype.type]
        result = function(*(each.view(kind) for each in arrays))
        return result.view(arrays[0].dtype.type) if result.dtype == kind else result

    return on_bits


def _truncated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))).astype(x.dtype)


#: Of one float operand.
FLOAT_UNARY = {
    "arith.negf": np.negative,
    "math.absf": np.abs,
    "math.acos": np.arccos,
    "math.acosh": np.arccosh,
    "math.asin": np.arcsin,
    "math.asinh": np.arcsinh,
    "math.atan": np.arctan,
    "math.atanh": np.arctanh,
    "math.cbrt": np.cbrt,
    "math.ceil": np.ceil,
    "math.cos": np.cos,
    "math.cosh": np.cosh,
    "math.erf": _vector(math.erf),
    "math.exp": np.exp,
    "math.exp2": np.exp2,
    "math.expm1": np.expm1,
    "math.floor": np.floor,
    "math.log": np.log,
    "math.log10": np.log10,
    "math.log1p": np.log1p,
    "math.log2": np.log2,
    "math.round": lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
    "math.roundeven": np.rint,
    "math.rsqrt": lambda x: 1 / np.sqrt(x),
    "math.sin": np.sin,
    "math.sinh": np.sinh,
    "math.sqrt": np.sqrt,
    "math.tan": np.tan,
    "math.tanh": np.tanh,
    "math.trunc": np.trunc,
}

FLOAT_BINARY = {
    "arith.addf": np.add,
    "arith.divf": np.divide,
    "arith.maximumf": np.maximum,
    "arith.maxnumf": np.fmax,
    "arith.minimumf": np.minimum,
    "arith.minnumf": np.fmin,
    "arith.mulf": np.multiply,
    "arith.remf": np.fmod,
    "arith.subf": np.subtract,
    "math.atan2": np.arctan2,
    "math.copysign": np.copysign,
    "math.powf": np.power,
}

INTEGER_BINARY = {
    "arith.addi": np.add,
    "arith.andi": np.bitwise_and,
    "arith.ceildivsi": lambda x, y: -(-x // y),
    "arith.ceildivui": _unsigned(lambda x, y: x // y + (x % y != 0).astype(x.dtype)),
    "arith.divsi": _truncated,
    "arith.divui": _unsigned(np.floor_divide),
    "arith.floordivsi": np.floor_divide,
    "arith.maxsi": np.maximum,
    "arith.maxui": _unsigned(np.maximum),
    "arith.minsi": np.minimum,
    "arith.minui": _unsigned(np.minimum),
    "arith.muli": np.multiply,
    "arith.ori": np.bitwise_or,
    "arith.remsi": lambda x, y: (x - _truncated(x, y) * y).astype(x.dtype),
    "arith.remui": _unsigned(np.remainder),
    "arith.subi": np.subtract,
    "arith.xori": np.bitwise_xor,
}

SHIFTS = {
    "arith.shli": np.left_shift,
    "arith.shrsi": np.right_shift,
    "arith.shrui": _unsigned(np.right_shift),
}

FLOAT_COMPARISONS = {
    "oeq": lambda x, y: x == y,
    "ogt": lambda x, y: x > y,
    "oge": lambda x, y: x >= y,
    "olt": lambda x, y: x < y,
    "ole": lambda x, y: x <= y,
    "one": lambda x, y: (x != y) & ~np.isnan(x) & ~np.isnan(y),
    "ord": lambda x, y: ~np.isnan(x) & ~np.isnan(y),
    "ueq": lambda x, y: (x == y) | np.isnan(x) | np.isnan(y),
    "ugt": lambda x, y: ~(x <= y),
    "uge": lambda x, y: ~(x < y),
    "ult": lambda x, y: ~(x >= y),
    "ule": lambda x, y: ~(x > y),
    "une": lambda x, y: x != y,
    "uno": lambda x, y: np.isnan(x) | np.isnan(y),
    "true": lambda x, y: np.ones_like(x, np.bool_),
    "false": lambda x, y: np.zeros_like(x, np.bool_),
}

INTEGER_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": np.less,
    "sle": np.less_equal,
    "sgt": np.greater,
    "sge": np.greater_equal,
    "ult": _unsigned(np.less),
    "ule": _unsigned(np.less_equal),
    "ugt": _unsigned(np.greater),
    "uge": _unsigned(np.greater_equal),
}

#: Arithmetic of single bits, whose true is one without a sign, and minus one with it.
BOOL_BINARY = {
    "arith.addi": np.logical_xor,
    "arith.subi": np.logical_xor,
    "arith.muli": np.logical_and,
    "arith.andi": np.logical_and,
    "arith.ori": np.logical_or,
    "arith.xori": np.logical_xor,
    "arith.maxsi": np.logical_and,
    "arith.minsi": np.logical_or,
    "arith.maxui": np.logical_or,
    "arith.minui": np.logical_and,
}

BOOL_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": lambda x, y: x & ~y,
    "sge": lambda x, y: ~x | y,
    "ult": lambda x, y: ~x & y,
    "uge": lambda x, y: x | ~y,
}

#: (operation, from, to, what it computes)
CONVERSIONS = [
    ("arith.extf", "f16", "f32", lambda x: x.astype(np.float32)),
    ("arith.extf", "f32", "f64", lambda x: x.astype(np.float64)),
    ("arith.truncf", "f64", "f32", lambda x: x.astype(np.float32)),
    ("arith.truncf", "f32", "f16", lambda x: x.astype(np.float16)),
    ("arith.extsi", "i8", "i32", lambda x: x.astype(np.int32)),
    ("arith.extui", "i8", "i32", lambda x: x.view(np.uint8).astype(np.int32)),
    ("arith.extsi", "i1", "i32", lambda x: -x.astype(np.int32)),
    ("arith.extui", "i1", "i64", lambda x: x.astype(np.int64)),
    ("arith.trunci", "i64", "i32", lambda x: x.astype(np.int32)),
    ("arith.trunci", "i32", "i1", lambda x: (x & 1).astype(np.bool_)),
    ("arith.sitofp", "i32", "f32", lambda x: x.astype(np.float32)),
    ("arith.sitofp", "i1", "f32", lambda x: -x.astype(np.float32)),
    ("arith.uitofp", "i8", "f32", lambda x: x.view(np.uint8).astype(np.float32)),
    ("arith.uitofp", "i1", "f32", lambda x: x.astype(np.float32)),
    ("arith.fptosi", "f32", "i32", lambda x: x.astype(np.int32)),
    ("arith.fptoui", "f32", "i32", lambda x: np.abs(x).astype(np.uint32).view(np.int32)),
    ("arith.bitcast", "f32", "i32", lambda x: x.view(np.int32)),
    ("arith.bitcast", "i64", "f64", lambda x: x.view(np.float64)),
]


def elementwise_program(operation: str, types: list[str], result: str, form: str) -> str:
    """A function of tensors of shape 4x5: `operation` on each element.

    `form` is ``tensor`` for the operation on whole tensors, ``generic`` for one in the body of a
    linalg.generic. `operation` names its operands ``$0``, ``$1``, ...
    """
    tensors = [f"tensor<4x5x{each}>" for each in types]
    arguments = ", ".join(f"%{i}: {each}" for i, each in enumerate(tensors))
    head = f"func.func @main({arguments}) -> tensor<4x5x{result}> {{\n"
    if form == "tensor":
        body = operation
        for i in range(len(types)):
            body = body.replace(f"${i}", f"%{i}")
        for each in {*types, result}:
            body = body.replace(f"!{each}", f"tensor<4x5x{each}>")
        return head + f"  %r = {body}\n  return %r : tensor<4x5x{result}>\n}}"
    body = operation
    for i in range(len(types)):
        body = body.replace(f"${i}", f"%e{i}")
    for each in {*types, result}:
        body = body.replace(f"!{each}", each)
    maps = ", ".join(["affine_map<(d0, d1) -> (d0, d1)>"] * (len(types) + 1))
    elements = ", ".join(f"%e{i}: {each}" for i, each in enumerate([*types, result]))
    return (
        head
        + f"  %init = tensor.empty() : tensor<4x5x{result}>\n"
        + f"  %r = linalg.generic {{indexing_maps = [{maps}], "
        + 'iterator_types = ["parallel", "parallel"]} '
        + f"ins({', '.join(f'%{i}' for i in range(len(types)))} : {', '.join(tensors)}) "
        + f"outs(%init : tensor<4x5x{result}>) {{\n  ^bb0({elements}):\n"
        + f"    %y = {body}\n    linalg.yield %y : {result}\n  }} -> tensor<4x5x{result}>\n"
        + f"  return %r : tensor<4x5x{result}>\n}}"
    )


def values(dtype: str, seed: int, *, positive: bool = False, nonzero: bool = False) -> np.ndarray:
    """Twenty elements with what is special in the type."""
    rng = np.random.default_rng(seed)
    kind = DTYPES[dtype]
    if dtype == "i1":
        return rng.random((4, 5)) > 0.5
    if dtype[0] == "i":
        limits = np.iinfo(kind)
        x = rng.integers(max(limits.min, -100), min(limits.max, 100), (4, 5)).astype(kind)
        x[0, :2] = limits.max, limits.min + 1
        return np.where(x == 0, 3, x).astype(kind) if nonzero else x
    x = (rng.standard_normal((4, 5)) * 2).astype(kind)
    x[0] = [0.0, -0.0, np.inf, -np.inf, np.nan]
    x[1, :3] = [0.5, -2.5, 1.0]
    return np.abs(x) if positive else x
