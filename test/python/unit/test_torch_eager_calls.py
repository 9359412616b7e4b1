# SPDX-License-Identifier: Apache-2.0
"""ATen calls that cannot be lowered run in eager torch between the kernels of one program."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from torch import nn  # noqa: E402

import torshjit  # noqa: E402
from torshjit.host_functions import find_function, op_of  # noqa: E402
from torshjit.torch_eager_calls import written  # noqa: E402

X = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))


def run(program: Any, *args: Any) -> tuple[Any, Any]:
    """What a program returns, compiled; and the compiled program."""
    fast = torshjit.compile(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        return fast(*args), fast


def several_results(x: Any) -> Any:
    u, s, v = torch.linalg.svd(x * 2)
    return u @ s.diag() @ v + 1


def complex_between(x: Any) -> Any:
    spectrum = torch.fft.rfft(x * 2)
    return torch.fft.irfft(spectrum * 2, n=4) + 1, spectrum.abs(), torch.view_as_real(spectrum)


def lists_and_options(x: Any) -> Any:
    return torch.linalg.matrix_exp(x) + torch.cartesian_prod(x[0], x[1]).sum(), torch.histc(x, 5)


def half(x: Any) -> Any:
    return torch.linalg.vector_norm(torch.linalg.matrix_exp(x).bfloat16().sinc()) * 2


def empty(x: Any) -> Any:
    return torch.linalg.matrix_exp(x[:0].reshape(0, 4, 4)) + 1, x * 2


@pytest.mark.parametrize(
    "program", [several_results, complex_between, lists_and_options, half, empty]
)
def test_results_are_those_of_eager(program: Any) -> None:
    actual, fast = run(program, X)
    torch.testing.assert_close(actual, program(X))
    assert fast.stats()["specializations"] == 1
    assert fast.explain(structured=True)["fallbacks"] == []


def test_each_call_is_named_with_its_line_and_counted() -> None:
    def program(x: Any) -> Any:
        y = torch.linalg.matrix_exp(x * 2)
        return y + torch.linalg.matrix_exp(y)

    _, start = inspect.getsourcelines(program)
    fast = torshjit.compile(program)
    torshjit.reset_stats()
    with pytest.warns(torshjit.FallbackWarning, match=rf"linalg_matrix_exp.*{start + 1}"):
        fast(X)
    fast(X)
    expected = {"aten.linalg_matrix_exp.default": 4}
    assert fast.stats()["fallback_ops"] == expected
    assert torshjit.stats()["fallback_ops"] == expected
    assert f"test_torch_eager_calls.py:{start + 2}" in fast.explain()


def test_strict_names_the_call_and_its_line() -> None:
    fast = torshjit.compile(several_results, strict=True)
    with pytest.raises(torshjit.UnsupportedOpError, match=r"(?s)aten\._linalg_svd.*line") as raised:
        fast(X)
    assert raised.value.op == "aten._linalg_svd.default"


def test_random_numbers_without_a_rule_are_those_of_eager() -> None:
    def program(x: Any) -> Any:
        return torch.poisson(x.exp()) + torch.poisson(x.exp())

    _, fast = run(program, X)
    torch.manual_seed(3)
    actual = fast(X)
    torch.manual_seed(3)
    torch.testing.assert_close(actual, program(X))


def test_a_shape_that_depends_on_data_is_not_called_for() -> None:
    actual, fast = run(lambda x: x[x > 0] * 2, X)
    torch.testing.assert_close(actual, X[X > 0] * 2)
    assert fast.stats()["specializations"] == 0


def test_writing_to_what_may_be_a_view_keeps_its_meaning() -> None:
    def program(x: Any) -> Any:
        y = x * 2
        y.as_strided((2, 2), (1, 4)).add_(1)
        return y

    torch.testing.assert_close(run(program, X)[0], program(X))


def test_a_saved_program_finds_its_calls(tmp_path: Any) -> None:
    _, fast = run(lambda x: torch.linalg.svdvals(x * 2), X)
    fast.save(tmp_path / "program.torsh")
    loaded = torshjit.load(tmp_path / "program.torsh")
    torch.testing.assert_close(loaded(X), torch.linalg.svdvals(X * 2))


def test_arguments_of_torchs_own_are_written_and_found() -> None:
    assert written([torch.float32, torch.device("cpu"), 3]) == [
        "torch.float32",
        "torch.device.cpu",
        3,
    ]
    name = 'aten.sum.dim_IntList{"args":[{"array":0},[0],false],"kwargs":{"dtype":"torch.float64"}}'
    function = find_function(name)
    assert op_of(name) == "aten.sum.dim_IntList"
    assert function(X.numpy()).dtype == "float64"
    with pytest.raises(torshjit.TorshError, match="cannot be found"):
        find_function("aten.no_such_operation.default")


def test_after_a_backward_pass_the_next_is_compiled() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    fast = torshjit.compile(model)
    for _ in range(3):
        model.zero_grad()
        fast(X).square().sum().backward()
        actual = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        model(X).square().sum().backward()
        torch.testing.assert_close(actual, [p.grad for p in model.parameters()])
    parts = fast.explain(structured=True)["parts"]
    assert [part["name"] for part in parts] == ["forward graph", "backward graph"]
    assert fast.stats()["calls"] == 3
    assert fast.stats()["fallback_ops"] == {}


def test_a_second_derivative_keeps_the_eager_backward_pass() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    fast = torshjit.compile(model)
    for _ in range(2):
        x = X.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(fast(x).sum(), x, create_graph=True)
        (actual,) = torch.autograd.grad(gradient.square().sum(), x)
        (gradient,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        (expected,) = torch.autograd.grad(gradient.square().sum(), x)
        torch.testing.assert_close(actual, expected)


def complex_results(x: Any) -> Any:
    spectrum = torch.fft.rfft(x * 2)
    return spectrum, spectrum.t(), (spectrum * 2).abs() + 1


def rotated(x: Any, angles: Any) -> Any:
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * angles).flatten(1)


def complex_arguments(z: Any, x: Any) -> Any:
    return (z * 2 + x).conj(), z.real + x, z.imag, x * torch.tensor([1j])


Z = torch.complex(X, X.t())


@pytest.mark.parametrize(
    ("program", "args"),
    [
        (complex_results, (X,)),
        (rotated, (X, torch.polar(torch.ones(2), torch.tensor([0.3, 2.0])))),
        (complex_arguments, (Z, X)),
        (complex_arguments, (Z.conj().t(), X)),
    ],
)
@pytest.mark.parametrize("through_dynamo", [False, True])
def test_complex_numbers_enter_and_leave(program: Any, args: tuple, through_dynamo: bool) -> None:
    torch._dynamo.reset()
    if through_dynamo:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torshjit.FallbackWarning)
            actual = torch.compile(program, backend="torshjit")(*args)
    else:
        actual, _ = run(program, *args)
    torch.testing.assert_close(actual, program(*args), check_stride=True)


@pytest.mark.parametrize("through_dynamo", [False, True])
def test_a_check_without_results_raises_as_in_eager(through_dynamo: bool) -> None:
    def program(x: Any) -> Any:
        return torch.linalg.inv(x * 2) + 1

    torch._dynamo.reset()
    torshjit.reset_stats()
    fast = torch.compile(program, backend="torshjit") if through_dynamo else run(program, X)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        torch.testing.assert_close(fast(X), program(X))
        with pytest.raises(torch.linalg.LinAlgError, match="singular"):
            fast(torch.zeros(4, 4))
    assert torshjit.stats()["fallback_ops"] == {}


def test_places_of_what_is_not_zero_are_not_taken_from_a_sample() -> None:
    """The operation is not tagged as one whose result's shape depends on the data."""
    fast = torshjit.compile(lambda x: torch.nonzero(x, as_tuple=True))
    for x in (torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.zeros(2, 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows, columns = fast(x)
        expected = torch.nonzero(x, as_tuple=True)
        torch.testing.assert_close((rows, columns), expected)
