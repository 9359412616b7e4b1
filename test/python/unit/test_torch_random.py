# SPDX-License-Identifier: Apache-2.0
"""Random numbers in captured torch programs: distributions, seeds, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import torshjit  # noqa: E402

COUNT = 20_000
X = torch.zeros(COUNT)
HALF = torch.full((COUNT,), 0.5)


def drawn(program: Callable[..., Any], *args: Any, seed: int = 1) -> Any:
    torch.manual_seed(seed)
    return torshjit.compile(program, strict=True)(*args)


#: Program over X -> mean and variance.
DISTRIBUTIONS = {
    "rand": (lambda x: torch.rand(COUNT) + x, 1 / 2, 1 / 12),
    "rand_like": (lambda x: torch.rand_like(x), 1 / 2, 1 / 12),
    "rand_f64": (lambda x: torch.rand(COUNT, dtype=torch.float64) + x, 1 / 2, 1 / 12),
    "rand_bf16": (lambda x: torch.rand_like(x, dtype=torch.bfloat16), 1 / 2, 1 / 12),
    "randn": (lambda x: torch.randn(COUNT) + x, 0, 1),
    "randn_like": (lambda x: torch.randn_like(x), 0, 1),
    "randint": (lambda x: torch.randint(-3, 4, (COUNT,)) + x, 0, 4),
    "randint_high": (lambda x: torch.randint(5, (COUNT,)) + x, 2, 2),
    "randint_like": (lambda x: torch.randint_like(x, 5), 2, 2),
    "randint_like_low": (lambda x: torch.randint_like(x, 1, 6), 3, 2),
    "randperm": (lambda x: torch.randperm(COUNT) / COUNT + x, 1 / 2, 1 / 12),
    "normal": (lambda x: torch.normal(x + 2, 3.0), 2, 9),
    "normal_std": (lambda x: torch.normal(1.0, x + 2), 1, 4),
    "normal_both": (lambda x: torch.normal(x, x + 2), 0, 4),
    "normal_size": (lambda x: torch.normal(1.0, 2.0, (COUNT,)) + x, 1, 4),
    "normal_": (lambda x: torch.empty(COUNT).normal_(1, 2) + x, 1, 4),
    "uniform_": (lambda x: torch.empty(COUNT).uniform_(-1, 1) + x, 0, 1 / 3),
    "exponential_": (lambda x: torch.empty(COUNT).exponential_(2) + x, 1 / 2, 1 / 4),
    "bernoulli": (lambda x: torch.bernoulli(x + 0.3), 0.3, 0.21),
    "bernoulli_p": (lambda x: torch.bernoulli(x, 0.3), 0.3, 0.21),
    "bernoulli_": (lambda x: torch.empty(COUNT).bernoulli_(0.3) + x, 0.3, 0.21),
    "bernoulli_tensor": (lambda x: (x + 1).bernoulli_(x + 0.3), 0.3, 0.21),
    "dropout": (lambda x: F.dropout(x + 1, 0.2), 1, 1 / 4),
    "native_dropout": (lambda x: torch.native_dropout(x + 1, 0.2, True)[0], 1, 1 / 4),
    "alpha_dropout": (lambda x: F.alpha_dropout(x, 0.3, True), 0, None),
    "rrelu": (lambda x: F.rrelu(x - 1, 0.1, 0.3, True), -0.2, 0.04 / 12),
    "multinomial": (
        lambda x: torch.multinomial(torch.tensor([0.0, 3.0, 1.0]), COUNT, True) + x,
        1.25,
        3 / 16,
    ),
}


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_mean_and_variance(name: str) -> None:
    program, mean, variance = DISTRIBUTIONS[name]
    result = drawn(program, X)
    expected = program(X)
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    values = result.double()
    # Five standard deviations of the mean; the fourth moments are below ten squared variances.
    deviation = values.var().item() ** 0.5
    assert abs(values.mean().item() - mean) < 5 * deviation / COUNT**0.5 + 1e-6
    if variance is not None:
        assert abs(values.var().item() - variance) < 5 * 3 * variance / COUNT**0.5 + 1e-6


@pytest.mark.parametrize("name", ["rand", "randn", "dropout", "randperm"])
def test_numbers_follow_from_the_seed_and_differ_between_calls(name: str) -> None:
    program = DISTRIBUTIONS[name][0]
    fast = torshjit.compile(program, strict=True)
    torch.manual_seed(7)
    first, second = fast(X), fast(X)
    torch.manual_seed(7)
    again = fast(X)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert fast.stats()["fallback_ops"] == {}


def test_draws_of_one_program_are_independent() -> None:
    first, second = drawn(lambda x: (torch.randn_like(x), torch.randn_like(x)), X)
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1].item()) < 5 / COUNT**0.5
    assert abs(torch.corrcoef(torch.stack([first[1:], first[:-1]]))[0, 1].item()) < 5 / COUNT**0.5


def test_ranges() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        result = drawn(lambda x, d: torch.rand_like(x, dtype=d), X, dtype)
        assert result.min() >= 0
        assert result.max() < 1
        assert drawn(lambda x, d: torch.randn_like(x, dtype=d), X, dtype).isfinite().all()
    numbers = drawn(lambda x: torch.randint_like(x, -3, 4, dtype=torch.int8), X)
    assert sorted(set(numbers.tolist())) == list(range(-3, 4))
    order = drawn(lambda x: torch.randperm(100) + x[:1].long(), X)
    assert sorted(order.tolist()) == list(range(100))


def test_dropout_leaves_out_and_scales() -> None:
    x = torch.randn(100, 50)
    kept = drawn(lambda x: F.dropout(x, 0.4), x)
    chosen = kept != 0
    torch.testing.assert_close(kept[chosen], x[chosen] / 0.6)
    assert torch.equal(drawn(lambda x: F.dropout(x, 1.0), x), torch.zeros_like(x))
    value, mask = drawn(lambda x: torch.native_dropout(x, 0.4, True), x)
    torch.testing.assert_close(value, torch.where(mask, x / 0.6, 0))
    whole = drawn(lambda x: F.dropout1d(x[:, :, None].repeat(1, 1, 4), 0.5), x)
    assert ((whole != 0).all(-1) | (whole == 0).all(-1)).all()
    mean = drawn(lambda x: F.feature_alpha_dropout(x[:, :, None].repeat(1, 1, 4), 0.3, True), x)
    assert abs(mean.mean().item()) < 0.2


def test_multinomial_without_replacement() -> None:
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 1.0]])
    chosen = drawn(lambda w: torch.multinomial(w, 2), weights)
    assert all(len(set(row)) == 2 for row in chosen.tolist())
    assert sorted(chosen[1].tolist()) == [0, 3]


def test_attention_with_dropout() -> None:
    q, k = torch.randn(2, 4, 8, 16).unbind(0)
    v = torch.eye(8).expand(4, 8, 8)
    weights = drawn(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, dropout_p=0.5), q, k, v)
    exact = F.scaled_dot_product_attention(q, k, v)
    kept = weights != 0
    assert 0.3 < kept.float().mean() < 0.7
    torch.testing.assert_close(weights[kept], 2 * exact[kept])


def test_gradients_use_the_numbers_of_the_call() -> None:
    fast = torshjit.compile(nn.Dropout(0.5))
    x = torch.randn(200, requires_grad=True)
    for _ in range(2):
        x.grad = None
        y = fast(x)
        y.sum().backward()
        torch.testing.assert_close(x.grad, torch.where(y.detach() != 0, 2.0, 0.0))


def test_known_operands_draw_new_numbers_at_each_call() -> None:
    fast = torshjit.compile(lambda x: torch.zeros(50).normal_() + x[:50], strict=True)
    assert not torch.equal(fast(X), fast(X))


def test_a_program_that_seeds_does_so_at_each_call() -> None:
    def program(x: Any) -> Any:
        first = torch.rand_like(x)
        torch.manual_seed(11)
        second = torch.rand_like(x)
        torch.manual_seed(12)
        return first, second

    fast = torshjit.compile(program, strict=True)
    torch.manual_seed(5)
    first, second = fast(X)
    assert torch.initial_seed() == 12
    expected = torch.rand(3)
    torch.manual_seed(6)
    other, again = fast(X)
    assert not torch.equal(first, other)
    assert torch.equal(second, again)
    assert torch.equal(torch.rand(3), expected)


def test_other_changes_of_the_generator_are_refused() -> None:
    drawn_from = torch.Generator().manual_seed(3)
    torch.rand(1, generator=drawn_from)

    def program(x: Any) -> Any:
        torch.default_generator.set_state(drawn_from.get_state())
        return x + 1

    state = torch.default_generator.get_state()
    with pytest.raises(torshjit.CaptureError, match="state of torch's random generator"):
        drawn(program, X)
    torch.default_generator.set_state(state)
