# SPDX-License-Identifier: Apache-2.0
"""Arguments for the ATen special functions.

Importing this adds them to `torch_overload_cases.CASES`.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch_overload_cases import FLOATS, SPECIAL, UNIT, A, case, tensor  # noqa: E402

REAL = tensor(5, 6, low=-12, high=12)
ABOVE = tensor(5, 6, low=0.01, high=12)
WIDE = (torch.float32, torch.float64)

for name in ("asinh", "lgamma", "special_erfcx", "special_log_ndtr", "sinc", "digamma"):
    case(name, REAL, scale=8)
for name in ("asinh", "lgamma", "erfc", "special_entr", "i0", "special_i1", "special_i0e"):
    case(name, SPECIAL, scale=4)
case("acosh", tensor(5, 6, low=0.5, high=1e5))
case("acosh", tensor(5, 6, low=1, high=1.1), scale=2)
case("atanh", tensor(5, 6, low=-1.2, high=1.2))
for name in ("asinh", "atanh"):
    case(name, tensor(5, 6, low=-1e-4, high=1e-4))
for order in (0, 1, 2, 5):
    case("polygamma", order, tensor(5, 6, low=0.3, high=12), dtypes=WIDE, scale=8)
    case("polygamma", order, tensor(5, 6, low=-3.4, high=-3.2), dtypes=WIDE, scale=16)
case("erfc", REAL, dtypes=(*WIDE, torch.int32), scale=4)
case("erfinv", UNIT, scale=4)
case("erfinv", tensor(5, 6, low=-1e-3, high=1e-3), scale=4)
case("erfinv", tensor(3, low=1, high=1.0))
case("special_ndtri", tensor(5, 6, low=-0.1, high=1.1), scale=4)
case("special_ndtri", tensor(5, 6, low=0, high=1e-6), scale=4)
for name in ("deg2rad", "rad2deg"):
    case(name, REAL, dtypes=(*FLOATS, torch.int32))
case("logaddexp2", A, SPECIAL)
case("special_xlog1py", tensor(3, 4, dtype=torch.int64, low=0, high=1), tensor(4, low=0, high=3))
case("special_xlog1py.self_scalar", 0.5, SPECIAL)
case("special_xlog1py.other_scalar", SPECIAL, 0.5)

for name in ("i0", "special_i1", "special_i0e", "special_i1e"):
    case(name, REAL, scale=4)
for name in ("i0", "i1"):
    case(f"special_modified_bessel_{name}", REAL, dtypes=WIDE, scale=4)
for name in ("k0", "k1"):
    for prefix in ("", "scaled_"):
        case(f"special_{prefix}modified_bessel_{name}", ABOVE, dtypes=WIDE, scale=4)
        case(f"special_{prefix}modified_bessel_{name}", SPECIAL, dtypes=WIDE, scale=4)
# torch's own values in float64 are a few times 1e-7 off, Airy's more.
FLOAT = (torch.float32,)
for name in ("j0", "j1", "y0", "y1"):
    case(f"special_bessel_{name}", tensor(5, 6, low=0.1, high=20), dtypes=FLOAT, scale=4)
case("special_bessel_j1", tensor(5, 6, low=-20, high=-1), dtypes=FLOAT, scale=4)
case("special_spherical_bessel_j0", REAL, dtypes=WIDE, scale=2)
case("special_spherical_bessel_j0", tensor(5, 6, low=-0.1, high=0.1), dtypes=WIDE)
case("special_airy_ai", tensor(5, 9, low=-12, high=8), dtypes=FLOAT, scale=4)

# Chebyshev polynomials. torch's own recurrences lose digits outside of [-1, 1] in f32.
DEGREE = tensor(5, 6, low=-2, high=9)
for kind in ("t", "u", "v", "w"):
    for prefix in ("", "shifted_"):
        name = f"special_{prefix}chebyshev_polynomial_{kind}"
        case(name, tensor(5, 6, low=0.05, high=0.95), DEGREE, dtypes=WIDE, scale=64)
        case(name, tensor(5, 6, low=-3, high=-1.1), DEGREE, dtypes=WIDE, scale=64)
        case(name, tensor(5, 6, low=1.1, high=3), DEGREE, dtypes=WIDE, scale=64)
        case(f"{name}.x_scalar", 0.3, DEGREE, dtypes=WIDE, scale=64)
        case(f"{name}.n_scalar", UNIT, 7, dtypes=WIDE, scale=64)
