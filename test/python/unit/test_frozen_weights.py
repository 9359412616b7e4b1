# SPDX-License-Identifier: Apache-2.0
"""Weights that are taken as they are, and what depends on them alone: it runs once."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

import torshjit
from torshjit.errors import CaptureError, ConfigError, TorshError
from torshjit.targets import Target


class Scaled(nn.Module):
    """``x @ (w @ w.T)``: a product of the weights, and one with the argument."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 16))
        self.bias = nn.Parameter(torch.randn(16))
        self.register_buffer("shift", torch.randn(16))

    def forward(self, x):
        return x @ (self.weight @ self.weight.t()) + self.bias - self.shift.exp()


def frozen(module, **options):
    return torshjit.compile(module.eval(), freeze=True, strict=True, **options)


@pytest.fixture(autouse=True)
def no_grad():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


@pytest.mark.parametrize("target", ["cpu", "cuda-emulated", "vulkan", "interpreter"])
def test_results_are_those_of_eager_on_each_target(target):
    if problem := Target.parse(target).kind.device_problem():
        pytest.skip(problem)
    module, x = Scaled(), torch.randn(4, 16)
    compiled = frozen(module, target_device=target)
    for _ in range(2):
        torch.testing.assert_close(compiled(x), module(x), rtol=1e-5, atol=1e-4)
    # The interpreter is the reference: it computes everything at each call.
    assert bool(compiled.stats()["once_launches"]) == (target != "interpreter")


def test_what_depends_on_weights_alone_runs_once():
    compiled = frozen(Scaled())
    x = torch.randn(4, 16)
    for _ in range(3):
        compiled(x)
    stats = compiled.stats()
    assert stats["once_launches"] >= 1
    assert stats["constant_bytes"] >= 4 * 16 * 16
    (row,) = compiled.explain(structured=True)["specializations"]
    assert sum(row["once"].values()) == stats["once_launches"]
    assert "run once, when it was loaded:" in compiled.explain()
    assert "torsh.once" in compiled.ir("linalg")
    assert "torsh.frozen" in compiled.ir("capture")


def test_without_freeze_nothing_of_a_module_runs_once():
    compiled = torshjit.compile(Scaled().eval(), strict=True)
    compiled(torch.randn(4, 16))
    assert compiled.stats()["once_launches"] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.weight.mul_(3),
        lambda module: module.bias.data.add_(1),
        lambda module: module.shift.zero_(),
        lambda module: setattr(module, "bias", nn.Parameter(torch.zeros(16))),
    ],
    ids=["read once", "read by calls", "buffer", "rebound"],
)
def test_a_change_is_seen_after_refreezing_and_not_before(change):
    module, x = Scaled(), torch.randn(4, 16)
    compiled = frozen(module)
    before = compiled(x)
    change(module)
    assert torch.equal(compiled(x), before)
    compiled.refreeze()
    torch.testing.assert_close(compiled(x), module(x), rtol=1e-5, atol=1e-4)
    assert not torch.equal(compiled(x), before)


def test_each_signature_takes_the_weights_as_they_are_when_it_is_compiled():
    module, few, many = Scaled(), torch.randn(2, 16), torch.randn(5, 16)
    compiled = frozen(module)
    first = compiled(few)
    module.bias.add_(1)
    torch.testing.assert_close(compiled(many), module(many), rtol=1e-5, atol=1e-4)
    assert torch.equal(compiled(few), first)


def test_signatures_share_a_copy_of_what_calls_read():
    compiled = frozen(nn.Linear(256, 256, bias=False))
    for rows in (1, 2):
        compiled(torch.randn(rows, 256))
    copies = [each.frozen_copies for each in compiled._specializations]
    for number, array in copies[0].items():
        assert copies[1].get(number, array) is array


def test_threads_that_call_first_at_once_agree():
    module, x = Scaled(), torch.randn(4, 16)
    compiled, expected = frozen(module), module(x)
    results, start = [], threading.Barrier(6)

    def call():
        with torch.no_grad():
            start.wait()
            results.append(compiled(x))

    threads = [threading.Thread(target=call) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(results) == 6
    for result in results:
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-4)
    assert compiled.stats()["specializations"] == 1


