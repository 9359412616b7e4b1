# SPDX-License-Identifier: Apache-2.0
"""Functions that jax lowered, compiled, against jax."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")
pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from jax_cases import CASES

import torshjit


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_function(case):
    lowered = jax.jit(case.function).lower(*case.arguments)
    got = torshjit.compile(lowered, strict=True)(*case.arguments)
    want = jax.jit(case.function)(*case.arguments)
    assert jax.tree_util.tree_structure(got) == jax.tree_util.tree_structure(want)
    leaves = zip(jax.tree_util.tree_leaves(got), jax.tree_util.tree_leaves(want), strict=True)
    for x, y in leaves:
        y = np.asarray(y)
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        if y.dtype.kind not in "fV":
            np.testing.assert_array_equal(x, y)
            continue
        x, y = (np.asarray(each).astype(np.float64) for each in (x, y))
        np.testing.assert_allclose(x, y, rtol=case.tolerance, atol=case.tolerance)


def _double(x):
    return x * 2 + 1


_X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_every_form_of_a_module():
    lowered = jax.jit(_double).lower(_X)
    module = lowered.compiler_ir(dialect="stablehlo")
    exported = jax.export.export(jax.jit(_double))(_X)
    forms = [
        lowered,
        module,
        str(module),
        module.operation.get_asm(print_generic_op_form=True),
        exported,
        exported.mlir_module_serialized,
    ]
    for form in forms:
        compiled = torshjit.compile(form, strict=True)
        np.testing.assert_array_equal(compiled(_X), _X * 2 + 1)


def test_jax_arrays_give_jax_arrays():
    compiled = torshjit.compile(jax.jit(_double).lower(_X))
    assert isinstance(compiled(jnp.asarray(_X)), jax.Array)
    assert isinstance(compiled(_X), np.ndarray)


def test_trees_keywords_and_numbers():
    def program(p, *, scale):
        return {"sum": p["a"] + p["b"][0], "scaled": [p["a"] * scale]}

    p = {"a": _X, "b": (_X * 3, _X)}
    compiled = torshjit.compile(jax.jit(program).lower(p, scale=2.0))
    result = compiled(p, scale=3.0)
    np.testing.assert_array_equal(result["sum"], _X * 4)
    np.testing.assert_array_equal(result["scaled"][0], _X * 3)
    with pytest.raises(torshjit.ShapeError, match="structure"):
        compiled(p)


def test_a_function_under_jit_is_lowered_for_each_structure():
    @jax.jit
    def program(p, y=2.0):
        return {"r": p["a"] * y}, p["b"]

    compiled = torshjit.compile(program, strict=True)
    for p in (
        {"a": _X, "b": _X + 1},
        {"a": _X[:1], "b": jnp.ones(3, jnp.int32)},
        {"a": _X.astype(np.float16), "b": _X.astype(np.float64)},
    ):
        for arguments in ((p,), (p, 3), (p, _X[:1])):
            got, want = compiled(*arguments), program(*arguments)
            assert jax.tree_util.tree_structure(got) == jax.tree_util.tree_structure(want)
            for x, y in zip(*map(jax.tree_util.tree_leaves, (got, want)), strict=True):
                assert x.dtype == y.dtype
                np.testing.assert_allclose(x, y, rtol=1e-3)
    assert compiled.stats()["fallback_ops"] == {}
    with pytest.raises(torshjit.ConfigError, match=r"jax.jit\(f\).lower"):
        compiled.save("f.torsh")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_function_under_jit_that_is_not_covered_runs_in_jax():
    compiled = torshjit.compile(jax.jit(lambda x: (jnp.fft.fft(x).real, x)))
    with pytest.warns(torshjit.FallbackWarning, match="complex"):
        got = compiled(_X)
    np.testing.assert_allclose(got[0], np.fft.fft(_X).real, rtol=1e-4, atol=1e-5)


def test_a_saved_program_takes_the_flat_arrays(tmp_path):
    compiled = torshjit.compile(jax.jit(_double).lower(_X)).prepare(_X)
    compiled.save(tmp_path / "f.torsh")
    np.testing.assert_array_equal(torshjit.load(tmp_path / "f.torsh")(_X), _X * 2 + 1)


def _nested_loops(x, scale):
    shift = jnp.sin(x)

    def body(state):
        number, value = state
        inner = jax.lax.while_loop(lambda z: z < 3, lambda z: z * 1.5 + 0 * shift.sum(), scale)
        return number + 1, value + shift * scale + inner

    return jax.lax.while_loop(lambda s: (s[0] < 5) | (s[1].max() < x.max() * 20), body, (0, x))


def _scanned(x):
    step = jax.lax.scan(lambda c, e: (c * 0.9 + e, c.sum()), x[0], jnp.tile(x, (50, 1)))
    return {"state": step[0], "sums": step[1]}


_LOOPS = {
    "until": lambda x: jax.lax.while_loop(lambda c: c.sum() < 900, lambda c: c * 2, x + 1),
    "not at all": lambda x: jax.lax.while_loop(lambda c: c.sum() < -1e6, lambda c: c * 2, x),
    "nested": lambda x: _nested_loops(abs(x) + 1, x[0, 0] + 2),
    "long": lambda x: jax.lax.fori_loop(0, 1000, lambda i, c: c * 0.999 + i * 1e-5, x),
    "long scan": _scanned,
    "narrow": lambda x: jax.lax.while_loop(
        lambda c: c[0] < 20, lambda c: (c[0] + 3, ~c[1]), (x[0, 0].astype(jnp.bfloat16), x > 0)
    ),
    "integers": lambda x: jnp.gcd((x * 9).astype(jnp.int32), jnp.int32(12)),
}


@pytest.mark.parametrize("target", ["cpu", "interpreter", "cuda-emulated"])
@pytest.mark.parametrize("name", sorted(_LOOPS))
def test_loops_of_a_length_that_depends_on_data(name, target):
    function = jax.jit(_LOOPS[name])
    compiled = torshjit.compile(function, strict=True, target_device=target)
    for x in (_X, _X[::-1] + 1):
        got, wanted = (jax.tree_util.tree_leaves(each(x)) for each in (compiled, function))
        for one, other in zip(got, wanted, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(np.float64(one), np.float64(other), rtol=3e-5)
    assert compiled.stats()["fallback_ops"] == {}
    assert "stablehlo.while" in compiled.explain()


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (jnp.linalg.cholesky, (np.eye(3, dtype=np.float32),), "lapack"),
        (jnp.fft.fft, (_X,), "complex"),
    ],
    ids=["custom call", "complex numbers"],
)
def test_what_is_not_covered_names_itself_and_the_line(function, arguments, message):
    def program(*arguments):
        return function(*arguments)

    with pytest.raises(torshjit.TorshError, match=message) as caught:
        torshjit.compile(jax.jit(program).lower(*arguments))
    assert caught.value.op is not None


def test_malformed_text_is_an_error():
    text = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  stablehlo.add\n}"
    with pytest.raises(torshjit.CompileError, match="StableHLO module is malformed"):
        torshjit.compile(text)
