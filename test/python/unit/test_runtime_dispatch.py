# SPDX-License-Identifier: Apache-2.0
"""The callable: specializing, matching trees of arguments, building trees of results, errors."""

import collections

import numpy as np
import pytest
from runtime_dispatcher import BOTH, LEAF, Counting, X, adder, array
from runtime_program import (
    add_program,
    dynamic_add_program,
    executable,
    launch,
    output,
    program,
    tensor,
)

from torshjit import _runtime
from torshjit.errors import TorshError


def test_call_adds():
    call = adder()
    np.testing.assert_array_equal(call(X, X), X + X)
    assert call.asked == []
    assert call.num_specializations == 1


def test_specialize_is_asked_then_the_difference_is_the_error():
    call = adder()
    with pytest.raises(
        TypeError, match=r"argument 1: expected a f32 NumPy array of shape \(4\), got a float64"
    ):
        call(X, X.astype(np.float64))
    with pytest.raises(ValueError, match=r"argument 0: expected .* got a float32 .* \(3,\)"):
        call(X[:3], X)
    with pytest.raises(TorshError, match="expected 2 positional arguments, got 1"):
        call(X)
    with pytest.raises(TorshError, match="keyword arguments: expected 0 entries, got 1"):
        call(X, X, k=1)
    with pytest.raises(TypeError, match="object of type list"):
        call(X, [1, 2, 3, 4])
    assert [kwargs for _, kwargs in call.asked] == [{}, {}, {}, {"k": 1}, {}]


def test_specialize_may_add_or_answer():
    class Growing(_runtime.Dispatcher):
        def _specialize(self, args, kwargs):
            if args[0].ndim != 1:
                return ("fallback",)
            n = len(args[0])
            self.add_specialization(
                ((array(n), array(n)), {}), executable(add_program([n])), BOTH, LEAF
            )
            return None

    call = Growing()
    for n in (3, 4, 3, 5, 4):
        x = np.arange(n, dtype=np.float32)
        np.testing.assert_array_equal(call(x, x), 2 * x)
    assert call.num_specializations == 3
    assert call(np.zeros((2, 2)), None) == "fallback"
    call.remove_specialization(0)
    assert call.num_specializations == 2
    call.clear_specializations()
    assert call.num_specializations == 0
    with pytest.raises(IndexError):
        call.remove_specialization(0)


def test_specialize_errors_propagate_and_bad_answers_are_refused():
    class Failing(_runtime.Dispatcher):
        def _specialize(self, args, kwargs):
            if args:
                raise LookupError("from _specialize")
            return 5

    with pytest.raises(LookupError, match="from _specialize"):
        Failing()(1)
    with pytest.raises(TypeError, match="None or a tuple of one"):
        Failing()()
    with pytest.raises(AttributeError, match="_specialize"):
        _runtime.Dispatcher()(1)


def test_subclass_without_super_init_is_an_error():
    class Forgetful(_runtime.Dispatcher):
        def __init__(self):
            pass

    with pytest.raises((TypeError, RuntimeError), match="__init__"):
        Forgetful()(1)


def test_dynamic_shapes_and_checks():
    call = Counting()
    call.add_specialization(
        ((array(None), array(-1)), {}), executable(dynamic_add_program()), BOTH, LEAF
    )
    for n in (1, 0, 7, 1):
        x = np.arange(n, dtype=np.float32)
        np.testing.assert_array_equal(call(x, x), 2 * x)
    with pytest.raises(ValueError, match="operands' extents differ along axis 0"):
        call(X, X[:2])


Pair = collections.namedtuple("Pair", "left right")


def test_nested_arguments():
    tree = (
        ("list", [array(4), ("value", "mode")]),
        ("dict", {"y": ("tuple", [("value", None), array(4)], Pair)}),
    )
    call = adder(positional=tree, keywords={"k": ("value", 3)}, bindings=[("arg", 0), ("arg", 3)])
    good = ([X, "mode"], {"y": Pair(None, X + 1)})
    np.testing.assert_array_equal(call(*good, k=3), 2 * X + 1)
    bad = [
        ((good[0], {"y": (None, X)}), {"k": 3}),  # a plain tuple
        ((good[0], {"z": Pair(None, X)}), {"k": 3}),
        (((X, "mode"), good[1]), {"k": 3}),
        (([X, "other"], good[1]), {"k": 3}),
        (([X], good[1]), {"k": 3}),
        (good, {"k": 3.0}),
        (good, {"k": True}),
        (good, {}),
    ]
    for args, kwargs in bad:
        with pytest.raises((TorshError, TypeError), match="no specialization"):
            call(*args, **kwargs)


