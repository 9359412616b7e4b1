# SPDX-License-Identifier: Apache-2.0
"""The call path with torch tensors."""

import numpy as np
import pytest
from runtime_program import (
    BIG,
    add_program,
    executable,
    launch,
    output,
    program,
    run_python,
    tensor,
)

import torshjit
from torshjit import _runtime

torch = pytest.importorskip("torch")
_runtime.register_torch(torch)

LEAF = ("leaf", 0, "torch")
ARRAY = ("array", "torch", "f32", (4,))
X = torch.arange(4, dtype=torch.float32)


@pytest.fixture(params=["library", "attributes"], autouse=True)
def how_tensors_are_asked(request):
    with_library = request.param == "library"
    _runtime.register_torch(torch, with_library=with_library)
    assert _runtime.has_torch_library() == with_library
    yield
    _runtime.register_torch(torch)


class Module(_runtime.Dispatcher):
    def _specialize(self, args, kwargs):
        return None

    def _call_with_grad(self, args, kwargs):
        return ("with grad", args, kwargs)


def adder(shape=(4,), bound=None, **options):
    call = Module()
    node = ("array", "torch", "f32", shape)
    call.add_specialization(
        ((node,) if bound is not None else (node, node), {}),
        executable(add_program(shape)),
        [("arg", 0), ("arg", 1) if bound is None else ("object", bound)],
        LEAF,
        **options,
    )
    return call


def test_tensors_in_and_out():
    call = adder()
    for x in (X, X * 3, torch.zeros(4)):
        z = call(x, X)
        assert z.dtype == torch.float32
        assert z.device.type == "cpu"
        assert torch.equal(z, x + X)
    alive = [call(X * i, X) for i in range(4)]
    assert len({z.data_ptr() for z in alive}) == 4
    for i, z in enumerate(alive):
        assert torch.equal(z, X * i + X)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: X.double(), TypeError),
        (lambda: torch.zeros(3), ValueError),
        (lambda: torch.zeros(4, 1), ValueError),
        (lambda: torch.zeros(4, device="meta"), torshjit.DeviceError),
        (lambda: X.numpy(), TypeError),
        (lambda: 3, TypeError),
    ],
)
def test_wrong_tensors(make, error):
    with pytest.raises(error, match="argument 1: expected a f32 torch tensor of shape"):
        adder()(X, make())


def test_strided_and_negated_views():
    call = adder()
    assert torch.equal(call(torch.arange(8.0)[::2], X), torch.arange(8.0)[::2] + X)
    assert torch.equal(call(torch.zeros(1).expand(4), X), X)
    conjugate = torch.view_as_complex(torch.arange(8.0).reshape(4, 2)).conj()
    assert conjugate.imag.is_neg()
    assert torch.equal(call(conjugate.imag, X), conjugate.imag + X)
    matrix = torch.arange(12.0).reshape(3, 4)
    assert torch.equal(adder((4, 3))(matrix.t(), matrix.t()), 2 * matrix.t())


def test_parameters_are_read_where_they_live():
    weight = torch.nn.Parameter(torch.ones(4))
    call = adder(bound=weight)
    assert torch.equal(call(X), X + 1)
    with torch.no_grad():
        weight.mul_(3)
    assert torch.equal(call(X), X + 3)
    weight.data = torch.arange(8.0)[::2]
    assert torch.equal(call(X), X + torch.arange(8.0)[::2])
    weight.data = torch.zeros(5)
    with pytest.raises(ValueError, match='bound object for input "x1"'):
        call(X)


def test_parameters_are_read_whatever_is_done_to_them():
    weight = torch.nn.Parameter(torch.ones(4), requires_grad=False)
    call = adder(bound=weight)
    assert torch.equal(call(X), X + 1)
    torch.utils.swap_tensors(weight, torch.nn.Parameter(torch.full((4,), 2.0)))
    assert torch.equal(call(X), X + 2)
    weight.data = torch._neg_view(torch.full((4,), 5.0))
    assert torch.equal(call(X), X - 5)
    weight.data = torch.zeros(1).expand(4)
    assert torch.equal(call(X), X)
    for changed in (
        torch.ones(4).double(),
        torch.ones(2, 2),
        torch.ones(4, device="meta"),
        torch.ones(4, requires_grad=False).to_sparse(),
    ):
        torch.utils.swap_tensors(weight, torch.nn.Parameter(changed, requires_grad=False))
        with pytest.raises((TypeError, ValueError, RuntimeError, torshjit.TorshError)):
            call(X)
    torch.utils.swap_tensors(weight, torch.nn.Parameter(torch.full((4,), 3.0)))
    assert torch.equal(call(X), X + 3)


