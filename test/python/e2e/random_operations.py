# SPDX-License-Identifier: Apache-2.0
"""The operations that random programs are made of: to what each applies, and what it gives.

Only those that are continuous where values are inexact: a comparison of two nearly equal floats
has no right answer that every order of summation finds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from e2e.random_program import Construction, Node

_TO_THE_END = np.iinfo(np.int64).max
_SMOOTH = ["neg", "abs", "sin", "cos", "tanh", "erf", "sigmoid", "silu", "softplus", "relu"]
_SMOOTH += ["gelu", "leaky_relu", "elu", "hardsigmoid", "hardswish", "exp", "expm1", "reciprocal"]
_OF_MAGNITUDES = ["sqrt", "log1p", "rsqrt", "log"]
_JUMPING = ["floor", "ceil", "trunc", "round", "sign"]
_KEEP_EXACT = {"neg", "abs", "relu", "maximum", "minimum", "amax", "amin", "max_pool", *_JUMPING}

Operation = Callable[[Construction, Node], Node]
Applies = Callable[[Node], bool]


def smooth(c: Construction, x: Node) -> Node:
    op = c.choose(_SMOOTH)
    return c.create(op, [x], exact=x.exact and op in _KEEP_EXACT)


def of_magnitude(c: Construction, x: Node) -> Node:
    return c.create(c.choose(_OF_MAGNITUDES), [c.create("abs", [x], exact=x.exact)])


def jumping(c: Construction, x: Node) -> Node:
    return c.create(c.choose(_JUMPING), [x], exact=True)


def float_binary(c: Construction, x: Node) -> Node:
    y = c.partner(x)
    op = c.choose(["add", "sub", "mul", "div", "maximum", "minimum"])
    if x.exact and y.exact and c.flip():
        op = c.choose(["floor_divide", "remainder"])
    operands = [x, y] if c.flip() else [y, x]
    return c.create(op, operands, exact=x.exact and y.exact and op in _KEEP_EXACT)


def integer_binary(c: Construction, x: Node) -> Node:
    ops = ["add", "sub", "mul", "maximum", "minimum", "floor_divide", "remainder"]
    return c.create(c.choose([*ops, "and", "or", "xor"]), [x, c.partner(x)], exact=True)


def integer_unary(c: Construction, x: Node) -> Node:
    return c.create(c.choose(["neg", "abs", "sign", "relu", "not"]), [x], exact=True)


def bool_operation(c: Construction, x: Node) -> Node:
    op = c.choose(["and", "or", "xor", "not"])
    return c.create(op, [x] if op == "not" else [x, c.partner(x)], exact=True)


def compare(c: Construction, x: Node) -> Node:
    y = c.partner(x)
    if not y.exact:
        y = x
    predicate = c.choose(["eq", "ne", "lt", "le", "gt", "ge"])
    return c.create("compare", [x, y], attributes={"predicate": predicate}, exact=True)


def select(c: Construction, x: Node) -> Node:
    """A condition on the first operand's own sign pattern, or an input."""
    y = c.partner(x)
    condition = c.input("i1", x.shape[c.choose(range(x.rank + 1)) :])
    return c.create("select", [condition, x, y], exact=x.exact and y.exact)


def cast(c: Construction, x: Node) -> Node:
    targets = {
        "i1": ["f32", "i32", "ui8"],
        "i32": ["f32", "f64", "i8", "ui8"],
        "i8": ["f32", "i32", "ui16"],
        "ui8": ["f32", "i32", "ui32"],
        "ui16": ["f32", "i8", "ui8"],
        "ui32": ["f32", "f64", "i32"],
    }
    options = targets.get(x.dtype, ["f32", "f64"])
    if x.exact and x.is_float:
        options = [*options, "i1"]
    target = c.choose(options)
    exact = target not in ("f32", "f64") or x.dtype in ("i1", "i8", "ui8", "ui16")
    return c.create("cast", [x], attributes={"dtype": target}, exact=exact)


def reduce(c: Construction, x: Node) -> Node:
    axes = [axis for axis in range(x.rank) if c.flip()]
    ops = ["any", "all"] if x.dtype == "i1" else ["sum", "prod"]
    if x.dtype != "i1" and all(x.shape[axis] for axis in axes):
        ops += ["amax", "amin"]
    if x.is_float and all(x.shape[axis] for axis in axes):
        ops += ["mean"]
    op, keepdims = c.choose(ops), c.flip()
    shape = [1 if axis in axes else extent for axis, extent in enumerate(x.shape)]
    if not keepdims:
        shape = [extent for axis, extent in enumerate(shape) if axis not in axes]
    exact = not x.is_float or (x.exact and op in _KEEP_EXACT)
    return c.create(op, [x], shape, {"axes": axes, "keepdims": keepdims}, exact)


