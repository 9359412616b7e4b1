# SPDX-License-Identifier: Apache-2.0
"""What a captured NumPy function sees of the world around it, and what it refuses."""

from __future__ import annotations

import dataclasses
import functools
import threading
import types
import warnings

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import assert_same, capture, check

import torshjit

X = np.arange(6, dtype=np.float32).reshape(2, 3)

WEIGHT = np.ones((3, 2), np.float32)
SCALE = 2.0
TABLE = {"bias": np.zeros(2, np.float32), "steps": [1, 2]}


def uses_globals(x: np.ndarray) -> np.ndarray:
    return (x @ (WEIGHT * 2)) * SCALE + TABLE["bias"] + sum(TABLE["steps"])


def calls_another(x: np.ndarray) -> np.ndarray:
    return uses_globals(x) + 1


@pytest.mark.parametrize("function", [uses_globals, calls_another])
def test_globals_are_read_at_each_call(function: object, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = capture(function)
    assert_same(compiled(X), function(X))

    original = WEIGHT.copy()
    WEIGHT[:] = 5
    assert_same(compiled(X), function(X))
    assert compiled.stats()["specializations"] == 1, "memory is read where it lies"
    WEIGHT[:] = original

    monkeypatch.setitem(globals(), "WEIGHT", np.full((3, 2), 3, np.float32))
    assert_same(compiled(X), function(X))
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert_same(compiled(X), function(X))
    monkeypatch.setitem(TABLE, "bias", np.ones(2, np.float32))
    assert_same(compiled(X), function(X))
    monkeypatch.setitem(TABLE, "steps", [1, 2, 3])
    assert_same(compiled(X), function(X))
    TABLE["steps"].append(10)
    assert_same(compiled(X), function(X))
    assert compiled.stats()["specializations"] == 6


def test_a_redefined_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = capture(calls_another)
    compiled(X)
    monkeypatch.setitem(globals(), "uses_globals", lambda x: x * 100)
    assert_same(compiled(X), X * 100 + 1)


def test_a_global_defined_later_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = capture(lambda x: x + abs(-3))
    assert_same(compiled(X), X + 3)
    monkeypatch.setitem(globals(), "abs", lambda value: value)
    assert_same(compiled(X), X - 3)


DEFAULT = np.full(3, 2, np.float32)


def test_closures_defaults_and_partials() -> None:
    offset = np.ones(3, np.float32)

    def closed(x: np.ndarray, default: np.ndarray = DEFAULT) -> np.ndarray:
        return x + offset * 2 + default

    compiled = capture(closed)
    assert_same(compiled(X), X + 4)
    offset[:] = 10
    assert_same(compiled(X), X + 22)
    offset = np.zeros(3, np.float32)
    assert_same(compiled(X), X + 2)
    assert_same(compiled(X, offset), X)
    assert_same(capture(functools.partial(closed, default=offset))(X), X)


class Layer:
    def __init__(self, weight: np.ndarray) -> None:
        self.weight = weight
        self.options = types.SimpleNamespace(scale=2.0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * (self.weight + 1) * self.options.scale * WEIGHT[0, 0]


@dataclasses.dataclass
class Network:
    layers: list[Layer]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for layer in self.layers:
            x = layer(x)
        return x


def test_objects_and_methods() -> None:
    layer = Layer(np.ones(3, np.float32))
    network = Network([layer, Layer(np.zeros(3, np.float32))])
    for function in (layer, layer.forward, network):
        compiled = capture(function)
        assert_same(compiled(X), function(X))
        layer.weight[:] = 3
        assert_same(compiled(X), function(X))
        layer.weight = np.full(3, 7, np.float32)
        assert_same(compiled(X), function(X))
        layer.options.scale += 1.0
        assert_same(compiled(X), function(X))
    network.layers.append(layer)
    assert_same(compiled(X), network(X))


class Base:
    table = np.ones(3, np.float32)

    def __init__(self, weight: np.ndarray) -> None:
        self.weight = weight

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * (WEIGHT[0, 0] * 2)


class Derived(Base):
    def __init__(self, weight: np.ndarray) -> None:
        super().__init__(weight)
        self.extra = 1.0

    @property
    def doubled(self) -> np.ndarray:
        return self.weight * (WEIGHT[0, 1] * 2)

    @staticmethod
    def shift(x: np.ndarray) -> np.ndarray:
        return x + WEIGHT[1, 0] * 3

    @classmethod
    def offset(cls) -> np.ndarray:
        return cls.table * 2

    def forward(self, x: np.ndarray) -> np.ndarray:
        assert isinstance(self, Derived)
        return self.shift(super().forward(x)) * self.doubled + self.offset()


def makes_an_object(x: np.ndarray) -> np.ndarray:
    return Derived(x[0] + 1).forward(x)


@pytest.mark.parametrize("function", [Derived(np.ones(3, np.float32)).forward, makes_an_object])
def test_inherited_methods_see_changed_globals(function: object) -> None:
    compiled = capture(function)
    original = WEIGHT.copy()
    try:
        for step in range(3):
            WEIGHT[:] = step
            Base.table[:] = step + 0.5
            assert_same(compiled(X), function(X))
        assert compiled.stats()["specializations"] == 1
    finally:
        WEIGHT[:] = original
        Base.table[:] = 1


def test_a_replaced_method_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = capture(makes_an_object)
    compiled(X)
    monkeypatch.setattr(Derived, "shift", staticmethod(lambda x: x - 1))
    assert_same(compiled(X), makes_an_object(X))


def test_decorated_methods_are_compiled_per_instance() -> None:
    class Model:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @torshjit.compile(target_device="interpreter", strict=True)
        def run(self, x: np.ndarray) -> np.ndarray:
            """Docs."""
            return x * self.factor

    one, two = Model(1.0), Model(2.0)
    assert_same(one.run(X), X * 1.0)
    assert_same(two.run(X), X * 2.0)
    one.factor = 5.0
    assert_same(one.run(X), X * 5.0)
    assert Model.run.__doc__ == "Docs."
    assert one.run is one.run


def test_a_compiled_function_inside_another() -> None:
    inner = capture(lambda x: x * WEIGHT[0, 0])
    outer = capture(lambda x: inner(x) + 1)
    assert_same(outer(X), X * WEIGHT[0, 0] + 1)


def test_arguments_and_results_in_containers() -> None:
    def swap(pair: tuple, *, options: dict, flag: bool) -> dict:
        first, second = pair
        scaled = first * options["scale"] + options["offset"][0]
        return {"a": (scaled, [second, None]), "flag": flag, "text": "t", "same": second}

    arguments = ((X, np.float32(3)),)
    keywords = {"options": {"scale": 2.0, "offset": [np.ones(3)]}, "flag": True}
    check(swap, *arguments, **keywords)
    compiled = capture(swap)
    reordered = {"flag": True, "options": {"offset": [np.ones(3)], "scale": 2.0}}
    assert_same(compiled(*arguments, **keywords), swap(*arguments, **keywords))
    assert_same(compiled(*arguments, **reordered), swap(*arguments, **keywords))
    assert compiled.stats()["specializations"] == 1
    changed = {**keywords, "flag": False}
    assert_same(compiled(*arguments, **changed), swap(*arguments, **changed))
    assert compiled.stats()["specializations"] == 2


def test_numbers_are_compared_by_type_and_bits() -> None:
    compiled = capture(lambda x, number: x * number)
    for number in (1, 1.0, True, 0.0, -0.0, float("nan")):
        expected = X * number
        result = compiled(X, number)
        assert_same(result, expected)
        np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))
    assert compiled.stats()["specializations"] == 6
    compiled(X, float("nan"))
    assert compiled.stats()["specializations"] == 6


