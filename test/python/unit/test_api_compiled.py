# SPDX-License-Identifier: Apache-2.0
"""CompiledModule: statistics, explanations, IR, binding, and MLIR programs."""

from __future__ import annotations

import gc
import json
import os
import pickle
import tempfile
import threading
import warnings
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

_compiler = pytest.importorskip("torshjit._compiler")
from runtime_program import add_program, dynamic_add_program, shared_object  # noqa: E402

import torshjit  # noqa: E402
from torshjit import compiler_cache  # noqa: E402
from torshjit.compiled import CompiledModule  # noqa: E402

X = np.arange(4, dtype=np.float32)

ADD = """
func.func @main(%x: tensor<?xf32> {torsh.name = "x"}, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""


def interpreted(function: object = None, **options: object) -> object:
    return torshjit.compile(function, target_device="interpreter", **options)


class StandInCompiler:
    """Has the parts of `_compiler` but for code generation: kernels are of the C compiler."""

    MLIRError = _compiler.MLIRError
    Context = _compiler.Context
    Module = _compiler.Module
    GraphBuilder = _compiler.GraphBuilder

    def __init__(self) -> None:
        self.compilations = 0
        self.fails = False

    @staticmethod
    def capture(module: object) -> object:
        return _compiler.capture(module)

    def compile(self, module: object, options: dict) -> SimpleNamespace:
        self.compilations += 1
        if self.fails:
            raise _compiler.MLIRError("torsh.add: no code for it")
        ((x, _),) = [module.graph("main").inputs]
        dynamic = -1 in x.shape
        source = dynamic_add_program() if dynamic else add_program(list(x.shape))
        group = {"kernel": "add", "kind": "elementwise", "bytes_before": 4096, "bytes_after": 2048}
        group["ops"] = [{"op": "torsh.add", "location": "/home/user/model.py:3:0"}]
        edge = {"producer": "torsh.add", "consumer": "torsh.exp", "reason": "too large"}
        return SimpleNamespace(
            program=json.dumps(source),
            kernels={},
            binary=shared_object,
            constants=[],
            code=None,
            explain=json.dumps({"groups": [group], "unfused": [edge], "schedules": {"add": "t=8"}}),
            timings_ms={"graph": 1.0},
        )


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> StandInCompiler:
    """Compiles for the CPU with the stand-in; kernels come from the shared object."""
    stand_in = StandInCompiler()
    monkeypatch.setattr(compiler_cache, "load_compiler", lambda: stand_in)
    compiler_cache.clear_cache()
    yield stand_in
    compiler_cache.clear_cache()


def test_native_calls(native: StandInCompiler) -> None:
    compiled = torshjit.compile(lambda x, y: x + y, enable_profiling=True)
    np.testing.assert_array_equal(compiled(X, X), 2 * X)
    np.testing.assert_array_equal(compiled(X, y=X + 1), 2 * X + 1)
    stats = compiled.stats()
    assert stats["calls"] == 2
    assert (stats["kernels"], stats["compiled_ops"], stats["fused_groups"]) == (2, 2, 0)
    assert stats["fallback_ops"] == {}
    assert stats["cache"] == "memory", "both programs have the same text"
    assert stats["kernel_times"]["0/add"]["calls"] == 1
    assert native.compilations == 1
    assert stats["compile_ms"] > 0
    assert stats["capture_ms"] > 0


def test_cache_can_be_off(native: StandInCompiler) -> None:
    for _ in range(2):
        torshjit.compile(lambda x, y: x + y, enable_caching=False)(X, X)
    assert native.compilations == 2
    torshjit.compile(lambda x, y: x + y, fusion_strategy="none")(X, X)
    torshjit.compile(lambda x, y: x + y, fusion_strategy="aggressive")(X, X)
    assert native.compilations == 4, "other options are another program"


def test_threads_compile_once(native: StandInCompiler) -> None:
    functions = [torshjit.compile(lambda x, y: x + y) for _ in range(4)]
    barrier = threading.Barrier(8)

    def call(place: int) -> None:
        barrier.wait()
        np.testing.assert_array_equal(functions[place % 4](X, X), 2 * X)

    threads = [threading.Thread(target=call, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert native.compilations == 1
    assert sum(function.stats()["calls"] for function in functions) == 8


def test_explain(native: StandInCompiler) -> None:
    compiled = torshjit.compile(lambda x, y: x + y)
    assert "not called yet" in compiled.explain()
    compiled(X, X)
    text = compiled.explain()
    for part in (
        "(f32[4], f32[4])",
        "add (elementwise): 1 operation, 4 KiB -> 2 KiB of memory traffic",
        "torsh.add  model.py:3",
        "schedule t=8",
        "torsh.add -> torsh.exp: too large",
        "phases in ms: graph 1.0",
    ):
        assert part in text
    data = compiled.explain(structured=True)
    assert data["specializations"][0]["groups"][0]["kernel"] == "add"
    json.dumps(data)


def test_compiler_failure_falls_back_or_raises(native: StandInCompiler, tmp_path: Path) -> None:
    native.fails = True
    with pytest.warns(torshjit.FallbackWarning, match="no code for it"):
        result = torshjit.compile(lambda x, y: x + y)(X, X)
    np.testing.assert_array_equal(result, 2 * X)
    with pytest.raises(torshjit.CompileError, match="no code for it"):
        torshjit.compile(lambda x, y: x + y, strict=True)(X, X)
    with pytest.raises(torshjit.CompileError, match="no code for it") as raised:
        torshjit.compile(ADD, dump_dir=tmp_path)(X, X)
    command, _, path = raised.value.reproduce.rpartition(" ")
    assert command == "python -m torshjit explain"
    assert "torsh.add" in Path(path).read_text()
    native.fails = False
    np.testing.assert_array_equal(torshjit.compile(ADD)(X, X), 2 * X)


def test_reproducer_is_written_for_a_failure_only_and_is_private(
    native: StandInCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    torshjit.compile(ADD)(X, X)
    assert list(tmp_path.iterdir()) == []
    native.fails = True
    compiler_cache.clear_cache()
    folders = set()
    for prepared in (False, True):
        if prepared:
            # Somebody else might have made the folder, for all to read.
            (tmp_path / f"torshjit-{os.getuid()}").chmod(0o755)
        with pytest.raises(torshjit.CompileError) as raised:
            torshjit.compile(ADD)(X, X)
        path = Path(raised.value.reproduce.split()[-1])
        assert "torsh.add" in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        folders.add(path.parent)
    assert len(folders) == 2


def test_mlir_with_open_extents(native: StandInCompiler) -> None:
    for program in (ADD, _compiler.Module.parse(ADD, compiler_cache.compiler_context())):
        compiled = torshjit.compile(program)
        for extent in (0, 1, 5, 100):
            x = np.ones(extent, np.float32)
            np.testing.assert_array_equal(compiled(x, x), 2 * x)
        assert compiled.stats()["specializations"] == 1
        with pytest.raises(torshjit.ShapeError, match="extents differ"):
            compiled(X, X[:3].copy())


def test_saving_what_was_compiled(native: StandInCompiler, tmp_path: object) -> None:
    path = tmp_path / "add.tsx"
    compiled = torshjit.compile(ADD).prepare(X, X)
    assert compiled.stats()["calls"] == 0
    compiled.save(path)
    np.testing.assert_array_equal(torshjit.load(path)(X, X), 2 * X)


def test_wrong_arguments_of_mlir() -> None:
    compiled = interpreted(ADD)
    with pytest.raises(torshjit.ShapeError, match=r"@main takes 2 positional arguments, got 1"):
        compiled(X)
    with pytest.raises(torshjit.ShapeError, match="keywords z"):
        compiled(X, X, z=X)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "malformed"),
        (ADD.replace("torsh.add", "torsh.plus"), "torsh.plus"),
        (ADD.replace("%x, %y :", "%x, %z :"), "undeclared"),
        ("", "no function"),
        ("func.func @a() { return }\nfunc.func @b() { return }", "call the one to run @main"),
    ],
)
def test_malformed_mlir(text: str, message: str) -> None:
    with pytest.raises(torshjit.CompileError, match=message) as raised:
        torshjit.compile(text)
    if "%x" in text:
        assert raised.value.location[1] == 3


def test_a_module_of_another_package_is_taken_as_text() -> None:
    class Module:
        def get_asm(self) -> str:
            return ADD

        __str__ = get_asm

    np.testing.assert_array_equal(interpreted(Module())(X, X), 2 * X)


def test_process_statistics() -> None:
    torshjit.reset_stats()
    function = interpreted(lambda x: x + 1)
    function(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        interpreted(lambda x: np.fft.fft(x))(X)
    del function
    stats = torshjit.stats()
    assert stats["calls"] == 2
    assert stats["fallback_ops"] == {"numpy.fft.fft": 1}
    assert stats["capture_ms"] > 0
    torshjit.reset_stats()
    assert torshjit.stats()["calls"] == 0


def test_decorator_forms_and_metadata() -> None:
    @torshjit.compile
    def plain(x: np.ndarray) -> np.ndarray:
        """Adds one."""
        return x + 1

    @torshjit.compile(target_device="interpreter")
    def with_options(x: np.ndarray) -> np.ndarray:
        return x + 1

    assert isinstance(plain, CompiledModule)
    assert (plain.__name__, plain.__doc__) == ("plain", "Adds one.")
    np.testing.assert_array_equal(with_options(X), X + 1)
    assert with_options.config.target_device == "interpreter"
    again = torshjit.compile(with_options, target_device="interpreter", strict=True)
    assert again.config.strict
    np.testing.assert_array_equal(again(X), X + 1)


def test_trace_compiles_at_once() -> None:
    traced = torshjit.trace(lambda x: x + 1, (X,), target_device="interpreter")
    assert traced.stats()["specializations"] == 1
    assert traced.stats()["calls"] == 0
    assert "torsh.add" in traced.ir("capture")
    with pytest.raises(torshjit.ConfigError, match="example_inputs"):
        torshjit.trace(lambda x: x, X)


def test_what_cannot_be_compiled() -> None:
    with pytest.raises(torshjit.ConfigError, match="type int"):
        torshjit.compile(3)
    with pytest.raises(torshjit.ConfigError, match="config must be a JitConfig"):
        torshjit.compile(lambda x: x, config={"strict": True})


def test_ir_errors() -> None:
    compiled = interpreted(lambda x: x + 1)
    with pytest.raises(torshjit.TorshError, match="no specialization -1; call it"):
        compiled.ir()


def test_reset() -> None:
    compiled = interpreted(lambda x: x + 1)
    compiled(X)
    compiled.reset()
    assert compiled.stats()["specializations"] == 0
    np.testing.assert_array_equal(compiled(X), X + 1)


def test_pickling_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"use save\(path\)"):
        pickle.dumps(interpreted(lambda x: x))


def test_modules_are_collected(native: StandInCompiler) -> None:
    compiled = torshjit.compile(lambda x, y: x + y)
    compiled(X, X)
    reference = weakref.ref(compiled)
    del compiled
    gc.collect()
    assert reference() is None
