# SPDX-License-Identifier: Apache-2.0
"""ATen factorisations and solutions of small systems, one step for each column.

Matrices of more than `MOST_STEPS` columns are left to eager torch, whose LAPACK is blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torshjit.capture.torch_lowering import (
    Lowering,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError, ShapeError
from torshjit.torch_host_functions import check_of_factors

__all__: list[str] = []


MOST_STEPS = 32


# Parts of matrices, which are the last two axes of a Value.


def _matrix(g: Lowering, x: Tensor, square: bool = False) -> Any:
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise ShapeError(f"{g.op}: a tensor of shape {tuple(x.shape)} does not hold {kind}")
    if not is_float(dialect_dtype(x.dtype)):
        raise DTypeError(f"{g.op}: matrices of dtype {x.dtype}")
    if min(x.shape[-2:]) > MOST_STEPS:
        raise g.fail(f"matrices of {tuple(x.shape[-2:])} are too large for unrolled steps")
    return g.value(x)


def _row(g: Lowering, a: Any, k: int) -> Any:
    return g.slice(a, len(a.shape) - 2, k, k + 1)


def _column(g: Lowering, a: Any, k: int) -> Any:
    return g.slice(a, len(a.shape) - 1, k, k + 1)


def _rows(g: Lowering, a: Any) -> Any:
    """The number of each row, to be compared with a step's."""
    return g.iota((a.shape[-2], 1), 0, "i64")


def _columns(g: Lowering, a: Any) -> Any:
    return g.iota((1, a.shape[-1]), 1, "i64")


def _where(g: Lowering, predicate: str, numbers: Any, k: Any, value: Any, other: Any = None) -> Any:
    """`value` where a row's or column's number compares with k, elsewhere `other` or zero."""
    limit = g.scalar(k, "i64") if isinstance(k, int) else k
    condition = g.compare(predicate, numbers, limit)
    return g.emit("select", condition, value, g.scalar(0, value.dtype) if other is None else other)


def _minus_product(g: Lowering, a: Any, column: Any, row: Any) -> Any:
    return g.emit("sub", a, g.emit("mul", column, row))


def _identity(g: Lowering, lead: Sequence[int], rows: int, columns: int, dtype: str) -> Any:
    same = g.compare("eq", g.iota((rows, 1), 0, "i64"), g.iota((1, columns), 1, "i64"))
    return g.broadcast(g.cast(same, dtype), (*lead, rows, columns))


def _diagonal(g: Lowering, a: Any) -> Any:
    """(..., n) of the first n rows and columns."""
    on = g.compare("eq", _rows(g, a), _columns(g, a))
    kept = g.emit("select", on, a, g.scalar(0, a.dtype))
    axis = len(a.shape) - (2 if a.shape[-2] <= a.shape[-1] else 1)
    # Each row, or column, has no more than one element.
    return g.reduce("sum", kept, [2 * len(a.shape) - 3 - axis])


def _triangle(g: Lowering, a: Any, predicate: str) -> Any:
    """The elements whose column compares with their row, else zero."""
    kept = g.compare(predicate, _columns(g, a), _rows(g, a))
    return g.emit("select", kept, a, g.scalar(0, a.dtype))


# Systems of triangular matrices.


def _solve(g: Lowering, a: Any, b: Any, upper: bool, unit: bool) -> Any:
    """x with a x = b, for one triangle of a."""
    n = a.shape[-1]
    shape = torch.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    b = g.broadcast(b, (*shape, *b.shape[-2:]))
    number = _rows(g, b)
    for k in reversed(range(n)) if upper else range(n):
        found = _row(g, b, k)
        column = _column(g, a, k)
        if not unit:
            found = g.emit("div", found, _row(g, column, k))
        rest = _where(g, "lt" if upper else "gt", number, k, column)
        b = _where(g, "eq", number, k, found, _minus_product(g, b, rest, found))
    return b


