# SPDX-License-Identifier: Apache-2.0
"""Every ATen overload that the capture covers gives eager's result, dtype and shape."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torshjit._compiler")

import torch_backward_cases  # noqa: E402, F401
import torch_geometry_cases  # noqa: E402, F401
import torch_position_cases  # noqa: E402, F401
import torch_special_cases  # noqa: E402, F401
from interpreted_capture import assert_matches, interpreted  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch_overload_cases import CASES, Case, Tensor  # noqa: E402

from torshjit.capture.torch_handlers import RULES, VIEWS  # noqa: E402

#: Overloads whose results differ in form, with tests of their own below.
TESTED_APART = {
    "aten._scaled_dot_product_flash_attention_for_cpu_backward.default",
    "prims.convert_element_type.default",
    # test_torch_indexing.py
    "aten.masked_select.default",
    "aten.segment_reduce.default",
    "aten._embedding_bag.default",
    "aten._embedding_bag_forward_only.default",
    "aten.histogram.bins_tensor",
    "aten.repeat_interleave.Tensor",
    # test_torch_argument_writes.py
    "aten._batch_norm_with_update.default",
    # e2e/test_torch_quantized.py
    "aten._int_mm.default",
    "aten._weight_int8pack_mm.default",
    # test_torch_random.py and test_torch_linalg.py
    *(
        n
        for n, rule in RULES.items()
        if rule.__module__.endswith((".torch_random", ".torch_linalg"))
    ),
}


def overload_of(name: str) -> Any:
    _, packet, overload = name.split(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


def _parameters() -> list:
    seen: Counter[str] = Counter()
    parameters = []
    for case in CASES:
        number = seen[case.overload]
        seen[case.overload] += 1
        for dtype in case.dtypes:
            name = f"{case.overload.removeprefix('aten.')}-{number}-{str(dtype)[6:]}"
            parameters.append(pytest.param(case, dtype, id=name))
    return parameters


def _made(argument: Any, dtype: Any, generator: Any) -> Any:
    if isinstance(argument, Tensor):
        return argument.make(dtype, generator)
    if isinstance(argument, list):
        return [_made(item, dtype, generator) for item in argument]
    return argument


@pytest.mark.parametrize(("case", "dtype"), _parameters())
def test_overload_gives_what_eager_gives(case: Case, dtype: Any) -> None:
    generator = torch.Generator().manual_seed(len(case.overload))
    args = _made(list(case.args), dtype, generator)
    # A keyword that is also a name of the case's own fields ends in an underscore.
    kwargs = {name.rstrip("_"): value for name, value in case.kwargs.items()}
    function = overload_of(case.overload)
    try:
        expected = function(*args, **kwargs)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"eager refuses: {error}")
    actual = interpreted(lambda *tensors: function(*tensors, **kwargs), *args)
    assert_matches(actual, expected, case.scale)


def test_every_covered_overload_has_a_case() -> None:
    assert {case.overload for case in CASES} | TESTED_APART == set(RULES) | set(VIEWS)


def test_no_case_is_refused_by_eager_in_every_dtype() -> None:
    for case in CASES:
        refused = 0
        for dtype in case.dtypes:
            args = _made(list(case.args), dtype, torch.Generator().manual_seed(1))
            kwargs = {name.rstrip("_"): value for name, value in case.kwargs.items()}
            try:
                overload_of(case.overload)(*args, **kwargs)
            except (RuntimeError, NotImplementedError):
                refused += 1
        assert refused < len(case.dtypes), case


@pytest.mark.parametrize("kind", ["full", "causal", "hidden", "bias", "grouped"])
def test_gradient_of_the_attention_kernel_of_the_cpu(kind: str) -> None:
    forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default
    q, k, v, grad = torch.randn(4, 2, 4, 5, 8).unbind(0)
    if kind == "grouped":
        k, v = k[:, :2], v[:, :2]
    mask = None
    if kind == "bias":
        mask = torch.randn(5, 5)
    elif kind == "hidden":
        mask = torch.zeros(5, 5).masked_fill(torch.rand(5, 5) < 0.5, -torch.inf)
        mask[2] = -torch.inf
    rest = (0.0, kind == "causal")

    def attend(*tensors: Any) -> Any:
        return forward(*tensors, *rest, attn_mask=mask)

    result, total = attend(q, k, v)
    assert_matches(interpreted(attend, q, k, v), (result, total), 8)

    def differentiate(*tensors: Any) -> Any:
        return backward(*tensors, *rest, attn_mask=mask)

    given = (grad, q, k, v, result, total)
    assert_matches(interpreted(differentiate, *given), differentiate(*given), 8)


def test_a_query_that_sees_no_key_gives_zeros() -> None:
    q, k, v = torch.randn(3, 1, 2, 3, 4).unbind(0)
    mask = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])

    def attend(q: Any, k: Any, v: Any, mask: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    for given in (mask, torch.zeros(3, 3).masked_fill(~mask, -torch.inf)):
        result = interpreted(attend, q, k, v, given)
        assert_matches(result, attend(q, k, v, given), 4)
        assert not result[:, :, 1].any()


#: Spellings without a rule, which torch decomposes into covered overloads.
SPELLINGS = {
    "absolute": lambda x: torch.absolute(x),
    "and": lambda x: (x > 0) & (x < 1),
    "arcsin": lambda x: torch.arcsin(x / 8),
    "argmax_method": lambda x: x.argmax(),
    "broadcast_to": lambda x: torch.broadcast_to(x, (2, 3, 4)),
    "clip": lambda x: torch.clip(x, -1, 1),
    "concat": lambda x: torch.concat([x, x]),
    "cross_entropy": lambda x: F.cross_entropy(x, x.argmax(1)),
    "cross_entropy_of_probabilities": lambda x: F.cross_entropy(x, x.softmax(1)),
    "kl_div": lambda x: F.kl_div(x.log_softmax(1), x.flip(0).softmax(1), reduction="batchmean"),
    "l1_loss": lambda x: F.l1_loss(x, x + 1),
    "cosine_similarity": lambda x: torch.cosine_similarity(x, x + 1),
    "divide": lambda x: torch.divide(x, 3),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "fix": lambda x: torch.fix(x),
    "float_power": lambda x: x.abs().float_power(2),
    "greater": lambda x: torch.greater(x, 0),
    "hstack": lambda x: torch.hstack([x, x]),
    "inner": lambda x: torch.inner(x, x),
    "kron": lambda x: torch.kron(x, x),
    "matrix_H": lambda x: x.mH,
    "meshgrid": lambda x: torch.meshgrid(x[0], x[:, 0], indexing="ij"),
    "moveaxis": lambda x: torch.moveaxis(x, 0, 1),
    "normalize": lambda x: F.normalize(x),
    "ravel": lambda x: x.ravel(),
    "special_log_softmax": lambda x: torch.special.log_softmax(x, 0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "tensordot": lambda x: torch.tensordot(x, x, dims=2),
    "tile": lambda x: x.tile(2, 2),
    "true_divide": lambda x: torch.true_divide(x, 2),
    "vstack": lambda x: torch.vstack([x, x]),
}


@pytest.mark.parametrize("name", sorted(SPELLINGS))
def test_composite_spelling(name: str) -> None:
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(3))
    expected = SPELLINGS[name](x)
    expected = tuple(expected) if isinstance(expected, (tuple, list)) else expected
    assert_matches(interpreted(SPELLINGS[name], x), expected, 4)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32])
@pytest.mark.parametrize("ends", [(4.3, 8), (8.9, 0.7), (2.5, torch.tensor(9.99))], ids=str)
def test_linspace_takes_its_ends_as_numbers_of_the_result(ends: Any, dtype: Any) -> None:
    start, end = torch.tensor(ends[0]), ends[1]

    def run(start: Any) -> Any:
        return torch.linspace(start, end, 50, dtype=dtype)

    assert_matches(interpreted(run, start), run(start), 4)
