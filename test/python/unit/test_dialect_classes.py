# SPDX-License-Identifier: Apache-2.0
"""The dialect's operations built with the MLIR Python packages that are there, and compiled."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

import torshjit
import torshjit.dialect


@pytest.fixture(params=["iree.compiler", "jaxlib.mlir"])
def mlir(request):
    """`ir`, the module of the dialect func, and the dialect's classes in a package."""
    ir = pytest.importorskip(f"{request.param}.ir")
    func = importlib.import_module(f"{request.param}.dialects.func")
    return ir, func, torshjit.dialect.load(ir)


def _module(mlir, shapes, build, element="f32"):
    """A module of one function that `build` makes of its arguments."""
    ir, func, _ = mlir
    with ir.Context() as context, ir.Location.unknown():
        context.allow_unregistered_dialects = True
        module = ir.Module.create()
        types = [ir.Type.parse(f"tensor<{shape}{element}>") for shape in shapes]
        with ir.InsertionPoint(module.body):

            @func.FuncOp.from_py_func(*types, name="main")
            def main(*arguments):
                return build(*arguments)

    return module


_RNG = np.random.default_rng(0)
_X, _W, _B = (_RNG.standard_normal(s).astype(np.float32) for s in [(4, 8), (8, 3), (3,)])


def test_types_are_inferred(mlir):
    torsh = mlir[2]

    def build(x, w, b):
        product = torsh.matmul(x, w)
        assert str(product.type) == "tensor<4x3xf32>"
        return torsh.relu(torsh.add(product, b))

    compiled = torshjit.compile(_module(mlir, ["4x8x", "8x3x", "3x"], build), strict=True)
    np.testing.assert_allclose(
        compiled(_X, _W, _B), np.maximum(_X @ _W + _B, 0), rtol=1e-5, atol=1e-6
    )


def test_attributes_words_and_optional_operands(mlir):
    ir, _, torsh = mlir

    def build(x, weight):
        top = torsh.amax(x, [1], keepdims=True)
        is_top = torsh.compare("eq", x, top)
        normal = torsh.layer_norm(x, 1, 1e-5, weight=weight)
        one = torsh.constant(ir.DenseElementsAttr.get(np.ones((), np.float32)))
        chosen = torsh.select(is_top, one, normal)
        return torsh.softmax(chosen, 1), torsh.scan("sum", x, 0)

    compiled = torshjit.compile(_module(mlir, ["4x8x", "8x"], build), strict=True)
    weight = _RNG.standard_normal(8).astype(np.float32)
    soft, sums = compiled(_X, weight)
    normal = (_X - _X.mean(1, keepdims=True)) / np.sqrt(_X.var(1, keepdims=True) + 1e-5) * weight
    chosen = np.where(_X.max(1, keepdims=True) == _X, 1, normal)
    e = np.exp(chosen - chosen.max(1, keepdims=True))
    np.testing.assert_allclose(soft, e / e.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums, np.cumsum(_X, 0), rtol=1e-5, atol=1e-5)


def test_result_types_that_are_given_and_open_extents(mlir):
    ir, _, torsh = mlir

    def build(x):
        flat = torsh.reshape(ir.Type.parse("tensor<?xf32>"), x, [])
        return torsh.gelu(flat, approximate="tanh")

    compiled = torshjit.compile(_module(mlir, ["?x4x"], build), strict=True)
    x = _RNG.standard_normal((3, 4)).astype(np.float32)
    flat = x.reshape(-1)
    inner = np.sqrt(2 / math.pi) * (flat + 0.044715 * flat**3)
    np.testing.assert_allclose(compiled(x), flat / 2 * (1 + np.tanh(inner)), rtol=1e-5, atol=1e-6)


def test_an_operation_that_does_not_fit_is_an_error(mlir):
    torsh = mlir[2]
    with pytest.raises(torshjit.CompileError, match="shapes do not broadcast") as caught:
        _module(mlir, ["4x", "3x"], torsh.add)
    assert caught.value.op == "torsh.add"


def test_every_operation_has_a_class(mlir):
    torsh = mlir[2]
    from dialect_definition import operations

    classes = {getattr(each, "OPERATION_NAME", None) for each in vars(torsh).values()}
    assert set(operations()) <= classes


def test_every_attribute_of_words_takes_words():
    from torshjit.dialect.operations import _WORDS

    folder = Path(__file__).parents[3] / "include" / "torshjit" / "Dialect" / "Torsh" / "IR"
    text = (folder / "TorshAttrs.td").read_text()
    found = dict(re.findall(r"def (\w+)\s*:\s*EnumAttr<Torsh_Dialect,\s*\w+,\s*\"(\w+)\">", text))
    assert set(found) == set(_WORDS)
    assert all(f"{name}" in _WORDS[attribute] for attribute, name in found.items())


def test_what_is_no_package_is_an_error():
    with pytest.raises(torshjit.ConfigError, match="the module 'ir' of an MLIR Python package"):
        torshjit.dialect.load(np)


def test_modules_of_upstream_dialects(mlir, request):
    ir = mlir[0]
    text = """
    func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
      %0 = arith.addf %x, %y : tensor<4xf32>
      %1 = math.exp %0 : tensor<4xf32>
      return %1 : tensor<4xf32>
    }"""
    x = np.linspace(-1, 1, 4, dtype=np.float32)
    with ir.Context() as context:
        # jaxlib brings dialects, and registers none.
        if request.node.callspec.params["mlir"] == "jaxlib.mlir":
            registry = ir.DialectRegistry()
            importlib.import_module("jaxlib.mlir._mlir_libs._jax_mlir_ext").register_dialects(
                registry
            )
            context.append_dialect_registry(registry)
        module = ir.Module.parse(text)
    for form in (module, module.operation, str(module)):
        got = torshjit.compile(form, strict=True)(x, x)
        np.testing.assert_allclose(got, np.exp(x + x), rtol=1e-6)