def test_results_are_the_objects_that_numpy_returns() -> None:
    compiled = capture(lambda x: (x, x.T, x[0], WEIGHT))
    result = compiled(X)
    assert result[0] is X
    assert result[3] is WEIGHT
    result[1][:] = -1
    assert X[0, 1] == 1, "a view is returned as an array of its own"
    twice = capture(lambda x: (lambda y: (y, y))(x + 1))(X)
    assert twice[0] is twice[1]
    constant = capture(lambda x: np.zeros(2))
    first = constant(X)
    first[:] = 1
    assert_same(constant(X), np.zeros(2))


def test_layouts_of_arguments() -> None:
    for x in (
        X.T,
        X[:, ::-1],
        np.asfortranarray(X),
        X.astype(">f4"),
        np.broadcast_to(X[0], (4, 3)),
    ):
        check(lambda a: a * 2 + 1, x)


def test_in_place_operators_on_own_arrays() -> None:
    def accumulate(x: np.ndarray) -> tuple:
        total = x * 1
        alias = total
        total += x
        total *= 2
        total **= 2
        np.add(total, 1, out=total)
        return total, alias is total, alias

    check(accumulate, X)
    check(lambda x: np.add(x, 1, out=np.empty_like(x)), X)

    def scalars(x: np.ndarray) -> tuple:
        total = x.sum()
        before = total
        total += 1
        return before, total

    check(scalars, X)

    def narrowing(x: np.ndarray) -> np.ndarray:
        y = x.astype(np.int32)
        y += 0.5
        return y

    check(narrowing, X)

    def root(x: np.ndarray) -> np.ndarray:
        y = x.astype(np.int32)
        y **= 0.5
        return y

    check(root, X)


