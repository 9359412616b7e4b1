# SPDX-License-Identifier: Apache-2.0
"""Barriers of compiled kernels are taken out one by one: the MSL emulator must notice each time."""

import json
import re
import zipfile

import numpy as np
import pytest
from msl.compiler import Compiler
from msl.emulator import MSLEmulator
from msl.kernel_run import EmulationError

import torshjit
from torshjit import _runtime

pytestmark = pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")

BARRIER = re.compile(r"threadgroup_barrier\([^;]*\);")


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def layer_norm(x, scale, shift):
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * scale + shift


def matmul(a, b):
    return a @ b


def attention(q, k, v):
    return softmax(q @ k.T) @ v


def column_sum(x):
    return x.sum(axis=0)


def row_max(x):
    return x.max(axis=1)


def variance(x):
    return x.var(axis=1)


#: The program, its operands' element type and extents, and the fewest barriers it has. A grid of
#: one threadgroup takes several rounds for each, so that barriers between rounds matter too.
CASES = {
    "softmax": (softmax, np.float32, [(20, 70)], 10),
    "softmax-long-rows": (softmax, np.float32, [(20, 300)], 10),
    "layer-norm": (layer_norm, np.float32, [(20, 50), (50,), (50,)], 10),
    "matmul-f32": (matmul, np.float32, [(70, 37), (37, 90)], 2),
    "matmul-f16": (matmul, np.float16, [(70, 37), (37, 90)], 2),
    "matmul-large-tiles": (matmul, np.float32, [(260, 70), (70, 300)], 2),
    "matrix-vector": (matmul, np.float32, [(100, 300), (300,)], 5),
    "attention": (attention, np.float32, [(70, 16), (90, 16), (90, 24)], 15),
    "variance-long-rows": (variance, np.float32, [(5, 3000)], 10),
    "column-sum": (column_sum, np.float32, [(100, 300)], 3),
    "row-max": (row_max, np.float32, [(37, 100)], 5),
}


@pytest.fixture(scope="module")
def emulator():
    device = MSLEmulator()
    device.grid_limit = 1
    _runtime.register_device("msl-mutation", device)
    return device


class Program:
    """A traced function, to be run with changed kernels."""

    def __init__(self, function, arguments, path):
        config = torshjit.JitConfig(target_device="metal", strict=True)
        torshjit.trace(function, arguments, config=config).save(path)
        with zipfile.ZipFile(path) as archive:
            program = json.loads(archive.read("0/program.json"))
            self.bundle = json.loads(archive.read("0/kernels.json"))
            assert not [name for name in archive.namelist() if "constants" in name]
        self.program = json.dumps({**program, "target": "msl-mutation"})
        self.arguments = list(arguments)

    def run(self, module=None, text=None):
        """The result, with `text` for the code of a module."""
        bundle = json.loads(json.dumps(self.bundle))
        if module is not None:
            bundle["modules"][module]["msl"] = text
        binary = json.dumps(bundle).encode()
        return _runtime.Executable(self.program, None, binary, []).run(self.arguments)[0]

    def mutants(self):
        """(module, text) with one barrier less."""
        return [
            (number, module["msl"][: barrier.start()] + module["msl"][barrier.end() :])
            for number, module in enumerate(self.bundle["modules"])
            for barrier in BARRIER.finditer(module["msl"])
        ]


@pytest.mark.parametrize("name", CASES)
def test_no_barrier_can_go(emulator, name, tmp_path):
    function, dtype, shapes, fewest = CASES[name]
    rng = np.random.default_rng(0)
    arguments = tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)
    program = Program(function, arguments, tmp_path / "executable")

    right = program.run()
    expected = function(*(argument.astype(np.float64) for argument in arguments))
    tolerance = 4e-3 if dtype == np.float16 else 1e-4
    np.testing.assert_allclose(right, expected, rtol=tolerance, atol=tolerance)

    mutants = program.mutants()
    assert len(mutants) >= fewest
    emulator.compiler.prefetch(text for _, text in mutants)
    missed = []
    for index, (module, text) in enumerate(mutants):
        try:
            if np.array_equal(program.run(module, text), right):
                missed.append(index)
        except EmulationError:
            continue
    assert not missed, f"barriers {missed} of {len(mutants)} can be taken out unnoticed"
