# SPDX-License-Identifier: Apache-2.0
"""Convolutions of every kind and of ragged extents, on one thread and on two.

Their operands are small integers, so that sums are exact in any order: results have to be equal.
TORSH_CONVOLUTION_CASES adds as many random ones, TORSH_EVERY_EXTENT=1 has each extent from 1 to 67.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from e2e.native_code import run_natively

from torshjit import _runtime
from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")


@dataclass(frozen=True)
class Convolution:
    """Extents by axis; `open_axes` are those of the input and result that are `?`."""

    channels: int
    outputs: int
    size: tuple[int, ...]
    window: tuple[int, ...]
    batch: int = 1
    groups: int = 1
    stride: tuple[int, ...] | int = 1
    dilation: tuple[int, ...] | int = 1
    low: tuple[int, ...] | int = 0
    high: tuple[int, ...] | int = 0
    dtype: str = "f32"
    epilogue: bool = False
    open_axes: tuple[int, ...] = ()
    has_fixed_weight: bool = False

    def per_axis(self, value: tuple[int, ...] | int) -> tuple[int, ...]:
        return (value,) * len(self.size) if isinstance(value, int) else value

    def extents(self) -> tuple[int, ...]:
        """Of the result's spatial axes."""
        axes = zip(
            *(self.per_axis(x) for x in (self.size, self.window, self.stride)),
            *(self.per_axis(x) for x in (self.dilation, self.low, self.high)),
            strict=True,
        )
        return tuple((n + a + b - d * (k - 1) - 1) // s + 1 for n, k, s, d, a, b in axes)

    def _type(self, *shape: int) -> str:
        extents = ("?" if i in self.open_axes else str(e) for i, e in enumerate(shape))
        return f"tensor<{'x'.join(extents)}x{self.dtype}>"

    def program(self) -> str:
        filters = "x".join(map(str, (self.outputs, self.channels // self.groups, *self.window)))
        x, w = self._type(self.batch, self.channels, *self.size), f"tensor<{filters}x{self.dtype}>"
        y = self._type(self.batch, self.outputs, *self.extents())
        names = {"stride": self.stride, "dilation": self.dilation}
        names |= {"padding_low": self.low, "padding_high": self.high}
        lists = ", ".join(
            f"{name} = array<i64: {', '.join(map(str, self.per_axis(value)))}>"
            for name, value in names.items()
        )
        bias, b = "", f"tensor<{self.outputs}x{self.dtype}>"
        tail, residual = "return %0", ""
        if self.epilogue:
            bias, residual = " bias(%b)", f", %b: {b}, %r: {y}"
            tail = f"""
              %1 = torsh.add %0, %r : ({y}, {y}) -> {y}
              %2 = torsh.relu %1 : ({y}) -> {y}
              return %2"""
        groups = f"groups = {self.groups} : i64"
        weight, constant = f", %w: {w}", ""
        if self.has_fixed_weight:
            data = self.arguments()[1].tobytes().hex().upper()
            weight, constant = "", f'%w = torsh.constant dense<"0x{data}"> : {w}'
        return f"""
          func.func @main(%x: {x}{weight}{residual}) -> {y} {{
            {constant}
            %0 = torsh.conv %x, %w{bias} {{{lists}, {groups}}}
                : ({x}, {w}{f", {b}" if bias else ""}) -> {y}
            {tail} : {y}
          }}"""

    def arguments(self) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        shapes = [(self.batch, self.channels, *self.size)]
        shapes.append((self.outputs, self.channels // self.groups, *self.window))
        if self.epilogue:
            shapes += [(self.outputs,), (self.batch, self.outputs, *self.extents())]
        dtype = _compiler_dtype(self.dtype)
        return [rng.integers(-4, 5, shape).astype(dtype) for shape in shapes]


def _compiler_dtype(name: str) -> np.dtype:
    import ml_dtypes

    names = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "i32": np.int32}
    return np.dtype(names.get(name, ml_dtypes.bfloat16))


_SAME = {"low": 1, "high": 1}
CASES = {
    # Vectors along the width: depthwise, and groups with few outputs.
    "depthwise": Convolution(16, 16, (56, 56), (3, 3), groups=16, **_SAME),
    "depthwise-epilogue": Convolution(
        16, 16, (29, 23), (3, 3), 2, groups=16, epilogue=True, **_SAME
    ),
    "depthwise-strided": Convolution(12, 12, (31, 41), (3, 3), groups=12, stride=2, **_SAME),
    "depthwise-stride-3": Convolution(12, 12, (31, 41), (3, 3), groups=12, stride=3, **_SAME),
    "depthwise-5x5": Convolution(32, 32, (14, 14), (5, 5), groups=32, low=2, high=2),
    "depthwise-7x7": Convolution(32, 32, (7, 7), (7, 7), groups=32, low=3, high=3),
    "depthwise-large-window": Convolution(4, 4, (40, 40), (13, 11), groups=4, low=6, high=5),
    "depthwise-dilated": Convolution(
        8, 8, (30, 33), (3, 3), groups=8, dilation=(2, 3), low=(2, 3), high=(1, 4)
    ),
    "depthwise-asymmetric": Convolution(
        8, 8, (20, 50), (3, 2), groups=8, stride=(1, 2), low=(0, 2), high=(3, 0)
    ),
    "depthwise-multiplier": Convolution(8, 24, (20, 35), (3, 3), groups=8, **_SAME),
    "depthwise-1d": Convolution(64, 64, (301,), (9,), 3, groups=64, low=4, high=4),
    "depthwise-3d": Convolution(8, 8, (7, 9, 21), (3, 3, 3), groups=8, stride=(1, 2, 1), **_SAME),
    "depthwise-f64": Convolution(16, 16, (20, 27), (3, 3), groups=16, dtype="f64", **_SAME),
    "depthwise-bf16": Convolution(16, 16, (20, 27), (3, 3), groups=16, dtype="bf16", **_SAME),
    "depthwise-i32": Convolution(16, 16, (20, 27), (3, 3), groups=16, dtype="i32", **_SAME),
    "depthwise-open": Convolution(
        16, 16, (20, 27), (3, 3), 2, groups=16, open_axes=(0, 2, 3), epilogue=True, **_SAME
    ),
    "depthwise-open-strided": Convolution(
        16, 16, (21, 27), (3, 3), 2, groups=16, stride=2, open_axes=(0, 3), **_SAME
    ),
    "groups-of-4": Convolution(64, 64, (19, 28), (3, 3), groups=16, epilogue=True, **_SAME),
    "few-outputs": Convolution(24, 3, (33, 37), (5, 5), low=2, high=2),
    # Vectors along the outputs.
    "square": Convolution(32, 32, (28, 28), (3, 3), **_SAME),
    "square-epilogue": Convolution(32, 48, (23, 19), (3, 3), 3, epilogue=True, **_SAME),
    "stem": Convolution(3, 64, (56, 56), (7, 7), stride=2, low=3, high=3, epilogue=True),
    "strided-pointwise": Convolution(64, 128, (15, 15), (1, 1), stride=2),
    "late": Convolution(128, 80, (7, 7), (3, 3), **_SAME),
    "one-place": Convolution(32, 40, (3, 3), (3, 3), 4),
    "dilated": Convolution(32, 40, (17, 43), (3, 3), dilation=(3, 2), low=2, high=(4, 0)),
    "asymmetric": Convolution(
        16, 24, (21, 35), (4, 2), 2, stride=(3, 1), low=(0, 1), high=(2, 0), epilogue=True
    ),
    "row-window": Convolution(32, 33, (17, 30), (1, 7), low=(0, 3), high=(0, 3)),
    "column-window": Convolution(32, 33, (17, 30), (7, 1), low=(3, 0), high=(3, 0)),
    "wide-groups": Convolution(64, 96, (13, 30), (3, 3), groups=2, epilogue=True, **_SAME),
    "wide-groups-alone": Convolution(64, 96, (13, 30), (3, 3), groups=2, **_SAME),
    "wide-groups-batch": Convolution(60, 102, (14, 15), (3, 3), 3, groups=3, **_SAME),
    "wide-groups-open": Convolution(
        60, 102, (14, 15), (3, 3), 3, groups=3, stride=2, open_axes=(0, 2), epilogue=True, **_SAME
    ),
    "wide-groups-open-columns": Convolution(
        64, 48, (14, 15), (3, 3), groups=4, open_axes=(2, 3), epilogue=True, **_SAME
    ),
    "wide-groups-bf16": Convolution(64, 96, (9, 14), (3, 3), groups=4, dtype="bf16", **_SAME),
    "groups-of-8": Convolution(64, 64, (19, 28), (3, 3), 2, groups=8, low=(1, 0), high=(0, 2)),
    "pointwise-groups": Convolution(64, 96, (14, 14), (1, 1), 2, groups=2, epilogue=True),
    "1d-groups": Convolution(64, 96, (211,), (5,), groups=4, dilation=2, low=2, high=2),
    "1d": Convolution(40, 64, (211,), (5,), 2, stride=2, low=2, high=2),
    "3d": Convolution(16, 32, (5, 9, 13), (3, 3, 3), 2, **_SAME),
    "f64": Convolution(16, 24, (14, 30), (3, 3), dtype="f64", **_SAME),
    "f16": Convolution(16, 24, (14, 30), (3, 3), dtype="f16", **_SAME),
    "bf16": Convolution(16, 24, (14, 30), (3, 3), dtype="bf16", **_SAME),
    # Elements narrower than sums: in pairs of channels where their number is even, else widened.
    "bf16-ragged": Convolution(66, 67, (9, 19), (3, 3), 2, dtype="bf16", **_SAME),
    "bf16-odd-channels": Convolution(67, 40, (9, 19), (3, 3), dtype="bf16", **_SAME),
    "bf16-stem": Convolution(3, 64, (56, 56), (7, 7), stride=2, low=3, high=3, dtype="bf16"),
    "bf16-strided": Convolution(64, 40, (29, 31), (3, 3), stride=2, dtype="bf16", **_SAME),
    "bf16-strided-pointwise": Convolution(64, 128, (15, 15), (1, 1), 2, stride=2, dtype="bf16"),
    "bf16-pointwise": Convolution(128, 72, (14, 14), (1, 1), 3, dtype="bf16"),
    "bf16-patches": Convolution(6, 96, (48, 48), (16, 16), stride=16, dtype="bf16"),
    "bf16-late": Convolution(256, 80, (7, 7), (3, 3), 2, dtype="bf16", **_SAME),
    "bf16-tiny": Convolution(512, 40, (2, 2), (3, 3), dtype="bf16", **_SAME),
    "bf16-dilated": Convolution(
        32, 40, (17, 43), (3, 3), dilation=(3, 2), low=2, high=(4, 0), dtype="bf16"
    ),
    "bf16-asymmetric": Convolution(
        16, 24, (21, 35), (4, 2), 2, stride=(3, 1), low=(0, 1), high=(2, 0), dtype="bf16"
    ),
    "bf16-groups": Convolution(60, 102, (14, 15), (3, 3), 3, groups=3, dtype="bf16", **_SAME),
    "bf16-1d": Convolution(40, 64, (211,), (5,), 2, stride=2, low=2, high=2, dtype="bf16"),
    "bf16-3d": Convolution(16, 32, (5, 9, 13), (3, 3, 3), 2, dtype="bf16", **_SAME),
    "bf16-open": Convolution(16, 40, (14, 30), (3, 3), 2, open_axes=(0, 2), dtype="bf16", **_SAME),
    "f16-open": Convolution(16, 40, (14, 30), (3, 3), 2, open_axes=(0, 2), dtype="f16", **_SAME),
    "f16-strided-pointwise": Convolution(33, 65, (15, 15), (1, 1), 2, stride=2, dtype="f16"),
    "f16-3d": Convolution(15, 32, (5, 9, 13), (3, 3, 3), 2, dtype="f16", **_SAME),
    "f16-groups": Convolution(60, 102, (14, 15), (3, 3), 3, groups=3, dtype="f16", **_SAME),
    "i32": Convolution(16, 24, (14, 30), (3, 3), dtype="i32", **_SAME),
    "open": Convolution(16, 40, (14, 30), (3, 3), 2, open_axes=(0, 2, 3), epilogue=True, **_SAME),
    "open-batch": Convolution(16, 40, (14, 30), (3, 3), 3, open_axes=(0,), **_SAME),
    "pointwise": Convolution(48, 72, (14, 14), (1, 1), 3, epilogue=True),
    "small": Convolution(4, 9, (5, 6), (3, 3), **_SAME),
    "pointwise-few-channels": Convolution(16, 256, (19, 23), (1, 1)),
}
# Filters that a kernel of their own packs.
CASES |= {
    f"{label}-fixed": replace(case, has_fixed_weight=True)
    for label, case in CASES.items()
    if case.groups == 1
}


def _random_cases() -> Iterator[tuple[str, Convolution]]:
    rng = np.random.default_rng(7)
    for number in range(int(os.environ.get("TORSH_CONVOLUTION_CASES", "0"))):
        rank = int(rng.choice([1, 2, 2, 2, 3]))

        def draw(low: int, high: int, rank: int = rank) -> tuple[int, ...]:
            return tuple(int(x) for x in rng.integers(low, high + 1, rank))

        groups = int(rng.choice([1, 1, 2, 5, 16]))
        channels = groups * int(rng.choice([1, 1, 3, 8, 17]))
        outputs = groups * int(rng.choice([1, 1, 2, 7, 16, 33]))
        window, dilation = draw(1, 4), draw(1, 2)
        size = draw(1, 40 if rank < 3 else 12)
        low, high = draw(0, 3), draw(0, 3)
        needed = (d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
        size = tuple(max(s, n - a - b) for s, n, a, b in zip(size, needed, low, high, strict=True))
        case = Convolution(
            channels, outputs, size, window, int(rng.integers(1, 4)), groups,
            draw(1, 3), dilation, low, high, epilogue=bool(rng.integers(2)),
        )  # fmt: skip
        if rng.integers(3) == 0:
            axes = [0, *range(2, 2 + rank)]
            chosen = tuple(a for a in axes if rng.integers(2))
            case = replace(case, open_axes=chosen)
        if rng.integers(2) == 0:
            # What follows would be rounded twice.
            case = replace(case, dtype=str(rng.choice(["bf16", "f16"])), epilogue=False)
        yield f"random-{number}", case


_EVERY_EXTENT = bool(os.environ.get("TORSH_EVERY_EXTENT"))


def _swept(axis: str, extent: int, window: int, stride: int) -> Convolution:
    channels, outputs, height, width, batch = (
        extent if axis == name else other
        for name, other in (
            ("channels", 20), ("outputs", 33), ("height", 9), ("width", 19), ("batch", 2),
        )
    )  # fmt: skip
    low = window // 2
    return Convolution(
        channels, outputs, (height, width), (window, window), batch, stride=stride, low=low,
        high=low, epilogue=True,
    )  # fmt: skip


@pytest.mark.parametrize("extent", range(1, 68) if _EVERY_EXTENT else [67])
@pytest.mark.parametrize("axis", ["channels", "outputs", "height", "width", "batch"])
def test_every_extent(axis: str, extent: int) -> None:
    torch = pytest.importorskip("torch")
    for window, stride in ((1, 1), (3, 1), (3, 2)):
        case = _swept(axis, extent, window, stride)
        x, w, bias, residual = (torch.from_numpy(each).double() for each in case.arguments())
        sums = torch.nn.functional.conv2d(x, w, bias, stride, window // 2)
        wanted = torch.relu(sums + residual).float().numpy()
        for is_fixed in (False, True) if _EVERY_EXTENT else (True,):
            own = replace(case, has_fixed_weight=is_fixed)
            arguments = own.arguments()
            if is_fixed:
                del arguments[1]
            module = _compiler.Module.parse(own.program(), _compiler.Context())
            np.testing.assert_array_equal(run_natively(module, arguments)[0], wanted)


@pytest.mark.parametrize("extent", range(1, 68) if _EVERY_EXTENT else [67])
@pytest.mark.parametrize("axis", ["channels", "outputs", "height", "width", "batch"])
def test_every_extent_of_narrow_elements(axis: str, extent: int) -> None:
    torch = pytest.importorskip("torch")
    kinds = [(3, 1, "bf16"), (1, 1, "bf16"), (3, 2, "bf16"), (3, 1, "f16")]
    for window, stride, dtype in kinds if _EVERY_EXTENT else kinds[:1]:
        case = replace(_swept(axis, extent, window, stride), dtype=dtype, epilogue=False)
        arguments = case.arguments()
        x, w = (torch.from_numpy(each.astype(np.float64)) for each in arguments)
        wanted = torch.nn.functional.conv2d(x, w, None, stride, window // 2).numpy()
        for is_fixed in (False, True) if _EVERY_EXTENT else (True,):
            own = replace(case, has_fixed_weight=is_fixed)
            module = _compiler.Module.parse(own.program(), _compiler.Context())
            [actual] = run_natively(module, arguments[:1] if is_fixed else arguments)
            np.testing.assert_array_equal(actual, wanted.astype(actual.dtype))


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = _runtime.num_threads()
    _runtime.set_num_threads(request.param)
    yield request.param
    _runtime.set_num_threads(before)


@pytest.mark.parametrize("label", dict(_random_cases()) | CASES)
def test_convolution(label: str, threads: int) -> None:
    case = (CASES | dict(_random_cases()))[label]
    module = _compiler.Module.parse(case.program(), _compiler.Context())
    arguments = case.arguments()
    if case.has_fixed_weight:
        del arguments[1]
    wide = replace(case, dtype="f64")
    reference = _compiler.Module.parse(wide.program(), _compiler.Context())
    wanted = evaluate(
        reference.graph(reference.functions()[0]), [x.astype(np.float64) for x in arguments]
    )
    actual = run_natively(module, arguments, target_device=TARGET)
    for x, y in zip(actual, wanted, strict=True):
        np.testing.assert_array_equal(x, np.asarray(y).astype(x.dtype))


@pytest.mark.parametrize("architecture", ["x86-64-v3", "x86-64-v2"])
@pytest.mark.parametrize("label", ["bf16-dilated", "bf16-patches", "f16-open"])
def test_parts_of_narrow_vectors_on_lesser_processors(label: str, architecture: str) -> None:
    """LLVM narrowed what it stored one by one, with functions that there are not."""
    if missing := _compiler.processor(architecture)["missing_here"]:
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    case = CASES[label]
    arguments = case.arguments()
    reference = _compiler.Module.parse(replace(case, dtype="f64").program(), _compiler.Context())
    graph = reference.graph(reference.functions()[0])
    [wanted] = evaluate(graph, [x.astype(np.float64) for x in arguments])
    module = _compiler.Module.parse(case.program(), _compiler.Context())
    [actual] = run_natively(module, arguments, target_device=f"cpu:{architecture}")
    np.testing.assert_array_equal(actual, np.asarray(wanted).astype(actual.dtype))


TARGET = os.environ.get("TORSH_CONVOLUTION_TARGET", "cpu")


@pytest.mark.parametrize("window", [1, 3])
def test_booleans_behind_convolutions_are_bytes(window: int) -> None:
    """A comparison behind one was written as bits, and masks were read as such."""
    x, y = "tensor<2x12x9x20xf32>", "tensor<2x40x9x20x{}>"
    f32, i1 = y.format("f32"), y.format("i1")
    module = _compiler.Module.parse(
        f"""
        func.func @main(%x: {x}, %w: tensor<40x12x{window}x{window}xf32>, %m: {i1})
            -> ({i1}, {f32}) {{
          %0 = torsh.conv %x, %w {{stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
              padding_low = array<i64: {window // 2}, {window // 2}>,
              padding_high = array<i64: {window // 2}, {window // 2}>}}
              : ({x}, tensor<40x12x{window}x{window}xf32>) -> {f32}
          %c = torsh.constant dense<1.5> : tensor<f32>
          %1 = torsh.compare gt, %0, %c : ({f32}, tensor<f32>) -> {i1}
          %2 = torsh.conv %x, %w {{stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
              padding_low = array<i64: {window // 2}, {window // 2}>,
              padding_high = array<i64: {window // 2}, {window // 2}>}}
              : ({x}, tensor<40x12x{window}x{window}xf32>) -> {f32}
          %3 = torsh.select %m, %2, %c
              : ({i1}, {f32}, tensor<f32>) -> {f32}
          return %1, %3 : {i1}, {f32}
        }}""",
        _compiler.Context(),
    )
    rng = np.random.default_rng(3)
    x_values = rng.integers(-3, 4, (2, 12, 9, 20)).astype(np.float32)
    w_values = rng.integers(-3, 4, (40, 12, window, window)).astype(np.float32)
    mask = rng.integers(0, 2, (2, 40, 9, 20)).astype(bool)
    inputs = [x_values, w_values, mask]
    for actual, expected in zip(
        run_natively(module, inputs),
        evaluate(module.graph(module.functions()[0]), inputs),
        strict=True,
    ):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("channels", [31, 32])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_infinities_and_nans_reach_what_torch_says(dtype: str, channels: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, channels, 11, 19)).astype(np.float32)
    w = rng.uniform(0.5, 1.0, (40, channels, 3, 3)).astype(np.float32)
    x[0, 3, 5, 7], x[1, 4, 0, 0], x[1, channels - 1, 10, 18] = np.nan, np.inf, -np.inf
    x[0, 0, 8, 8], x[0, 1, 8, 9] = np.inf, -np.inf  # Their sum is NaN.
    torch_x, torch_w = (torch.from_numpy(each).to(getattr(torch, dtype)) for each in (x, w))
    wanted = torch.nn.functional.conv2d(torch_x.float(), torch_w.float()).numpy()
    name = "bf16" if dtype == "bfloat16" else "f16"
    case = Convolution(channels, 40, (11, 19), (3, 3), 2, dtype=name)
    module = _compiler.Module.parse(case.program(), _compiler.Context())
    narrow = _compiler_dtype(name)
    [actual] = run_natively(module, [x.astype(narrow), w.astype(narrow)])
    np.testing.assert_allclose(actual.astype(np.float32), wanted, rtol=2e-2, atol=2e-2)