@lowers("aten.linalg_solve_triangular.default")
def solve_triangular(
    g: Lowering,
    a: Tensor,
    b: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Any:
    matrix, value = _matrix(g, a, square=True), g.value(b)
    if b.ndim < 2 or b.shape[-2 if left else -1] != a.shape[-1]:
        raise ShapeError(f"{g.op}: {tuple(a.shape)} does not fit {tuple(b.shape)}")
    if left:
        return _solve(g, matrix, value, upper, unitriangular)
    result = _solve(g, g.swap_last(matrix), g.swap_last(value), not upper, unitriangular)
    return g.swap_last(result)


@lowers("aten.triangular_solve.default")
def triangular_solve(
    g: Lowering,
    b: Tensor,
    a: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[Any, Any]:
    matrix, value = _matrix(g, a, square=True), g.value(b)
    turned = g.swap_last(matrix) if transpose else matrix
    result = _solve(g, turned, value, upper != transpose, unitriangular)
    lead = tuple(result.shape[:-2])
    return result, g.broadcast(matrix, (*lead, *a.shape[-2:]))


# Gaussian elimination with the largest pivot of each column.


def _swapped(g: Lowering, a: Any, k: int, place: Any) -> Any:
    """Rows k and `place`, (..., 1, 1), of a exchanged."""
    wide = g.broadcast(place, (*a.shape[:-2], 1, a.shape[-1]))
    chosen = g.take_along(a, wide, len(a.shape) - 2)
    number = _rows(g, a)
    a = _where(g, "eq", number, place, _row(g, a, k), a)
    return _where(g, "eq", number, k, chosen, a)


def _eliminated(g: Lowering, a: Any, pivoting: bool = True) -> tuple[Any, list[Any]]:
    """Both factors in one matrix, and the row that each step exchanged with its own."""
    rank = len(a.shape)
    number, column_number = _rows(g, a), _columns(g, a)
    places = []
    for k in range(min(a.shape[-2:])):
        place = g.broadcast(g.scalar(k, "i64"), (*a.shape[:-2], 1, 1))
        if pivoting:
            size = g.emit("abs", _column(g, a, k))
            size = _where(g, "ge", number, k, size, g.scalar(-1, size.dtype))
            place = g.emit("argmax", size, axis=rank - 2, keepdims=True)
            a = _swapped(g, a, k, place)
        places.append(place)
        row, column = _row(g, a, k), _column(g, a, k)
        pivot = _row(g, column, k)
        zero = g.compare("eq", pivot, g.scalar(0, pivot.dtype))
        divisor = g.emit("select", zero, g.scalar(1, pivot.dtype), pivot)
        factor = _where(g, "gt", number, k, g.emit("div", column, divisor))
        a = _minus_product(g, a, factor, _where(g, "gt", column_number, k, row))
        stored = _where(g, "gt", number, k, factor, _column(g, a, k))
        a = _where(g, "eq", column_number, k, stored, a)
    return a, places


def _pivots(g: Lowering, places: Sequence[Any], lead: Sequence[int]) -> Any:
    """Counted from one, as LAPACK does."""
    if not places:
        return g.broadcast(g.scalar(0, "i32"), (*lead, 0))
    parts = [g.reshape(place, (*lead, 1)) for place in places]
    return g.cast(g.emit("add", g.concat(parts, len(lead)), g.scalar(1, "i64")), "i32")


def _places(g: Lowering, pivots: Any) -> list[Any]:
    lead, count = tuple(pivots.shape[:-1]), pivots.shape[-1]
    value = g.emit("sub", g.cast(pivots, "i64"), g.scalar(1, "i64"))
    axis = len(lead)
    return [g.reshape(g.slice(value, axis, k, k + 1), (*lead, 1, 1)) for k in range(count)]


def _first_zero(g: Lowering, factors: Any) -> Any:
    """The number, from one, of the first pivot that is zero; 0 if none is."""
    diagonal = _diagonal(g, factors)
    lead, n = tuple(diagonal.shape[:-1]), diagonal.shape[-1]
    if n == 0:
        return g.broadcast(g.scalar(0, "i32"), lead)
    zero = g.compare("eq", diagonal, g.scalar(0, diagonal.dtype))
    number = g.emit("add", g.iota((n,), 0, "i32"), g.scalar(1, "i32"))
    first = g.reduce("amin", g.emit("select", zero, number, g.scalar(n + 1, "i32")), [len(lead)])
    return g.emit("select", g.compare("gt", first, g.scalar(n, "i32")), g.scalar(0, "i32"), first)


def _require_zero(g: Lowering, info: Any, api_name: str) -> None:
    """Has the program raise torch's error where a factorisation failed."""
    check = check_of_factors(api_name, not info.shape)
    g.host_calls.add(check, [info], [], is_pure=False, location=g.location)


@lowers("aten._linalg_check_errors.default")
def check_errors(g: Lowering, info: Tensor, api_name: str, *, is_matrix: bool) -> None:
    if info.numel():
        _require_zero(g, g.value(info), api_name)


@lowers("aten.linalg_lu_factor_ex.default")
def lu_factor(
    g: Lowering, a: Tensor, *, pivot: bool = True, check_errors: bool = False
) -> tuple[Any, Any, Any]:
    factors, places = _eliminated(g, _matrix(g, a), pivot)
    info = _first_zero(g, factors)
    if check_errors:
        _require_zero(g, info, "torch.linalg.lu_factor_ex")
    return factors, _pivots(g, places, a.shape[:-2]), info


def _unpacked(g: Lowering, factors: Any) -> tuple[Any, Any]:
    """The lower factor with its ones, and the upper one."""
    rows, columns = factors.shape[-2:]
    n = min(rows, columns)
    rank = len(factors.shape)
    lower = _triangle(g, g.slice(factors, rank - 1, 0, n), "lt")
    lower = g.emit("add", lower, _identity(g, (), rows, n, factors.dtype))
    return lower, _triangle(g, g.slice(factors, rank - 2, 0, n), "ge")


def _permutation(
    g: Lowering, places: Sequence[Any], lead: Sequence[int], n: int, dtype: str
) -> Any:
    """P with P L U the matrix: the transpose of the exchanges, the first one first."""
    result = _identity(g, lead, n, n, dtype)
    for k, place in enumerate(places):
        result = _swapped(g, result, k, place)
    return g.swap_last(result)


@lowers("aten.linalg_lu.default")
def lu(g: Lowering, a: Tensor, *, pivot: bool = True) -> tuple[Any, Any, Any]:
    factors, places = _eliminated(g, _matrix(g, a), pivot)
    lead, rows = a.shape[:-2], a.shape[-2]
    if pivot:
        order = _permutation(g, places, lead, rows, factors.dtype)
    else:
        order = g.broadcast(g.scalar(0, factors.dtype), (0,))
    return (order, *_unpacked(g, factors))


@lowers("aten.lu_unpack.default")
def lu_unpack(
    g: Lowering,
    factors: Tensor,
    pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> tuple[Any, Any, Any]:
    value = _matrix(g, factors)
    empty = g.broadcast(g.scalar(0, value.dtype), (0,))
    lower, upper = _unpacked(g, value) if unpack_data else (empty, empty)
    order = empty
    if unpack_pivots:
        places = _places(g, g.value(pivots))
        order = _permutation(g, places, factors.shape[:-2], factors.shape[-2], value.dtype)
    return order, lower, upper


def _solved(g: Lowering, factors: Any, places: Sequence[Any], b: Any) -> Any:
    lead = torch.broadcast_shapes(tuple(factors.shape[:-2]), tuple(b.shape[:-2]))
    b = g.broadcast(b, (*lead, *b.shape[-2:]))
    for k, place in enumerate(places):
        b = _swapped(g, b, k, g.broadcast(place, (*lead, 1, 1)))
    return _solve(g, factors, _solve(g, factors, b, upper=False, unit=True), upper=True, unit=False)


def _solved_transposed(g: Lowering, factors: Any, places: Sequence[Any], b: Any) -> Any:
    turned = g.swap_last(factors)
    b = _solve(g, turned, b, upper=False, unit=False)
    b = _solve(g, turned, b, upper=True, unit=True)
    for k, place in reversed(list(enumerate(places))):
        b = _swapped(g, b, k, g.broadcast(place, (*b.shape[:-2], 1, 1)))
    return b


@lowers("aten.linalg_lu_solve.default")
def lu_solve(
    g: Lowering,
    factors: Tensor,
    pivots: Tensor,
    b: Tensor,
    *,
    left: bool = True,
    adjoint: bool = False,
) -> Any:
    value, places = _matrix(g, factors, square=True), _places(g, g.value(pivots))
    right = g.value(b) if left else g.swap_last(g.value(b))
    solve = _solved_transposed if adjoint == left else _solved
    result = solve(g, value, places, right)
    return result if left else g.swap_last(result)


@lowers("aten.linalg_inv_ex.default")
def inverse(g: Lowering, a: Tensor, *, check_errors: bool = False) -> tuple[Any, Any]:
    value = _matrix(g, a, square=True)
    factors, places = _eliminated(g, value)
    info = _first_zero(g, factors)
    if check_errors:
        _require_zero(g, info, "linalg.inv_ex")
    identity = _identity(g, a.shape[:-2], a.shape[-2], a.shape[-1], value.dtype)
    return _solved(g, factors, places, identity), info


@lowers("aten._linalg_solve_ex.default")
def solve(
    g: Lowering, a: Tensor, b: Tensor, *, left: bool = True, check_errors: bool = False
) -> tuple[Any, Any, Any, Any]:
    value = _matrix(g, a, square=True)
    factors, places = _eliminated(g, value)
    info = _first_zero(g, factors)
    if check_errors:
        _require_zero(g, info, "torch.linalg.solve_ex")
    is_vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and tuple(b.shape) == tuple(a.shape[:-1]))
    right = g.value(b)
    if is_vector:
        right = g.reshape(right, (*b.shape, 1))
    if left or is_vector:
        result = _solved(g, factors, places, right)
    else:
        turned, turned_places = _eliminated(g, g.swap_last(value))
        result = g.swap_last(_solved(g, turned, turned_places, g.swap_last(right)))
    if is_vector:
        result = g.reshape(result, result.shape[:-1])
    return result, factors, _pivots(g, places, a.shape[:-2]), info


def _sign_of_order(g: Lowering, places: Sequence[Any], lead: Sequence[int], dtype: str) -> Any:
    sign = g.broadcast(g.scalar(1, dtype), lead)
    for k, place in enumerate(places):
        moved = g.compare("ne", g.reshape(place, lead), g.scalar(k, "i64"))
        sign = g.emit("select", moved, g.emit("neg", sign), sign)
    return sign


def _transposed_if_contiguous(g: Lowering, a: Tensor) -> Any:
    """What torch factorises for a determinant, and expects the factors of in its gradient."""
    value = _matrix(g, a, square=True)
    return g.swap_last(value) if a.is_contiguous() else value


@lowers("aten._linalg_det.default")
def determinant(g: Lowering, a: Tensor) -> tuple[Any, Any, Any]:
    value = _transposed_if_contiguous(g, a)
    factors, places = _eliminated(g, value)
    lead = a.shape[:-2]
    product = g.reduce("prod", _diagonal(g, factors), [len(lead)])
    sign = _sign_of_order(g, places, lead, value.dtype)
    return g.emit("mul", product, sign), factors, _pivots(g, places, lead)


@lowers("aten._linalg_slogdet.default")
def log_determinant(g: Lowering, a: Tensor) -> tuple[Any, Any, Any, Any]:
    value = _transposed_if_contiguous(g, a)
    factors, places = _eliminated(g, value)
    lead = a.shape[:-2]
    diagonal = _diagonal(g, factors)
    sign = g.reduce("prod", g.emit("sign", diagonal), [len(lead)])
    sign = g.emit("mul", sign, _sign_of_order(g, places, lead, value.dtype))
    total = g.reduce("sum", g.emit("log", g.emit("abs", diagonal)), [len(lead)])
    return sign, total, factors, _pivots(g, places, lead)


# Cholesky's factors.


def _cholesky(g: Lowering, a: Any) -> tuple[Any, Any]:
    """The lower factor, and the number of the first step, from one, that had no root; else 0."""
    lead, n = tuple(a.shape[:-2]), a.shape[-1]
    number, column_number = _rows(g, a), _columns(g, a)
    info = g.broadcast(g.scalar(0, "i32"), lead)
    for k in range(n):
        column = _column(g, a, k)
        square = _row(g, column, k)
        positive = g.reshape(g.compare("gt", square, g.scalar(0, square.dtype)), lead)
        fine = g.emit("or", positive, g.compare("ne", info, g.scalar(0, "i32")))
        info = g.emit("select", fine, info, g.scalar(k + 1, "i32"))
        scaled = g.emit("div", column, g.emit("sqrt", square))
        scaled = _where(g, "ge", number, k, scaled)
        row = g.swap_last(scaled) if n > 1 else scaled
        rest = _where(g, "gt", column_number, k, row)
        a = _minus_product(g, a, _where(g, "gt", number, k, scaled), rest)
        a = _where(g, "eq", column_number, k, scaled, a)
    return _triangle(g, a, "le"), info


@lowers("aten.linalg_cholesky_ex.default")
def cholesky_checked(
    g: Lowering, a: Tensor, *, upper: bool = False, check_errors: bool = False
) -> tuple[Any, Any]:
    value = _matrix(g, a, square=True)
    factor, info = _cholesky(g, g.swap_last(value) if upper else value)
    if check_errors:
        _require_zero(g, info, "linalg.cholesky_ex")
    return (g.swap_last(factor) if upper else factor), info


@lowers("aten.cholesky.default")
def cholesky(g: Lowering, a: Tensor, upper: bool = False) -> Any:
    if a.numel() == 0:
        return g.value(a)
    factor, info = cholesky_checked(g, a, upper=upper)
    _require_zero(g, info, "cholesky")
    return factor


def _solved_by_cholesky(g: Lowering, factor: Any, b: Any, upper: bool) -> Any:
    lower = g.swap_last(factor) if upper else factor
    b = _solve(g, lower, b, upper=False, unit=False)
    return _solve(g, g.swap_last(lower), b, upper=True, unit=False)


@lowers("aten.cholesky_solve.default")
def cholesky_solve(g: Lowering, b: Tensor, factor: Tensor, upper: bool = False) -> Any:
    return _solved_by_cholesky(g, _matrix(g, factor, square=True), g.value(b), upper)


@lowers("aten.cholesky_inverse.default")
def cholesky_inverse(g: Lowering, factor: Tensor, upper: bool = False) -> Any:
    value = _matrix(g, factor, square=True)
    identity = _identity(g, factor.shape[:-2], factor.shape[-2], factor.shape[-1], value.dtype)
    return _solved_by_cholesky(g, value, identity, upper)


# Reflections.


def _reflected(g: Lowering, a: Any, vector: Any, scale: Any) -> Any:
    """a - scale v (v^T a), for v of shape (..., m, 1)."""
    along = g.reduce("sum", g.emit("mul", vector, a), [len(a.shape) - 2], keepdims=True)
    return _minus_product(g, a, g.emit("mul", vector, scale), along)


def _reflections(g: Lowering, a: Any) -> tuple[Any, list[Any]]:
    """R with the vectors of the reflections below it, and their scales, (..., 1, 1) each."""
    number, column_number = _rows(g, a), _columns(g, a)
    rank = len(a.shape)
    one = g.scalar(1, a.dtype)
    zero = g.scalar(0, a.dtype)
    scales = []
    for k in range(min(a.shape[-2:])):
        column = _column(g, a, k)
        first = _row(g, column, k)
        below = _where(g, "gt", number, k, column)
        rest = g.reduce("sum", g.emit("mul", below, below), [rank - 2], keepdims=True)
        length = g.emit("sqrt", g.emit("add", g.emit("mul", first, first), rest))
        positive = g.compare("ge", first, zero)
        result = g.emit("select", positive, g.emit("neg", length), length)
        # Nothing to turn where the column ends already.
        done = g.compare("eq", rest, zero)
        result = g.emit("select", done, first, result)
        safe = g.emit("select", done, one, result)
        scale = g.emit("select", done, zero, g.emit("div", g.emit("sub", result, first), safe))
        gap = g.emit("select", done, one, g.emit("sub", first, result))
        vector = g.emit("div", below, gap)
        whole = _where(g, "eq", number, k, g.broadcast(one, vector.shape), vector)
        turned = _reflected(g, a, whole, scale)
        stored = _where(g, "eq", number, k, g.broadcast(result, vector.shape), vector)
        stored = _where(g, "ge", number, k, stored, column)
        a = _where(g, "gt", column_number, k, turned, a)
        a = _where(g, "eq", column_number, k, stored, a)
        scales.append(scale)
    return a, scales


def _vectors(g: Lowering, a: Any, count: int) -> list[Any]:
    number = _rows(g, a)
    result = []
    for k in range(count):
        below = _where(g, "gt", number, k, _column(g, a, k))
        ones = g.broadcast(g.scalar(1, a.dtype), below.shape)
        result.append(_where(g, "eq", number, k, ones, below))
    return result


def _product(g: Lowering, a: Any, scales: Sequence[Any], columns: int) -> Any:
    """The first columns of the product of the reflections."""
    result = _identity(g, a.shape[:-2], a.shape[-2], columns, a.dtype)
    vectors = _vectors(g, a, len(scales))
    for vector, scale in reversed(list(zip(vectors, scales, strict=True))):
        result = _reflected(g, result, vector, scale)
    return result


def _scales(g: Lowering, tau: Any) -> list[Any]:
    lead, axis = tuple(tau.shape[:-1]), len(tau.shape) - 1
    return [g.reshape(g.slice(tau, axis, k, k + 1), (*lead, 1, 1)) for k in range(tau.shape[-1])]


@lowers("aten.geqrf.default")
def geqrf(g: Lowering, a: Tensor) -> tuple[Any, Any]:
    value, scales = _reflections(g, _matrix(g, a))
    lead = tuple(a.shape[:-2])
    if not scales:
        return value, g.broadcast(g.scalar(0, value.dtype), (*lead, 0))
    return value, g.concat([g.reshape(each, (*lead, 1)) for each in scales], len(lead))


@lowers("aten.linalg_qr.default")
def qr(g: Lowering, a: Tensor, mode: str = "reduced") -> tuple[Any, Any]:
    value, scales = _reflections(g, _matrix(g, a))
    rows, columns = a.shape[-2:]
    kept = rows if mode == "complete" else min(rows, columns)
    upper = _triangle(g, g.slice(value, a.ndim - 2, 0, kept), "ge")
    if mode == "r":
        return g.broadcast(g.scalar(0, value.dtype), (0,)), upper
    return _product(g, value, scales, kept), upper


@lowers("aten.linalg_householder_product.default")
def householder_product(g: Lowering, a: Tensor, tau: Tensor) -> Any:
    return _product(g, _matrix(g, a), _scales(g, g.value(tau)), a.shape[-1])


@lowers("aten.ormqr.default")
def ormqr(
    g: Lowering, a: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Any:
    value, scales = _matrix(g, a), _scales(g, g.value(tau))
    result = g.value(other) if left else g.swap_last(g.value(other))
    steps = list(zip(_vectors(g, value, len(scales)), scales, strict=True))
    # Q C applies the last reflection first, and so does (C Q^T)^T.
    for vector, scale in reversed(steps) if left != transpose else steps:
        result = _reflected(g, result, vector, scale)
    return result if left else g.swap_last(result)
