# SPDX-License-Identifier: Apache-2.0
"""Kernel bundles: parsing, variants, grids."""

import contextlib
import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import torshjit.compiled  # noqa: F401  (registers the package's error classes)
from torshjit import _runtime
from torshjit.errors import TorshError

LIMIT = 2**31 - 1


def variant(**changes):
    return {
        "entry": "torsh_kernel_softmax",
        "module": 0,
        "threads": 256,
        "shared_bytes": 1024,
        "grid": [[64, 13], [64, -1, 40]],
        **changes,
    }


def bundle(*variants, sizes=2):
    return {
        "version": 1,
        "target": "cuda",
        "architecture": "sm_90a",
        "kernels": {
            "softmax": {
                "operands": [
                    {"dtype": "f32", "access": "read"},
                    {"dtype": "bf16", "access": "write"},
                ],
                "sizes": sizes,
                "variants": list(variants) or [variant()],
            }
        },
        "modules": [{"ptx": "// code"}, {"spirv": "AAAA", "msl": "kernel"}],
    }


def load(source):
    return _runtime.KernelBundle(json.dumps(source))


def test_parts():
    loaded = load(bundle(variant(alignment=16, divisible=[[0, 4], [1, 2]]), variant()))
    assert (loaded.target, loaded.architecture) == ("cuda", "sm_90a")
    assert loaded.kernels == ["softmax"]
    assert loaded.modules == [{"ptx": "// code"}, {"spirv": "AAAA", "msl": "kernel"}]
    kernel = loaded.kernel("softmax")
    assert kernel["operands"] == [("f32", "read"), ("bf16", "write")]
    assert kernel["sizes"] == 2
    demanding, general = kernel["variants"]
    assert demanding["divisible"] == [(0, 4), (1, 2)]
    assert demanding["alignment"] == 16
    assert general == {
        "entry": "torsh_kernel_softmax",
        "module": 0,
        "threads": 256,
        "shared_bytes": 1024,
        "grid": [[64, 13], [64, -1, 40]],
        "alignment": 1,
        "divisible": [],
    }
    with pytest.raises(TorshError, match='the bundle has no kernel "gone"'):
        loaded.kernel("gone")


@pytest.mark.parametrize(
    ("addresses", "sizes", "expected"),
    [
        ([0, 0], [8, 6], 0),
        ([32, 256], [8, 6], 0),
        ([8, 256], [8, 6], 1),
        ([32, 264], [8, 6], 1),
        ([4, 256], [8, 6], 2),
        ([32, 256], [6, 6], 1),
        ([32, 256], [8, 5], 1),
        ([32, 256], [0, 0], 0),
    ],
)
def test_the_first_variant_that_fits_is_chosen(addresses, sizes, expected):
    loaded = load(
        bundle(variant(alignment=16, divisible=[[0, 4], [1, 2]]), variant(alignment=8), variant())
    )
    assert loaded.launch("softmax", addresses, sizes, LIMIT)[0] == expected


