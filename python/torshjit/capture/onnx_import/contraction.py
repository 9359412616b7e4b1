# SPDX-License-Identifier: Apache-2.0
"""ONNX matrix products and convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torshjit.capture.matrix_product import matrix_product
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.capture.transposed_convolution import transposed_convolution
from torshjit.errors import ShapeError

__all__ = ["convolution", "window_padding"]


@lowers("MatMul")
def _matmul(g: Operations, node: Node) -> Any:
    return matrix_product(g, node.value(0), node.value(1))


@lowers("MatMulInteger")
def _matmul_integer(g: Operations, node: Node) -> Any:
    left, right = node.value(0, "i32"), node.value(1, "i32")
    if node.has(2):
        zero = node.value(2, "i32")
        left = g.emit("sub", left, g.reshape(zero, (*zero.shape, *[1] * len(zero.shape))))
    if node.has(3):
        right = g.emit("sub", right, node.value(3, "i32"))
    return matrix_product(g, left, right)


@lowers("Gemm")
def _gemm(g: Operations, node: Node) -> Any:
    left, right = node.value(0), node.value(1)
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise ShapeError(f"{node}: operands of rank {len(left.shape)} and {len(right.shape)}")
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if node.attribute("transA", 0):
        left = g.swap_last(left)
    bias = node.optional(2)
    transposed = bool(node.attribute("transB", 0))
    per_column = bias is not None and tuple(bias.shape) == (right.shape[0],)
    if transposed and per_column and alpha == beta == 1.0:
        return g.emit("linear", left, right, bias)
    result = g.emit("matmul", left, g.swap_last(right) if transposed else right)
    dtype, wide = result.dtype, wider(result.dtype)
    if alpha != 1.0:
        result = g.math("mul", g.cast(result, wide), _factor(alpha, dtype))
    if bias is not None:
        if beta != 1.0:
            bias = g.math("mul", g.cast(bias, wide), _factor(beta, dtype))
        result = g.emit("add", g.cast(result, bias.dtype), g.cast(bias, bias.dtype))
    return g.cast(result, dtype)


def _factor(number: float, dtype: str) -> float | int:
    return int(number) if dtype[0] in "iu" else float(number)


def window_padding(
    node: Node,
    extents: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[list[int], list[int]]:
    """The margins before and after each spatial axis, by `pads` or `auto_pad`."""
    axes = len(window)
    mode = node.attribute("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = node.integers("pads", [0] * (2 * axes)) or [0] * (2 * axes)
        if len(pads) != 2 * axes:
            raise ShapeError(f"{node}: {len(pads)} pads for {axes} spatial axes")
        return pads[:axes], pads[axes:]
    if mode == "VALID":
        return [0] * axes, [0] * axes
    total = [
        max(0, (-(-n // s) - 1) * s + (w - 1) * d + 1 - n)
        for n, w, s, d in zip(extents, window, stride, dilation, strict=True)
    ]
    less, more = [each // 2 for each in total], [each - each // 2 for each in total]
    return (less, more) if mode == "SAME_UPPER" else (more, less)


@lowers("Conv")
def _conv(g: Operations, node: Node) -> Any:
    return convolution(g, node, node.value(0), node.value(1), node.optional(2))


@lowers("ConvInteger")
def _conv_integer(g: Operations, node: Node) -> Any:
    value, weight = node.value(0, "i32"), node.value(1, "i32")
    if node.has(2):
        value = g.emit("sub", value, g.reshape(node.value(2, "i32"), ()))
    if node.has(3):
        zero = node.value(3, "i32")
        zero = g.reshape(zero, (*zero.shape, *[1] * (len(weight.shape) - 1)))
        weight = g.emit("sub", weight, zero)
    return convolution(g, node, value, weight, None)


def convolution(g: Operations, node: Node, value: Any, weight: Any, bias: Any) -> Any:
    """A convolution with the strides, padding, dilations and groups of a node."""
    axes = len(weight.shape) - 2
    if len(value.shape) != axes + 2 or not 1 <= axes <= 3:
        raise node.fail(f"an input of rank {len(value.shape)} is not covered")
    stride = node.integers("strides", [1] * axes) or []
    dilation = node.integers("dilations", [1] * axes) or []
    low, high = window_padding(node, value.shape[2:], list(weight.shape[2:]), stride, dilation)
    return g.emit(
        "conv",
        value,
        weight,
        bias,
        stride=stride,
        padding_low=low,
        padding_high=high,
        dilation=dilation,
        groups=node.attribute("group", 1),
    )


@lowers("ConvTranspose")
def _conv_transpose(g: Operations, node: Node) -> Any:
    value, weight = node.value(0), node.value(1)
    axes = len(weight.shape) - 2
    stride = node.integers("strides", [1] * axes) or []
    dilation = node.integers("dilations", [1] * axes) or []
    extra = node.integers("output_padding", [0] * axes) or []
    reach = [d * (w - 1) + 1 for d, w in zip(dilation, weight.shape[2:], strict=True)]
    full = [
        s * (n - 1) + e + r
        for n, s, r, e in zip(value.shape[2:], stride, reach, extra, strict=True)
    ]
    low, high = _transposed_padding(node, value.shape[2:], stride, full)
    extents = [n - before - after for n, before, after in zip(full, low, high, strict=True)]
    groups = node.attribute("group", 1)
    return transposed_convolution(
        g, value, weight, node.optional(2), stride, low, dilation, groups, extents
    )


def _transposed_padding(
    node: Node,
    extents: Sequence[int],
    stride: Sequence[int],
    full: Sequence[int],
) -> tuple[list[int], list[int]]:
    """What is left out before and after each spatial axis of the `full` extents."""
    axes = len(stride)
    mode = node.attribute("auto_pad", "NOTSET")
    shape = node.integers("output_shape")
    if shape is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        shape = [n * s for n, s in zip(extents, stride, strict=True)]
    if shape is None:
        pads = node.integers("pads", [0] * (2 * axes)) or []
        pads = [0] * (2 * axes) if mode == "VALID" else pads
        return pads[:axes], pads[axes:]
    total = [have - want for have, want in zip(full, shape[-axes:], strict=True)]
    half = [each // 2 for each in total]
    rest = [each - each // 2 for each in total]
    return (half, rest) if mode == "SAME_UPPER" else (rest, half)


@lowers("Einsum")
def _einsum(g: Operations, node: Node) -> Any:
    """A sum of products of aligned operands; two matrices become a matrix product."""
    operands = node.values()
    equation = node.attribute("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"{node}: {equation!r} has {len(terms)} terms, not {len(operands)}")
    terms, ellipsis = _without_ellipses(node, terms, operands)
    if not arrow:
        every = "".join(term for term in "".join(terms) if term.isascii())
        right = "..." + "".join(sorted(each for each in set(every) if every.count(each) == 1))
    right = right.replace("...", ellipsis)
    diagonals = [_diagonal(g, value, term) for value, term in zip(operands, terms, strict=True)]
    operands, terms = [each[0] for each in diagonals], [each[1] for each in diagonals]
    letters = right + "".join(sorted(set("".join(terms)) - set(right)))
    if len(operands) == 2 and not set(terms[0] + terms[1]) - set(letters):
        product = _pairwise(g, operands, terms, right)
        if product is not None:
            return product
    aligned = [
        _aligned(g, value, term, letters) for value, term in zip(operands, terms, strict=True)
    ]
    result = aligned[0]
    for other in aligned[1:]:
        result = g.emit("mul", result, other)
    return g.reduce("sum", result, list(range(len(right), len(letters))))


def _without_ellipses(node: Node, terms: list[str], operands: list[Any]) -> tuple[list[str], str]:
    """Terms whose ellipsis is letters of its own, and those of the longest one."""
    spare = [chr(code) for code in range(0x3B1, 0x3B1 + 24)]
    longest, result = 0, []
    for term, value in zip(terms, operands, strict=True):
        count = len(value.shape) - len(term.replace("...", "")) if "..." in term else 0
        if count < 0 or ("..." not in term and len(term) != len(value.shape)):
            raise ShapeError(f"{node}: term {term!r} does not fit rank {len(value.shape)}")
        longest = max(longest, count)
        # Aligned from the last, as shapes that broadcast are.
        result.append(term.replace("...", "".join(spare[:count][::-1])))
    return result, "".join(spare[:longest][::-1])


def _diagonal(g: Operations, value: Any, term: str) -> tuple[Any, str]:
    """A term without repeated letters: elements off the diagonal are left out."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first, second = term.index(letter), term.rindex(letter)
            shape = value.shape
            rows, columns = g.iota(shape, first, "i64"), g.iota(shape, second, "i64")
            zero = g.scalar(0, value.dtype)
            kept = g.emit("select", g.compare("eq", rows, columns), value, zero)
            value = g.reduce("sum", kept, [second])
            term = term[:second] + term[second + 1 :]
    return value, term


