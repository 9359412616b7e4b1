# SPDX-License-Identifier: Apache-2.0
"""NumPy's products over every combination of ranks and dtypes, and einsum."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import capture, check

import torshjit

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((0, 3), (3, 4)),
]


def values(shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    numbers = np.random.default_rng(1).integers(-4, 5, shape)
    return numbers.astype(dtype)


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul(left: tuple, right: tuple) -> None:
    check(lambda a, b: a @ b, values(left), values(right))
    check(lambda a, b: np.matmul(a, b), values(left, "float32"), values(right, "float32"))


@pytest.mark.parametrize("left", ["int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("right", ["int8", "int64", "float32"])
def test_matmul_promotion(left: str, right: str) -> None:
    check(lambda a, b: a @ b, values((2, 3), left), values((3, 4), right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((), (3,)),
        ((3,), (3, 4)),
    ],
)
def test_dot(left: tuple, right: tuple) -> None:
    check(lambda a, b: np.dot(a, b), values(left), values(right))
    if left:
        check(lambda a, b: a.dot(b), values(left), values(right))


def test_other_products() -> None:
    a, b = values((2, 3)), values((4, 3))
    check(lambda x, y: (np.inner(x, y), np.outer(x, y), np.vdot(x, x)), a, b)
    check(lambda x, y: np.tensordot(x, y, axes=(1, 1)), a, b)
    check(lambda x: np.tensordot(x, x, axes=2), a)
    check(lambda x, y: np.tensordot(x, y, axes=([0, 1], [1, 0])), values((2, 3)), values((3, 2)))
    check(lambda x: (np.vecdot(x, x), np.linalg.vecdot(x, x), np.vecdot(x[0], x[1])), a)


@pytest.mark.parametrize("name", ["matvec", "vecmat"])
def test_matrix_and_vector(name: str) -> None:
    if not hasattr(np, name):
        pytest.skip(f"NumPy {np.__version__} has no {name}")
    if name == "matvec":
        check(lambda m, v: np.matvec(m, v), values((5, 2, 3)), values((5, 3)))
    else:
        check(lambda v, m: np.vecmat(v, m), values((5, 2)), values((5, 2, 3)))


@pytest.mark.parametrize(
    "subscripts",
    [
        "ij,jk->ik",
        "ij,jk",
        "ij,kj->ik",
        "ij->ji",
        "ij->",
        "ij->i",
        "ij,ij->",
        "ij,ij->ij",
        "ij,ij->i",
        "i,j->ij",
        "bij,bjk->bik",
        "bij,bkj->bik",
        "bhid,bhjd->bhij",
        "bij,jk->bik",
        "ij,jk,kl->il",
        "...ij,...jk->...ik",
        "ij,k->i",
        "ba,cb",
    ],
)
def test_einsum(subscripts: str) -> None:
    extents = {label: 2 + place for place, label in enumerate("bhidjklac")}
    terms = subscripts.partition("->")[0].split(",")
    arrays = []
    for term in terms:
        lead = (3, 2) if "..." in term else ()
        arrays.append(values(lead + tuple(extents[label] for label in term.replace("...", ""))))
    check(lambda *xs: np.einsum(subscripts, *xs), *arrays)


def test_einsum_refuses_what_it_lacks() -> None:
    with pytest.raises(torshjit.UnsupportedOpError, match="repeated"):
        capture(lambda x: np.einsum("ii->i", x))(values((3, 3)))


def test_bool_matmul_is_refused() -> None:
    with pytest.raises(torshjit.UnsupportedOpError, match=r"numpy\.matmul"):
        capture(lambda x: x @ x)(values((3, 3)) > 0)
