# SPDX-License-Identifier: Apache-2.0
"""Arguments for the ATen overloads of transposed convolutions, resizing, distances and bits.

Importing this adds them to `torch_overload_cases.CASES`.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch_overload_cases import (  # noqa: E402
    FLOATS,
    INTEGERS,
    NUMERIC,
    SPECIAL,
    A,
    case,
    tensor,
)

# Transposed convolutions.
for axes, overload in ((1, "default"), (2, "input"), (3, "input")):
    image, window = tensor(2, 4, *[4] * axes), tensor(4, 3, *[3] * axes)
    name = f"conv_transpose{axes}d.{overload}"
    case(name, image, window, tensor(6), [2], [1], [1], 2, [1], scale=4)
    case(name, tensor(4, *[4] * axes), window, None, [1], [0], [0], 1, [2], scale=4)
TRANSPOSED = ([2, 1], [3, 0], [1, 1], True, [1, 0], 1)
case("convolution", tensor(2, 3, 4, 5), tensor(3, 2, 2, 3), tensor(2), *TRANSPOSED, scale=4)

# Resizing.
for axes in (1, 2, 3):
    image = tensor(1, 2, *[4] * axes)
    for size in (2, 3, 6, 8):
        case(f"upsample_nearest{axes}d.vec", image, [size] * axes, None)
        case(f"upsample_nearest{axes}d", image, [size] * axes)
        case(f"_upsample_nearest_exact{axes}d.vec", image, [size] * axes, None)
    for factor in (0.6, 1.7, 2.0):
        case(f"upsample_nearest{axes}d.vec", image, None, [factor] * axes)
        case(f"_upsample_nearest_exact{axes}d.vec", image, None, [factor] * axes)
for mode in ("reflect", "replicate", "circular"):
    case("pad", tensor(2, 3, 6), [2, -1], mode)
    case("pad", tensor(2, 3, 6), [-2, 3], mode)

# Pools that count padding under ceil_mode.
for axes in (1, 2, 3):
    case(f"avg_pool{axes}d", tensor(2, 3, *[6] * axes), [3], [2], [1], True, dtypes=FLOATS)

# Distances.
WIDE = (torch.float32, torch.float64)
for order in (0.0, 1.0, 2.0, 3.0, float("inf")):
    case("_cdist_forward", tensor(2, 4, 3), tensor(2, 5, 3), order, None, dtypes=WIDE, scale=4)
    case("cdist", tensor(4, 3), tensor(2, 5, 3), order, dtypes=WIDE, scale=4)
    case("_pdist_forward", tensor(5, 3), order, dtypes=WIDE, scale=4)
case(
    "_trilinear", tensor(2, 3), tensor(4, 3, 5), tensor(2, 5), [1, 3], [0], [1, 2], [2, 3], scale=4
)

# Bits.
for side in ("left", "right"):
    case(f"bitwise_{side}_shift.Tensor", A, tensor(4, low=0, high=6), dtypes=INTEGERS)
    case(f"bitwise_{side}_shift.Tensor_Scalar", A, 3, dtypes=INTEGERS)
    case(f"bitwise_{side}_shift.Scalar_Tensor", 9, tensor(4, low=0, high=6), dtypes=INTEGERS)
    for overload in ("Tensor", "Scalar"):
        by = tensor(4, low=0, high=6) if overload == "Tensor" else 2
        case(f"__{side[0]}shift__.{overload}", A, by, dtypes=(*INTEGERS, torch.float32))
case("signbit", SPECIAL, dtypes=(*NUMERIC, torch.bool))
case("copysign.Tensor", A, SPECIAL, dtypes=NUMERIC)
case("copysign.Scalar", A, -0.0)
case("nextafter", SPECIAL, tensor(3, 4), dtypes=WIDE)
case("nextafter", tensor(3, 4), SPECIAL, dtypes=WIDE)
case("frexp.Tensor", SPECIAL)
case("frexp.Tensor", tensor(3, 4, low=-1e-40, high=1e-40), dtypes=WIDE)
case("frexp.Tensor", tensor(3, 4, low=-1e30, high=1e30), dtypes=WIDE)
case("angle", SPECIAL, dtypes=(*FLOATS, torch.int32))

# Pools with the places of what they take.
for axes in (1, 2, 3):
    image = tensor(2, 3, *[7] * axes)
    for dtypes in (FLOATS[:2],):
        name = f"max_pool{axes}d_with_indices"
        case(name, image, [3], [2], [1], [1], False, dtypes=dtypes)
        case(name, image, [2], [], [1], [2], True, dtypes=dtypes)
        for extent in (1, 3, 7):
            case(f"adaptive_max_pool{axes}d", image, [extent] * axes, dtypes=dtypes)
case("max_pool2d_with_indices", tensor(3, 8, 8), [3, 2], dtypes=FLOATS[:2])
for size in ([3, 2], [9, 7], [5, 6]):
    for corners in (False, True):
        case("_upsample_bilinear2d_aa", tensor(1, 2, 5, 6), size, corners, scale=4)
case("_upsample_bilinear2d_aa", tensor(1, 2, 6, 6), [4, 3], False, 0.75, 0.6, scale=4)
for axes in (2, 3):
    image, shares = tensor(2, 3, *[7] * axes), tensor(2, 3, axes, low=0, high=0.99)
    case(f"fractional_max_pool{axes}d", image, [2] * axes, [3] * axes, shares, dtypes=WIDE)
    case(f"fractional_max_pool{axes}d", image, [3] * axes, [1] * axes, shares, dtypes=WIDE)
