# SPDX-License-Identifier: Apache-2.0
"""Factorisations and solutions of small systems equal torch's own, and errors are errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import assert_matches, interpreted  # noqa: E402

import torshjit  # noqa: E402
from torshjit.capture.torch_handlers import RULES  # noqa: E402
from torshjit.errors import UnsupportedOpError  # noqa: E402

ATEN = torch.ops.aten


def matrices(*shape: int, dtype: Any) -> Any:
    generator = torch.Generator().manual_seed(len(shape) + shape[-1])
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def definite(*shape: int, dtype: Any) -> Any:
    a = matrices(*shape, dtype=dtype)
    return a @ a.mT + torch.eye(shape[-1], dtype=dtype)


def _lu_solve(**options: Any) -> Callable[..., Any]:
    def program(a: Any, b: Any) -> Any:
        factors, pivots, _ = ATEN.linalg_lu_factor_ex(a)
        return ATEN.linalg_lu_solve(factors, pivots, b, **options)

    return program


def _ormqr(left: bool, transpose: bool) -> Callable[..., Any]:
    def program(a: Any, b: Any) -> Any:
        return ATEN.ormqr(*ATEN.geqrf(a), b, left, transpose)

    return program


#: Programs over a batch of square matrices, and another one.
PROGRAMS: dict[str, Callable[..., Any]] = {
    "linalg_lu_factor_ex": lambda a, b: ATEN.linalg_lu_factor_ex(a),
    "linalg_lu_factor_ex wide": lambda a, b: ATEN.linalg_lu_factor_ex(torch.cat([a, b], -1)),
    "linalg_lu_factor_ex tall": lambda a, b: ATEN.linalg_lu_factor_ex(torch.cat([a, b], -2)),
    "linalg_lu": lambda a, b: ATEN.linalg_lu(a),
    "linalg_lu wide": lambda a, b: ATEN.linalg_lu(torch.cat([a, b], -1)),
    "lu_unpack": lambda a, b: ATEN.lu_unpack(*ATEN.linalg_lu_factor_ex(a)[:2]),
    "linalg_lu_solve": _lu_solve(),
    "linalg_lu_solve adjoint": _lu_solve(adjoint=True),
    "linalg_lu_solve right": _lu_solve(left=False),
    "linalg_lu_solve right adjoint": _lu_solve(left=False, adjoint=True),
    "linalg_inv_ex": lambda a, b: ATEN.linalg_inv_ex(a),
    "_linalg_solve_ex": lambda a, b: ATEN._linalg_solve_ex(a, b),
    "_linalg_solve_ex vector": lambda a, b: ATEN._linalg_solve_ex(a, b[..., 0]),
    "_linalg_solve_ex right": lambda a, b: ATEN._linalg_solve_ex(a, b, left=False)[0],
    "_linalg_det": lambda a, b: ATEN._linalg_det(a),
    "_linalg_slogdet": lambda a, b: ATEN._linalg_slogdet(a),
    "linalg_solve_triangular": lambda a, b: ATEN.linalg_solve_triangular(a, b, upper=True),
    "linalg_solve_triangular right": lambda a, b: ATEN.linalg_solve_triangular(
        a, b, upper=False, left=False, unitriangular=True
    ),
    "triangular_solve": lambda a, b: ATEN.triangular_solve(b, a, True, True),
    "geqrf": lambda a, b: ATEN.geqrf(torch.cat([a, b], -2)),
    "linalg_qr": lambda a, b: ATEN.linalg_qr(torch.cat([a, b], -2)),
    "linalg_qr complete": lambda a, b: ATEN.linalg_qr(torch.cat([a, b], -2), "complete"),
    "linalg_qr wide": lambda a, b: ATEN.linalg_qr(torch.cat([a, b], -1)),
    "linalg_qr r": lambda a, b: ATEN.linalg_qr(a, "r"),
    "linalg_householder_product": lambda a, b: ATEN.linalg_householder_product(*ATEN.geqrf(a)),
    "ormqr": _ormqr(True, False),
    "ormqr transpose": _ormqr(True, True),
    "ormqr right": _ormqr(False, False),
    "ormqr right transpose": _ormqr(False, True),
    "_linalg_check_errors": lambda a, b: torch.linalg.inv(a),
}

#: Programs over a batch of positive-definite matrices, and another one.
DEFINITE: dict[str, Callable[..., Any]] = {
    "linalg_cholesky_ex": lambda a, b: ATEN.linalg_cholesky_ex(a),
    "linalg_cholesky_ex upper": lambda a, b: ATEN.linalg_cholesky_ex(a, upper=True),
    "cholesky": lambda a, b: ATEN.cholesky(a),
    "cholesky_solve": lambda a, b: ATEN.cholesky_solve(b, ATEN.cholesky(a)),
    "cholesky_solve upper": lambda a, b: ATEN.cholesky_solve(b, ATEN.cholesky(a, True), True),
    "cholesky_inverse": lambda a, b: ATEN.cholesky_inverse(ATEN.cholesky(a)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", sorted({**PROGRAMS, **DEFINITE}))
def test_results_are_those_of_eager(name: str, dtype: Any) -> None:
    program = {**PROGRAMS, **DEFINITE}[name]
    make = definite if name in DEFINITE else matrices
    for shape in ((2, 4, 4), (3, 3), (1, 1)):
        a, b = make(*shape, dtype=dtype), matrices(*shape, dtype=dtype) + 0.5
        expected = program(a, b)
        expected = tuple(expected) if isinstance(expected, (tuple, list)) else expected
        actual = interpreted(program, a, b)
        actual = tuple(actual) if isinstance(actual, (tuple, list)) else actual
        assert_matches(actual, expected, 32)


def test_every_rule_is_tried() -> None:
    rules = {n for n, rule in RULES.items() if rule.__module__.endswith(".torch_linalg")}
    tried = {f"aten.{name.split(' ')[0]}.default" for name in (*PROGRAMS, *DEFINITE)}
    assert tried == rules


def test_empty_matrices_and_batches() -> None:
    for shape in ((0, 0), (0, 3, 3)):
        a = torch.ones(shape)
        for program in (torch.linalg.det, torch.linalg.inv):
            assert_matches(interpreted(program, a), program(a))


def test_a_singular_matrix_is_an_error() -> None:
    fast = torshjit.compile(torch.linalg.inv, strict=True)
    good = torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    torch.testing.assert_close(fast(good), torch.linalg.inv(good))
    for program in (torch.linalg.inv, torch.linalg.cholesky, torch.cholesky):
        fast = torshjit.compile(program, strict=True)
        with pytest.raises(torch.linalg.LinAlgError) as eager:
            program(-torch.ones(2, 2))
        with pytest.raises(torch.linalg.LinAlgError) as caught:
            fast(-torch.ones(2, 2))
        assert str(caught.value) == str(eager.value)
    info = interpreted(lambda a: ATEN.linalg_lu_factor_ex(a)[2], torch.ones(2, 2))
    assert info.item() == 2
    assert interpreted(lambda a: ATEN.linalg_cholesky_ex(a)[1], -torch.eye(2)).item() == 1


def test_large_matrices_are_left_to_eager() -> None:
    with pytest.raises(UnsupportedOpError, match="too large"):
        interpreted(torch.linalg.inv, torch.eye(40))