def test_a_saved_program_keeps_the_weights_and_what_runs_once(tmp_path):
    module, x = Scaled(), torch.randn(4, 16)
    compiled = frozen(module)
    expected = compiled(x)
    module.bias.add_(1)  # The program has a copy of it.
    compiled.save(tmp_path / "scaled.torsh")
    loaded = torshjit.load(tmp_path / "scaled.torsh")
    assert torch.equal(loaded(x), expected)
    assert loaded.stats()["once_launches"] == compiled.stats()["once_launches"]
    with pytest.raises(TorshError, match="without freeze"):
        loaded.refreeze()


def test_a_weight_of_which_there_is_no_copy_is_not_saved_after_a_write(tmp_path):
    module = Scaled()
    compiled = frozen(module)
    compiled(torch.randn(4, 16))
    module.weight.add_(1)
    with pytest.raises(TorshError, match=r"weight was written after it was frozen.*refreeze"):
        compiled.save(tmp_path / "scaled.torsh")
    compiled.refreeze()
    expected = compiled(x := torch.randn(4, 16))
    compiled.save(tmp_path / "scaled.torsh")
    assert torch.equal(torshjit.load(tmp_path / "scaled.torsh")(x), expected)


def test_memory_is_released_with_the_executable():
    module = nn.Linear(512, 512).eval()
    compiled = frozen(module)
    compiled(torch.randn(1, 512))
    held = [weakref.ref(each) for each in compiled._specializations[0].frozen_copies.values()]
    assert held
    del compiled
    gc.collect()
    assert all(each() is None for each in held)


def test_training_mode_is_refused():
    with pytest.raises(ConfigError, match=r"Scaled is in training mode; call its eval\(\) first"):
        torshjit.compile(Scaled().train(), freeze=True)(torch.randn(4, 16))


def test_a_buffer_that_is_written_is_refused():
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(3))

        def forward(self, x):
            self.count.add_(1)
            return x + self.count

    with pytest.raises(ConfigError, match="the program writes to count"):
        torshjit.compile(Counter().eval(), freeze=True)(torch.randn(3))


def test_arguments_may_be_written():
    module = Scaled()

    def step(x, cache):
        cache.add_(1)
        return module(x) + cache

    x, cache = torch.randn(4, 16), torch.zeros(16)
    result = torshjit.compile(step, freeze=True, strict=True)(x, cache)
    torch.testing.assert_close(result, module(x) + 1, rtol=1e-5, atol=1e-4)
    assert torch.equal(cache, torch.ones(16))


def test_there_are_no_gradients_of_frozen_programs():
    module, x = Scaled(), torch.randn(4, 16)
    compiled = frozen(module)
    with torch.enable_grad():
        # Of weights none are asked for.
        assert not compiled(x).requires_grad
        with pytest.raises(CaptureError, match="no gradients"):
            compiled(x.requires_grad_())


