# SPDX-License-Identifier: Apache-2.0
"""Saving and loading executables, with kernels of the system's C compiler."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runtime_program import (
    add_program,
    dynamic_add_program,
    executable,
    launch,
    output,
    program,
    run_python,
    shared_object,
    tensor,
)

pytest.importorskip("torshjit._runtime")

import torshjit
from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArrayLeaf,
    CapturedProgram,
    ObjectBinding,
    ResultLeaf,
    ValueLeaf,
)
from torshjit.dispatch_trees import runtime_arguments
from torshjit.executable_file import save
from torshjit.specialization import Specialization
from torshjit.targets.cpu import KIND as CPU

BOUND = np.array([10, 20, 30, 40], np.float32)


def specialization(source: dict, captured: CapturedProgram, constants: list) -> Specialization:
    """What compiling gives, with hand-written parts in place of the compiler's."""
    result = SimpleNamespace(program=json.dumps(source), binary=shared_object, constants=constants)
    return Specialization(
        captured,
        captured.args_tree,
        executable=executable(source, constants),
        result=result,
        explanation={"groups": [{"kernel": "add", "ops": [{"op": "torsh.add"}]}]},
        runtime_arguments=runtime_arguments(captured),
    )


def adding_arguments() -> Specialization:
    """f(x, flags, *, y): the sum of two open vectors, beside plain values."""
    leaf = ArrayLeaf("numpy", "f32", (-1,))
    values = [ValueLeaf(value) for value in (True, 1, -0.0, "text", None)]
    captured = CapturedProgram(
        module=None,
        args_tree=((leaf, values), {"y": leaf}),
        bindings=[ArgumentBinding(0), ArgumentBinding(1)],
        output_tree={"sum": ResultLeaf(0), 3: (ValueLeaf(2.5), ValueLeaf("t"))},
    )
    return specialization(dynamic_add_program(), captured, [])


def adding_bound_array() -> Specialization:
    """f(x): x + BOUND."""
    captured = CapturedProgram(
        module=None,
        args_tree=((ArrayLeaf("numpy", "f32", (4,)),), {}),
        bindings=[ArgumentBinding(0), ObjectBinding(BOUND)],
        output_tree=ResultLeaf(0),
    )
    return specialization(add_program([4]), captured, [])


def adding_constant() -> Specialization:
    """f(x): the sum of a 2x2 array and a constant."""
    row = tensor([2, 2])
    source = program([row], [output([2, 2])], [launch("add", [0, 1, 2], [4])], [2], constants=[row])
    captured = CapturedProgram(
        module=None,
        args_tree=((ArrayLeaf("numpy", "f32", (2, 2)),), {}),
        bindings=[ArgumentBinding(0)],
        output_tree=(ResultLeaf(0),),
    )
    return specialization(source, captured, [np.full((2, 2), 5, np.float32)])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.tsx"
    parts = [adding_arguments(), adding_bound_array(), adding_constant()]
    save(path, "model", torshjit.JitConfig(target_device="cpu"), parts)
    return path


def test_every_specialization_comes_back(saved: Path) -> None:
    model = torshjit.load(saved)
    x = np.arange(3, dtype=np.float32)
    result = model(x, [True, 1, -0.0, "text", None], y=x)
    np.testing.assert_array_equal(result["sum"], x * 2)
    assert result[3] == (2.5, "t")
    four = np.ones(4, np.float32)
    np.testing.assert_array_equal(model(four), four + BOUND)
    square = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(model(square)[0], square + 5)

    stats = model.stats()
    assert (stats["calls"], stats["specializations"], stats["cache"]) == (3, 3, "disk")
    assert stats["kernels"] == 3
    assert "torsh.add" in model.explain()
    assert repr(model) == "<torshjit.CompiledModule model for cpu, 3 specializations>"


def test_wrong_arguments_are_clear_errors(saved: Path) -> None:
    model = torshjit.load(saved)
    with pytest.raises(torshjit.TorshError, match=r"argument 0"):
        model(np.ones((2, 2), np.float64))
    with pytest.raises(torshjit.TorshError, match=r"no specialization takes these arguments"):
        model(np.ones(3, np.float32), [True, 1, 0.0, "text", None], y=np.ones(3, np.float32))
    with pytest.raises(torshjit.TorshError, match="no IR"):
        model.ir()
    with pytest.raises(torshjit.TorshError, match="loaded from a file"):
        model.reset()
    with pytest.raises(torshjit.TorshError, match="copying the file"):
        model.save(saved)


