# SPDX-License-Identifier: Apache-2.0
"""torch modules and functions through `torshjit.compile`, against torch eager, on every target."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import pytest

torch = pytest.importorskip("torch")
compiler = pytest.importorskip("torshjit._compiler")
pytest.importorskip("torshjit._runtime")

from e2e.executors import EXECUTORS, missing, refusal  # noqa: E402
from interpreted_capture import assert_matches  # noqa: E402
from torch import nn  # noqa: E402
from torch_models import MODELS, digits_cnn, gpt_block, mlp  # noqa: E402

import torshjit  # noqa: E402
from torshjit.compiled import FallbackWarning  # noqa: E402


@pytest.fixture(params=("interpreter", "cpu"))
def target(request: Any) -> str:
    """The targets for what the call path and the capture do, which all targets share."""
    return request.param


@pytest.fixture(params=EXECUTORS)
def executor(request: Any) -> str:
    """Every executor that is here, for what kernels compute."""
    if reason := missing(request.param):
        pytest.skip(reason)
    return request.param


def compiled(program: Any, target: str, **options: Any) -> Any:
    return torshjit.compile(program, target_device=target, strict=True, **options)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_model_equals_eager(make: Any, executor: str) -> None:
    torch.manual_seed(0)
    module, x = make()
    fast = compiled(module, executor)
    with torch.no_grad():
        for scale in (1.0, -0.5):
            result = fast(x * scale)
            assert result.is_contiguous()
            assert_matches(result, module(x * scale), 10)
    assert fast.stats()["calls"] == 2
    assert fast.stats()["specializations"] == 1
    assert fast.stats()["fallback_ops"] == {}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("make", [mlp, digits_cnn, gpt_block], ids=lambda make: make.__name__)
def test_model_in_other_types(make: Any, dtype: Any, executor: str) -> None:
    torch.manual_seed(0)
    module, x = make()
    module, x = module.to(dtype), x.to(dtype)
    fast = compiled(module, executor)
    with torch.no_grad():
        if pattern := refusal(executor, ["f64" if dtype == torch.float64 else ""]):
            with pytest.raises(torshjit.CompileError, match=pattern):
                fast(x)
            return
        assert_matches(fast(x), module(x), 10)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool, torch.float32])
def test_functions_of_other_types(dtype: Any, executor: str) -> None:
    def program(x, y):
        total = x.sum(0, keepdim=True)
        return torch.where(x != y, x, y), total * 2, (x == y).all(), x.float().mean()

    x = torch.arange(12).reshape(3, 4).remainder(5).to(dtype)
    y = x.flip(0)
    assert_matches(compiled(program, executor)(x, y), program(x, y))


def test_non_contiguous_arguments(executor: str) -> None:
    fast = compiled(lambda x: (x * 2).sum(1), executor)
    x = torch.randn(4, 6, 5)
    for view in (x.transpose(0, 2), x[:, ::2], x[..., 1:3], x.flip(0)):
        assert_matches(fast(view), (view * 2).sum(1), 4)


def test_parameters_updated_in_place_between_calls(executor: str) -> None:
    module, x = mlp()
    fast = compiled(module, executor)
    with torch.no_grad():
        first = fast(x)
        for parameter in module.parameters():
            parameter.mul_(0.5)
        second = fast(x)
        assert not torch.equal(first, second)
        assert_matches(second, module(x), 10)
    assert fast.stats()["specializations"] == 1


def test_replaced_parameter_and_mode_are_noticed(target: str) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval()
    fast = compiled(module, target)
    x = torch.randn(2, 4)
    with torch.no_grad():
        fast(x)
        module[0].weight = nn.Parameter(torch.eye(4))
        assert_matches(fast(x), module(x), 4)
        module[1] = nn.Tanh()
        assert_matches(fast(x), module(x), 4)


def test_training_step_equals_eager(executor: str) -> None:
    states = []
    for is_compiled in (False, True):
        torch.manual_seed(1)
        module, x = mlp()
        labels = torch.tensor([0, 1, 2, 3, 0])
        program = compiled(module, executor) if is_compiled else module
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            loss = nn.functional.nll_loss(program(x), labels)
            loss.backward()
            optimizer.step()
        states.append([parameter.detach().clone() for parameter in module.parameters()])
    assert_matches(states[1], states[0], 100)


def test_gradient_of_an_argument(target: str) -> None:
    fast = compiled(lambda x: (x.sin() * x).sum(), target)
    x = torch.randn(5, requires_grad=True)
    fast(x).backward()
    torch.testing.assert_close(x.grad, (x.cos() * x + x.sin()).detach())
    with torch.no_grad():
        assert not fast(x).requires_grad


def test_nested_arguments_and_results(target: str) -> None:
    def program(batch, *, factor):
        y = batch["x"] * factor
        return {"y": y, "rest": [y + 1, (None, "text")], "x": batch["x"]}

    x = torch.randn(3)
    result = compiled(program, target)({"x": x}, factor=2.0)
    assert_matches(result, program({"x": x}, factor=2.0))
    assert result["x"] is x


def test_uncovered_program_runs_eagerly_with_one_warning(target: str) -> None:
    class Values(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return torch.linalg.svdvals(self.layer(x))

    module, x = Values(), torch.randn(4, 4)
    fast = torshjit.compile(module, target_device=target)
    with pytest.warns(FallbackWarning, match=r"aten\._linalg_svd"):
        result = fast(x)
    torch.testing.assert_close(result, module(x))
    result.sum().backward()
    assert module.layer.weight.grad is not None
    assert set(fast.stats()["fallback_ops"]) == {"aten._linalg_svd.default"}
    with pytest.raises(torshjit.errors.UnsupportedOpError):
        compiled(module, target)(x)


def test_batch_norm_in_training_updates_its_statistics(target: str) -> None:
    module = nn.BatchNorm1d(4)
    twin = copy.deepcopy(module)
    fast = torshjit.compile(module, target_device=target)
    x = torch.randn(8, 4) + 3
    result = fast(x)
    torch.testing.assert_close(result, twin(x))
    torch.testing.assert_close(module.running_mean, twin.running_mean)
    torch.testing.assert_close(module.running_var, twin.running_var)
    assert fast.stats()["fallback_ops"] == {}
    assert module.num_batches_tracked.item() == 1


def test_dropout_in_training_stays_random(target: str) -> None:
    fast = torshjit.compile(nn.Dropout(0.5), target_device=target)
    x = torch.ones(1000)
    assert not torch.equal(fast(x), fast(x))
    assert fast.stats()["fallback_ops"] == {}


def test_mutated_argument_is_mutated(target: str) -> None:
    def program(x):
        x.add_(1)
        return x * 2

    fast = torshjit.compile(program, target_device=target)
    x = torch.zeros(3)
    result = fast(x)
    assert fast.stats()["fallback_ops"] == {}
    assert torch.equal(x, torch.ones(3))
    assert torch.equal(result, torch.full((3,), 2.0))


def test_shape_error_of_the_program_is_an_exception(target: str) -> None:
    with pytest.raises(torshjit.errors.ShapeError, match="matmul"):
        compiled(lambda x: x @ x, target)(torch.randn(3, 4))


def test_compiled_within_compiled(target: str) -> None:
    module, x = mlp()
    inner = compiled(module, target)
    outer = compiled(lambda t: inner(t) * 2, target)
    with torch.no_grad():
        assert_matches(outer(x), module(x) * 2, 10)
        assert_matches(inner(x), module(x), 10)
    assert inner.stats()["specializations"] == 1
    assert outer.stats()["fallback_ops"] == {}


def test_compiled_called_before_its_caller_is_captured(target: str) -> None:
    module, x = mlp()
    inner = compiled(module, target)
    with torch.no_grad():
        inner(x)
        outer = compiled(lambda t: inner(t) * 2, target)
        assert_matches(outer(x), module(x) * 2, 10)
        # A new weight of the inner module is seen by the outer program.
        next(module.parameters()).mul_(2)
        assert_matches(outer(x), module(x) * 2, 10)


def test_compiled_mlir_is_not_inlined(target: str) -> None:
    inner = compiled(
        "func.func @double(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
        "  %0 = torsh.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>\n"
        "  return %0 : tensor<4xf32>\n"
        "}",
        target,
    )
    with pytest.raises(torshjit.CaptureError, match=r"MLIR module cannot be inlined: @double"):
        compiled(lambda t: inner(t) * 2, target)(torch.ones(4))


def test_calls_from_several_threads(executor: str) -> None:
    module, x = mlp()
    fast = compiled(module, executor)
    with torch.no_grad():
        expected = module(x)
    results: list[Any] = []

    def call() -> None:
        with torch.no_grad():
            results.extend(fast(x) for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    for result in results:
        assert_matches(result, expected, 10)
    assert fast.stats()["specializations"] == 1


def test_capture_does_not_import_dynamo() -> None:
    # torch._dynamo and what it brings take a second to import, which a first call would pay.
    script = """
import sys
import torch, torshjit
module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.GELU(), torch.nn.LayerNorm(3)).eval()
torshjit.compile(module, target_device="interpreter", strict=True)(torch.randn(2, 4))
print(sorted(name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules))
"""
    before = "import torch, sys\nprint('torch._dynamo' in sys.modules)"
    if subprocess.run(
        [sys.executable, "-c", before], capture_output=True, text=True, check=True
    ).stdout.startswith("True"):
        pytest.skip("this torch imports torch._dynamo by itself")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