def position(c: Construction, x: Node) -> Node:
    axis = c.choose([axis for axis in range(x.rank) if x.shape[axis]])
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    attributes = {"axis": axis, "keepdims": False}
    index = c.create(c.choose(["argmax", "argmin"]), [x], shape, attributes, exact=True)
    return c.create("cast", [index], attributes={"dtype": "i32"}, exact=True)


def softmax(c: Construction, x: Node) -> Node:
    op = c.choose(["softmax", "log_softmax"])
    return c.create(op, [x], x.shape, {"axis": c.choose(range(x.rank))})


def layer_norm(c: Construction, x: Node) -> Node:
    num_axes = c.choose(range(1, x.rank + 1))
    normalized = x.shape[x.rank - num_axes :]
    weight, bias = (c.input(x.dtype, normalized, static=True) if c.flip() else None for _ in "wb")
    attributes = {"num_axes": num_axes, "eps": 1e-3}
    return c.create("layer_norm", [x, weight, bias], x.shape, attributes)


def matmul(c: Construction, x: Node) -> Node:
    columns = c.choose([1, 4, 9, 16])
    rhs = c.input(x.dtype, (x.shape[-1], columns))
    exact = x.is_integer
    return c.create("matmul", [x, rhs], (*x.shape[:-1], columns), exact=exact)


def linear(c: Construction, x: Node) -> Node:
    rows = c.choose([1, 4, 9, 16])
    weight = c.input(x.dtype, (rows, x.shape[-1]), static=c.flip())
    bias = c.input(x.dtype, (rows,)) if c.flip() else None
    return c.create("linear", [x, weight, bias], (*x.shape[:-1], rows), exact=x.is_integer)


def convolve(c: Construction, x: Node) -> Node:
    window = [min(n, c.choose([1, 2, 3])) for n in x.shape[2:]]
    outputs, pad = c.choose([1, 4, 6]), c.choose([0, 1])
    weight = c.input(x.dtype, (outputs, x.shape[1], *window), static=True)
    bias = c.input(x.dtype, (outputs,), static=True) if c.flip() else None
    spatial = [n + 2 * pad - size + 1 for n, size in zip(x.shape[2:], window, strict=True)]
    attributes = {
        "stride": [1] * len(window),
        "padding_low": [pad] * len(window),
        "padding_high": [pad] * len(window),
        "dilation": [1] * len(window),
    }
    shape = (x.shape[0], outputs, *spatial)
    return c.create("conv", [x, weight, bias], shape, attributes, exact=x.is_integer)


