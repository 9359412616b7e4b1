# SPDX-License-Identifier: Apache-2.0
"""Arguments for the ATen overloads that training graphs hold: gradients, statistics, scatters.

Importing this adds them to `torch_overload_cases.CASES`.
"""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch_overload_cases import ANY, BOOL, FLOATS, SPECIAL, A, case, tensor  # noqa: E402

WIDE = (torch.float32, torch.float64)
UNIT = tensor(3, 4, low=-0.95, high=0.95)

# Activations.
for name in ("tanh_backward", "sigmoid_backward"):
    case(name, A, UNIT, scale=4)
case("silu_backward", A, A, scale=4)
case("gelu_backward", A, A, scale=4)
case("gelu_backward", A, A, approximate="tanh", scale=4)
case("threshold_backward", A, SPECIAL, 0)
case("threshold_backward", A, A, 0.5)
case("hardtanh_backward", A, SPECIAL, -0.5, 0.5)
case("leaky_relu_backward", A, A, 0.1, False)
case("native_dropout_backward", A, BOOL, 1.25, dtypes=(*FLOATS, torch.int64))
for name in ("_softmax_backward_data", "_log_softmax_backward_data"):
    for dtype in FLOATS:
        case(name, A, UNIT, 1, dtype, dtypes=(dtype,), scale=4)
        case(name, tensor(2, 3, 4), tensor(2, 3, 4), -3, dtype, dtypes=(dtype,), scale=4)

# Normalisation.
X = tensor(2, 3, 4)
MEAN, SCALE = tensor(2, 3, 1), tensor(2, 3, 1, low=0.5, high=2.0)
ALL = [True, True, True]
for shape, kept in (([4], (2, 3, 1)), ([3, 4], (2, 1, 1)), ([2, 3, 4], (1, 1, 1))):
    weight = tensor(*shape)
    mean, scale = tensor(*kept), tensor(*kept, low=0.5, high=2.0)
    case("native_layer_norm_backward", X, X, shape, mean, scale, weight, weight, ALL, dtypes=WIDE)
    case("native_layer_norm", X, shape, weight, weight, 1e-5, scale=4)
case("native_layer_norm_backward", X, X, [4], MEAN, SCALE, None, None, [True, False, False])
case("native_layer_norm", X, [4], None, None, 1e-5, scale=4)
C, V = tensor(3), tensor(3, low=0.5, high=2.0)
for shape in ((5, 3), (2, 3, 4), (2, 3, 4, 2)):
    x = tensor(*shape)
    for training in (True, False):
        arguments: tuple = (C, C, C, V, training, 0.2, 1e-5)
        case("_native_batch_norm_legit_functional", x, *arguments, dtypes=WIDE, scale=4)
        saved = (C, V, C, V, training, 1e-5)
        case("native_batch_norm_backward", x, x, C, *saved, ALL, dtypes=WIDE, scale=4)
case("native_batch_norm_backward", X, X, None, C, V, C, V, True, 1e-5, [True, False, False])

# Contractions: (input, weight, stride, padding, dilation, transposed, output padding, groups).
CONVOLUTIONS: list[tuple[Any, ...]] = [
    ((2, 3, 9), (4, 3, 3), [1], [0], [1], False, [0], 1),
    ((2, 4, 7, 8), (6, 2, 3, 2), [2, 1], [1, 2], [1, 2], False, [0, 0], 2),
    ((1, 3, 8, 8), (4, 3, 3, 3), [3, 3], [0, 1], [1, 1], False, [0, 0], 1),
    ((2, 4, 6, 6), (4, 1, 3, 3), [1, 1], [1, 1], [1, 1], False, [0, 0], 4),
    ((1, 2, 5, 5), (3, 2, 1, 1), [2, 2], [0, 0], [1, 1], False, [0, 0], 1),
    ((1, 2, 5, 5), (3, 2, 3, 3), [1, 1], [3, 3], [1, 1], False, [0, 0], 1),
    ((1, 2, 4, 4, 4), (2, 2, 2, 2, 2), [2, 2, 2], [1, 1, 1], [1, 1, 1], False, [0, 0, 0], 1),
    ((2, 3, 5), (3, 4, 3), [2], [1], [1], True, [1], 1),
    ((2, 4, 4, 5), (4, 3, 3, 2), [2, 1], [1, 0], [1, 2], True, [1, 0], 2),
]


