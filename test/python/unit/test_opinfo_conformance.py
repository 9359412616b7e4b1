# SPDX-License-Identifier: Apache-2.0
"""A sample of torch's operator database; `make conformance` runs all of it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
pytest.importorskip("torshjit._compiler")

from conformance.opinfo.gradient_run import run_gradient  # noqa: E402
from conformance.opinfo.known_failures import (  # noqa: E402
    KNOWN_FAILURES,
    KNOWN_GRADIENT_FAILURES,
)
from conformance.opinfo.operator_samples import all_operators, family_of, samples_of  # noqa: E402
from conformance.opinfo.result_tables import Results  # noqa: E402
from conformance.opinfo.sample_run import Outcome, run_sample  # noqa: E402

#: One or two operators of each family of rules, and the samples that are run.
SAMPLE = {
    "add": (0, 3, 9),
    "amax": (0, 5),
    "cat": (0, 2),
    "cumsum": (0, 1),
    "einsum": (0, 3),
    "fft.fft": (0,),
    "gather": (0, 2),
    "index_put": (0, 1),
    "index_select": (0, 1),
    "lgamma": (0,),
    "linalg.norm": (0, 7),
    "masked.sum": (0, 5),
    "nn.functional.batch_norm": (0, 1),
    "nn.functional.conv2d": (0, 2),
    "nn.functional.cross_entropy": (0, 4),
    "nn.functional.embedding": (0, 1),
    "nn.functional.gelu": (0, 1),
    "nn.functional.layer_norm": (0, 1),
    "nn.functional.max_pool2d": (0, 9),
    "nn.functional.pad.reflect": (0, 1),
    "nn.functional.scaled_dot_product_attention": (0, 1),
    "permute": (0, 1),
    "scatter_add": (0, 1),
    "signal.windows.hann": (0,),
    "softmax": (0, 1),
    "special.i1e": (0,),
    "split": (0, 1),
    "uniform": (0,),
    "unique": (0,),
    "where": (0, 1),
}


def test_sample_of_operators() -> None:
    results = Results("float32")
    for operator, numbers in SAMPLE.items():
        for number in numbers:
            outcome = run_sample(operator, torch.float32, number)
            assert outcome is not None, operator
            assert outcome.kind != "refused", outcome
            results.add(outcome)
    assert not list(results.unexpected(KNOWN_FAILURES, whole=False))
    compiled = sum(each.kind == "compiled" for each in results.outcomes)
    assert compiled >= 0.9 * len(results.outcomes)
    # A comparison that finds nothing wrong would find everything right.
    assert any(each.kind == "fallback" and each.operator == "unique" for each in results.outcomes)
    assert "| all |" in results.table()


#: Operators whose gradients are compared.
GRADIENTS = (
    "cumsum",
    "index_put",
    "linalg.svd",
    "nn.functional.conv2d",
    "nn.functional.layer_norm",
)


def test_sample_of_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    for operator in GRADIENTS:
        outcome = run_gradient(operator, torch.float32, 0)
        assert outcome is not None
        assert outcome.kind == ("fallback" if "svd" in operator else "compiled"), outcome
    # A comparison that finds nothing wrong would find everything right.
    monkeypatch.setattr(torch, "compile", lambda f, backend: lambda x: f(x) + (x - x.detach()) / 9)
    assert run_gradient("tanh", torch.float32, 0).kind == "failed"


@pytest.mark.parametrize("name", ["bfloat16", "int64", "bool"])
def test_other_dtypes(name: str) -> None:
    dtype = getattr(torch, name)
    for operator in ("add", "cat", "gather", "where", "sum"):
        if all_operators()[operator].supports_dtype(dtype, "cpu"):
            outcome = run_sample(operator, dtype, 0)
            assert outcome is not None
            assert outcome.kind == "compiled", outcome


def test_wrong_results_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_sample("tanh", torch.float32, 0).kind == "compiled"
    op = all_operators()["tanh"]
    # The operator itself stays what eager is asked for.
    monkeypatch.setattr(op, "op", lambda x: torch.tanh(x) + 1e-3)
    monkeypatch.setattr(type(op), "__call__", lambda self, x: torch.tanh(x))
    assert run_sample("tanh", torch.float32, 0).kind == "failed"


def test_samples_are_the_same_at_every_call() -> None:
    op = all_operators()["add"]
    first, second = (samples_of(op, torch.float32) for _ in range(2))
    assert all(
        torch.equal(left.input, right.input) for left, right in zip(first, second, strict=True)
    )
    assert family_of(op) == "elementwise, binary"


def test_known_failures_are_operators() -> None:
    assert {*KNOWN_FAILURES, *KNOWN_GRADIENT_FAILURES} <= set(all_operators())


def test_an_unknown_failure_and_a_known_one_that_passes_are_reported() -> None:
    results = Results("float32")
    results.add(Outcome("add", "float32", 0, "failed", "AssertionError", "wrong"))
    results.add(Outcome("sub", "float32", 0, "compiled"))
    assert len(list(results.unexpected({}, whole=True))) == 1
    assert not list(results.unexpected({"add": {"*": "why"}}, whole=True))
    lines = list(results.unexpected({"add": {"*": ""}, "sub": {"float32": ""}}, whole=True))
    assert lines == ["PASSES, take it off the known failures: sub float32"]
