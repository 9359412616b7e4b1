# SPDX-License-Identifier: Apache-2.0
"""Guards of state: the runtime's check of each condition agrees with the condition itself."""

import collections

import pytest
from runtime_dispatcher import X, adder

from torshjit.capture import guards
from torshjit.errors import TorshError


class Owner:
    def method(self):
        return 1


class Key:
    """Equal by its number, so that an equal key may be another object."""

    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return self.number

    def __eq__(self, other):
        return self.number == other.number


def agree(condition, call, holds):
    """That the condition and the call's check of it both say so."""
    assert condition.holds == holds
    if holds:
        call(X, X)
        return
    with pytest.raises(TorshError, match=f"guarded state changed: '{condition.name}'"):
        call(X, X)


def check(condition, steps):
    """Steps are (change, whether the condition holds afterwards)."""
    call = adder(state_guards=[condition.watched])
    agree(condition, call, True)
    for change, holds in steps:
        change()
        agree(condition, call, holds)


def test_attribute():
    owner, value = Owner(), object()
    owner.state = value
    check(
        guards.AttributeCondition(owner, "state"),
        [
            (lambda: setattr(owner, "state", object()), False),
            (lambda: delattr(owner, "state"), False),
            (lambda: setattr(owner, "state", value), True),
        ],
    )


def test_attribute_that_is_none_may_vanish():
    owner = Owner()
    owner.state = None
    check(guards.AttributeCondition(owner, "state"), [(lambda: delattr(owner, "state"), True)])


def test_member_of_a_class():
    class Base(Owner):
        pass

    method = Owner.__dict__["method"]
    condition = guards.MemberCondition(Owner, "method")
    try:
        check(
            condition,
            [
                (lambda: setattr(Base, "method", lambda self: 2), True),
                (lambda: setattr(Owner, "method", lambda self: 2), False),
                (lambda: delattr(Owner, "method"), False),
                (lambda: setattr(Owner, "method", method), True),
            ],
        )
    finally:
        Owner.method = method


def test_cell():
    value = object()

    def make():
        held = value

        def inner():
            return held

        def change(new):
            nonlocal held
            held = new

        def empty():
            nonlocal held
            del held

        return inner.__closure__[0], change, empty

    cell, change, empty = make()
    check(
        guards.CellCondition(cell, "held"),
        [
            (lambda: change(object()), False),
            (lambda: change(value), True),
            (empty, False),
        ],
    )


def test_items_of_a_list():
    one, two = object(), object()
    items = [one, two]
    check(
        guards.ContainerCondition(items, "items"),
        [
            (items.reverse, False),
            (items.reverse, True),
            (lambda: items.append(one), False),
            (items.pop, True),
            (items.clear, False),
        ],
    )


def test_items_of_a_dict():
    one, two = object(), object()
    items = {"a": one, "b": two}

    def put(**entries):
        items.clear()
        items.update(entries)

    check(
        guards.ContainerCondition(items, "items"),
        [
            (lambda: put(a=one, b=object()), False),
            (lambda: put(a=one, b=two), True),
            (lambda: put(b=one, a=two), False),
            (lambda: put(a=one, c=two), False),
            (lambda: put(a=one, b=two, c=two), False),
            (lambda: put(a=one), False),
            (lambda: put(b=two, a=one), False),
            (lambda: put(**{"".join(["a"]): one, "b": two}), True),
        ],
    )


def test_keys_that_are_equal_but_not_the_same():
    value = object()
    items = {Key(1): value}

    def put(number):
        items.clear()
        items[Key(number)] = value

    check(
        guards.ContainerCondition(items, "items"),
        [(lambda: put(1), True), (lambda: put(2), False)],
    )


@pytest.mark.parametrize(
    "container", [{1, 2}, collections.OrderedDict(a=1), type("L", (list,), {})([1])]
)
def test_other_containers_are_checked_by_the_condition(container):
    assert guards.ContainerCondition(container, "items").watched is None


def test_names_that_are_absent():
    namespace = {"other": 1}
    check(
        guards.NamesCondition(namespace, ["sum", "len"]),
        [
            (lambda: namespace.update(another=1), True),
            (lambda: namespace.update(len=None), False),
            (lambda: namespace.pop("len"), True),
        ],
    )


@pytest.mark.parametrize("with_library", [True, False])
def test_autocast(with_library):
    torch = pytest.importorskip("torch")
    from torshjit import _runtime
    from torshjit.capture.torch_device import CaptureDevice

    _runtime.register_torch(torch, with_library=with_library)
    try:
        call = adder(state_guards=[CaptureDevice(["cpu"]).watched])
        call(X, X)
        with (
            torch.autocast("cpu", torch.bfloat16),
            pytest.raises(TorshError, match=r"guarded state changed: 'torch\.autocast'"),
        ):
            call(X, X)
        call(X, X)
    finally:
        _runtime.register_torch(torch)


@pytest.mark.parametrize(
    "form",
    [
        (),
        ("what", {}, "name"),
        ("cell", {}, 1, "name"),
        ("member", 3, "x", 1, "name"),
        ("attribute", 3, 4, 1, "name"),
        ("items", {}, [1], "name"),
        ("items", {}, [1], [], "name"),
        ("items", (1,), [1], "name"),
        ("absent", [], ["x"], "name"),
    ],
)
def test_other_forms_are_refused(form):
    with pytest.raises(ValueError, match="a guard"):
        adder(state_guards=[form])


@pytest.mark.parametrize("make", [dict, collections.OrderedDict])
def test_an_attribute_that_was_an_empty_dict(make):
    owner = Owner()
    owner.hooks = make()
    call = adder(attribute_guards=[(owner, "hooks", make())])
    call(X, X)
    owner.hooks["a"] = 1
    with pytest.raises(TorshError, match="guarded state changed: 'hooks'"):
        call(X, X)
    owner.hooks = make()
    call(X, X)
    owner.hooks = None
    with pytest.raises(TorshError, match="guarded state changed: 'hooks'"):
        call(X, X)