def _extent(n: int, w: int, s: int, p: int, d: int, transposed: bool, extra: int) -> int:
    reach = d * (w - 1) + 1
    return (n - 1) * s + reach - 2 * p + extra if transposed else (n + 2 * p - reach) // s + 1


for source, window, stride, padding, dilation, transposed, extra, groups in CONVOLUTIONS:
    channels = window[1] * groups if transposed else window[0]
    geometry = zip(source[2:], window[2:], stride, padding, dilation, extra, strict=True)
    extents = [_extent(n, w, s, p, d, transposed, e) for n, w, s, p, d, e in geometry]
    grad = tensor(source[0], channels, *extents)
    arguments = (stride, padding, dilation, transposed, extra, groups)
    bias = [channels]
    case(
        "convolution_backward",
        grad,
        tensor(*source),
        tensor(*window),
        bias,
        *arguments,
        ALL,
        dtypes=WIDE,
        scale=8,
    )
Q, K = tensor(2, 2, 3, 4), tensor(2, 2, 5, 4)
for causal, key in ((False, K), (True, Q)):
    name = "_scaled_dot_product_flash_attention_for_cpu"
    case(name, Q, key, key, 0.0, causal, dtypes=WIDE, scale=4)

# Losses.
SCORES, LABELS = tensor(5, 4), tensor(5, dtype=torch.int64, low=0, high=3)
PICTURE, PIXELS = tensor(2, 4, 3, 2), tensor(2, 3, 2, dtype=torch.int64, low=0, high=3)
CLASSES = tensor(4, low=0.5, high=2.0)
for reduction in (0, 1, 2):
    for ignored in (-100, 1):
        for weights in (None, CLASSES):
            rest: tuple = (weights, reduction, ignored)
            case("nll_loss_forward", SCORES, LABELS, *rest, dtypes=WIDE, scale=4)
            case("nll_loss2d_forward", PICTURE, PIXELS, *rest, dtypes=WIDE, scale=4)
            grad = tensor(5) if reduction == 0 else tensor()
            total = tensor(low=2.0, high=3.0)
            case("nll_loss_backward", grad, SCORES, LABELS, *rest, total, dtypes=WIDE)
            grad = tensor(2, 3, 2) if reduction == 0 else tensor()
            case("nll_loss2d_backward", grad, PICTURE, PIXELS, *rest, total, dtypes=WIDE)

# Views.
case("slice_backward", tensor(3, 2), [3, 4], 1, 1, 3, 1, dtypes=ANY)
case("slice_backward", tensor(3, 3), [3, 9], -1, 2, 9223372036854775807, 3)
case("slice_backward", tensor(3, 0), [3, 4], 1, 2, 2, 1)
case("select_backward", ROW := tensor(4), [3, 4], 0, -1, dtypes=ANY)
case("select_backward", ROW, [4, 3], 1, 1)
case("slice_scatter", A, tensor(3, 2), 1, 1, 3, dtypes=ANY)
case("slice_scatter", tensor(9, 2), tensor(3, 2), 0, 1, 9, 3)
case("slice_scatter", A, A, 0)
case("slice_scatter", A, tensor(3, 1), 1, -1)
case("copy", A, tensor(4, dtype=torch.float64), dtypes=ANY)
case("select_scatter", A, ROW, 0, 1, dtypes=ANY)
case("select_scatter", A, tensor(3), 1, -1)

# Windows.
IMAGE = tensor(2, 3, 7, 6)
for window, stride, margin, ceil, padded, divisor in (
    ([2, 2], [2, 2], [0, 0], False, True, None),
    ([3, 2], [2, 1], [1, 1], False, True, None),
    ([3, 3], [2, 2], [1, 1], True, True, None),
    ([3, 3], [2, 2], [1, 0], True, False, None),
    ([3], [], [1], False, False, None),
    ([2, 2], [1, 1], [0, 0], False, True, 3),
):
    pool = (window, stride, margin, ceil, padded, divisor)
    shape = torch.ops.aten.avg_pool2d(torch.empty(2, 3, 7, 6), *pool).shape
    case("avg_pool2d_backward", tensor(*shape), IMAGE, *pool, dtypes=WIDE, scale=2)
VOLUME = tensor(1, 2, 4, 4, 5)
pool = ([2, 2, 2], [2, 1, 2], [0, 1, 1], False, True, None)
shape = torch.ops.aten.avg_pool3d(torch.empty(1, 2, 4, 4, 5), *pool).shape
case("avg_pool3d_backward", tensor(*shape), VOLUME, *pool, dtypes=WIDE, scale=2)
for size in ((1, 1), (7, 3), (2, 4)):
    case("_adaptive_avg_pool2d", IMAGE, list(size), dtypes=WIDE, scale=2)
    case("_adaptive_avg_pool2d_backward", tensor(2, 3, *size), IMAGE, dtypes=WIDE, scale=2)