def _aligned(g: Operations, value: Any, term: str, letters: str) -> Any:
    order = sorted(range(len(term)), key=lambda place: letters.index(term[place]))
    turned = g.permute(value, order)
    extents = {term[place]: value.shape[place] for place in range(len(term))}
    return g.reshape(turned, [extents.get(letter, 1) for letter in letters])


def _pairwise(g: Operations, operands: list[Any], terms: list[str], right: str) -> Any:
    """A product of two operands as one of matrices; None where extents broadcast."""
    sizes: dict[str, int] = {}
    for value, term in zip(operands, terms, strict=True):
        for letter, extent in zip(term, value.shape, strict=True):
            if sizes.setdefault(letter, extent) != extent:
                return None
    shared = [letter for letter in terms[0] if letter in terms[1]]
    batch = [letter for letter in shared if letter in right]
    summed = [letter for letter in shared if letter not in right]
    if not summed or operands[0].dtype == "i1":
        return None
    rows = [letter for letter in terms[0] if letter not in shared and letter in right]
    columns = [letter for letter in terms[1] if letter not in shared and letter in right]
    if {*batch, *summed, *rows, *columns} != {*terms[0], *terms[1]}:
        return None

    def extents(group: list[str]) -> list[int]:
        return [sizes[letter] for letter in group]

    matrices = []
    for value, term, order, tail in (
        (operands[0], terms[0], batch + rows + summed, (rows, summed)),
        (operands[1], terms[1], batch + summed + columns, (summed, columns)),
    ):
        turned = g.permute(value, [term.index(letter) for letter in order])
        shape = [*extents(batch), *(math.prod(extents(group)) for group in tail)]
        matrices.append(g.reshape(turned, shape))
    product = g.emit("matmul", *matrices)
    made = batch + rows + columns
    return g.permute(g.reshape(product, extents(made)), [made.index(letter) for letter in right])
