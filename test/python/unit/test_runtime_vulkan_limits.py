# SPDX-License-Identifier: Apache-2.0
"""What the Vulkan device refuses, and where it is absent, forked away or lesser."""

import base64
import json

import pytest
from runtime_program import dynamic_add_program, run_python
from vulkan_kernels import add, add_bundle, assemble
from vulkan_programs import load, why_absent
from vulkan_shim import shim_library

from torshjit.errors import TorshError

_MISSING = why_absent()
pytestmark = pytest.mark.skipif(_MISSING is not None, reason=_MISSING or "")


def _broken(change):
    binary = json.loads(add_bundle())
    change(binary)
    return json.dumps(binary).encode()


def _spirv(data):
    return lambda b: b["modules"][0].update(spirv=base64.b64encode(data).decode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.update(target="cuda"), 'for target "cuda" does not run on vulkan'),
        (lambda b: b["modules"][0].clear(), r'modules\[0\]: missing "spirv"'),
        (lambda b: b["modules"][0].update(spirv="*"), "base64"),
        (lambda b: b["modules"][0].update(spirv="AAA*"), "base64"),
        (_spirv(b""), "not a number of words"),
        (_spirv(bytes(19)), "not a number of words"),
        (_spirv(bytes(20)), "no SPIR-V module"),
        (lambda b: _spirv(assemble(add("f32"))[:-12])(b), "an instruction exceeds the module"),
        (
            lambda b: b["kernels"]["add"]["variants"][0].update(shared_bytes=2**24),
            'kernel "add" needs 16777216 bytes of workgroup memory',
        ),
        (
            lambda b: (
                b["kernels"]["add"].update(operands=[{"dtype": "f32", "access": "read"}])
                or b["kernels"]["add"]["operands"].extend(b["kernels"]["add"]["operands"] * 2**20)
            ),
            'kernel "add" needs .* storage buffers',
        ),
        (lambda b: b.update(kernels={}), 'no kernel "add"'),
    ],
)
def test_bundles_that_cannot_run_are_refused(change, message):
    with pytest.raises(TorshError, match=message):
        load(dynamic_add_program(), _broken(change))


_PRELUDE = """
import json, sys
import numpy as np
from runtime_program import add_program
from vulkan_kernels import add_bundle
from torshjit import _runtime
def load():
    return _runtime.Executable(json.dumps({**add_program([4]), "target": "vulkan"}), None,
                               add_bundle(), [])
x = np.ones(4, np.float32)
"""