def test_loading_needs_neither_compiler_nor_torch(saved: Path) -> None:
    code = f"""
import sys
import numpy as np
sys.modules["torshjit._compiler"] = None
sys.modules["torch"] = None
import torshjit
model = torshjit.load({str(saved)!r})
print(model(np.ones(4, np.float32)).tolist())
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[11.0,", "21.0,", "31.0,", "41.0]"]
    assert done.stderr == ""


def test_files_hold_no_pickle(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        names = archive.namelist()
        assert all(name.endswith((".json", ".npy", ".so")) for name in names)
        for name in names:
            if name.endswith(".npy"):
                assert b"descr" in archive.read(name)[:100]


def rewrite(path: Path, change: dict[str, bytes | None]) -> None:
    """Replaces or removes members of a saved file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, content in change.items():
        if content is None:
            del members[name]
        else:
            members[name] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def metadata(path: Path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "its format is 99"),
        ({"version": "9.9.0"}, r"saved by torshjit 9\.9\.0"),
        ({"requirements": {"machine": "pdp11"}}, "was made for pdp11"),
        ({"requirements": {**CPU.requirements(), "cpu_features": ["avx1024"]}}, "lacks avx1024"),
        ({"requirements": {}}, "malformed"),
        ({"target": "abacus"}, "cannot load .*: unknown target 'abacus'"),
        ({"specializations": [{}]}, "malformed"),
        ({"specializations": 3}, "malformed"),
        ({"name": None}, None),
    ],
)
def test_foreign_metadata(saved: Path, change: dict, message: str | None) -> None:
    text = json.dumps({**metadata(saved), **change})
    rewrite(saved, {"metadata.json": text.encode()})
    if message is None:
        torshjit.load(saved)
        return
    with pytest.raises(torshjit.LoadError, match=message):
        torshjit.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata.json": None},
        {"metadata.json": b"{"},
        {"metadata.json": b"[]"},
        {"0/program.json": None},
        {"0/program.json": b"{}"},
        {"0/program.json": b"\xff\xfe"},
        {"0/kernels.so": b"\x7fELF nonsense"},
        {"0/kernels.so": b""},
        {"0/explain.json": b"nonsense"},
        {"1/objects/1.npy": b"nonsense"},
        {"1/objects/1.npy": None},
        {"2/constants/0.npy": b"\x93NUMPY\x01\x00"},
    ],
)
def test_damaged_members(saved: Path, change: dict) -> None:
    rewrite(saved, change)
    with pytest.raises(torshjit.LoadError, match="cannot load"):
        torshjit.load(saved)


def test_truncated_files(saved: Path) -> None:
    content = saved.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(torshjit.LoadError):
            torshjit.load(saved)


def test_flipped_bytes_never_pass_unnoticed(saved: Path) -> None:
    """Every member is checksummed: a changed byte is an error or lies outside the contents."""
    content = bytearray(saved.read_bytes())
    expected = np.ones(4, np.float32) + BOUND
    for place in range(0, len(content), 997):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        saved.write_bytes(damaged)
        try:
            model = torshjit.load(saved)
        except torshjit.LoadError:
            continue
        np.testing.assert_array_equal(model(np.ones(4, np.float32)), expected)


def test_missing_file() -> None:
    with pytest.raises(torshjit.LoadError, match="no such file"):
        torshjit.load("/nowhere/model.tsx")


def test_nothing_to_save(tmp_path: Path) -> None:
    path = tmp_path / "model.tsx"
    with pytest.raises(torshjit.TorshError, match="no machine code to save"):
        torshjit.compile(lambda x: x).save(path)
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []


def test_values_without_a_form_in_a_file(tmp_path: Path) -> None:
    part = adding_bound_array()
    part.runtime_arguments["output_tree"] = ("value", object())
    path = tmp_path / "model.tsx"
    path.write_bytes(b"before")
    with pytest.raises(torshjit.TorshError, match="cannot hold"):
        save(path, "model", torshjit.JitConfig(target_device="cpu"), [part])
    assert path.read_bytes() == b"before", "a failed save leaves the file as it was"
    assert len(list(tmp_path.iterdir())) == 1
