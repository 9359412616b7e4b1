# SPDX-License-Identifier: Apache-2.0
"""Programs of linalg, tensor, scf and func, and what they compute in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: (the arrays' extents) -> arrays; floats unless a case says otherwise.
Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Case:
    """`text` is a module; `shapes` are those of its arguments; `oracle` returns its results."""

    name: str
    text: str
    shapes: list[tuple]
    oracle: Callable[..., Any]
    dtypes: str | list[str] = "float32"
    rtol: float = 1e-5

    def arrays(self) -> Arrays:
        rng = np.random.default_rng(len(self.text))
        dtypes = [self.dtypes] * len(self.shapes) if isinstance(self.dtypes, str) else self.dtypes
        result = []
        for shape, dtype in zip(self.shapes, dtypes, strict=True):
            if dtype.startswith("float"):
                result.append(rng.standard_normal(shape).astype(dtype))
            elif dtype == "bool":
                result.append(rng.random(shape) > 0.5)
            else:
                result.append(rng.integers(0, 5, shape).astype(dtype))
        return result


def _function(arguments: str, result: str, body: str, before: str = "") -> str:
    return f"{before}func.func @main({arguments}) -> ({result}) {{\n{body}\n}}\n"


def _generic(maps: str, iterators: str, ins: str, outs: str, block: str, body: str, to: str) -> str:
    kinds = ", ".join(f'"{"parallel" if each == "p" else "reduction"}"' for each in iterators)
    each = ", ".join(f"affine_map<{one}>" for one in maps.split(";"))
    return (
        f"linalg.generic {{indexing_maps = [{each}], iterator_types = [{kinds}]}} {ins} {outs} "
        f"{{\n^bb0({block}):\n{body}\n}} -> {to}"
    )


def _windows(x: np.ndarray, size: int, stride: int, dilation: int = 1) -> np.ndarray:
    """NHWC windows, as two more axes at the end."""
    reach = (size - 1) * dilation + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (reach, reach), (1, 2))
    return view[:, ::stride, ::stride, :, ::dilation, ::dilation]


def _conv_nhwc(x: np.ndarray, w: np.ndarray, stride: int = 1, dilation: int = 1) -> np.ndarray:
    return np.einsum("nhwcij,ijcf->nhwf", _windows(x, w.shape[0], stride, dilation), w)


_MATMUL = _function(
    "%a: tensor<4x8xf32>, %b: tensor<8x5xf32>, %c: tensor<4x5xf32>",
    "tensor<4x5xf32>",
    """  %0 = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x5xf32>)
      outs(%c : tensor<4x5xf32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>""",
)

_DYNAMIC_MATMUL = _function(
    "%a: tensor<?x?xf32>, %b: tensor<?x?xf32>",
    "tensor<?x?xf32>",
    """  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = arith.constant 0.0 : f32
  %m = tensor.dim %a, %c0 : tensor<?x?xf32>
  %n = tensor.dim %b, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%m, %n) : tensor<?x?xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
      outs(%f : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>""",
)

_QUANTISED = _function(
    "%a: tensor<3x4x6xi8>, %b: tensor<3x5x6xi8>",
    "tensor<4x3x5xi32>",
    "  %z = arith.constant dense<7> : tensor<4x3x5xi32>\n  %0 = "
    + _generic(
        "(b, m, n, k) -> (b, m, k);(b, m, n, k) -> (b, n, k);(b, m, n, k) -> (m, b, n)",
        "pppr",
        "ins(%a, %b : tensor<3x4x6xi8>, tensor<3x5x6xi8>)",
        "outs(%z : tensor<4x3x5xi32>)",
        "%x: i8, %y: i8, %o: i32",
        """  %1 = arith.extsi %x : i8 to i32
  %2 = arith.extsi %y : i8 to i32
  %3 = arith.muli %2, %1 : i32
  %4 = arith.addi %o, %3 : i32
  linalg.yield %4 : i32""",
        "tensor<4x3x5xi32>",
    )
    + "\n  return %0 : tensor<4x3x5xi32>",
)

_TWO_DEPTHS = _function(
    "%a: tensor<2x3x4x5xf32>, %b: tensor<5x6x3xf32>",
    "tensor<4x6x2xf32>",
    "  %z = arith.constant dense<0.0> : tensor<4x6x2xf32>\n  %0 = "
    + _generic(
        "(i, j, k, l, m) -> (i, l, j, m);(i, j, k, l, m) -> (m, k, l);(i, j, k, l, m) -> (j, k, i)",
        "ppprr",
        "ins(%a, %b : tensor<2x3x4x5xf32>, tensor<5x6x3xf32>)",
        "outs(%z : tensor<4x6x2xf32>)",
        "%x: f32, %y: f32, %o: f32",
        """  %1 = arith.mulf %x, %y : f32
  %2 = arith.addf %1, %o : f32
  linalg.yield %2 : f32""",
        "tensor<4x6x2xf32>",
    )
    + "\n  return %0 : tensor<4x6x2xf32>",
)


def _convolution(name: str, attributes: str, x: str, w: str, to: str) -> str:
    return _function(
        f"%x: {x}, %w: {w}",
        to,
        f"""  %z = arith.constant dense<0.0> : {to}
  %0 = linalg.{name} {{{attributes}}} ins(%x, %w : {x}, {w}) outs(%z : {to}) -> {to}
  return %0 : {to}""",
    )


def _pool(name: str, start: str, window: str, attributes: str, to: str) -> str:
    x = "tensor<2x9x9x3xf32>"
    return _function(
        f"%x: {x}",
        to,
        f"""  %z = arith.constant dense<{start}> : {to}
  %w = tensor.empty() : tensor<{window}xf32>
  %0 = linalg.{name} {{{attributes}}} ins(%x, %w : {x}, tensor<{window}xf32>)
      outs(%z : {to}) -> {to}
  return %0 : {to}""",
    )


def _reduction(body: str, element: str, start: str) -> str:
    return _function(
        f"%x: tensor<4x6x3x{element}>",
        f"tensor<3x4x{element}>",
        f"  %z = arith.constant dense<{start}> : tensor<3x4x{element}>\n  %0 = "
        + _generic(
            "(i, j, k) -> (i, j, k);(i, j, k) -> (k, i)",
            "prp",
            f"ins(%x : tensor<4x6x3x{element}>)",
            f"outs(%z : tensor<3x4x{element}>)",
            f"%e: {element}, %o: {element}",
            f"{body}\n  linalg.yield %r : {element}",
            f"tensor<3x4x{element}>",
        )
        + f"\n  return %0 : tensor<3x4x{element}>",
    )


def _arg_search(extent: int, best: str, test: str, start: str) -> str:
    x = f"tensor<5x{extent}xf32>"
    return _function(
        f"%x: {x}",
        "tensor<5xf32>, tensor<5xi64>",
        f"""  %z = arith.constant dense<{start}> : tensor<5xf32>
  %p = arith.constant dense<0> : tensor<5xi64>
  %0:2 = """
        + _generic(
            "(i, j) -> (i, j);(i, j) -> (i);(i, j) -> (i)",
            "pr",
            f"ins(%x : {x})",
            "outs(%z, %p : tensor<5xf32>, tensor<5xi64>)",
            "%e: f32, %o: f32, %q: i64",
            f"""  %1 = linalg.index 1 : index
  %2 = arith.index_cast %1 : index to i64
  %3 = arith.{best} %e, %o : f32
  %4 = arith.cmpf {test}, %e, %o : f32
  %5 = arith.select %4, %2, %q : i64
  linalg.yield %3, %5 : f32, i64""",
            "(tensor<5xf32>, tensor<5xi64>)",
        )
        + "\n  return %0#0, %0#1 : tensor<5xf32>, tensor<5xi64>",
    )


def _movement(arguments: str, result: str, *lines: str) -> str:
    return _function(arguments, result, "\n".join(f"  {line}" for line in lines))


def _argmax(x: np.ndarray) -> tuple:
    return x.max(1), x.argmax(1)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


_SOFTMAX = _function(
    "%x: tensor<?x7xf32>",
    "tensor<?x7xf32>",
    """  %c0 = arith.constant 0 : index
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %d = tensor.dim %x, %c0 : tensor<?x7xf32>
  %e1 = tensor.empty(%d) : tensor<?xf32>
  %e2 = tensor.empty(%d) : tensor<?x7xf32>
  %f1 = linalg.fill ins(%low : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %m = linalg.reduce { arith.maximumf } ins(%x : tensor<?x7xf32>) outs(%f1 : tensor<?xf32>)
      dimensions = [1]
  %mb = linalg.broadcast ins(%m : tensor<?xf32>) outs(%e2 : tensor<?x7xf32>) dimensions = [1]
  %s = linalg.sub ins(%x, %mb : tensor<?x7xf32>, tensor<?x7xf32>)
      outs(%e2 : tensor<?x7xf32>) -> tensor<?x7xf32>
  %p = linalg.exp ins(%s : tensor<?x7xf32>) outs(%e2 : tensor<?x7xf32>) -> tensor<?x7xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %t = linalg.reduce { arith.addf } ins(%p : tensor<?x7xf32>) outs(%f2 : tensor<?xf32>)
      dimensions = [1]
  %tb = linalg.broadcast ins(%t : tensor<?xf32>) outs(%e2 : tensor<?x7xf32>) dimensions = [1]
  %r = linalg.div ins(%p, %tb : tensor<?x7xf32>, tensor<?x7xf32>)
      outs(%e2 : tensor<?x7xf32>) -> tensor<?x7xf32>
  return %r : tensor<?x7xf32>""",
)

_LOOP = _function(
    "%x: tensor<4x3xf32>",
    "tensor<3xf32>, tensor<3xf32>",
    """  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %z = arith.constant dense<0.0> : tensor<3xf32>
  %0:2 = scf.for %i = %c0 to %c4 step %c1 iter_args(%s = %z, %m = %z)
      -> (tensor<3xf32>, tensor<3xf32>) {
    %row = tensor.extract_slice %x[%i, 0] [1, 3] [1, 1] : tensor<4x3xf32> to tensor<3xf32>
    %n = arith.addf %s, %row : tensor<3xf32>
    %k = arith.index_cast %i : index to i32
    %f = arith.sitofp %k : i32 to f32
    %sp = tensor.splat %f : tensor<3xf32>
    %w = arith.mulf %row, %sp : tensor<3xf32>
    %v = arith.addf %m, %w : tensor<3xf32>
    scf.yield %n, %v : tensor<3xf32>, tensor<3xf32>
  }
  return %0#0, %0#1 : tensor<3xf32>, tensor<3xf32>""",
)

_BRANCH = _function(
    "%x: tensor<4xf32>, %t: f32",
    "tensor<4xf32>",
    """  %c0 = arith.constant 0 : index
  %first = tensor.extract %x[%c0] : tensor<4xf32>
  %c = arith.cmpf ogt, %first, %t : f32
  %0 = scf.if %c -> (tensor<4xf32>) {
    %1 = math.exp %x : tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  return %0 : tensor<4xf32>""",
)

_CALLS = """func.func private @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = arith.addf %x, %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
""" + _movement(
    "%x: tensor<?xf32>",
    "tensor<?xf32>",
    "%0 = func.call @twice(%x) : (tensor<?xf32>) -> tensor<?xf32>",
    "%1 = func.call @twice(%0) : (tensor<?xf32>) -> tensor<?xf32>",
    "return %1 : tensor<?xf32>",
)

_GENERATE = _movement(
    "%n: tensor<?xf32>",
    "tensor<?x3xi64>",
    "%c0 = arith.constant 0 : index",
    "%d = tensor.dim %n, %c0 : tensor<?xf32>",
    "%0 = tensor.generate %d {",
    "^bb0(%i: index, %j: index):",
    "  %k = arith.muli %i, %d : index",
    "  %l = arith.addi %k, %j : index",
    "  %m = arith.index_cast %l : index to i64",
    "  tensor.yield %m : i64",
    "} : tensor<?x3xi64>",
    "return %0 : tensor<?x3xi64>",
)

_LOOKUP = _function(
    "%t: tensor<9x4xf32>, %i: tensor<5xi64>",
    "tensor<5x4xf32>",
    "  %e = tensor.empty() : tensor<5x4xf32>\n  %0 = "
    + _generic(
        "(i, j) -> (i);(i, j) -> (i, j)",
        "pp",
        "ins(%i : tensor<5xi64>)",
        "outs(%e : tensor<5x4xf32>)",
        "%p: i64, %o: f32",
        """  %1 = arith.index_cast %p : i64 to index
  %2 = linalg.index 1 : index
  %3 = tensor.extract %t[%1, %2] : tensor<9x4xf32>
  linalg.yield %3 : f32""",
        "tensor<5x4xf32>",
    )
    + "\n  return %0 : tensor<5x4xf32>",
)

_ODD_MAPS = _function(
    "%x: tensor<4x9xf32>, %y: tensor<1x5xf32>, %d: tensor<4x4xf32>",
    "tensor<4x5xf32>, tensor<4xf32>",
    "  %e = tensor.empty() : tensor<4x5xf32>\n  %f = tensor.empty() : tensor<4xf32>\n  %0 = "
    + _generic(
        "(i, j) -> (3 - i, j * 2);(i, j) -> (0, j);(i, j) -> (i, j)",
        "pp",
        "ins(%x, %y : tensor<4x9xf32>, tensor<1x5xf32>)",
        "outs(%e : tensor<4x5xf32>)",
        "%p: f32, %q: f32, %o: f32",
        "  %1 = arith.subf %p, %q : f32\n  linalg.yield %1 : f32",
        "tensor<4x5xf32>",
    )
    + "\n  %1 = "
    + _generic(
        "(i) -> (i, i);(i) -> (i)",
        "p",
        "ins(%d : tensor<4x4xf32>)",
        "outs(%f : tensor<4xf32>)",
        "%p: f32, %o: f32",
        "  linalg.yield %p : f32",
        "tensor<4xf32>",
    )
    + "\n  return %0, %1 : tensor<4x5xf32>, tensor<4xf32>",
)

_READS_INIT = _function(
    "%x: tensor<3x2xf32>, %o: tensor<2x3xf32>, %s: f32",
    "tensor<2x3xf32>",
    "  %0 = "
    + _generic(
        "(i, j) -> (j, i);(i, j) -> (i, j)",
        "pp",
        "ins(%x : tensor<3x2xf32>)",
        "outs(%o : tensor<2x3xf32>)",
        "%p: f32, %q: f32",
        "  %1 = arith.mulf %p, %s : f32\n  %2 = arith.subf %q, %1 : f32\n  linalg.yield %2 : f32",
        "tensor<2x3xf32>",
    )
    + "\n  return %0 : tensor<2x3xf32>",
)

_UNROLLED = _reduction(
    "  %1 = arith.mulf %o, %e : f32\n  %2 = arith.subf %e, %1 : f32\n  %r = math.tanh %2 : f32",
    "f32",
    "0.5",
)


def _unrolled(x: np.ndarray) -> np.ndarray:
    result = np.full((4, 3), 0.5, np.float32)
    for j in range(6):
        result = np.tanh(x[:, j] - result * x[:, j])
    return result.T


def _inserted(x: np.ndarray, y: np.ndarray, offset: int) -> np.ndarray:
    result = x.copy()
    result[offset : offset + 2, 1:4] = y
    return result


def _padded(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.pad(x, ((1, 0), (2, 3)), constant_values=float(s))


_STRIDES = "strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>"
_DILATED = "strides = dense<1> : tensor<2xi64>, dilations = dense<2> : tensor<2xi64>"
_SLICE = "tensor<2x2xf32>"

CASES = [
    Case("matmul adds to outs", _MATMUL, [(4, 8), (8, 5), (4, 5)], lambda a, b, c: a @ b + c),
    Case("matmul of dynamic extents", _DYNAMIC_MATMUL, [(3, 7), (7, 2)], np.matmul),
    Case(
        "product of i8 in i32",
        _QUANTISED,
        [(3, 4, 6), (3, 5, 6)],
        lambda a, b: np.einsum("bmk,bnk->mbn", a.astype(np.int32), b.astype(np.int32)) + 7,
        "int8",
    ),
    Case(
        "product over two axes",
        _TWO_DEPTHS,
        [(2, 3, 4, 5), (5, 6, 3)],
        lambda a, b: np.einsum("iljm,mkl->jki", a, b),
    ),
    Case(
        "conv_2d_nhwc_hwcf",
        _convolution(
            "conv_2d_nhwc_hwcf",
            _STRIDES,
            "tensor<2x8x8x3xf32>",
            "tensor<3x3x3x4xf32>",
            "tensor<2x3x3x4xf32>",
        ),
        [(2, 8, 8, 3), (3, 3, 3, 4)],
        lambda x, w: _conv_nhwc(x, w, 2),
    ),
    Case(
        "conv_2d_nchw_fchw, dilated",
        _convolution(
            "conv_2d_nchw_fchw",
            _DILATED,
            "tensor<2x3x8x8xf32>",
            "tensor<4x3x3x3xf32>",
            "tensor<2x4x4x4xf32>",
        ),
        [(2, 3, 8, 8), (4, 3, 3, 3)],
        lambda x, w: _conv_nhwc(x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0), 1, 2).transpose(
            0, 3, 1, 2
        ),
    ),
    Case(
        "depthwise convolution with a multiplier",
        _convolution(
            "depthwise_conv_2d_nhwc_hwcm",
            _DILATED.replace("<2>", "<1>"),
            "tensor<2x6x6x3xf32>",
            "tensor<3x3x3x2xf32>",
            "tensor<2x4x4x3x2xf32>",
        ),
        [(2, 6, 6, 3), (3, 3, 3, 2)],
        lambda x, w: np.einsum("nhwcij,ijcm->nhwcm", _windows(x, 3, 1), w),
    ),
    Case(
        "max pool",
        _pool("pooling_nhwc_max", "0xFF800000", "3x3", _STRIDES, "tensor<2x4x4x3xf32>"),
        [(2, 9, 9, 3)],
        lambda x: _windows(x, 3, 2).max((-1, -2)),
    ),
    Case(
        "sum pool adds to outs",
        _pool("pooling_nhwc_sum", "1.0", "3x3", _STRIDES, "tensor<2x4x4x3xf32>"),
        [(2, 9, 9, 3)],
        lambda x: _windows(x, 3, 2).sum((-1, -2)) + 1,
    ),
    Case(
        "min pool, dilated",
        _pool("pooling_nhwc_min", "0x7F800000", "2x2", _DILATED, "tensor<2x7x7x3xf32>"),
        [(2, 9, 9, 3)],
        lambda x: _windows(x, 2, 1, 2).min((-1, -2)),
    ),
    Case(
        "global sum pool",
        _pool(
            "pooling_nhwc_sum",
            "0.0",
            "9x9",
            _STRIDES.replace("<2>", "<1>"),
            "tensor<2x1x1x3xf32>",
        ),
        [(2, 9, 9, 3)],
        lambda x: x.sum((1, 2), keepdims=True),
    ),
    Case(
        "sum from an initial value",
        _reduction("  %r = arith.addf %e, %o : f32", "f32", "2.0"),
        [(4, 6, 3)],
        lambda x: x.sum(1).T + 2,
    ),
    Case(
        "product of integers",
        _reduction("  %r = arith.muli %o, %e : i32", "i32", "3"),
        [(4, 6, 3)],
        lambda x: x.prod(1, dtype=np.int32).T * 3,
        "int32",
    ),
    Case(
        "sum of squares",
        _reduction("  %1 = arith.mulf %e, %e : f32\n  %r = arith.addf %1, %o : f32", "f32", "0.0"),
        [(4, 6, 3)],
        lambda x: (x * x).sum(1).T,
    ),
    Case(
        "maximum from a limit",
        _reduction("  %r = arith.maximumf %o, %e : f32", "f32", "0.25"),
        [(4, 6, 3)],
        lambda x: np.maximum(x.max(1), 0.25).T,
    ),
    Case(
        "minimum of numbers",
        _reduction("  %r = arith.minnumf %o, %e : f32", "f32", "0x7FC00000"),
        [(4, 6, 3)],
        lambda x: x.min(1).T,
    ),
    Case(
        "any of bools",
        _reduction("  %r = arith.ori %o, %e : i1", "i1", "false"),
        [(4, 6, 3)],
        lambda x: x.any(1).T,
        "bool",
    ),
    Case(
        "xor of integers is unrolled",
        _reduction("  %r = arith.xori %o, %e : i32", "i32", "9"),
        [(4, 6, 3)],
        lambda x: np.bitwise_xor.reduce(x, 1).T ^ 9,
        "int32",
    ),
    Case("a recurrence is unrolled", _UNROLLED, [(4, 6, 3)], _unrolled),
    Case("argmax", _arg_search(100, "maximumf", "ogt", "0xFF800000"), [(5, 100)], _argmax),
    Case(
        "argmin of few is unrolled, if need be",
        _arg_search(7, "minimumf", "olt", "0x7F800000"),
        [(5, 7)],
        lambda x: (x.min(1), x.argmin(1)),
    ),
    Case(
        "argmax that nothing beats",
        _arg_search(80, "maximumf", "ogt", "100.0"),
        [(5, 80)],
        lambda x: (np.full(5, 100, np.float32), np.zeros(5, np.int64)),
    ),
    Case("softmax of dynamic rows", _SOFTMAX, [(5, 7)], _softmax),
    Case(
        "unrolled loop",
        _LOOP,
        [(4, 3)],
        lambda x: (x.sum(0), (x * np.arange(4, dtype=np.float32)[:, None]).sum(0)),
    ),
    Case("branch on a value", _BRANCH, [(4,), ()], lambda x, t: np.exp(x) if x[0] > t else x),
    Case("calls", _CALLS, [(5,)], lambda x: x * 4),
    Case(
        "generate from indices",
        _GENERATE,
        [(6,)],
        lambda n: np.arange(6)[:, None] * 6 + np.arange(3),
    ),
    Case("table lookup", _LOOKUP, [(9, 4), (5,)], lambda t, i: t[i], ["float32", "int64"]),
    Case(
        "maps that reverse, stride, pick and repeat",
        _ODD_MAPS,
        [(4, 9), (1, 5), (4, 4)],
        lambda x, y, d: (x[::-1, ::2] - y, np.diag(d)),
    ),
    Case(
        "elementwise with its outs",
        _READS_INIT,
        [(3, 2), (2, 3), ()],
        lambda x, o, s: o - x.T * s,
    ),
    Case(
        "strided slice, dropped axis",
        _movement(
            "%x: tensor<4x7x3xf32>",
            "tensor<3x3xf32>",
            "%0 = tensor.extract_slice %x[2, 1, 0] [1, 3, 3] [1, 2, 1]"
            " : tensor<4x7x3xf32> to tensor<3x3xf32>",
            "return %0 : tensor<3x3xf32>",
        ),
        [(4, 7, 3)],
        lambda x: x[2, 1:6:2],
    ),
    Case(
        "slice at a place that is data",
        _movement(
            "%x: tensor<9xf32>, %i: tensor<i64>",
            "tensor<3xf32>",
            "%e = tensor.extract %i[] : tensor<i64>",
            "%k = arith.index_cast %e : i64 to index",
            "%0 = tensor.extract_slice %x[%k] [3] [1] : tensor<9xf32> to tensor<3xf32>",
            "return %0 : tensor<3xf32>",
        ),
        [(9,), ()],
        lambda x, i: x[i : i + 3],
        ["float32", "int64"],
    ),
    Case(
        "dynamic slice of a dynamic tensor",
        _movement(
            "%x: tensor<?xf32>",
            "tensor<?xf32>",
            "%c0 = arith.constant 0 : index",
            "%c1 = arith.constant 1 : index",
            "%d = tensor.dim %x, %c0 : tensor<?xf32>",
            "%n = arith.subi %d, %c1 : index",
            "%0 = tensor.extract_slice %x[1] [%n] [1] : tensor<?xf32> to tensor<?xf32>",
            "return %0 : tensor<?xf32>",
        ),
        [(9,)],
        lambda x: x[1:],
    ),
    Case(
        "insert a slice",
        _movement(
            "%x: tensor<5x4xf32>, %y: tensor<2x3xf32>",
            "tensor<5x4xf32>",
            "%0 = tensor.insert_slice %y into %x[2, 1] [2, 3] [1, 1]"
            " : tensor<2x3xf32> into tensor<5x4xf32>",
            "return %0 : tensor<5x4xf32>",
        ),
        [(5, 4), (2, 3)],
        lambda x, y: _inserted(x, y, 2),
    ),
    Case(
        "insert a slice at a place that is data",
        _movement(
            "%x: tensor<5x4xf32>, %y: tensor<2x3xf32>, %i: index",
            "tensor<5x4xf32>",
            "%0 = tensor.insert_slice %y into %x[%i, 1] [2, 3] [1, 1]"
            " : tensor<2x3xf32> into tensor<5x4xf32>",
            "return %0 : tensor<5x4xf32>",
        ),
        [(5, 4), (2, 3), ()],
        lambda x, y, i: _inserted(x, y, min(int(i), 3)),
        ["float32", "float32", "int64"],
    ),
    Case(
        "insert with strides",
        _movement(
            "%x: tensor<7xf32>, %y: tensor<3xf32>",
            "tensor<7xf32>",
            "%0 = tensor.insert_slice %y into %x[1] [3] [2] : tensor<3xf32> into tensor<7xf32>",
            "return %0 : tensor<7xf32>",
        ),
        [(7,), (3,)],
        lambda x, y: np.array([x[0], y[0], x[2], y[1], x[4], y[2], x[6]]),
    ),
    Case(
        "insert an element",
        _movement(
            "%x: tensor<3x4xf32>, %s: f32",
            "tensor<3x4xf32>",
            "%c1 = arith.constant 1 : index",
            "%c3 = arith.constant 3 : index",
            "%0 = tensor.insert %s into %x[%c1, %c3] : tensor<3x4xf32>",
            "return %0 : tensor<3x4xf32>",
        ),
        [(3, 4), ()],
        lambda x, s: np.where(np.arange(12).reshape(3, 4) == 7, s, x),
    ),
    Case(
        "pad with an argument",
        _movement(
            "%x: tensor<2x3xf32>, %s: f32",
            "tensor<3x8xf32>",
            "%0 = tensor.pad %x low[1, 2] high[0, 3] {",
            "^bb0(%i: index, %j: index):",
            "  tensor.yield %s : f32",
            "} : tensor<2x3xf32> to tensor<3x8xf32>",
            "return %0 : tensor<3x8xf32>",
        ),
        [(2, 3), ()],
        _padded,
    ),
    Case(
        "pad by what an extent says",
        _movement(
            "%x: tensor<2x3xf32>, %n: tensor<?xf32>, %s: f32",
            "tensor<2x?xf32>",
            "%c0 = arith.constant 0 : index",
            "%d = tensor.dim %n, %c0 : tensor<?xf32>",
            "%0 = tensor.pad %x low[0, %d] high[0, 1] {",
            "^bb0(%i: index, %j: index):",
            "  tensor.yield %s : f32",
            "} : tensor<2x3xf32> to tensor<2x?xf32>",
            "return %0 : tensor<2x?xf32>",
        ),
        [(2, 3), (4,), ()],
        lambda x, n, s: np.pad(x, ((0, 0), (4, 1)), constant_values=float(s)),
    ),
    Case(
        "concat, collapse, expand, transpose",
        _movement(
            "%x: tensor<2x3xf32>, %y: tensor<4x3xf32>",
            "tensor<9x2xf32>",
            "%0 = tensor.concat dim(0) %x, %y : (tensor<2x3xf32>, tensor<4x3xf32>)"
            " -> tensor<6x3xf32>",
            "%1 = tensor.collapse_shape %0 [[0, 1]] : tensor<6x3xf32> into tensor<18xf32>",
            "%2 = tensor.expand_shape %1 [[0, 1]] output_shape [2, 9]"
            " : tensor<18xf32> into tensor<2x9xf32>",
            "%e = tensor.empty() : tensor<9x2xf32>",
            "%3 = linalg.transpose ins(%2 : tensor<2x9xf32>) outs(%e : tensor<9x2xf32>)"
            " permutation = [1, 0]",
            "return %3 : tensor<9x2xf32>",
        ),
        [(2, 3), (4, 3)],
        lambda x, y: np.concatenate([x, y]).reshape(2, 9).T,
    ),
    Case(
        "elements, casts and shapes",
        _movement(
            "%x: tensor<?x4xf32>, %a: f32, %b: f32",
            "tensor<2x8xf32>, tensor<2xf32>",
            "%0 = tensor.cast %x : tensor<?x4xf32> to tensor<4x4xf32>",
            "%s = arith.constant dense<[2, 8]> : tensor<2xindex>",
            "%1 = tensor.reshape %0(%s) : (tensor<4x4xf32>, tensor<2xindex>) -> tensor<2x8xf32>",
            "%2 = tensor.from_elements %a, %b : tensor<2xf32>",
            "return %1, %2 : tensor<2x8xf32>, tensor<2xf32>",
        ),
        [(4, 4), (), ()],
        lambda x, a, b: (x.reshape(2, 8), np.array([a, b])),
    ),
]