def refused_cases() -> dict[str, object]:
    def adds_to_argument(x: np.ndarray) -> np.ndarray:
        x += 1
        return x

    def assigns_item(x: np.ndarray) -> np.ndarray:
        x[0] = 1
        return x

    def adds_to_view(x: np.ndarray) -> np.ndarray:
        row = x[0]
        row += 1
        return x

    def reshaped_own(x: np.ndarray) -> np.ndarray:
        y = x + 1
        flat = y.ravel()
        y += 1
        return flat

    def writes_global(x: np.ndarray) -> np.ndarray:
        WEIGHT[0, 0] = 1
        return x

    def appends_to_global(x: np.ndarray) -> np.ndarray:
        TABLE["steps"].append(3)
        return x

    def assigns_global(x: np.ndarray) -> np.ndarray:
        global SCALE
        SCALE = x
        return x

    def swallows(x: np.ndarray) -> np.ndarray:
        try:
            return x if x.sum() > 0 else -x
        except Exception:
            return x

    return {
        "out-argument": lambda x: np.add(x, 1, out=x),
        "adds_to_argument": adds_to_argument,
        "assigns_item": assigns_item,
        "adds_to_view": adds_to_view,
        "reshaped_own": reshaped_own,
        "writes_global": writes_global,
        "appends_to_global": appends_to_global,
        "assigns_global": assigns_global,
        "swallows": swallows,
        "bool": lambda x: x if x.sum() > 0 else -x,
        "float": lambda x: x * float(x[0, 0]),
        "int": lambda x: x * int(x[0, 0]),
        "index": lambda x: [1, 2, 3][x[0, 0].astype(int)],
        "item": lambda x: x * x.max().item(),
        "tolist": lambda x: x.tolist(),
        "format": lambda x: f"{x}",
        "in": lambda x: 3 in x,
        "math": lambda x: __import__("math").sqrt(x[0, 0]),
        "random": lambda x: x + np.random.default_rng().random(3),
        "legacy-random": lambda x: x + np.random.rand(3),  # noqa: NPY002
        "unique": lambda x: np.unique(x),
        "attribute": lambda x: x.strides,
        "method": lambda x: x.partition(1),
        "mask": lambda x: x[x > 1],
        "object": lambda x: object(),
        "globals": lambda x: x * globals()["SCALE"],
    }


@pytest.mark.parametrize("name", refused_cases())
def test_refused_programs_name_the_line_and_fall_back(name: str) -> None:
    saved = WEIGHT.copy(), SCALE, list(TABLE["steps"])
    function = refused_cases()[name]
    try:
        with pytest.raises(torshjit.CaptureError) as raised:
            capture(function)(X.copy())
        whole_function = ("object", "appends_to_global", "swallows")
        if name not in whole_function:
            assert raised.value.location is not None
            assert raised.value.location[0] == __file__
            assert f'File "{__file__}"' in str(raised.value)
        if name.endswith("random"):
            return
        relaxed = torshjit.compile(function, target_device="interpreter")
        argument, expected_argument = X.copy(), X.copy()
        with pytest.warns(torshjit.FallbackWarning, match="runs as plain Python"):
            result = relaxed(argument)
        WEIGHT[:] = saved[0]
        if name != "attribute" and name != "object":
            assert_same(result, function(expected_argument))
        np.testing.assert_array_equal(argument, expected_argument)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            relaxed(X.copy())
        assert sum(relaxed.stats()["fallback_ops"].values()) == 2
        assert "run as plain Python" in relaxed.explain()
    finally:
        WEIGHT[:] = saved[0]
        globals()["SCALE"] = saved[1]
        TABLE["steps"][:] = saved[2]


def test_error_of_the_function_itself_shows_as_it_is() -> None:
    def fails(x: np.ndarray) -> np.ndarray:
        raise KeyError("mine")

    compiled = torshjit.compile(fails, target_device="interpreter")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyError, match="mine"):
            compiled(X)


