# SPDX-License-Identifier: Apache-2.0
"""Arguments for every ATen overload that the torch capture covers.

A case is the list of an overload's arguments. Tensors are made by `tensor`, in which a dtype of
None stands for the dtype that the test asks for.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import pytest

torch = pytest.importorskip("torch")

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


@dataclass(frozen=True)
class Tensor:
    """A tensor argument: standard normal floats, small integers (unsigned: any), or bools."""

    shape: tuple[int, ...]
    dtype: Any = None
    low: float | None = None
    high: float | None = None
    special: bool = False
    transposed: bool = False

    def make(self, dtype: Any, generator: Any) -> Any:
        """The tensor, in `dtype` unless it has one of its own."""
        dtype = self.dtype or dtype
        shape = self.shape[::-1] if self.transposed else self.shape
        if dtype == torch.bool:
            result = torch.rand(shape, generator=generator) < 0.5
        elif not dtype.is_floating_point:
            low = -5 if self.low is None else math.ceil(self.low)
            high = 6 if self.high is None else math.floor(self.high) + 1
            if not dtype.is_signed:
                # The upper half is what a signed type of the width does not hold.
                low = max(low, 0)
                high = max(high, low + 1) if self.low is not None else torch.iinfo(dtype).max + 1
            result = torch.randint(low, high, shape, generator=generator, dtype=dtype)
        elif self.low is not None:
            span = self.high - self.low
            uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
            result = (uniform * span + self.low).to(dtype)
        else:
            result = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        if self.special and dtype.is_floating_point:
            flat = result.view(-1)
            values = [math.nan, math.inf, -math.inf, 0.0, -0.0]
            flat[: len(values)] = torch.tensor(values, dtype=dtype)
        return result.permute(*range(len(shape))[::-1]) if self.transposed else result


def tensor(*shape: int, **options: Any) -> Tensor:
    return Tensor(shape, **options)


@dataclass(frozen=True)
class Case:
    """One call of one overload; `dtypes` are those it is tried in."""

    overload: str
    args: tuple
    kwargs: dict[str, Any]
    dtypes: tuple
    scale: float = 1


CASES: list[Case] = []
A = tensor(3, 4, transposed=True)
ROW = tensor(4)
BOOL = tensor(3, 4, dtype=torch.bool)
SPECIAL = tensor(3, 4, special=True)
POSITIVE = tensor(3, 4, low=0.2, high=3.0)
UNIT = tensor(3, 4, low=-0.95, high=0.95)


def case(
    overload: str, *args: Any, dtypes: tuple = FLOATS, scale: float = 1, **kwargs: Any
) -> None:
    name = overload if "." in overload else f"{overload}.default"
    CASES.append(Case(f"aten.{name}", args, kwargs, dtypes, scale))


NUMERIC = (*FLOATS, torch.int32, torch.int64, torch.int8, torch.uint8)
ANY = (*NUMERIC, torch.bool)

# One operand.
for name in (
    "exp",
    "expm1",
    "sin",
    "cos",
    "tanh",
    "erf",
    "sigmoid",
    "sinh",
    "cosh",
    "tan",
    "atan",
    "exp2",
):
    case(name, SPECIAL, dtypes=(*FLOATS, torch.int32, torch.bool), scale=4)
for name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"):
    case(name, POSITIVE, dtypes=(*FLOATS, torch.int64))
    case(name, SPECIAL)
for name in ("asin", "acos"):
    case(name, UNIT)
case("logit", tensor(3, 4, low=0.05, high=0.95))
case("logit", tensor(3, 4, low=-0.5, high=1.5), 0.1)
for name in ("floor", "ceil", "trunc", "round"):
    case(name, SPECIAL, dtypes=(*FLOATS, torch.int32))
for name in ("neg", "abs", "square", "relu"):
    case(name, SPECIAL, dtypes=NUMERIC)
for name in ("sign", "sgn"):
    case(name, SPECIAL, dtypes=ANY)
case("frac", SPECIAL)
for name in ("isnan", "isinf", "isfinite", "logical_not"):
    case(name, SPECIAL, dtypes=ANY)
case("bitwise_not", A, dtypes=(*INTEGERS, torch.bool))
case("nan_to_num", SPECIAL, dtypes=NUMERIC)
case("nan_to_num", SPECIAL, 1.0, 2.0, -2.0)
case("square", BOOL)

# Arithmetic.
for name, other in itertools.product(("add", "sub", "mul"), (ROW, tensor(), 3, 2.5)):
    case(f"{name}.Tensor", A, other, dtypes=NUMERIC)
for name in ("add", "sub", "rsub"):
    case(f"{name}.Scalar", A, 2, 3, dtypes=NUMERIC)
    case(f"{name}.Tensor", A, ROW, alpha=2, dtypes=NUMERIC)
case("rsub.Tensor", A, ROW, dtypes=NUMERIC)
case("mul.Scalar", A, 0.1, dtypes=NUMERIC)
for name in ("add.Tensor", "mul.Tensor", "maximum", "minimum"):
    case(name, BOOL, tensor(4, dtype=torch.bool))
    case(name, A, tensor(4, dtype=torch.int64))
    case(name, A, tensor(dtype=torch.float64), dtypes=ANY)
for name in ("maximum", "minimum", "fmax", "fmin", "max.other", "min.other"):
    case(name, SPECIAL, tensor(3, 4), dtypes=ANY)
    case(name, tensor(3, 4), SPECIAL)
for name in ("div", "remainder", "fmod", "floor_divide"):
    overload = "default" if name == "floor_divide" else "Tensor"
    case(f"{name}.{overload}", A, POSITIVE, dtypes=FLOATS)
    case(f"{name}.{overload}", A, tensor(4, low=1, high=4), dtypes=INTEGERS)
    case(f"{name}.{overload}", A, tensor(4, low=-4, high=-1), dtypes=INTEGERS)
    case(f"{name}.Scalar", A, 3, dtypes=NUMERIC)
    case(f"{name}.Scalar", A, -2.5, dtypes=NUMERIC)
case("remainder.Scalar_Tensor", 7, POSITIVE)
for mode in ("floor", "trunc"):
    case("div.Tensor_mode", A, tensor(4, low=1, high=4), rounding_mode=mode, dtypes=NUMERIC)
    case("div.Scalar_mode", A, -3, rounding_mode=mode, dtypes=NUMERIC)
case("div.Tensor_mode", A, POSITIVE, rounding_mode=None)
case("pow.Tensor_Tensor", POSITIVE, tensor(4))
case("pow.Tensor_Tensor", A, tensor(4, low=0, high=4), dtypes=INTEGERS)
for exponent in (0, 1, 2, 3, 4):
    case("pow.Tensor_Scalar", A, exponent, dtypes=NUMERIC, scale=2)
for exponent in (0.5, -0.5, -1, -2, 1.7):
    case("pow.Tensor_Scalar", POSITIVE, exponent, scale=2)
case("pow.Scalar", 2, A)
case("pow.Scalar", 2.5, A)
case("atan2", A, ROW, dtypes=(*FLOATS, torch.int32))
case("hypot", A, SPECIAL)
case("logaddexp", A, SPECIAL)
case("xlogy.Tensor", tensor(3, 4, special=True), POSITIVE)
case("xlogy.Tensor", tensor(3, 4, dtype=torch.int64, low=0, high=1), SPECIAL)
case("xlogy.Scalar_Self", 2.5, POSITIVE)
case("xlogy.Scalar_Other", SPECIAL, 2)
case("addcmul", A, ROW, POSITIVE, value=0.5)
case("addcmul", A, ROW, POSITIVE, dtypes=INTEGERS)
case("addcdiv", A, ROW, POSITIVE, value=0.5)
case("lerp.Scalar", A, POSITIVE, 0.3)
case("lerp.Tensor", A, POSITIVE, tensor(3, 4, low=0, high=1))

# Comparison, logic, selection.
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    case(f"{name}.Tensor", SPECIAL, tensor(4), dtypes=ANY)
    case(f"{name}.Tensor", A, tensor(4, dtype=torch.int64), dtypes=ANY)
    case(f"{name}.Scalar", SPECIAL, 1, dtypes=ANY)
    case(f"{name}.Scalar", A, 0.1, dtypes=NUMERIC)
for name in ("and", "or", "xor"):
    case(f"logical_{name}", A, BOOL, dtypes=ANY)
    case(f"bitwise_{name}.Tensor", A, ROW, dtypes=(*INTEGERS, torch.bool))
    case(f"bitwise_{name}.Scalar", A, 3, dtypes=INTEGERS)
    case(f"bitwise_{name}.Scalar_Tensor", 3, A, dtypes=INTEGERS)
case("where.self", BOOL, A, ROW, dtypes=ANY)
case("where.self", BOOL, A, tensor(dtype=torch.float64), dtypes=ANY)
case("where.ScalarOther", BOOL, A, 0.5, dtypes=ANY)
case("where.ScalarSelf", BOOL, -1, A, dtypes=ANY)
case("where.Scalar", BOOL, 1.5, 2)
case("masked_fill.Scalar", A, tensor(4, dtype=torch.bool), 2, dtypes=NUMERIC)
case("masked_fill.Scalar", A, BOOL, -math.inf)
case("masked_fill.Tensor", A, BOOL, tensor())
for name in ("clamp", "clamp_min", "clamp_max"):
    bounds = (-0.5, 0.5) if name == "clamp" else (0.3,)
    case(name, SPECIAL, *bounds, dtypes=NUMERIC)
    case(f"{name}.Tensor", SPECIAL, *[ROW] * len(bounds), dtypes=NUMERIC)
case("clamp", A, None, 0)
case("fill.Scalar", A, 2, dtypes=ANY)
case("fill.Tensor", A, tensor(), dtypes=NUMERIC)
case("zero", A, dtypes=ANY)

# Activations.
for name in (
    "silu",
    "hardswish",
    "hardsigmoid",
    "relu6",
    "mish",
    "log_sigmoid",
    "selu",
    "gelu",
    "hardtanh",
    "leaky_relu",
    "elu",
    "celu",
    "softplus",
    "hardshrink",
    "softshrink",
):
    case(name, tensor(5, 6), scale=2)
case("gelu", A, approximate="tanh")
case("hardtanh", A, -0.3, 0.4)
case("leaky_relu", A, 0.2)
case("elu", A, 0.7, 1.5, 0.5)
case("celu", A, 0.7)
case("softplus", A, 2.0, 1.0)
case("softshrink", A, 0.2)
case("threshold", A, 0.1, 20, dtypes=NUMERIC)
case("_prelu_kernel", A, tensor(1, 4))
case("_prelu_kernel", A, tensor(1, 1))
case("glu", A)
case("glu", tensor(4, 3), 0)
for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"):
    case(name, A, 0.5, False)
case("native_dropout", A, 0.5, False)

# Contractions.
DOUBLE = (*FLOATS, torch.int64)
case("linear", tensor(2, 3, 4), tensor(5, 4), tensor(5), scale=2)
case("linear", tensor(2, 4), tensor(5, 4), scale=2)
case("linear", tensor(4), tensor(5, 4), tensor(5), scale=2)
case("linear", tensor(2, 4), tensor(4), scale=2)
case("mm", tensor(3, 4, transposed=True), tensor(4, 5), dtypes=DOUBLE, scale=2)
case("bmm", tensor(2, 3, 4), tensor(2, 4, 5), dtypes=DOUBLE, scale=2)
case("mv", A, tensor(4), dtypes=DOUBLE, scale=2)
for name in ("dot", "vdot", "matmul"):
    case(name, tensor(4), tensor(4), dtypes=DOUBLE, scale=2)
for left, right in (((3, 4), (4,)), ((4,), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,))):
    case("matmul", tensor(*left), tensor(*right), dtypes=DOUBLE, scale=2)
case("outer", tensor(3), tensor(4), dtypes=DOUBLE)
case("addmm", tensor(5), A, tensor(4, 5), dtypes=DOUBLE, scale=2)
case("addmm", tensor(3, 5), A, tensor(4, 5), beta=0.5, alpha=2, scale=2)
case("addmm", tensor(5, special=True), A, tensor(4, 5), beta=0, scale=2)
case("addmv", tensor(3), A, tensor(4), beta=2, dtypes=DOUBLE, scale=2)
case("baddbmm", tensor(2, 3, 5), tensor(2, 3, 4), tensor(2, 4, 5), alpha=0.5, scale=2)
case("addbmm", tensor(3, 5), tensor(2, 3, 4), tensor(2, 4, 5), scale=4)
for axes in (1, 2, 3):
    image, window = tensor(2, 4, *[7] * axes), tensor(6, 2, *[3] * axes)
    case(f"conv{axes}d", image, window, tensor(6), [2], [1], [1], 2, scale=4)
    case(f"conv{axes}d", tensor(4, *[7] * axes), window, None, [1], [0], [2], 2, scale=4)
    case(f"conv{axes}d.padding", image, window, tensor(6), [1], "same", [1], 2, scale=4)
    case(f"conv{axes}d.padding", image, window, None, [1], "valid", [1], 2, scale=4)
IMAGE, WINDOW = tensor(2, 3, 6, 5), tensor(4, 3, 2, 3)
case("conv2d.padding", IMAGE, WINDOW, None, [1], "same", scale=4)
STEPS = ([1, 1], [0, 1], [1, 1], False, [0, 0], 1)
case("convolution", IMAGE, WINDOW, tensor(4), *STEPS, scale=4)
case("_convolution", IMAGE, WINDOW, None, *STEPS, False, False, True, True, scale=4)
case("_convolution.deprecated", IMAGE, WINDOW, None, *STEPS, False, False, True, scale=4)

# Pools.
for axes in (1, 2, 3):
    image = tensor(2, 3, *[7] * axes)
    case(f"max_pool{axes}d", image, [3], [2], [1], [1], False, dtypes=FLOATS[:2])
    case(f"max_pool{axes}d", image, [2], [], [0], [2], True, dtypes=FLOATS[:2])
    case(f"avg_pool{axes}d", image, [3], [2], [1], dtypes=FLOATS)
    case(f"avg_pool{axes}d", image, [3], [2], [1], False, False, dtypes=FLOATS)
    case(f"avg_pool{axes}d", image, [2], [], [0], True, dtypes=FLOATS)
    for extent in (1, 7, 3):
        case(f"adaptive_avg_pool{axes}d", image, [extent] * axes, dtypes=FLOATS)
case("max_pool2d", tensor(3, 8, 8), [3, 2], dtypes=FLOATS)
case("max_pool2d", tensor(1, 1, 8, 8, special=True), [2, 2])
case("adaptive_avg_pool2d", tensor(2, 3, 8, 6), [4, 3])
case("avg_pool2d", tensor(3, 8, 8), [3, 2], [], [0, 0], False, True, 5)

# Reductions.
for name in ("sum", "prod"):
    case(name, A, dtypes=ANY, scale=2)
    case(name, A, dtype=torch.float64, dtypes=ANY)
for dim in ([0], [-1], [0, 1], []):
    case("sum.dim_IntList", A, dim, dtypes=ANY, scale=2)
    case("sum.dim_IntList", A, dim, True, dtypes=FLOATS, scale=2)
    case("mean.dim", A, dim)
    case("amax", A, dim, dtypes=ANY)
    case("amin", A, dim, True, dtypes=ANY)
    case("all.dims", A, dim, dtypes=ANY)
    case("any.dims", A, dim, True, dtypes=ANY)
    case("count_nonzero.dim_IntList", A, dim, dtypes=ANY)
    case("logsumexp", SPECIAL, dim or [0])
case("sum", tensor(), dtypes=ANY)
case("sum.dim_IntList", tensor(), [0], dtypes=ANY)
case("sum", tensor(0, 3))
case("mean.dim", tensor(0, 3), [0])
case("prod.dim_int", A, 1, dtypes=ANY, scale=2)
case("mean", A)
case("mean", A, dtype=torch.float64, dtypes=NUMERIC)
case("count_nonzero", A, dtypes=ANY)
for name in ("var", "std", "var_mean", "std_mean"):
    case(name, A, True, scale=2)
    case(name, A, False, scale=2)
    case(f"{name}.dim", A, [1], False, True, scale=2)
    case(f"{name}.dim", A, [0], scale=2)
    case(f"{name}.correction", A, [0, 1], correction=2, scale=2)
    case(f"{name}.correction", A, [1], correction=0, keepdim=True, scale=2)
for name in ("max", "min"):
    case(name, SPECIAL, dtypes=ANY)
    for dim, keep in ((0, False), (-1, True)):
        case(f"{name}.dim", SPECIAL, dim, keep, dtypes=FLOATS)
        case(f"{name}.dim", tensor(2, 9), dim, keep, dtypes=(torch.bool,))
        case(f"arg{name}", SPECIAL, dim, keep, dtypes=FLOATS)
    case(f"{name}.dim", tensor(), 0, dtypes=ANY)
    case(f"arg{name}", tensor(4, 5))
    case(f"arg{name}", tensor(4, 5), None, True)
case("aminmax", A)
case("aminmax", A, dim=1, keepdim=True)
for name in ("any", "all"):
    case(name, A, dtypes=ANY)
    case(f"{name}.dim", A, 1, True, dtypes=ANY)
for order in (2, 1, 0, math.inf, -math.inf, 3):
    case("linalg_vector_norm", A, order, [1], True, scale=2)
case("linalg_vector_norm", A, 2, None, False, dtype=torch.float64, dtypes=FLOATS[:1])
case("norm.Scalar", A, 2, scale=2)
case("norm.ScalarOpt_dim", A, None, [0], scale=2)
case("norm.ScalarOpt_dim_dtype", A, 1, [0], False, dtype=torch.float64, dtypes=FLOATS[:1])
case("norm.ScalarOpt_dtype", A, 2, dtype=torch.float64, dtypes=FLOATS[:1])

# Normalisations and attention.
for name in ("softmax", "log_softmax"):
    case(f"{name}.int", A, -1, scale=2)
    case(f"{name}.int", A, 0, torch.float64, dtypes=FLOATS[:1])
    case(f"_{name}", A, 1, False, scale=2)
    case(f"{name}.int", tensor(), 0)
case("layer_norm", A, [4], tensor(4), tensor(4), 1e-5, scale=4)
case("layer_norm", tensor(2, 3, 4), [3, 4], None, None, scale=4)
case(
    "layer_norm",
    tensor(3, 4, dtype=torch.bfloat16),
    [4],
    tensor(4),
    tensor(4),
    dtypes=FLOATS[:1],
    scale=4,
)
case("rms_norm", A, [4], tensor(4), scale=4)
case("rms_norm", A, [4], None, 1e-3, scale=4)
STATISTICS = (tensor(3), tensor(3, low=0.5, high=2))
case("batch_norm", IMAGE, tensor(3), tensor(3), *STATISTICS, False, 0.1, 1e-5, True, scale=4)
case("batch_norm", IMAGE, None, None, *STATISTICS, False, 0.1, 1e-5, True, scale=4)
case("batch_norm", IMAGE, tensor(3), tensor(3), None, None, True, 0.1, 1e-5, True, scale=4)
case("_native_batch_norm_legit", IMAGE, tensor(3), None, *STATISTICS, False, 0.1, 1e-5, scale=4)
case("_native_batch_norm_legit.no_stats", IMAGE, tensor(3), None, True, 0.1, 1e-5, scale=4)
case("group_norm", tensor(2, 4, 3, 2), 2, tensor(4), tensor(4), scale=4)
case("group_norm", tensor(2, 4, 5), 4, scale=4)
case("instance_norm", IMAGE, tensor(3), tensor(3), None, None, True, 0.1, 1e-5, True, scale=4)
case("instance_norm", IMAGE, None, None, *STATISTICS, False, 0.1, 1e-5, True, scale=4)
Q, K, V = tensor(2, 4, 5, 8), tensor(2, 4, 6, 8), tensor(2, 4, 6, 3)
ATTENTION = "scaled_dot_product_attention"
case(ATTENTION, Q, K, V, scale=4)
case(ATTENTION, Q, K, V, None, 0.0, True, scale=4)
case(ATTENTION, Q, K, V, tensor(5, 6, dtype=torch.bool), scale=4)
case(ATTENTION, Q, K, V, tensor(2, 1, 5, 6), scale=4)
case(ATTENTION, Q, K, V, scale_=0.3, scale=4)
case(ATTENTION, Q, tensor(2, 2, 6, 8), tensor(2, 2, 6, 3), enable_gqa=True, scale=4)

# Losses: the reductions are none, mean and sum.
CLASSES = tensor(5, dtype=torch.int64, low=0, high=3)
for reduction in (0, 1, 2):
    case("mse_loss", A, tensor(3, 4), reduction, scale=4)
    case("smooth_l1_loss", A, tensor(3, 4), reduction, 0.7, scale=4)
    case("huber_loss", A, tensor(3, 4), reduction, 0.7, scale=4)
    probabilities = tensor(3, 4, low=0, high=1)
    case("binary_cross_entropy", probabilities, probabilities, ROW, reduction, scale=4)
    logits = "binary_cross_entropy_with_logits"
    case(logits, A, probabilities, ROW, POSITIVE, reduction, scale=4)
    case(logits, tensor(3, 4, low=-90, high=90), probabilities, None, None, reduction, scale=4)
    weight = tensor(4, low=0.1, high=1)
    case("nll_loss_nd", tensor(5, 4), CLASSES, weight, reduction, 2, scale=4)
    case("nll_loss", tensor(5, 4), CLASSES, None, reduction, scale=4)
    case("nll_loss2d", tensor(1, 4, 5, 1), tensor(1, 5, 1, dtype=torch.int64, low=0, high=3),
         None, reduction, scale=4)  # fmt: skip
case("smooth_l1_loss", A, tensor(3, 4), 1, 0.0, scale=4)
case("nll_loss_nd", tensor(4), tensor(dtype=torch.int64, low=0, high=3), scale=4)
case("_weight_norm_interface", tensor(3, 4, 2), tensor(3, 1, 1), 0, scale=4)
case("_weight_norm_interface", tensor(3, 4, 2), tensor(1, 1, 2), 2, scale=4)

# Movement.
case("cat", [A, tensor(2, 4)], dtypes=ANY)
case("cat", [A, tensor(3, 1, dtype=torch.float64)], -1, dtypes=ANY)
case("cat", [tensor(0), A], 1)
case("stack", [A, A, A], 1, dtypes=ANY)
case("stack", [ROW, ROW], -1)
case("clone", A, dtypes=ANY)
case("repeat", A, [2, 1, 3], dtypes=ANY)
case("repeat_interleave.self_int", A, 3, 1)
case("repeat_interleave.self_int", A, 2)
case("flip", A, [0, -1], dtypes=ANY)
case("roll", A, [1, -2], [0, 1])
case("roll", A, [5])
case("tril", A, dtypes=ANY)
case("tril", tensor(2, 3, 4), 1)
case("triu", A, -1, dtypes=NUMERIC)
case("constant_pad_nd", A, [1, 2], 3, dtypes=NUMERIC)
case("constant_pad_nd", A, [-1, 2, 1, -1])
case("pad", IMAGE, [1, 1, 2, 0], "constant", 0.5)
for mode in ("reflect", "replicate", "circular"):
    case("pad", IMAGE, [2, 1, 3, 2], mode)
    case("pad", tensor(2, 3, 6), [5, 5], mode)
case("pixel_shuffle", tensor(2, 8, 3, 2), 2)
for axes in (1, 2, 3):
    case(f"upsample_nearest{axes}d.vec", tensor(1, 2, *[3] * axes), [6] * axes, None)
    case(f"upsample_nearest{axes}d.vec", tensor(1, 2, *[3] * axes), None, [2.0] * axes)

# Positions that are tensors.
IDS = tensor(2, 3, dtype=torch.int64, low=0, high=3)
case("embedding", tensor(4, 5), IDS)
case("embedding", tensor(4, 5), tensor(3, dtype=torch.int32, low=0, high=3), 1)
case("embedding", tensor(4, 5), tensor(0, dtype=torch.int64))
case("index_select", A, 0, tensor(5, dtype=torch.int64, low=0, high=2), dtypes=ANY)
case("index_select", A, -1, tensor(dtype=torch.int32, low=0, high=3))
case("index_select", tensor(), 0, tensor(1, dtype=torch.int64, low=0, high=0))
case("gather", A, 0, tensor(2, 3, dtype=torch.int64, low=0, high=2), dtypes=ANY)
case("gather", A, -1, tensor(3, 7, dtype=torch.int64, low=0, high=3))
case("gather", ROW, 0, tensor(dtype=torch.int64, low=0, high=3))
case("gather", tensor(), 0, tensor(3, dtype=torch.int64, low=0, high=0))
case("gather", A, 0, tensor(0, 4, dtype=torch.int64))
for name in ("index.Tensor", "_unsafe_index.Tensor"):
    case(name, tensor(4, 3, 5), [IDS], dtypes=ANY)
    case(name, tensor(4, 3, 5), [None, tensor(2, dtype=torch.int64, low=-3, high=2)])
    case(name, tensor(3, 4, 5), [tensor(2, 1, dtype=torch.int64, low=-3, high=2), IDS])
    case(name, tensor(3, 4, 5), [tensor(dtype=torch.int64, low=0, high=2), None, IDS])
    case(name, tensor(3, 4, 4, 2), [None, IDS, IDS])
    case(name, tensor(2, 3, 4, 4), [None, None, IDS, IDS])

# Views.
for name in ("alias", "detach", "contiguous", "squeeze", "t", "numpy_T", "lift_fresh"):
    case(name, A, dtypes=ANY)
C = tensor(2, 3, 4)
for name in ("view", "reshape", "_unsafe_view"):
    case(name, C, [6, -1], dtypes=ANY)
case("view_as", C, tensor(6, 4))
case("flatten.using_ints", C, 1)
case("flatten.using_ints", tensor())
case("unflatten.int", A, 1, [2, -1])
case("permute", C, [2, 0, -2])
case("transpose.int", C, 0, -1)
case("mT", C)
case("movedim.int", C, 0, 2)
case("movedim.intlist", C, [0, 1], [2, 0])
case("unsqueeze", A, -1)
case("squeeze.dim", tensor(1, 3, 1), 2)
case("squeeze.dims", tensor(1, 3, 1), [0, 1])
case("expand", tensor(3, 1), [2, -1, 4], dtypes=ANY)
case("expand_as", tensor(3, 1), A)
case("slice.Tensor", A, 1, 1, -1)
case("slice.Tensor", tensor(9), 0, -7, 100, 3)
case("slice.Tensor", A, 0, 2, 1)
case("narrow", A, 1, 1, 2)
case("select.int", A, 0, -1)
case("unbind.int", A, 1)
case("split.Tensor", A, 3, 1)
case("split.sizes", A, [1, 3], 1)
case("unsafe_split.Tensor", A, 2)
case("split_with_sizes", A, [1, 2])
case("unsafe_split_with_sizes", A, [1, 2])
case("chunk", A, 3, 1)
case("unsafe_chunk", A, 2)
for offset in (0, 1, -2, 9):
    case("diagonal", A, offset, dtypes=ANY)
    case("diagonal", C, offset, 2, 0)
case("unfold", A, 1, 2, 1, dtypes=ANY)
case("unfold", C, -1, 2, 2)
case("unfold", tensor(), 0, 1, 1)
case("native_group_norm", tensor(2, 6, 3, 2), tensor(6), None, 2, 6, 6, 3, 1e-5, scale=4)
case("native_group_norm", tensor(2, 4, 5), None, tensor(4), 2, 4, 5, 1, 1e-5, scale=4)