def test_arrays_around_a_function_are_frozen():
    weights = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)

    @torshjit.compile(freeze=True, strict=True)
    def project(x):
        return x @ np.exp(weights.T @ weights)

    x = np.eye(8, dtype=np.float32)
    expected = x @ np.exp(weights.T @ weights)
    np.testing.assert_allclose(project(x), expected, rtol=1e-4)
    weights[:] = 0
    np.testing.assert_allclose(project(x), expected, rtol=1e-4)
    project.refreeze()
    np.testing.assert_allclose(project(x), np.ones((8, 8)), rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_element_types_and_layouts(dtype):
    module = nn.Linear(24, 40).to(dtype)
    module.weight.data = torch.randn(24, 40, dtype=dtype).t()  # not contiguous
    x = torch.randn(3, 24, dtype=dtype)
    torch.testing.assert_close(frozen(module)(x), module(x), rtol=2e-2, atol=2e-2)


def test_empty_weights_and_open_extents():
    class Empty(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(0, 8))

        def forward(self, x):
            return torch.cat([x, self.weight.exp() * 2])

    module, x = Empty(), torch.randn(2, 8)
    torch.testing.assert_close(frozen(module)(x), module(x))


def test_constants_of_an_mlir_program_run_once():
    compiled = torshjit.compile("""
      func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
        %c = torsh.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
        %0 = torsh.matmul %c, %c : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
        %1 = torsh.matmul %x, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
        return %1, %0 : tensor<2x2xf32>, tensor<2x2xf32>
      }""")
    squared = np.array([[7, 10], [15, 22]], np.float32)
    for _ in range(2):
        product, constant = compiled(2 * np.eye(2, dtype=np.float32))
        np.testing.assert_array_equal(product, 2 * squared)
        np.testing.assert_array_equal(constant, squared)
        constant[:] = 0  # The caller's own.
    assert compiled.stats()["once_launches"] == 1


def test_torch_compile_hands_weights_over_as_arguments():
    compiled = torch.compile(
        Scaled().eval(), backend="torshjit", options={"freeze": True}, dynamic=False
    )
    with pytest.raises(Exception, match=r"freeze=True is an option of torshjit\.compile"):
        compiled(torch.randn(4, 16))


def _with_statistics(module):
    for each in module.modules():
        if hasattr(each, "running_mean"):
            each.running_mean.normal_()
            each.running_var.uniform_(0.5, 2)
            if each.affine:
                each.weight.normal_()
                each.bias.normal_()
    return module.eval()


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ((nn.Conv2d(6, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU()), (2, 6, 7, 9)),
        ((nn.Conv1d(3, 5, 3, bias=False), nn.BatchNorm1d(5, affine=False)), (2, 3, 11)),
        ((nn.Conv3d(2, 3, 2, stride=2), nn.BatchNorm3d(3)), (1, 2, 5, 6, 4)),
        ((nn.Linear(7, 9, bias=False), nn.BatchNorm1d(9), nn.GELU()), (4, 7)),
    ],
    ids=["grouped", "one axis", "three axes", "linear"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("target", ["cpu", "cuda-emulated"])
def test_batch_norms_become_part_of_weights(layers, shape, dtype, target):
    module = _with_statistics(nn.Sequential(*layers).to(dtype))
    x = torch.randn(shape, dtype=dtype)
    compiled = frozen(module, target_device=target)
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 3e-2}[dtype]
    torch.testing.assert_close(compiled(x), module(x), rtol=tolerance, atol=10 * tolerance)
    # Of its scale, shift and weights nothing is left to a call.
    (row,) = compiled.explain(structured=True)["specializations"]
    per_call = [each for each in row["groups"] if each["kernel"] not in row["once"]]
    assert len(per_call) == 1
    assert ("mul" in per_call[0]["kernel"]) == (dtype is torch.bfloat16)


def test_weights_that_torch_does_not_count_writes_to(tmp_path):
    with torch.inference_mode():
        module, x = Scaled(), torch.randn(4, 16)
        compiled = frozen(module)
        before = compiled(x)
        module.weight.mul_(2)
        module.bias.mul_(2)
        compiled.save(tmp_path / "scaled.torsh")
        assert torch.equal(torshjit.load(tmp_path / "scaled.torsh")(x), before)


def test_the_captured_program_compiles_as_one_of_arguments():
    compiled = frozen(nn.Linear(3, 2))
    compiled(torch.zeros(1, 3))
    text = compiled.ir("capture")
    assert "torsh.frozen" in text
    program = torshjit.compile(text)
    x, w, b = np.ones((1, 3), np.float32), np.ones((2, 3), np.float32), np.ones(2, np.float32)
    np.testing.assert_array_equal(program(x, w, b), [[4, 4]])
    np.testing.assert_array_equal(program(x, 2 * w, b), [[7, 7]])


def test_random_numbers_are_drawn_at_each_call():
    class Noisy(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, training=True) + torch.rand(8)

    compiled, x = frozen(Noisy()), torch.randn(8)
    assert not torch.equal(compiled(x), compiled(x))
    torch.manual_seed(1)
    first = compiled(x)
    torch.manual_seed(1)
    assert torch.equal(compiled(x), first)
