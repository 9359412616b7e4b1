# SPDX-License-Identifier: Apache-2.0
"""Rewrites, fusion rules and schedules from Python: what they change, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit

X = np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)
MATRIX = np.zeros((2, 3), np.float32)


def _operations(compiled, phase="graph"):
    import re

    return re.findall(r"torsh\.(\w+)", compiled.ir(phase))


def _rewritten(function, *rules, args=(X,), **options):
    compiled = torshjit.compile(function, rewrites=rules, strict=True, **options)
    return compiled, compiled(*args)


def test_a_pattern_is_replaced_whatever_the_extents():
    rule = torshjit.rewrite(lambda x: x / (1 + np.exp(-x)), lambda x: np.tanh(x), [MATRIX])
    compiled, result = _rewritten(lambda x: x / (1 + np.exp(-x)) + 1, rule)
    np.testing.assert_allclose(result, np.tanh(X) + 1, rtol=1e-4)
    assert "exp" not in _operations(compiled)
    assert "1 place" in compiled.explain()
    assert "rewrite" in compiled.explain()


def test_operands_of_commutative_operations_match_in_either_order():
    rule = torshjit.rewrite(lambda x, y: x * y + 1, lambda x, y: x - y, [MATRIX, MATRIX])
    for function in (lambda x: 1 + np.exp(x) * x, lambda x: x * np.exp(x) + 1):
        _, result = _rewritten(function, rule)
        # The pattern is symmetric, so that either binding is a match.
        assert np.allclose(result, np.exp(X) - X) or np.allclose(result, X - np.exp(X))


def test_an_argument_used_twice_stands_for_one_value():
    rule = torshjit.rewrite(lambda x: x * x, np.abs, [MATRIX])
    _, result = _rewritten(lambda x: (x * x) + (x * (x + 1)), rule)
    np.testing.assert_allclose(result, np.abs(X) + X * (X + 1), rtol=1e-6)


def test_places_are_disjoint_and_the_replacement_is_not_looked_at_again():
    rule = torshjit.rewrite(np.exp, lambda x: np.exp(x) + 1, [MATRIX])
    _, result = _rewritten(lambda x: np.exp(np.exp(x)), rule)
    np.testing.assert_allclose(result, np.exp(np.exp(X) + 1) + 1, rtol=1e-5)


def test_intermediate_results_may_have_other_uses():
    rule = torshjit.rewrite(lambda x: np.sqrt(np.exp(x)), lambda x: np.exp(x * 0.5), [MATRIX])

    def function(x):
        y = np.exp(x)
        return np.sqrt(y), y

    _, (root, other) = _rewritten(function, rule)
    np.testing.assert_allclose(root, np.exp(X / 2), rtol=1e-5)
    np.testing.assert_allclose(other, np.exp(X), rtol=1e-5)


def test_rules_apply_in_their_order():
    first = torshjit.rewrite(np.exp, np.sin, [MATRIX], name="first")
    second = torshjit.rewrite(np.sin, np.cos, [MATRIX], name="second")
    compiled, result = _rewritten(np.exp, first, second)
    np.testing.assert_allclose(result, np.cos(X), rtol=1e-6)
    assert "rewrite first: 1 place" in compiled.explain()
    _, result = _rewritten(np.exp, second, first)
    np.testing.assert_allclose(result, np.sin(X), rtol=1e-6)


@pytest.mark.parametrize("other", [X.astype(np.float64), X[0]])
def test_element_type_and_number_of_axes_are_part_of_a_pattern(other):
    rule = torshjit.rewrite(np.exp, np.sin, [MATRIX])
    compiled, result = _rewritten(np.exp, rule, args=(other,))
    np.testing.assert_allclose(result, np.exp(other), rtol=1e-6)
    assert "0 places" in compiled.explain()


def test_attributes_are_part_of_a_pattern():
    rule = torshjit.rewrite(lambda x: x.sum(axis=1), lambda x: x.max(axis=1), [MATRIX])
    _, (rows, columns) = _rewritten(lambda x: (x.sum(axis=1), x.sum(axis=0)), rule)
    np.testing.assert_allclose(rows, X.max(axis=1))
    np.testing.assert_allclose(columns, X.sum(axis=0), atol=1e-6)


def test_constants_are_part_of_a_pattern():
    rule = torshjit.rewrite(lambda x: x * 2, np.abs, [MATRIX])
    _, (two, three) = _rewritten(lambda x: (x * 2, x * 3), rule)
    np.testing.assert_allclose(two, np.abs(X))
    np.testing.assert_allclose(three, X * 3)


def test_axes_of_extent_one_come_and_go():
    rule = torshjit.rewrite(
        lambda x: x - x.max(axis=1)[:, None], lambda x: x[:, None, :][:, 0] + 1, [MATRIX]
    )
    compiled, result = _rewritten(lambda x: np.exp(x - x.max(axis=1)[:, None]), rule)
    np.testing.assert_allclose(result, np.exp(X + 1), rtol=1e-6)
    assert "1 place" in compiled.explain()
    # The same operations, with the new axis elsewhere.
    square = np.arange(9, dtype=np.float32).reshape(3, 3)
    compiled, _ = _rewritten(lambda x: x - x.max(axis=1)[None, :], rule, args=(square,))
    assert "0 places" in compiled.explain()


def test_where_is_asked_with_the_types_of_a_place():
    asked = []

    def where(x):
        asked.append((x.dtype, x.shape))
        return x.shape[1] == 4

    rule = torshjit.rewrite(np.exp, np.sin, [MATRIX], where=where)
    _, result = _rewritten(lambda x: np.exp(x[:, :2]).sum() + np.exp(x), rule)
    np.testing.assert_allclose(result, np.exp(X[:, :2]).sum() + np.sin(X), rtol=1e-5)
    assert sorted(asked) == [("f32", (2, 2)), ("f32", (2, 4))]


def test_what_a_predicate_raises_is_raised():
    def where(x):
        raise LookupError("of the predicate")

    rule = torshjit.rewrite(np.exp, np.sin, [MATRIX], where=where)
    with pytest.raises(LookupError, match="of the predicate"):
        _rewritten(np.exp, rule)


def test_rewrites_of_torch_programs_are_written_in_torch():
    torch = pytest.importorskip("torch")
    rule = torshjit.rewrite(
        torch.nn.functional.gelu,
        lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        [torch.zeros(2, 3)],
    )
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU()).eval()
    x = torch.from_numpy(X)
    with torch.no_grad():
        fast = torshjit.compile(model, rewrites=[rule], strict=True)
        expected = torch.nn.functional.gelu(model[0](x), approximate="tanh")
        torch.testing.assert_close(fast(x), expected)
        assert "1 place" in fast.explain()


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (lambda x: x, np.exp, "must return one array that it computes"),
        (lambda x: (x + 1, x), np.exp, "must return one array that it computes"),
        (lambda x: x.reshape(6), np.exp, "torsh.reshape.*extents of its result.*pattern"),
        (np.exp, lambda x: x.reshape(3, 2), "torsh.reshape.*extents of its result.*replacement"),
        (lambda x: x + MATRIX, np.exp, "reads an array that is none of its arguments"),
        (3, np.exp, "the pattern of rewrite 'int' must be callable"),
    ],
)
def test_what_cannot_be_a_side_of_a_rewrite_is_named(pattern, replacement, message):
    with pytest.raises(torshjit.ConfigError, match=message):
        torshjit.rewrite(pattern, replacement, [MATRIX])


def test_a_pattern_says_what_each_argument_of_the_replacement_is():
    with pytest.raises(torshjit.ConfigError, match="does not use argument #1"):
        torshjit.rewrite(lambda x, y: np.exp(x), lambda x, y: x + y, [MATRIX, MATRIX])


def test_a_replacement_of_another_type_names_the_rule_and_both_types():
    rule = torshjit.rewrite(np.exp, lambda x: x.sum(axis=1), [MATRIX], name="wrong")
    with pytest.raises(torshjit.CompileError, match=r"'wrong' does not apply.*2xf32.*2x4xf32"):
        _rewritten(np.exp, rule)


def test_equal_programs_with_other_rules_are_compiled_apart():
    rule = torshjit.rewrite(np.exp, np.sin, [MATRIX])
    for rules, expected in (((), np.exp(X)), ((rule,), np.sin(X)), ((), np.exp(X))):
        _, result = _rewritten(np.exp, *rules, enable_caching=True)
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def _kernels(function, *args, **options):
    compiled = torshjit.compile(function, strict=True, **options)
    results = compiled(*args)
    np.testing.assert_allclose(results, function(*args), rtol=1e-5, atol=1e-6)
    return compiled, compiled.stats()["kernels"]


def test_a_fusion_rule_keeps_operations_apart():
    def function(x):
        return np.tanh(np.exp(x)) + 1

    assert _kernels(function, X)[1] == 1
    rule = torshjit.fusion_rule("exp", "torsh.tanh", fuse=False)
    compiled, count = _kernels(function, X, fusion_rules=[rule])
    assert count == 2
    assert "torsh.exp -> torsh.tanh: a fusion rule of the program keeps them apart" in (
        compiled.explain()
    )


def test_a_fusion_rule_overrides_what_pays_and_not_what_can_be():
    def function(x):
        return np.exp(x).sum() + np.tanh(np.exp(x)).sum(axis=0)

    rule = torshjit.fusion_rule("exp", "tanh", fuse=True)
    assert _kernels(lambda x: np.tanh(np.exp(x)), X, fusion_strategy="none")[1] == 2
    assert (
        _kernels(lambda x: np.tanh(np.exp(x)), X, fusion_strategy="none", fusion_rules=[rule])[1]
        == 1
    )
    everything = torshjit.fusion_rule("*", "*", fuse=True)
    compiled, count = _kernels(function, X, fusion_rules=[everything])
    assert count > 1
    assert "reductions over different axes" in compiled.explain()


def test_the_strategy_custom_fuses_what_rules_say():
    def function(x):
        return np.tanh(np.exp(x)) + 1

    assert _kernels(function, X, fusion_strategy="custom")[1] == 3
    rules = [torshjit.fusion_rule("*", "*", fuse=True)]
    assert _kernels(function, X, fusion_strategy="custom", fusion_rules=rules)[1] == 1
    rules.append(torshjit.fusion_rule("tanh", "add", fuse=False))
    assert _kernels(function, X, fusion_strategy="custom", fusion_rules=rules)[1] == 2


def test_a_fusion_rule_of_an_unknown_operation_is_an_error():
    rule = torshjit.fusion_rule("expp", "tanh", fuse=True)
    with pytest.raises(torshjit.CompileError, match=r"there is no operation torsh\.expp"):
        _kernels(np.exp, X, fusion_rules=[rule])
    with pytest.raises(torshjit.ConfigError, match="takes names of operations"):
        torshjit.fusion_rule("a b", "tanh", fuse=True)


def test_options_take_what_the_functions_return():
    with pytest.raises(torshjit.ConfigError, match=r"rewrites takes what torshjit\.rewrite"):
        torshjit.JitConfig(rewrites=[np.exp])
    with pytest.raises(torshjit.ConfigError, match=r"fusion_rules takes what torshjit\.fusion"):
        torshjit.JitConfig(fusion_rules=["exp->tanh=never"])
    with pytest.raises(torshjit.ConfigError, match="schedules maps names of kernels"):
        torshjit.JitConfig(schedules={"a": 3})
    rule = torshjit.fusion_rule("exp", "tanh", fuse=True)
    assert hash(torshjit.JitConfig(fusion_rules=rule, schedules={"b": "", "a": ""}))


def test_a_schedule_is_that_of_the_kernel_it_names():
    x = np.ones((64, 128), np.float32)
    schedule = "#torsh.schedule<tile = [16, 0]>"
    compiled, _ = _kernels(np.exp, x, schedules={"exp": schedule})
    assert schedule in compiled.explain()
    with pytest.raises(torshjit.CompileError, match=r"no kernel 'tanh'.*the kernels are exp"):
        _kernels(np.exp, x, schedules={"tanh": schedule})
    with pytest.raises(torshjit.CompileError, match=r"'exp' is no #torsh\.schedule"):
        _kernels(np.exp, x, schedules={"exp": "fast"})
