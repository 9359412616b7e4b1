# SPDX-License-Identifier: Apache-2.0
"""Metal kernels as a folder: one text, and JSON that says how to launch them."""

import io
import json
import zipfile

import numpy as np
import pytest
from msl.compiler import Compiler
from msl.kernel_run import Kernel
from msl.sample_bundle import bundle, text

import torshjit
from torshjit.errors import LoadError, TorshError
from torshjit.targets.metal.bundle import join_texts, write_bundle
from torshjit.targets.metal.kernel_function import MSLTextError, kernel_functions


def saved(path, binary="kernels.json", kernels=None):
    """A saved executable, as far as a bundle reads it."""
    array = io.BytesIO()
    np.save(array, np.arange(3.0))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"target": "metal"}))
        archive.writestr("0/program.json", '{"version": 1}')
        archive.writestr(f"0/{binary}", kernels or bundle())
        archive.writestr("0/constants/0.npy", array.getvalue())
        archive.writestr("1/program.json", '{"version": 2}')
        archive.writestr("1/kernels.json", bundle())
    return path


def test_a_folder_of_kernels(tmp_path):
    folder = tmp_path / "softmax"
    for _ in range(2):
        write_bundle(saved(tmp_path / "executable"), folder)
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {"kernels.metal", "kernels.json", "program.json", "constants/0.npy"}
    index = json.loads((folder / "kernels.json").read_text())
    assert index["format"] == 1
    assert index["kernels"]["softmax"] == {
        "operands": [{"dtype": "f32", "access": "read"}, {"dtype": "f32", "access": "write"}],
        "sizes": 2,
        "sizes_buffer": 2,
        "variants": [
            {
                "entry": "torsh_kernel_softmax",
                "threads": 64,
                "shared_bytes": 0,
                "grid": [[1, -1]],
            }
        ],
    }
    assert index["kernels"]["mask"]["sizes_buffer"] is None
    entries = {
        variant["entry"] for kernel in index["kernels"].values() for variant in kernel["variants"]
    }
    metal = (folder / "kernels.metal").read_text()
    assert {each.name for each in kernel_functions(metal)} == entries
    np.testing.assert_array_equal(np.load(folder / "constants" / "0.npy"), np.arange(3.0))


def test_a_specialization_of_several(tmp_path):
    path = saved(tmp_path / "executable")
    write_bundle(path, tmp_path / "second", 1)
    assert json.loads((tmp_path / "second" / "program.json").read_text()) == {"version": 2}
    with pytest.raises(TorshError, match="no specialization 2"):
        write_bundle(path, tmp_path / "third", 2)
    assert not (tmp_path / "third").exists()


def test_other_targets_have_none(tmp_path):
    with pytest.raises(TorshError, match="has no bundle of MSL"):
        write_bundle(saved(tmp_path / "a", binary="kernels.so"), tmp_path / "folder")
    description = json.loads(bundle())
    description["modules"] = [{"ptx": ""}]
    path = saved(tmp_path / "b", kernels=json.dumps(description))
    with pytest.raises(TorshError, match="has no bundle of MSL"):
        write_bundle(path, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_what_is_no_executable(tmp_path):
    with pytest.raises(LoadError, match="cannot read"):
        write_bundle(tmp_path / "nothing", tmp_path / "folder")
    (tmp_path / "text").write_text("text")
    with pytest.raises(LoadError, match="cannot read"):
        write_bundle(tmp_path / "text", tmp_path / "folder")


def source(value):
    """A text that declares what every other one does too."""
    return f"""#include <metal_stdlib>
#pragma clang diagnostic ignored "-Wmissing-prototypes"
using namespace metal;

struct _4
{{
    float _m0[1];
}};

constant float table[2] = {{ {value}.0, 100.0 }};

template<typename T>
inline T both(T a, T b)
{{
    if (a > b) {{ return a + b; }}
    return b + a;
}}

kernel void kernel_{value}(device _4& x [[buffer(0)]]) // both(table)
{{
    x._m0[0] = both(table[0], table[1]);
}}
"""


@pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")
def test_joined_texts_compile_and_keep_their_own_names():
    joined = join_texts([source(1), source(2), text("mask"), text("softmax")])
    compiler = Compiler()
    for value in (1, 2):
        x = np.zeros(1, np.float32)
        Kernel(compiler, joined, f"kernel_{value}").launch([(x.ctypes.data, 4)], 1, 1)
        assert x[0] == value + 100


def test_kernels_of_one_name_are_refused():
    with pytest.raises(TorshError, match="two modules have a kernel kernel_1"):
        join_texts([source(1), source(1)])
    with pytest.raises(MSLTextError, match="is not closed"):
        join_texts([source(1).rstrip().rstrip("}")])


@pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")
def test_the_folder_of_a_traced_function(tmp_path):
    """Its kernels compile as one text, and take what the JSON says."""

    def attend(q, k, v):
        scores = q @ k.T
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (e / e.sum(axis=1, keepdims=True)) @ v

    arguments = tuple(np.ones((rows, 8), np.float32) for rows in (5, 7, 7))
    config = torshjit.JitConfig(target_device="metal", strict=True)
    write_bundle(torshjit.trace(attend, arguments, config=config), tmp_path)
    text = (tmp_path / "kernels.metal").read_text()
    index = json.loads((tmp_path / "kernels.json").read_text())
    program = json.loads((tmp_path / "program.json").read_text())
    launched = {step["kernel"] for step in program["steps"] if "kernel" in step}
    assert launched == set(index["kernels"])
    compiler = Compiler()
    for kernel in index["kernels"].values():
        for variant in kernel["variants"]:
            bindings = Kernel(compiler, text, variant["entry"]).bindings
            assert bindings == len(kernel["operands"]) + bool(kernel["sizes"])


def test_a_traced_function_for_another_target(tmp_path):
    traced = torshjit.trace(np.tanh, (np.ones(3, np.float32),))
    with pytest.raises(TorshError, match="compiled for cpu, which has no bundle of MSL"):
        write_bundle(traced, tmp_path)