class Box:
    def __init__(self, *parts, label="box"):
        self.parts = parts
        self.label = label

    def open(self):
        return self.parts, self.label


def boxed(*nodes):
    return ("object", list(nodes), Box, Box.open, "box")


def test_objects_are_taken_apart():
    tree = (("value", 1), boxed(array(4), boxed(array(4))))
    call = adder(positional=tree, bindings=[("arg", 2), ("arg", 4)])
    np.testing.assert_array_equal(call(1, Box(X, Box(X + 1))), 2 * X + 1)
    bad = [
        (1, (X, Box(X))),
        (1, Box(X, Box(X), label="other")),
        (1, Box(X)),
        (1, Box(X, Box())),
        (1, Box(X, Box(X[:2]))),
    ]
    for args in bad:
        with pytest.raises((TorshError, ValueError), match="no specialization"):
            call(*args)
    for parts, error in ((X, "must return"), (None, "must return")):
        box = Box()
        box.parts = parts
        with pytest.raises(TypeError, match=error):
            call(1, box)


def test_an_opener_that_raises():
    def fail(box):
        raise LookupError("no parts")

    call = adder(positional=(("object", [array(4)], Box, fail, None),), bindings=[("arg", 1)] * 2)
    with pytest.raises(LookupError, match="no parts"):
        call(Box(X))


def test_floats_are_compared_by_their_bits():
    nan = float("nan")
    for expected, same, other in [(0.0, 0.0, -0.0), (nan, float("nan"), 1.0)]:
        call = adder(positional=(array(4), ("value", expected)), bindings=[("arg", 0)] * 2)
        np.testing.assert_array_equal(call(X, same), 2 * X)
        with pytest.raises(TorshError, match="argument 1: expected"):
            call(X, other)


def test_scalars_and_numbers():
    row = tensor([3], "f64")
    scalar = tensor([], "f64")
    scale = executable(
        program([row, scalar], [output([3], "f64")], [launch("scale_f64", [0, 1, 2], [3])], [2])
    )
    call = Counting()
    for kind in ("number", "scalar", "numpy"):
        call.add_specialization(
            ((array(3, dtype="f64"), array(dtype="f64", kind=kind)), {}), scale, BOTH, LEAF
        )
    x = np.arange(3.0)
    for factor in (2.5, np.float64(-1), np.array(3.0)):
        np.testing.assert_array_equal(call(x, factor), x * factor)
    with pytest.raises(TypeError, match="argument 1"):
        call(x, 2)

    twice = executable(
        program([tensor([], "i64")], [output([], "i64")], [launch("twice_i64", [0, 1], [1])], [1])
    )
    whole = Counting()
    whole.add_specialization(
        ((array(dtype="i64", kind="number"),), {}), twice, [("arg", 0)], ("leaf", 0, "scalar")
    )
    result = whole(21)
    assert (type(result), result) == (np.int64, 42)
    with pytest.raises(TypeError):
        whole(2**63)


def test_output_trees():
    source = program(
        [tensor([4])],
        [output([4]), output([])],
        [launch("add", [0, 0, 1], [4]), launch("sum", [0, 2], [4])],
        [1, 2],
    )
    call = Counting()
    outputs = (
        "tuple",
        [
            ("dict", {"twice": LEAF, "sum": ("leaf", 1, "scalar")}),
            ("list", [("none",), ("value", "text"), ("argument", 0)]),
            ("tuple", [LEAF, ("tuple", [])], Pair),
        ],
    )
    call.add_specialization(((array(4),), {}), executable(source), [("arg", 0)], outputs)
    first, second, third = call(X)
    np.testing.assert_array_equal(first["twice"], 2 * X)
    assert type(first["sum"]) is np.float32
    assert first["sum"] == 6
    assert second[:2] == [None, "text"]
    assert second[2] is X
    assert type(third) is Pair
    assert third.left is first["twice"]
    assert third.right == ()


def test_results_may_be_made_by_a_function():
    source = program([tensor([4])], [output([4])], [launch("add", [0, 0, 1], [4])], [1])
    call = Counting()
    outputs = ("made", [LEAF, ("argument", 0)], lambda parts: Box(*parts))
    arguments = (("object", [array(4)], Box, Box.open, "box"),)
    call.add_specialization((arguments, {}), executable(source), [("arg", 1)], outputs)
    box = Box(X)
    made = call(box)
    np.testing.assert_array_equal(made.parts[0], 2 * X)
    assert made.parts[1] is box
