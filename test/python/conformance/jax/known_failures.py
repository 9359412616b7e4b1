# SPDX-License-Identifier: Apache-2.0
"""Cases that are refused, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES"]

_LAPACK = "jax calls LAPACK"
_BESSEL = "Bessel functions"

KNOWN_FAILURES: dict[str, str] = {
    "jnp.linalg.det(s)": _LAPACK,
    "jnp.linalg.inv(s)": _LAPACK,
    "jnp.linalg.solve(s, c)": _LAPACK,
    "jnp.linalg.cholesky(s @ s.T)": _LAPACK,
    "jnp.linalg.svd(s)": _LAPACK,
    "jnp.linalg.eigh(s + s.T)": _LAPACK,
    "jax.scipy.special.i1e(p)": _BESSEL,
    "jax.scipy.special.i1(p)": _BESSEL,
    "jax.scipy.special.zeta(p + 2, q)": "Hurwitz's zeta function",
    "jax.scipy.special.polygamma(1, p)": "polygamma functions",
}
