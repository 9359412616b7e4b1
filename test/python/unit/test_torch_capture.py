# SPDX-License-Identifier: Apache-2.0
"""What the torch capture records: locations, in-place operations, trees, refusals."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

from interpreted_capture import (  # noqa: E402
    assert_captured,
    assert_matches,
    capture,
    interpreted,
    run,
)
from torch import nn  # noqa: E402

from torshjit.capture.graph_function import ArgumentLeaf, ValueLeaf  # noqa: E402
from torshjit.errors import (  # noqa: E402
    CaptureError,
    DeviceError,
    DTypeError,
    ShapeError,
    UnsupportedOpError,
)

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def line_of(function: Any, text: str) -> int:
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if text in line)


# In-place operations and views.


def in_place_on_intermediate(x):
    y = x * 1
    y.add_(2).mul_(x).clamp_(max=1)
    return y


def write_through_view(x):
    y = x + 0
    y[1] = 5
    y[:, 2] += x[:, 0]
    y.t()[0, 1:].zero_()
    return y, y.sum()


def view_sees_write(x):
    y = x + 0
    row, flat = y[0], y.view(-1)
    y.mul_(3)
    row.add_(1)
    return row, flat, y


def chunk_is_a_view(x):
    y = x + 0
    left, right = y.chunk(2, dim=1)
    left.copy_(right)
    return y


def fill_buffer(x):
    out = torch.zeros(2, 3, 4)
    out[0] = x
    out[1, :, 1:3] = x[:, :2]
    out[..., -1] = 7
    return out


def masked_assignment(x):
    y = x.clone()
    y[y < 0] = 0
    y[x > 1] = x.max()
    return y


def promotes_into_target(x):
    y = x.to(torch.float16)
    y += x
    z = torch.ones(4, dtype=torch.int64)
    z += torch.arange(4)
    return y, z


def permutes_of_permutes(x):
    y = (x + 0).reshape(3, 2, 2)
    z = y.permute(2, 0, 1).permute(1, 2, 0).transpose(0, 2)
    z.transpose(0, 2)[0] = 7
    return y, z, y.permute(1, 2, 0).permute(1, 2, 0)


def metadata_in_place(x):
    y = x + 0
    y.transpose_(0, 1).unsqueeze_(0)
    y[0, 1] = 2
    y.squeeze_(0)
    return y


def relu_in_place_after_reshape(x):
    y = (x + 0).reshape(-1)
    return y.relu_()


def known_contents(x):
    mask = torch.tril(torch.ones(3, 3, dtype=torch.bool))
    weights = torch.arange(3).float().softmax(0)
    scale = weights.max().item()
    if bool(mask[0, 0]):
        weights = weights[mask.sum(1) - 1]
    count = torch.zeros(())
    for _ in range(2):
        count += 1
    return x * scale, weights, x[:, :3].masked_fill(~mask, 0), x + count


def writes_out(x):
    result = torch.empty(3, 4)
    torch.add(x, 1, out=result)
    return result


@pytest.mark.parametrize(
    "program",
    [
        in_place_on_intermediate,
        write_through_view,
        view_sees_write,
        chunk_is_a_view,
        permutes_of_permutes,
        fill_buffer,
        masked_assignment,
        promotes_into_target,
        metadata_in_place,
        relu_in_place_after_reshape,
        known_contents,
        writes_out,
    ],
    ids=lambda program: program.__name__,
)
def test_program(program: Any) -> None:
    assert_captured(program, X)


def add_to_argument(x):
    x.add_(1)
    return x * 2


def write_to_view_of_argument(x):
    x[0] = 1
    return x * 2


def relu_in_place_on_argument(x):
    return torch.relu_(x.reshape(4, 3))


def ambiguous_alias(x):
    y = x + 0
    z = y.t().reshape(-1)
    z.add_(1)
    return y, z


def expanded_write(x):
    y = (x[:1] + 0).expand(3, 4)
    y[0] = 1
    return y


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (add_to_argument, "in place to the argument"),
        (write_to_view_of_argument, "in place to the argument"),
        (relu_in_place_on_argument, "in place to the argument"),
        (ambiguous_alias, "may share memory"),
        (expanded_write, "expanded view"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_write_that_would_be_lost(program: Any, message: str) -> None:
    before = X.clone()
    with pytest.raises(CaptureError, match=message) as caught:
        capture(program, X)
    assert caught.value.location is not None
    assert caught.value.location[0] == __file__
    assert torch.equal(X, before)


def test_parameter_is_not_written() -> None:
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            self.count += 1
            return x + self.count

    module = Counter()
    with pytest.raises(CaptureError, match="count"):
        capture(module, X)
    assert module.count.item() == 0
    assert not module.count.is_meta


def test_batch_norm_in_training_is_refused() -> None:
    module = nn.BatchNorm1d(4)
    with pytest.raises(CaptureError, match="num_batches_tracked"):
        capture(module, X)
    assert module.num_batches_tracked.item() == 0
    mean, variance = torch.zeros(4), torch.ones(4)
    with pytest.raises(CaptureError, match="writes in place to mean"):
        capture(lambda x: nn.functional.batch_norm(x, mean, variance, training=True), X)


# What a program asks for.


def asks_item(x):
    scale = x.sum().item()
    return x * scale


def asks_bool(x):
    if x.sum() > 0:
        return x
    return -x


def asks_shape_of_data(x):
    return x[x > 0]


def asks_nonzero(x):
    return x.nonzero()


def asks_numpy(x):
    return torch.from_numpy(x.numpy())


def draws(x):
    return x + torch.poisson(x)


def uses_autocast(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return x @ x.t()


def makes_meta(x):
    return x + torch.tensor([1.0], device="meta")


def returns_object(x):
    return {1, 2}


def returns_nothing(x):
    x * 2


def changes_container(x, rest):
    rest.append(x)
    return x


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (asks_item, "x.sum().item()"),
        (asks_bool, "if x.sum() > 0"),
        (asks_shape_of_data, "x[x > 0]"),
        (asks_nonzero, "x.nonzero()"),
        (asks_numpy, "x.numpy()"),
        (draws, "torch.poisson"),
        (uses_autocast, "x @ x.t()"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refusal_names_the_line(program: Any, line: str) -> None:
    with pytest.raises(CaptureError) as caught:
        capture(program, X)
    assert caught.value.location == (__file__, line_of(program, line))


@pytest.mark.parametrize("program", [makes_meta, returns_object, returns_nothing])
def test_refusal(program: Any) -> None:
    with pytest.raises(CaptureError):
        capture(program, X)


def test_tensors_are_made_where_the_arguments_are() -> None:
    def program(x):
        assert x.device == torch.device("cpu")
        return (x + torch.tensor([1.0, 2.0], device=x.device))[[2, 0]]

    assert_captured(program, torch.randn(3, 2))


def test_changed_container_of_arguments() -> None:
    with pytest.raises(CaptureError, match="container"):
        capture(changes_container, X, [X])


def test_swallowed_error_voids_the_capture() -> None:
    def program(x):
        try:
            return x * x.sum().item()
        except Exception:
            return x

    with pytest.raises(CaptureError, match="asks for the value"):
        capture(program, X)


def test_uncovered_operation_names_itself() -> None:
    with pytest.raises(UnsupportedOpError, match=r"aten\._linalg_eigh") as caught:
        capture(torch.linalg.eigh, torch.eye(3))
    assert caught.value.op == "aten._linalg_eigh.default"
    with pytest.raises(UnsupportedOpError, match="too large for unrolled steps"):
        capture(torch.linalg.inv, torch.eye(40))


def test_shape_error_names_operation_and_line() -> None:
    def program(x):
        return x @ torch.ones(3, 5) if x.ndim == 2 else x

    with pytest.raises(ShapeError) as caught:
        capture(program, X)
    assert caught.value.op == "aten.matmul.default"
    assert caught.value.location == (__file__, line_of(program, "x @ torch.ones"))
    with pytest.raises(ShapeError, match="invalid for a tensor of 12 elements"):
        capture(lambda x: x.view(5, -1), X)


def test_unsupported_arguments() -> None:
    with pytest.raises(DTypeError, match="float8"):
        capture(lambda x: x + 1, torch.zeros(3, dtype=torch.float8_e4m3fn))
    with pytest.raises(DTypeError, match="complex"):
        capture(lambda x: x * 1j, X)
    with pytest.raises(DeviceError, match="meta"):
        capture(lambda x: x + 1, torch.zeros(3, device="meta"))
    with pytest.raises(CaptureError, match="layout"):
        capture(lambda x: x, X.to_sparse())
    with pytest.raises(CaptureError, match="type object"):
        capture(lambda x, y: x, X, object())
    with pytest.raises(CaptureError, match="not a plain tensor"):
        torch.func.vmap(lambda x: capture(torch.relu, x))(X)
    with pytest.raises((CaptureError, DeviceError), match=r"(?i)cuda"):
        capture(lambda x: x.to("cuda"), X)


def test_capture_within_a_capture_is_refused() -> None:
    def program(x):
        return run(capture(torch.relu, x), x)

    with pytest.raises((CaptureError, DeviceError)):
        capture(program, X)


# Trees, identity, locations.


def test_nested_arguments_and_results() -> None:
    def program(batch, *, factor, flags):
        y = batch["x"] * factor + batch["pair"][1]
        return {"y": y, "both": (y, [y + 1, None, "text"]), "flag": flags[0]}

    batch = {"x": X, "pair": (X + 1, X + 2)}
    assert_captured(program, batch, factor=2.5, flags=[True])


def test_arguments_and_parameters_returned_as_they_are() -> None:
    parameter = nn.Parameter(torch.ones(4))

    def program(x):
        return x, parameter, x + parameter

    tree = capture(program, X).output_tree
    assert tree[0] == ArgumentLeaf(0)
    assert isinstance(tree[1], ValueLeaf)
    assert tree[1].value is parameter


def test_operations_carry_the_users_line() -> None:
    def program(x):
        y = x * 2
        return torch.tanh(y)

    ops = {op.name: op.location for op in capture(program, X).module.graph("main").ops}
    assert ops["torsh.tanh"] == (__file__, line_of(program, "torch.tanh"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64])
def test_non_contiguous_arguments(dtype: Any) -> None:
    x = torch.arange(24).reshape(2, 3, 4).to(dtype)
    for view in (x.transpose(0, 2), x[:, ::2], x[..., 1].expand(5, 2, 3)):
        assert_captured(lambda t: t * 2 + t.sum(0), view)


def test_grad_sensitivity_follows_float_tensors() -> None:
    assert capture(lambda x: x + 1, X).grad_sensitive
    assert not capture(lambda x: x + 1, torch.arange(3)).grad_sensitive


def test_result_kept_from_an_earlier_capture_is_refused() -> None:
    kept: dict[str, Any] = {}

    class Box:
        pass

    box = Box()

    def program(x):
        if not hasattr(box, "kept"):
            box.kept = x * 2
        return box.kept + x

    capture(program, X)
    with pytest.raises(CaptureError, match="earlier capture"):
        capture(program, X)
    assert not kept


def test_rnn_layers_decompose() -> None:
    x = torch.randn(2, 5, 4)
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        assert_captured(kind(4, 8, batch_first=True).eval(), x, scale=4)


def test_operations_that_torch_writes_in_python_decompose() -> None:
    from torch.nn.modules import linear_cross_entropy_options

    options = linear_cross_entropy_options.LinearCrossEntropyOptions(batch_chunk_size=2)

    x, weight, target = torch.randn(8, 3), torch.randn(4, 3), torch.randint(0, 4, (8,))
    for reduction in ("none", "mean"):
        assert_captured(
            lambda *args, how=reduction: nn.functional.linear_cross_entropy(
                *args, reduction=how, options=options
            ),
            x,
            weight,
            target,
            scale=4,
        )


def test_interpreted_results_do_not_depend_on_grad_mode() -> None:
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(2, 3, 8)
    with torch.no_grad():
        first = interpreted(module, x)
    second = interpreted(module, x)
    assert_matches(first, second)


def test_a_transposition_that_is_undone_leaves_nothing() -> None:
    captured = capture(lambda x: x.t().t() @ x.t(), X)
    assert str(captured.module).count("torsh.permute") == 1
