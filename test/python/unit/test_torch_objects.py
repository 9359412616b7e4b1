# SPDX-License-Identifier: Apache-2.0
"""Objects that hold tensors, as arguments and results of torch programs, and changes to them."""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import capture  # noqa: E402
from torch.utils import _pytree  # noqa: E402

import torshjit  # noqa: E402
from torshjit.errors import CaptureError, TorshError  # noqa: E402

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
TARGETS = ("cpu", "interpreter")

Pair = namedtuple("Pair", "left right")


@dataclass
class Sized:
    """A plain object."""

    data: Any
    scale: float = 1.0


class Registered:
    """A class that only torch's pytrees can take apart."""

    __slots__ = ("inner", "name")

    def __init__(self, inner: Any, name: str) -> None:
        self.inner = inner
        self.name = name


_pytree.register_pytree_node(
    Registered, lambda r: ([r.inner], r.name), lambda parts, name: Registered(parts[0], name)
)


class Layer:
    """What a `Cache` holds for each layer."""

    factor = 2

    def __init__(self) -> None:
        self.keys = None
        self.seen = 0

    def update(self, new: Any) -> Any:
        self.keys = new * self.factor if self.keys is None else torch.cat([self.keys, new])
        self.seen += len(new)
        return self.keys


class Cache:
    """Grows with each call, as the caches of language models do."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.notes = {"calls": 0}
        self.fresh = True

    def update(self, new: Any) -> Any:
        if not self.layers:
            self.layers.append(Layer())
        if hasattr(self, "fresh"):
            del self.fresh
        self.notes["calls"] += 1
        return self.layers[0].update(new)


def extend(cache: Cache, x: Any) -> Any:
    return cache.update(x).sum(0), cache


def compiled(program: Any, target: str = "cpu") -> Any:
    return torshjit.compile(program, strict=True, target_device=target)


@pytest.mark.parametrize("target", TARGETS)
def test_objects_go_in_and_come_out(target: str) -> None:
    def program(pair: Any, sized: Sized, registered: Any, ordered: Any) -> Any:
        y = pair.left @ pair.right * sized.scale + sized.data
        inner = OrderedDict(a=y, b=registered.inner - ordered["z"])
        return Pair(Sized(y, 3.0), [Registered(inner, registered.name + "!")]), pair.left

    args = (Pair(X, X.T), Sized(torch.ones(3), 2.0), Registered(X, "r"), OrderedDict(z=X * 2))
    fast = compiled(program, target)
    for _ in range(2):
        result, left = fast(*args)
        expected, _ = program(*args)
        assert type(result) is Pair
        assert type(result.left) is Sized
        assert result.left.scale == 3.0
        torch.testing.assert_close(result.left.data, expected.left.data)
        (registered,) = result.right
        assert type(registered) is Registered
        assert registered.name == "r!"
        assert type(registered.inner) is OrderedDict
        assert list(registered.inner) == ["a", "b"]
        torch.testing.assert_close(registered.inner["b"], -X)
        assert left is X
    assert fast.stats()["specializations"] == 1


def test_the_rest_of_an_object_is_part_of_the_signature() -> None:
    fast = compiled(lambda s, r: s.data * s.scale + r.inner)
    for scale, name in ((2.0, "a"), (3.0, "a"), (3.0, "b"), (2.0, "a")):
        result = fast(Sized(X, scale), Registered(X, name))
        torch.testing.assert_close(result, X * scale + X)
    assert fast.stats()["specializations"] == 3
    with_more = Sized(X, 2.0)
    with_more.more = torch.ones(())  # type: ignore[attr-defined]
    torch.testing.assert_close(fast(with_more, Registered(X, "a")), X * 3)
    assert fast.stats()["specializations"] == 4


@pytest.mark.parametrize("target", TARGETS)
def test_changes_to_an_object_are_seen_by_the_caller(target: str) -> None:
    fast = compiled(extend, target)
    ours, theirs = Cache(), Cache()
    layers, notes, first = ours.layers, ours.notes, None
    for count in range(3):
        total, returned = fast(ours, X)
        expected, _ = extend(theirs, X)
        assert returned is ours
        assert ours.layers is layers
        assert ours.notes is notes
        assert notes == theirs.notes
        assert not hasattr(ours, "fresh")
        assert layers[0].seen == theirs.layers[0].seen == 3 * (count + 1)
        torch.testing.assert_close(total, expected)
        torch.testing.assert_close(layers[0].keys, theirs.layers[0].keys)
        first = layers[0] if count == 0 else first
        assert layers[0] is first


def test_a_class_attribute_that_a_method_reads_is_guarded() -> None:
    fast = compiled(lambda layer, x: layer.update(x))
    torch.testing.assert_close(fast(Layer(), X), X * 2)
    Layer.factor = 5
    try:
        torch.testing.assert_close(fast(Layer(), X), X * 5)
    finally:
        Layer.factor = 2


def test_an_object_that_is_changed_must_not_be_passed_twice() -> None:
    fast = compiled(lambda a, b, x: a.update(x) + b.update(x))
    fast(Layer(), Layer(), X)
    layer = Layer()
    with pytest.raises(ValueError, match="passed to it twice"):
        fast(layer, layer, X)


def test_gradients_through_objects() -> None:
    fast = compiled(lambda s: Sized((s.data * s.data).sum(), 1.0))
    leaf = X.clone().requires_grad_()
    fast(Sized(leaf)).data.backward()
    torch.testing.assert_close(leaf.grad, 2 * X)

    grows = compiled(extend)
    leaf.grad = None
    cache = Cache()
    total, _ = grows(cache, leaf)
    total.sum().backward()
    torch.testing.assert_close(leaf.grad, torch.full_like(X, 2.0))
    assert cache.layers[0].keys.requires_grad


def test_members_of_enumerations_are_values() -> None:
    class Mode(enum.Enum):
        SUM = 1
        MEAN = 2

    fast = compiled(lambda x, mode: x.sum() if mode is Mode.SUM else x.mean())
    torch.testing.assert_close(fast(X, Mode.SUM), X.sum())
    torch.testing.assert_close(fast(X, Mode.MEAN), X.mean())
    assert fast.stats()["specializations"] == 2


@dataclasses.dataclass(frozen=True)
class Options:
    mode: str = "sum"
    dtype: Any = None


def test_frozen_options_are_values() -> None:
    fast = compiled(lambda x, options: x.sum() if options.mode == "sum" else x.mean())
    torch.testing.assert_close(fast(X, Options()), X.sum())
    torch.testing.assert_close(fast(X, Options("mean")), X.mean())
    torch.testing.assert_close(fast(X, Options()), X.sum())
    assert fast.stats()["specializations"] == 2


def changes_registered(r: Registered) -> Any:
    r.inner = r.inner + 1
    return r.inner


def returns_itself(x: Any) -> Any:
    box = Sized(x * 2)
    box.self = box  # type: ignore[attr-defined]
    return box


@pytest.mark.parametrize(
    ("program", "argument", "message"),
    [
        (changes_registered, Registered(X, "r"), "changes a Registered that it was given"),
        (returns_itself, X, "returns an object of type Sized"),
        (lambda x: {x.sum()}, X, "returns an object of type set"),
        (lambda f: f(X), torch.sin, "argument of type builtin_function_or_method"),
    ],
)
def test_refusals(program: Any, argument: Any, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        capture(program, argument)


def test_an_object_that_holds_itself_is_refused() -> None:
    box = Sized(X)
    box.self = box  # type: ignore[attr-defined]
    with pytest.raises(CaptureError, match="argument of type Sized"):
        capture(lambda b: b.data + 1, box)


def test_messages_show_objects() -> None:
    fast = compiled(lambda s: s.data + 1)
    fast(Sized(X))
    assert "(Sized(data=f32[3, 4], scale=1.0))" in fast.explain()


def test_files_hold_no_objects(tmp_path: Path) -> None:
    fast = compiled(lambda s: s.data + 1)
    fast(Sized(X))
    with pytest.raises(TorshError, match="arguments or results of type Sized"):
        fast.save(tmp_path / "program.torsh")
    made = compiled(lambda x: Sized(x + 1))
    made(X)
    with pytest.raises(TorshError, match="arguments or results of type Sized"):
        made.save(tmp_path / "program.torsh")
