# SPDX-License-Identifier: Apache-2.0
"""Arguments for the ATen overloads that read and write at positions, scan and sort.

Importing this adds them to `torch_overload_cases.CASES`.
"""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch_overload_cases import ANY, BOOL, FLOATS, NUMERIC, SPECIAL, A, case, tensor  # noqa: E402

CUBE = tensor(3, 4, 5)
CASE_DTYPES = (torch.float32, torch.bfloat16, torch.int64, torch.bool)


def at(*shape: int, of: int, low: int = 0, dtype: Any = torch.int64) -> Any:
    """Positions in an axis of extent `of`."""
    return tensor(*shape, dtype=dtype, low=low, high=of - 1)


# Reads.
for name in ("index.Tensor", "_unsafe_index.Tensor"):
    case(name, CUBE, [at(2, of=3)], dtypes=ANY)
    case(name, CUBE, [None, at(2, 3, of=4, low=-4)])
    case(name, CUBE, [at(2, 1, of=3), at(3, of=4)])
    case(name, CUBE, [at(2, of=3), None, at(2, of=5, low=-5, dtype=torch.int32)])
    case(name, CUBE, [None, at(of=4), at(3, of=5)])
    case(name, CUBE, [at(0, of=3)])
case("index_select", CUBE, 1, at(6, of=4), dtypes=ANY)
case("index_select", CUBE, -1, at(of=5))
case("index_select", tensor(), 0, at(1, of=1))
case("gather", A, 1, at(3, 2, of=4), dtypes=ANY)
case("gather", A, 0, at(2, 3, of=3))
case("gather", tensor(), 0, at(3, of=1))
case("gather", A, 1, at(3, 0, of=4))
case("take", A, at(2, 3, of=12, low=-12), dtypes=ANY)
case("take", A, at(0, of=12))
case("embedding", tensor(7, 3), at(2, 4, of=7))
case("embedding", tensor(7, 3), at(of=7, dtype=torch.int32))
for right in (False, True):
    case("searchsorted.Tensor", tensor(6, low=-1, high=-1), tensor(3, 4), right=right)
    case("searchsorted.Scalar", tensor(6, low=0, high=0), 0.0, right=right, dtypes=NUMERIC)
    case("bucketize.Tensor", SPECIAL, tensor(5, low=0, high=0), out_int32=True, right=right)
    case("bucketize.Scalar", 1.5, tensor(5, low=1, high=1), right=right)
case("searchsorted.Tensor", tensor(3, 1), tensor(3, 4), side="right")
case("isin.Tensor_Tensor", A, tensor(2, 3), dtypes=NUMERIC)
case("isin.Tensor_Scalar", A, 2, invert=True, dtypes=NUMERIC)
case("isin.Scalar_Tensor", 2, A, dtypes=NUMERIC)

# Writes.
for name in ("index_put", "_unsafe_index_put"):
    case(name, CUBE, [at(2, of=3)], tensor(2, 4, 5), dtypes=ANY)
    case(name, CUBE, [None, at(2, 3, of=4, low=-4)], tensor(3, 5))
    case(name, CUBE, [at(6, of=3), None, at(6, of=5)], tensor(6, 4), True, dtypes=NUMERIC)
    case(name, A, [at(6, of=3)], tensor(4), True, dtypes=CASE_DTYPES)
case("index_put", A, [BOOL], tensor(1))
case("index_put", A, [tensor(3, dtype=torch.bool)], tensor())
case("index_add", CUBE, 1, at(6, of=4), tensor(3, 6, 5), dtypes=(*NUMERIC, torch.bool), scale=2)
case("index_add", CUBE, 0, at(2, of=3), tensor(2, 4, 5), alpha=2, dtypes=NUMERIC, scale=2)
case("index_add", tensor(), 0, at(1, of=1), tensor())
case("index_copy", CUBE, 1, at(1, of=4), tensor(3, 1, 5), dtypes=ANY)
case("index_copy", tensor(), 0, at(1, of=1), tensor())
case("index_fill.int_Scalar", CUBE, 1, at(2, of=4), 2, dtypes=ANY)
case("index_fill.int_Tensor", CUBE, -1, at(of=5), tensor(), dtypes=ANY)
for how in ("amax", "amin", "prod", "mean"):
    for own in (True, False):
        case("index_reduce", A, 0, at(5, of=3), tensor(5, 4), how, include_self=own, scale=2)
for name in ("scatter.src", "scatter_add"):
    case(name, A, 0, at(1, 4, of=3), tensor(2, 4), dtypes=ANY)
    case(name, A, 1, at(2, 1, of=4), A, dtypes=ANY)