def test_exit_with_live_executables_is_clean():
    code = (
        _PRELUDE
        + """
import builtins, threading
builtins.kept = load()
kept.run([x, x])
thread = threading.Thread(target=lambda: print(kept.run([x, x])[0]))
thread.start()
thread.join()
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[2. 2. 2. 2.]\n", "")


def test_a_forked_child_is_told_and_the_parent_goes_on():
    code = (
        _PRELUDE
        + """
import os
run = load()
run.run([x, x])
child = os.fork()
if not child:
    try:
        run.run([x, x])
    except RuntimeError as error:
        print(type(error).__name__, error, flush=True)
    del run
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print(run.run([x, x])[0])
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first.startswith("DeviceError the vulkan device was opened before this process was")
    assert second == "[2. 2. 2. 2.]"


def test_together_with_the_compiler():
    """Its LLVM and the driver's are two in one process."""
    pytest.importorskip("torshjit._compiler")
    code = (
        _PRELUDE
        + """
import torshjit
@torshjit.compile
def twice(a): return np.exp(a)
twice(x)
run = load()
print(run.run([x, x])[0], twice(x)[0].round(3))
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[2. 2. 2. 2.] 2.718\n", "")


@pytest.mark.parametrize(
    ("environment", "error", "message"),
    [
        ({"TORSHJIT_LIBVULKAN": "libnothing.so"}, "DeviceError", "the library cannot be opened"),
        ({"TORSHJIT_LIBVULKAN": "libc.so.6"}, "DeviceError", "no function vkGetInstanceProcAddr"),
        (
            {"VK_ICD_FILENAMES": "/nowhere.json", "VK_DRIVER_FILES": "/nowhere.json"},
            "DeviceError",
            "install one, mesa-vulkan-drivers for example",
        ),
        (
            {"TORSHJIT_VULKAN_DEVICE": "abacus"},
            "ConfigError",
            'TORSHJIT_VULKAN_DEVICE is "abacus", which is no device',
        ),
    ],
)
def test_absent_devices_are_one_clear_error(environment, error, message):
    code = (
        _PRELUDE
        + """
for _ in range(2):
    try:
        load()
    except Exception as error:
        print(type(error).__name__, error)
"""
    )
    result = run_python(code, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first == second
    assert first.startswith(error)
    assert message in first
    if error == "DeviceError":
        assert first.startswith("DeviceError there is no vulkan device here: ")
        assert "compiling for it needs none" in first


def _on_a_lesser_device(code, **limits):
    result = run_python(_PRELUDE + code, TORSHJIT_LIBVULKAN=shim_library(), **limits)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_capabilities_that_the_device_lacks_are_named():
    lines = _on_a_lesser_device(
        """
print(load().run([x, x])[0])
for dtype in ("f16", "i8", "i16", "i64", "f64"):
    try:
        _runtime.Executable(json.dumps({**add_program([4]), "target": "vulkan"}), None,
                            add_bundle(dtype), [])
    except RuntimeError as error:
        print(type(error).__name__, error)
""",
        SHIM_NO_FEATURES="1",
    )
    assert lines[0] == "[2. 2. 2. 2.]"
    for line, capability in zip(
        lines[1:], ["Float16", "Int8", "Int16", "Int64", "Float64"], strict=True
    ):
        assert line.startswith("DeviceError vulkan: ")
        assert line.endswith(f" lacks {capability}, which a kernel of the program needs")


def test_limits_of_alignment_and_grid_are_kept():
    lines = _on_a_lesser_device(
        """
from runtime_program import launch, output, program, temporary, tensor
n = 1001
row = tensor([n])
chain = [launch("add", [0, 1, 2], [n]), launch("add", [2, 1, 3], [n]), {"copy": [3, 4]},
         launch("add", [4, 0, 5], [n])]
buffers = [temporary([n]), temporary([n]), temporary([n]), output([n])]
source = program([row], buffers, chain, [5, 0], constants=[row])
rng = np.random.default_rng(0)
a, k = (rng.standard_normal(n).astype(np.float32) for _ in range(2))
run = _runtime.Executable(json.dumps({**source, "target": "vulkan"}), None, add_bundle(), [k])
for _ in range(2):
    result, same = run.run([a])
    print((result == a + k + k + a).all(), (same == a).all())
""",
        SHIM_ALIGNMENT="256",
        SHIM_GRID="3",
    )
    assert lines == ["True True"] * 2


def test_buffers_and_memory_that_are_too_large():
    lines = _on_a_lesser_device(
        """
from runtime_program import dynamic_add_program
source = {**dynamic_add_program(), "target": "vulkan"}
run = _runtime.Executable(json.dumps(source), None, add_bundle(), [])
for n in (1000, 20_000_000, 30_000_000, 1000):
    try:
        print(run.run([np.ones(n, np.float32)] * 2)[0].sum())
    except (ValueError, MemoryError) as error:
        print(type(error).__name__, error)
""",
        SHIM_RANGE="100000000",
        SHIM_MEMORY="50000000",
    )
    assert lines == [
        "2000.0",
        "MemoryError std::bad_alloc",
        "ShapeError buffer 0 takes 120000000 bytes, the device's buffers hold at most 100000000",
        "2000.0",
    ]


def test_a_lost_device_is_an_error_of_each_call():
    lines = _on_a_lesser_device(
        """
run = load()
for _ in range(4):
    try:
        print(run.run([x, x])[0])
    except RuntimeError as error:
        print(type(error).__name__, error)
""",
        SHIM_SUBMITS="2",
    )
    lost = "DeviceError vulkan: submitting commands: the device is lost"
    assert lines == ["[2. 2. 2. 2.]"] * 2 + [lost] * 2


def test_a_device_may_be_named():
    result = run_python(_PRELUDE + "load()\nprint(1)", TORSHJIT_VULKAN_DEVICE="0")
    assert (result.returncode, result.stdout, result.stderr) == (0, "1\n", "")