@pytest.mark.parametrize(
    ("grid", "sizes", "limit", "expected"),
    [
        ([[64, 13], [64, -1, 40]], [3, 0], LIMIT, 1 * 2),
        ([[256, -1, -2]], [100, 7], LIMIT, 3),
        ([[256, -1, -2]], [100, 7], 2, 2),
        ([[256, -1, -2]], [0, 7], LIMIT, 0),
        ([[256, -1, -2]], [100, -7], LIMIT, 0),
        ([[1, -1], [1, -2]], [5, 0], LIMIT, 0),
        ([], [5, 0], LIMIT, 1),
        ([[1]], [5, 0], LIMIT, 1),
        ([[1, -1, -1, -1], [1, -1]], [2**40, 0], LIMIT, LIMIT),
        ([[2**62, -1]], [2**63 - 1, 0], LIMIT, 2),
    ],
)
def test_grid_sizes(grid, sizes, limit, expected):
    assert load(bundle(variant(grid=grid))).launch("softmax", [0, 0], sizes, limit) == (0, expected)


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.lists(st.integers(-2, 1000), max_size=3)), max_size=3
    ),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_grid_sizes_are_the_product_of_rounded_up_quotients(factors, sizes):
    grid = [[per, *extents] for per, extents in factors]
    expected = math.prod(
        -(-math.prod(e if e >= 0 else sizes[-1 - e] for e in extents) // per)
        for per, extents in factors
    )
    _, blocks = load(bundle(variant(grid=grid))).launch("softmax", [0, 0], sizes, LIMIT)
    assert blocks == min(expected, LIMIT)


def test_launches_with_wrong_numbers_of_operands_are_refused():
    loaded = load(bundle())
    with pytest.raises(ValueError, match="takes 2 operands and 2 sizes, got 1 and 2"):
        loaded.launch("softmax", [0], [1, 1], LIMIT)
    with pytest.raises(ValueError, match="got 2 and 0"):
        loaded.launch("softmax", [0, 0], [], LIMIT)


def _kernel(source):
    return source["kernels"]["softmax"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.update(version=2), r"bundle\.version: this runtime reads version 1, not 2"),
        (lambda b: b.pop("target"), 'missing "target"'),
        (lambda b: b.update(architecture=90), "architecture: expected a string"),
        (lambda b: b.update(kernels=[]), "kernels: expected an object"),
        (lambda b: b.update(modules={}), "modules: expected an array"),
        (lambda b: b["modules"].append({"ptx": 1}), r"modules\[2\]\.ptx: expected a string"),
        (lambda b: b["modules"].clear(), "module: index 0 is not below 0"),
        (lambda b: _kernel(b).pop("sizes"), r"kernels\.softmax: missing \"sizes\""),
        (lambda b: _kernel(b).update(sizes=0), "no size 0"),
        (lambda b: _kernel(b).update(sizes=-1), "sizes: -1 is not between"),
        (lambda b: _kernel(b)["operands"][0].update(dtype="f8"), 'unknown dtype "f8"'),
        (lambda b: _kernel(b)["operands"][0].update(access="no"), 'expected "read", "write"'),
        (lambda b: _kernel(b)["variants"].clear(), "the last variant must take any operands"),
        (lambda b: _kernel(b).update(variants=[variant(alignment=16)]), "must take any operands"),
        (lambda b: _kernel(b)["variants"][0].update(entry=""), "entry: not a function's name"),
        (lambda b: _kernel(b)["variants"][0].update(threads=0), "threads: 0 is not between"),
        (lambda b: _kernel(b)["variants"][0].update(threads=1025), "1025 is not between 1 and"),
        (lambda b: _kernel(b)["variants"][0].update(shared_bytes=-1), "shared_bytes: -1 is not"),
        (lambda b: _kernel(b)["variants"][0].update(grid=[[]]), r"grid\[0\]: expected \[per"),
        (lambda b: _kernel(b)["variants"][0].update(grid=[[0, 3]]), r"grid\[0\]\[0\]: 0 is not"),
        (lambda b: _kernel(b)["variants"][0].update(grid=[[1, -3]]), "no size 2"),
        (lambda b: _kernel(b)["variants"][0].update(alignment=12), "expected a power of two"),
        (lambda b: _kernel(b)["variants"][0].update(divisible=[[0]]), r"expected \[size, divisor"),
        (lambda b: _kernel(b)["variants"][0].update(divisible=[[2, 4]]), "index 2 is not below 2"),
        (lambda b: _kernel(b)["variants"][0].update(divisible=[[0, 0]]), "0 is not between 1"),
    ],
)
def test_malformed_bundles_are_refused(change, message):
    source = bundle()
    change(source)
    with pytest.raises(TorshError, match=message) as caught:
        load(source)
    assert str(caught.value).startswith("malformed kernel bundle: bundle")


def test_text_that_is_not_json_is_refused():
    with pytest.raises(TorshError, match="malformed kernel bundle: not JSON at byte"):
        _runtime.KernelBundle('{"version": 1,')


def _paths(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*path, key))


_SOURCE = bundle(variant(alignment=16, divisible=[[0, 4]]), variant())
_PATHS = [path for path in _paths(_SOURCE) if path]
_REPLACEMENTS = st.sampled_from(
    [-(2**63), -3, -1, 0, 1, 2, 16, 2**31, 2**63 - 1, 2**64, None, "", "read", 0.5, [], {}, [0]]
)


@given(st.lists(st.tuples(st.sampled_from(_PATHS), _REPLACEMENTS), min_size=1, max_size=3))
def test_mutated_bundles_raise_or_launch(mutations):
    source = copy.deepcopy(_SOURCE)
    for path, replacement in mutations:
        place = source
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = copy.deepcopy(replacement)
    with contextlib.suppress(TorshError):
        loaded = load(source)
        for name in loaded.kernels:
            kernel = loaded.kernel(name)
            chosen, blocks = loaded.launch(
                name, [64] * len(kernel["operands"]), [7] * min(kernel["sizes"], 99), 1000
            )
            assert chosen < len(kernel["variants"])
            assert 0 <= blocks <= 1000