case("_adaptive_avg_pool3d", VOLUME, [2, 3, 5], dtypes=WIDE, scale=2)
case("_adaptive_avg_pool3d_backward", tensor(1, 2, 2, 3, 5), VOLUME, dtypes=WIDE, scale=2)
GEOMETRY = ([2, 2], [2, 2], [0, 0], [1, 1], False)
POOLED = tensor(2, 3, 3, 3)
PLACES = tensor(2, 3, 3, 3, dtype=torch.int64, low=0, high=41)
case("max_pool2d_with_indices_backward", POOLED, IMAGE, *GEOMETRY, PLACES, dtypes=WIDE)
case(
    "max_pool2d_with_indices_backward",
    tensor(3, 3, 3),
    tensor(3, 7, 6),
    *GEOMETRY,
    tensor(3, 3, 3, dtype=torch.int64, low=0, high=41),
    dtypes=WIDE,
)
case("adaptive_max_pool2d_backward", POOLED, IMAGE, PLACES, dtypes=WIDE)
SMALL = tensor(1, 2, 2, 2, 2)
CELLS = tensor(1, 2, 2, 2, 2, dtype=torch.int64, low=0, high=79)
VOLUMES = ([2, 2, 2], [2, 2, 2], [0, 0, 0], [1, 1, 1], False)
case("max_pool3d_with_indices_backward", SMALL, VOLUME, *VOLUMES, CELLS, dtypes=WIDE)
case("adaptive_max_pool3d_backward", SMALL, VOLUME, CELLS, dtypes=WIDE)

# Resampling.
for axes, name in ((1, "linear1d"), (2, "bilinear2d"), (3, "trilinear3d")):
    for sizes in ([7, 5, 4], [2, 3, 1]):
        source, size = [1, 2, 4, 3, 5][: 2 + axes], sizes[:axes]
        grad = tensor(1, 2, *size)
        for aligned in (False, True):
            case(f"upsample_{name}_backward", grad, size, source, aligned, dtypes=WIDE, scale=4)
        case(f"upsample_nearest{axes}d_backward", grad, size, source, dtypes=WIDE)
        case(f"_upsample_nearest_exact{axes}d_backward", grad, size, source, dtypes=WIDE)
case(
    "upsample_bilinear2d_backward",
    tensor(1, 2, 8, 6),
    [8, 6],
    [1, 2, 4, 3],
    False,
    2.0,
    2.0,
    dtypes=WIDE,
    scale=4,
)
case("upsample_nearest2d_backward", tensor(1, 2, 9, 7), [9, 7], [1, 2, 4, 3], 2.3, 2.5, dtypes=WIDE)

# Positions.
IDS = tensor(2, 5, dtype=torch.int64, low=0, high=5)
for padding, by_frequency in ((-1, False), (2, False), (-1, True)):
    case("embedding_dense_backward", tensor(2, 5, 3), IDS, 6, padding, by_frequency, dtypes=WIDE)
case("embedding_dense_backward", tensor(0, 3), tensor(0, dtype=torch.int64), 6, -1, False)
for training in (False, True):
    case(
        "native_batch_norm",
        X,
        C,
        C,
        None if training else C,
        None if training else V,
        training,
        0.1,
        1e-5,
        dtypes=WIDE,
        scale=4,
    )
case("_native_batch_norm_legit_no_training", X, C, C, C, V, 0.1, 1e-5, dtypes=WIDE, scale=4)

# Padding.
case("replication_pad1d_backward", tensor(2, 3, 8), tensor(2, 3, 5), [1, 2], dtypes=WIDE)
case("replication_pad1d_backward", tensor(2, 3, 6), tensor(2, 3, 5), [2, -1], dtypes=WIDE)
case(
    "replication_pad2d_backward", tensor(2, 3, 8, 9), tensor(2, 3, 5, 6), [1, 2, 3, 0], dtypes=WIDE
)
margins = [1, 2, 3, 0, 2, 2]
case(
    "replication_pad3d_backward", tensor(1, 2, 8, 6, 6), tensor(1, 2, 4, 3, 3), margins, dtypes=WIDE
)
