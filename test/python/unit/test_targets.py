# SPDX-License-Identifier: Apache-2.0
"""The registry of targets, and compiling for targets whose device is not here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from runtime_program import run_python

import torshjit
from torshjit import targets
from torshjit.targets import Target, TargetKind

compiler = pytest.importorskip("torshjit._compiler")

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)


def program(x: np.ndarray) -> np.ndarray:
    return np.exp(x - x.max(1, keepdims=True)) * 0.5


def test_names() -> None:
    built_in = ["cpu", "interpreter", "cuda", "metal", "vulkan", "cuda-emulated"]
    assert targets.names()[: len(built_in)] == built_in
    for name in built_in:
        kind = targets.find(name)
        assert kind.name == name
        assert kind.sentence
        assert kind is targets.find(name)
    with pytest.raises(torshjit.ConfigError, match="unknown target 'tpu'; known targets: cpu, "):
        targets.find("tpu")


def test_the_compiler_has_every_target() -> None:
    known = dict(compiler.targets())
    missing = [name for name in targets.names() if targets.find(name).compiler_name not in known]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("cpu", Target("cpu")),
        ("cuda", Target("cuda")),
        ("cuda:sm_90a", Target("cuda", "sm_90a")),
        ("cuda-emulated:sm_80", Target("cuda-emulated", "sm_80")),
    ],
)
def test_parsing(text: str, target: Target) -> None:
    assert Target.parse(text) == target
    assert str(target) == text
    assert target.kind is targets.find(target.name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cuda:sm_75", r"sm_75.*sm_80"),
        ("cuda:sm_90b", r"sm_90b.*sm_90a"),
        ("cuda-emulated:sm_10", "sm_10"),
    ],
)
def test_architectures_that_only_the_compiler_can_judge(text: str, message: str) -> None:
    compiled = torshjit.compile(program, target_device=text)
    with pytest.raises(torshjit.ConfigError, match=message):
        compiled(X)


@pytest.mark.parametrize("name", ["", "a:b"])
def test_malformed_names(name: str) -> None:
    kind = TargetKind()
    kind.name = name
    with pytest.raises(torshjit.ConfigError, match="cannot be named"):
        targets.register(kind)


def test_built_in_names_are_taken() -> None:
    class Impostor(TargetKind):
        name = "vulkan"

    with pytest.raises(torshjit.ConfigError, match="there is a target 'vulkan' already"):
        targets.register(Impostor())


#: What is in the text of a target's code.
ARTIFACTS = [
    ("cuda", "ptx", ".visible .entry torsh_kernel_"),
    ("cuda:sm_90a", "ptx", ".target sm_90a"),
    ("metal", "msl", "kernel void torsh_kernel_"),
    ("metal", "spirv", "torsh_kernel_"),
    ("vulkan", "spirv", "torsh_kernel_"),
]


@pytest.mark.parametrize(("target", "artifact", "part"), ARTIFACTS)
def test_code_needs_no_device(target: str, artifact: str, part: str) -> None:
    traced = torshjit.trace(program, (X,), config=torshjit.JitConfig(target_device=target))
    text = traced.ir(artifact)
    assert part in text
    assert "gpu.func" in traced.ir("device")
    with pytest.raises(torshjit.ConfigError, match=f"linalg, device.*{artifact}"):
        traced.ir("assembly")


ABSENT = [
    # The loader finds no library by these names, whatever the machine has.
    ("cuda", {"TORSHJIT_LIBCUDA": "libcuda-is-absent.so"}, "libcuda"),
    ("vulkan", {"TORSHJIT_LIBVULKAN": "libvulkan-is-absent.so"}, "libvulkan"),
    ("metal", {}, "Mac"),
]


@pytest.mark.parametrize(("target", "environment", "part"), ABSENT, ids=lambda x: str(x)[:6])
def test_calls_need_the_device_and_say_so(
    target: str, environment: dict, part: str, tmp_path: Path
) -> None:
    """No plain Python in its place: who names a device wants it used."""
    code = f"""
import numpy as np
import torshjit
x = np.ones((3, 4), np.float32)
traced = torshjit.trace(lambda x: x * 2, (x,), target_device={target!r})
traced.save({str(tmp_path / "program")!r})
compiled = torshjit.compile(lambda x: x * 2, target_device={target!r})
def load(x):
    torshjit.load({str(tmp_path / "program")!r})
for call in (traced, compiled, compiled, load):
    try:
        call(x)
    except torshjit.DeviceError as error:
        assert {part!r} in str(error) and "torshjit.trace" in str(error), error
    else:
        raise AssertionError("no error")
assert traced.stats()["fallback_ops"] == {{}}
"""
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr


def test_the_code_of_what_was_not_compiled_is_refused_with_the_reason() -> None:
    traced = torshjit.trace(lambda x: x * 2.5, (X.astype(np.float64),), target_device="metal")
    with pytest.raises(torshjit.TorshError, match=r"was not compiled: .*f64"):
        traced.ir("msl")
