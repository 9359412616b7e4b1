# SPDX-License-Identifier: Apache-2.0
"""Code for processors that are named, on this machine and for others."""

from __future__ import annotations

import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

import torshjit
from torshjit.cpu_features import instruction_sets
from torshjit.errors import ConfigError, DeviceError, LoadError

#: What each adds to the one before it; a machine may lack the later ones.
LEVELS = ("x86-64", "x86-64-v3", "x86-64-v4")


def config(architecture: str) -> torshjit.JitConfig:
    return torshjit.JitConfig(target_device=f"cpu:{architecture}", strict=True)


def processor(name: str) -> dict:
    return torshjit._compiler.processor(name)


def hidden_layer(x, w, b):
    hidden = np.tanh(x @ w + b)
    return hidden - hidden.max(axis=1, keepdims=True)


def arguments() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, np.float32) for shape in ((67, 130), (130, 45), (45,))]


@pytest.mark.skipif(processor("")["machine"] != "x86_64", reason="levels of x86-64")
@pytest.mark.parametrize("level", LEVELS)
def test_each_level_computes_the_same(level: str) -> None:
    if missing := processor(level)["missing_here"]:
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    compiled = torshjit.compile(hidden_layer, config=config(level))
    x, w, b = arguments()
    expected = hidden_layer(x.astype(np.float64), w.astype(np.float64), b.astype(np.float64))
    np.testing.assert_allclose(compiled(x, w, b), expected, rtol=0, atol=1e-5)


@pytest.mark.skipif(processor("")["machine"] != "x86_64", reason="levels of x86-64")
def test_half_is_converted_without_instructions_for_it() -> None:
    """Plain x86-64 has none: every f16, and f32 around every way in which they round."""
    plain = config("x86-64")
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    widened = torshjit.compile(lambda x: x.astype(np.float32), config=plain)(halves)
    np.testing.assert_array_equal(widened, halves.astype(np.float32))
    singles = np.arange(0, 1 << 32, 40_961, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(invalid="ignore"):
        between = (widened[:-1] + widened[1:]) / 2  # Ties.
    singles = np.concatenate([singles, between, np.nextafter(between, np.float32(0))])
    narrowed = torshjit.compile(lambda x: x.astype(np.float16), config=plain)(singles)
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(narrowed, singles.astype(np.float16))
    integers = np.array([0, -3, 2049, 65519, 65520, 2**40], np.int64)
    converted = torshjit.compile(lambda x: x.astype(np.float16), config=plain)(integers)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(converted, integers.astype(np.float16))


@pytest.mark.skipif(processor("")["machine"] != "x86_64", reason="levels of x86-64")
@pytest.mark.parametrize("level", LEVELS)
def test_bfloat16_is_converted_without_instructions_for_it(level: str) -> None:
    """None of the levels has any."""
    if missing := processor(level)["missing_here"]:
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    bfloat16 = ml_dtypes.bfloat16
    brains = np.arange(1 << 16, dtype=np.uint16).view(bfloat16)
    widened = torshjit.compile(lambda x: x.astype(np.float32), config=config(level))(brains)
    np.testing.assert_array_equal(widened, brains.astype(np.float32))
    singles = np.arange(0, 1 << 32, 40_961, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        between = widened[:-1] / 2 + widened[1:] / 2  # Ties.
    singles = np.concatenate([singles, between, np.nextafter(between, np.float32(0))])
    narrowed = torshjit.compile(lambda x: x.astype(bfloat16), config=config(level))(singles)
    np.testing.assert_array_equal(
        narrowed.astype(np.float32), singles.astype(bfloat16).astype(np.float32)
    )


def test_widths_of_vectors_are_those_of_the_name() -> None:
    names = (*LEVELS, "aarch64", "neoverse-n1", "apple-m1")
    assert [processor(name)["vector_bits"] for name in names] == [128, 256, 512, 128, 128, 128]


def test_another_machine_is_compiled_for_and_saved_for(tmp_path: Path) -> None:
    other, instruction = "aarch64", "fmla"
    if processor("")["machine"] == "aarch64":
        other, instruction = "x86-64-v3", "vfmadd"
    compiled = torshjit.compile(hidden_layer, config=config(other))
    compiled.prepare(*arguments())
    assert instruction in compiled.ir("assembly")
    with pytest.raises(DeviceError, match=rf"code for {other} does not run on this machine"):
        compiled(*arguments())
    compiled.save(tmp_path / "saved")
    with zipfile.ZipFile(tmp_path / "saved") as archive:
        machine = {"aarch64": 183, "x86-64-v3": 62}[other]
        assert int.from_bytes(archive.read("0/kernels.so")[18:20], "little") == machine
    with pytest.raises(LoadError, match="it was made for"):
        torshjit.load(tmp_path / "saved")


def test_an_unknown_processor_is_named() -> None:
    compiled = torshjit.compile(hidden_layer, config=config("abacus"))
    with pytest.raises(ConfigError, match="no processor 'abacus'"):
        compiled(*arguments())


def test_features_of_llvm_are_those_of_the_kernel() -> None:
    names = instruction_sets(("sse4.2", "avx512vnni", "avx512bf16", "bmi", "neon", "64bit"))
    assert set(names) == {"sse4_2", "avx512_vnni", "avx512_bf16", "bmi1", "asimd"}