def pool(c: Construction, x: Node) -> Node:
    window = [min(n, 2) for n in x.shape[2:]]
    stride = c.choose([1, 2])
    spatial = [(n - size) // stride + 1 for n, size in zip(x.shape[2:], window, strict=True)]
    none = [0] * len(window)
    attributes = {
        "window": window,
        "stride": [stride] * len(window),
        "padding_low": none,
        "padding_high": none,
    }
    op = c.choose(["max_pool", "avg_pool"] if x.is_float else ["max_pool"])
    if op == "max_pool":
        attributes["dilation"] = [1] * len(window)
    exact = x.exact and op == "max_pool"
    return c.create(op, [x], (*x.shape[:2], *spatial), attributes, exact)


def permute(c: Construction, x: Node) -> Node:
    remaining = list(range(x.rank))
    order = [remaining.pop(c.choose(range(len(remaining)))) for _ in range(x.rank)]
    shape = [x.shape[axis] for axis in order]
    return c.create("permute", [x], shape, {"permutation": order}, x.exact)


def merge_axes(c: Construction, x: Node) -> Node:
    """A reshape of two neighbouring axes into one, with at most one `?` in the result."""
    axis = c.choose(range(x.rank - 1))
    pair, shape = x.value.shape[axis : axis + 2], list(x.shape)
    shape[axis : axis + 2] = [shape[axis] * shape[axis + 1]]
    type_ = list(x.value.shape)
    type_[axis : axis + 2] = [-1 if -1 in pair else pair[0] * pair[1]]
    if type_.count(-1) > 1 or 0 in shape:
        return c.create("neg", [x], exact=x.exact) if x.dtype != "i1" else c.create("not", [x])
    return c.create("reshape", [x, None], shape, {}, x.exact, (x.dtype, tuple(type_)))


def slice_part(c: Construction, x: Node) -> Node:
    start, stop, stride, shape = [], [], [], []
    for axis, extent in enumerate(x.shape):
        begin, step = c.choose(range(min(extent, 3) + 1)), c.choose([1, 1, 2, -1])
        if not x.is_static(axis):
            step, end = abs(step), _TO_THE_END
        elif step < 0:
            begin, end = extent - 1, -1
        else:
            end = c.choose([extent, max(begin, extent - 1)])
        start.append(begin)
        stop.append(end)
        stride.append(step)
        last = extent if end == _TO_THE_END else end
        shape.append(len(range(begin, last, step)))
    attributes = {"start": start, "stop": stop, "stride": stride}
    return c.create("slice", [x], shape, attributes, x.exact)


def concat(c: Construction, x: Node) -> Node:
    axis = c.choose(range(x.rank))
    other = list(x.shape)
    other[axis] = c.choose([1, 3])
    y = x if c.flip() else c.input(x.dtype, tuple(other))
    shape = list(x.shape)
    shape[axis] += y.shape[axis]
    return c.create("concat", [[x, y]], shape, {"axis": axis}, x.exact)


def pad(c: Construction, x: Node) -> Node:
    low = [c.choose([0, 1]) for _ in x.shape]
    high = [c.choose([0, 2]) for _ in x.shape]
    shape = [n + a + b for n, a, b in zip(x.shape, low, high, strict=True)]
    value = c.input(x.dtype, ())
    return c.create("pad", [x, value], shape, {"low": low, "high": high}, x.exact)


def gather(c: Construction, x: Node) -> Node:
    axis = c.choose([axis for axis in range(x.rank) if x.shape[axis]])
    shape = (c.choose([1, 2, 5]), 3)[: c.choose([0, 1, 2])]
    indices = c.input("i32", shape)  # Some of them below zero or outside.
    result = (*x.shape[:axis], *shape, *x.shape[axis + 1 :])
    return c.create("gather", [x, [indices]], result, {"axes": [axis]}, x.exact)


def scan(c: Construction, x: Node) -> Node:
    kind = c.choose(["sum", "prod", "max", "min"])
    attributes = {"kind": kind, "axis": c.choose(range(x.rank))}
    attributes |= {"reverse": c.flip(), "exclusive": False}
    exact = x.is_integer or (x.exact and kind in ("max", "min"))
    return c.create("scan", [x], x.shape, attributes, exact)


def order(c: Construction, x: Node) -> Node:
    attributes = {"axis": c.choose(range(x.rank)), "descending": c.flip()}
    index = c.create(c.choose(["rank", "argsort"]), [x], x.shape, attributes, exact=True)
    return c.create("cast", [index], attributes={"dtype": "i32"}, exact=True)


def _applies_to_windows(x: Node) -> bool:
    return x.dtype != "i1" and 3 <= x.rank <= 5 and 0 not in x.shape


OPERATIONS: list[tuple[Operation, Applies]] = [
    # More than once where a family has many operations.
    (smooth, lambda x: x.is_float),
    (smooth, lambda x: x.is_float),
    (smooth, lambda x: x.is_float),
    (of_magnitude, lambda x: x.is_float),
    (jumping, lambda x: x.is_float and x.exact),
    (float_binary, lambda x: x.is_float),
    (float_binary, lambda x: x.is_float),
    (integer_binary, lambda x: x.is_integer),
    (integer_unary, lambda x: x.is_integer),
    (bool_operation, lambda x: x.dtype == "i1"),
    (compare, lambda x: x.exact),
    (select, lambda x: True),
    (cast, lambda x: True),
    (reduce, lambda x: True),
    (reduce, lambda x: x.rank > 0),
    (position, lambda x: x.exact and x.dtype != "i1" and any(x.shape)),
    (softmax, lambda x: x.is_float and x.rank > 0),
    (layer_norm, lambda x: x.is_float and x.rank > 0 and all(map(x.is_static, range(x.rank)))),
    (matmul, lambda x: x.dtype != "i1" and x.rank >= 2),
    (linear, lambda x: x.dtype != "i1" and x.rank >= 1),
    (convolve, lambda x: _applies_to_windows(x) and x.shape[1] < 20),
    (pool, _applies_to_windows),
    (permute, lambda x: x.rank >= 2),
    (merge_axes, lambda x: x.rank >= 2),
    (slice_part, lambda x: x.rank > 0 and 0 not in x.shape),
    (concat, lambda x: x.rank > 0),
    (pad, lambda x: x.rank > 0),
    (gather, lambda x: any(x.shape)),
    (scan, lambda x: x.rank > 0 and x.dtype != "i1"),
    (order, lambda x: x.rank > 0 and x.exact),
]