def test_unsupported_arguments_fall_back() -> None:
    function = torshjit.compile(lambda x: x + 1, target_device="interpreter")
    for argument in (X.astype(complex), np.ma.masked_array(X), np.array(["a"])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torshjit.FallbackWarning)
            if argument.dtype.kind == "U":
                with pytest.raises(TypeError):
                    function(argument)
            else:
                result = function(argument)
                assert type(result) is type(argument)
                np.testing.assert_array_equal(result, argument + 1)
    assert function.stats()["specializations"] == 0
    assert_same(function(X), X + 1)
    masked = np.ma.masked_array(X, X > 2)
    assert type(function(masked)) is np.ma.MaskedArray, "not taken for a plain array"
    assert type(function(X.view(np.matrix))) is np.matrix


def test_objects_with_odd_equality_are_not_compared() -> None:
    class Odd:
        value = 2

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("not comparable")

        __hash__ = None

    function = torshjit.compile(lambda x, odd: x * odd.value, target_device="interpreter")
    with pytest.warns(torshjit.FallbackWarning, match="type Odd"):
        results = [function(X, Odd()) for _ in range(3)]
    for result in results:
        assert_same(result, X * 2)
    assert sum(function.stats()["fallback_ops"].values()) == 3


def test_changing_globals_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    function = torshjit.compile(
        lambda x: x * SCALE, target_device="interpreter", max_specializations=2
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(50):
            monkeypatch.setitem(globals(), "SCALE", float(step))
            assert_same(function(X), X * float(step))
    (warning,) = caught
    assert "SCALE kept changing" in str(warning.message)
    assert function.stats()["specializations"] == 2
    assert len(function.explain(structured=True)["fallbacks"]) == 1


def test_failures_for_many_signatures_are_bounded() -> None:
    function = torshjit.compile(
        lambda x, step: np.unique(x) * step, target_device="interpreter", max_specializations=3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        for step in range(20):
            np.testing.assert_array_equal(function(X, step), np.unique(X) * step)
    assert function.stats()["fallback_ops"] == {"numpy.unique": 20}
    assert len(function.explain(structured=True)["fallbacks"]) == 4


def test_isinstance_sees_arrays() -> None:
    def branches(x: np.ndarray) -> np.ndarray:
        if isinstance(x, np.ndarray) and not isinstance(x.sum(), np.ndarray):
            return x + 1
        return x

    check(branches, X)
    check(lambda s: isinstance(s, np.floating), np.float32(1))


def test_long_loops_are_refused() -> None:
    with pytest.raises(torshjit.CaptureError, match="limit is 64"):
        capture(lambda x: [row + 1 for row in x])(np.ones((65, 2)))


def test_names_of_inputs() -> None:
    compiled = capture(lambda first, second: first @ WEIGHT + second["key"])
    compiled(X, {"key": np.float32(1)})
    text = compiled.ir()
    for name in ("first", "second['key']", "WEIGHT"):
        assert f'"{name}"' in text


def test_threads_share_one_specialization() -> None:
    compiled = capture(lambda x: x * 2)
    barrier = threading.Barrier(8)
    results = []

    def call() -> None:
        barrier.wait()
        results.append(compiled(X))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results:
        assert_same(result, X * 2)
    assert compiled.stats()["specializations"] == 1
    assert compiled.stats()["calls"] == 8


def test_too_many_signatures_say_which_argument_changes() -> None:
    compiled = torshjit.compile(
        lambda x, step: x + step, target_device="interpreter", max_specializations=3
    )
    with pytest.warns(torshjit.FallbackWarning, match=r"argument 1.* 4 forms"):
        results = [compiled(X, step) for step in range(5)]
    for step, result in enumerate(results):
        assert_same(result, X + step)
    assert compiled.stats()["specializations"] == 3
    assert sum(compiled.stats()["fallback_ops"].values()) == 2


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize("target", ["interpreter", "cpu"])
def test_complex_numbers_and_named_tuples_are_results(target: str) -> None:
    def program(x: np.ndarray) -> tuple:
        spectrum = np.fft.fft(x.astype(np.float32) * 2)
        return spectrum, spectrum[0, 0], {"turned": np.exp(1j * x)}, np.linalg.svd(x)

    compiled = torshjit.compile(program, target_device=target)
    expected = program(X)
    for _ in range(2):
        assert_same(compiled(X)[:2], expected[:2])
    result = compiled(X)
    np.testing.assert_allclose(result[2]["turned"], expected[2]["turned"])
    assert type(result[3]) is type(expected[3])
    np.testing.assert_allclose(result[3].S, expected[3].S)
    assert not compiled.explain(structured=True)["fallbacks"]