case("scatter_add", A, 1, at(3, 6, of=4), tensor(3, 6), dtypes=NUMERIC, scale=2)
case("scatter_add", tensor(), 0, at(of=1), tensor())
case("scatter.value", A, 1, at(3, 2, of=4), 2, dtypes=ANY)
case("scatter.value", A, 1, at(3, 0, of=4), 2)
for how in ("add", "multiply"):
    case("scatter.reduce", A, 1, at(3, 6, of=4), tensor(3, 6), reduce=how, dtypes=NUMERIC, scale=4)
    case("scatter.value_reduce", A, 1, at(3, 2, of=4), 3, reduce=how, dtypes=NUMERIC, scale=4)
for how in ("sum", "prod", "mean", "amax", "amin"):
    for own in (True, False):
        # torch's eager kernels leave half types as they are between two sums.
        case("scatter_reduce.two", A, 1, at(3, 6, of=4), tensor(3, 6), how, include_self=own,
             dtypes=(*FLOATS[:2], torch.int32), scale=4)  # fmt: skip
case("put", A, at(3, of=12), tensor(3), dtypes=ANY)
case("put", A, at(0, of=12), tensor(0))
case("put", A, at(9, of=12, low=-12), tensor(9), True, dtypes=NUMERIC, scale=2)
case("masked_scatter", A, BOOL, tensor(12), dtypes=ANY)
case("masked_scatter", A, tensor(4, dtype=torch.bool), tensor(3, 5))

# Scans.
for name in ("cumsum", "cumprod"):
    case(name, CUBE, 1, dtypes=ANY, scale=2)
    case(name, A, -1, dtype=torch.float64, dtypes=ANY)
    case(name, tensor(), 0)
for name in ("cummax", "cummin"):
    case(name, SPECIAL, 1, dtypes=ANY)
    case(name, CUBE, -2, dtypes=(torch.bool, torch.int8))
    case(name, tensor(), 0)
case("logcumsumexp", SPECIAL, 1, scale=2)
case("logcumsumexp", tensor(2, 9, low=-90, high=90), 1, scale=2)
case("logcumsumexp", tensor(), 0)

# Orders. Only stable sorts say where equal elements go.
for descending in (False, True):
    case("sort", SPECIAL, 1, descending, dtypes=FLOATS[:2])
    case("sort.stable", CUBE, stable=True, dim=0, descending=descending, dtypes=ANY)
    case("topk", tensor(2, 9), 4, 1, descending, dtypes=FLOATS[:2])
case("sort", tensor(), 0)
case("topk", tensor(), 1)
case("kthvalue", tensor(2, 9), 4, 1, True, dtypes=FLOATS[:2])
case("kthvalue", tensor(), 1, 0)
for name in ("median", "nanmedian"):
    case(name, SPECIAL, dtypes=NUMERIC)
    case(name, tensor(4, 5), dtypes=FLOATS)
    case(f"{name}.dim", SPECIAL, 1, True, dtypes=FLOATS[:2])
    case(f"{name}.dim", tensor(2, 9), 1, dtypes=FLOATS[:2])
    case(f"{name}.dim", tensor(), 0)
case("mode", tensor(2, 9), 1, dtypes=FLOATS[:2])
case("mode", tensor(4, 3), 0, True, dtypes=FLOATS[:2])
case("mode", tensor(), 0)
case("diagonal_scatter", A, tensor(3), dtypes=ANY)
case("diagonal_scatter", CUBE, tensor(4, 2), -1, 0, 2)
case("diagonal_scatter", A, tensor(0), 9)

# Counts.
WIDE = FLOATS[:2]
for bins, low, high in ((4, 0, 0), (5, -1, 1), (3, 0.5, 2)):
    case("histc", CUBE, bins, low, high, dtypes=WIDE)
case("histc", tensor(3, low=2, high=2), 4, dtypes=WIDE)
case("histc", tensor(0), 4, dtypes=WIDE)
for density in (False, True):
    case("histogram.bin_ct", A, 4, density=density, dtypes=WIDE, scale=2)
    case("histogram.bin_ct", A, 3, range=[-1.0, 1.5], density=density, dtypes=WIDE, scale=2)
case("histogram.bin_ct", tensor(3, low=2, high=2), 2, dtypes=WIDE)
case("nonzero_static", A, size=20, dtypes=(torch.int64, torch.bool))
case("nonzero_static", CUBE, size=7, fill_value=9, dtypes=(torch.int64, torch.bool))
case("nonzero_static", A, size=0)