def test_tensors_of_other_classes_answer_for_themselves():
    class Loud(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(func)
            return super().__torch_function__(func, types, args, kwargs or {})

    asked = []
    x = X.as_subclass(Loud)
    result = adder()(x, X)
    assert asked
    assert type(result) is torch.Tensor
    assert torch.equal(result, X + X)


def test_a_tensor_of_zeros_without_memory():
    zeros = torch._efficientzerotensor(4)
    assert torch.equal(adder()(zeros, X), X)
    freed = torch.ones(4)
    freed.untyped_storage().resize_(0)
    with pytest.raises(torshjit.TorshError, match="its storage was freed"):
        adder()(freed, X)


def test_tensors_under_a_function_transform_are_refused():
    call = adder()
    with pytest.raises(RuntimeError):
        torch.func.vmap(lambda x: call(x, X))(torch.ones(3, 4))


def test_gradients_go_another_way():
    weight = torch.nn.Parameter(torch.ones(4))
    call = adder(bound=weight, grad_sensitive=True)
    assert call(X)[0] == "with grad"
    with torch.no_grad():
        assert torch.equal(call(X), X + 1)
    with torch.inference_mode():
        assert torch.equal(call(X), X + 1)
    weight.requires_grad_(False)
    assert torch.equal(call(X), X + 1)
    x = X.clone().requires_grad_()
    tag, args, kwargs = call(x)
    assert (tag, args[0] is x, kwargs) == ("with grad", True, {})
    assert isinstance(adder(bound=weight)(x), torch.Tensor)


def test_results_are_normal_tensors_after_inference_mode():
    with torch.inference_mode():
        adder((2,))(torch.ones(2), torch.ones(2))
    result = adder((2,))(torch.ones(2), torch.ones(2))
    assert not result.is_inference()
    result.requires_grad_()
    (result * result).sum().backward()
    assert torch.equal(result.grad, torch.full((2,), 4.0))


def test_results_ignore_the_default_device():
    torch.set_default_device("meta")
    try:
        result = adder((3, 7))(*[torch.ones(3, 7, device="cpu")] * 2)
    finally:
        torch.set_default_device(None)
    assert torch.equal(result, torch.full((3, 7), 2.0))


@pytest.mark.parametrize("size", [4, BIG])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int16, torch.uint16])
def test_two_byte_types(dtype, size):
    name = {torch.bfloat16: "bf16", torch.float16: "f16", torch.uint16: "ui16"}.get(dtype, "i16")
    copy = executable(
        program(
            [tensor([size], name)],
            [output([size], name)],
            [launch("copy_u16", [0, 1], [size])],
            [1],
        )
    )
    x = torch.arange(size).to(dtype)
    (z,) = copy.run([x], results="torch")
    assert z.dtype == dtype
    assert torch.equal(z, x)


def test_large_tensors_are_recycled_but_never_while_alive():
    call = adder((BIG,))
    x = torch.ones(BIG)
    alive = [call(x * i, x) for i in range(4)]
    view = alive[1][5:9]
    address = alive[0].data_ptr()
    del alive[1], alive[0]
    later = [call(x * 50, x) for _ in range(3)]
    assert address in {z.data_ptr() for z in later}
    assert torch.equal(view, torch.full((4,), 2.0))
    assert torch.equal(alive[0], torch.full((BIG,), 3.0))


def test_scalar_tensor_and_empty_tensor():
    total = Module()
    source = program([tensor([4])], [output([])], [launch("sum", [0, 1], [4])], [1])
    total.add_specialization(((ARRAY,), {}), executable(source), [("arg", 0)], LEAF)
    assert total(X).shape == ()
    assert total(X).item() == 6
    assert adder((0, 3))(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0, 3)


def test_simple_run_takes_both():
    run = executable(add_program([4]))
    (mixed,) = run.run([X, np.ones(4, np.float32)])
    np.testing.assert_array_equal(mixed, X.numpy() + 1)


def test_torch_is_not_imported_and_must_be_registered():
    code = """
import sys
import torshjit
from runtime_program import *
run = executable(add_program([4]))
import numpy as np
x = np.ones(4, np.float32)
run.run([x, x])
assert "torch" not in sys.modules
try: run.run([x, x], results="torch")
except torshjit.TorshError as e: print(e)
"""
    assert run_python(code).stdout == ("torch tensors are asked for, but torch is not registered\n")


def test_a_mode_that_replaces_tensors_does_not_mislead_registration():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        _runtime.register_torch(torch, with_library=False)
        _runtime.register_torch(torch)
        assert not _runtime.has_torch_library()
    assert torch.equal(adder()(X, X), X + X)
    _runtime.register_torch(torch)
    assert _runtime.has_torch_library()
