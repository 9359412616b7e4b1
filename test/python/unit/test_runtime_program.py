# SPDX-License-Identifier: Apache-2.0
"""Programs: parsing, verification, extents, aliases, copies, constants."""

import contextlib
import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_program import (
    add_program,
    alias,
    dynamic_add_program,
    executable,
    launch,
    output,
    program,
    shared_object,
    temporary,
    tensor,
)

from torshjit import _runtime
from torshjit.errors import TorshError


def f32(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_static_program():
    x, y = f32(3, 4), f32(3, 4)
    run = executable(add_program([3, 4]))
    (z,) = run.run([x, y])
    np.testing.assert_array_equal(z, x + y)
    assert run.signature == (("x0", "f32", (3, 4)), ("x1", "f32", (3, 4)))


@pytest.mark.parametrize("n", [0, 1, 5, 100_000])
def test_dynamic_program(n):
    x, y = f32(n), f32(n)
    (z,) = executable(dynamic_add_program()).run([x, y])
    np.testing.assert_array_equal(z, x + y)


def test_failed_check_has_its_message_even_after_a_plan_is_cached():
    run = executable(dynamic_add_program())
    run.run([f32(3), f32(3)])
    for _ in range(2):
        with pytest.raises(ValueError, match=r"operands' extents differ along axis 0 \(3 and 4\)"):
            run.run([f32(3), f32(4)])
    run.run([f32(4), f32(4)])


def test_one_dim_for_two_inputs_is_enforced():
    source = program(
        [tensor([-1]), tensor([-1])],
        [output([-1])],
        [launch("add", [0, 1, 2], [-1])],
        [2],
        dims=[{"op": "input", "input": 0, "axis": 0}],
    )
    run = executable(source)
    run.run([f32(3), f32(3)])
    with pytest.raises(ValueError, match='input "x1": axis 0 has extent 2, expected 3'):
        run.run([f32(3), f32(2)])


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("add", 9),
        ("sub", 5),
        ("mul", 14),
        ("floordiv", 3),
        ("ceildiv", 4),
        ("mod", 1),
        ("min", 2),
        ("max", 7),
    ],
)
def test_dim_arithmetic(op, expected):
    dims = [
        {"op": "input", "input": 0, "axis": 0},
        {"op": "const", "value": 2},
        {"op": op, "lhs": 0, "rhs": 1},
    ]
    source = program([tensor([-1])], [output([-3])], [launch("fill", [1], [-3, 8])], [1], dims=dims)
    (z,) = executable(source).run([f32(7)])
    np.testing.assert_array_equal(z, np.full(expected, 8, np.float32))


@pytest.mark.parametrize(("op", "value"), [("floordiv", -4), ("ceildiv", -3), ("mod", 1)])
def test_negative_operands_follow_python(op, value):
    # -7 op 2, made positive by adding 10 so that it can be an extent.
    dims = [
        {"op": "const", "value": -7},
        {"op": "const", "value": 2},
        {"op": op, "lhs": 0, "rhs": 1},
        {"op": "const", "value": 10},
        {"op": "add", "lhs": 2, "rhs": 3},
    ]
    source = program([], [output([-5])], [launch("fill", [0], [-5, 1])], [0], dims=dims)
    assert executable(source).run([])[0].shape == (value + 10,)


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ([{"op": "const", "value": 0}, {"op": "mod", "lhs": 0, "rhs": 0}], "divides by zero"),
        ([{"op": "const", "value": 2**62}, {"op": "add", "lhs": 0, "rhs": 0}], "overflows"),
        ([{"op": "const", "value": 2**62}, {"op": "max", "lhs": 0, "rhs": 0}], "overflows"),
        ([{"op": "const", "value": 1}, {"op": "const", "value": -3}], "negative"),
    ],
)
def test_impossible_extents(dims, message):
    source = program([], [output([-2])], [launch("nothing", [0])], [0], dims=dims)
    with pytest.raises(ValueError, match=message):
        executable(source).run([])


def test_alias_and_copy():
    """A temporary is written as a matrix, read as a vector, copied and copied back."""
    source = program(
        [tensor([2, 3])],
        [temporary([2, 3]), alias(1, [6]), temporary([6]), output([3, 2]), alias(4, [6])],
        [launch("add", [0, 0, 1], [6]), {"copy": [2, 3]}, launch("add", [2, 3, 5], [6])],
        [4],
    )
    x = f32(2, 3)
    (z,) = executable(source).run([x])
    np.testing.assert_array_equal(z, (4 * x).reshape(3, 2))


def test_results_that_no_kernel_writes_are_copies():
    """An argument, a constant, and one output twice: four results, four memories."""
    constant = np.arange(3, dtype=np.float32)
    source = program(
        [tensor([3])],
        [output([3]), alias(2, [3, 1])],
        [launch("add", [0, 1, 2], [3])],
        [0, 1, 2, 3],
        constants=[tensor([3])],
    )
    x = f32(3)
    run = executable(source, [constant])
    results = run.run([x])
    for result, expected in zip(results, [x, constant, x + constant], strict=False):
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(results[3], (x + constant)[:, None])
    for i, a in enumerate([*results, x]):
        assert not any(np.shares_memory(a, b) for b in results[i + 1 :])
    results[1][:] = 9
    np.testing.assert_array_equal(run.run([x])[1], constant)


def test_constants_are_checked_and_may_be_strided():
    row = tensor([4])
    source = program([row], [output([4])], [launch("add", [0, 1, 2], [4])], [2], constants=[row])
    strided = np.arange(8, dtype=np.float32)[::2]
    x = f32(4)
    np.testing.assert_array_equal(executable(source, [strided]).run([x])[0], x + strided)
    with pytest.raises(TypeError, match=r"constant 0: the program expects f32, got a float64"):
        executable(source, [strided.astype(np.float64)])
    with pytest.raises(ValueError, match="constant 0: the program expects another shape"):
        executable(source, [strided[:2]])
    with pytest.raises(TorshError, match="1 constants, 0 were given"):
        executable(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.update(version=2), "version"),
        (lambda p: p.update(target="abacus"), "no device for target"),
        (lambda p: p.pop("steps"), 'missing "steps"'),
        (lambda p: p["steps"][0].update(kernel="nowhere"), 'no kernel "nowhere"'),
        (lambda p: p["steps"][0].update(operands=[0, 1, 3]), r"operands\[2\]: index 3"),
        (lambda p: p["steps"][0].update(operands=[0, 2, 1]), "read at step 0 before"),
        (lambda p: p["steps"][0].update(operands=[0, 0, 1]), "writes an input"),
        (lambda p: p["steps"][0].update(sizes=[-1]), "no dim 0"),
        (lambda p: p["steps"][0].update(sizes=[1.5]), "expected an integer"),
        (lambda p: p["steps"][0].update(outputs=4), "index 4"),
        (lambda p: p["buffers"][2].update(dtype="f128"), 'unknown dtype "f128"'),
        (lambda p: p["buffers"][0].update(dtype="f64"), "differs from the declaration"),
        (lambda p: p["buffers"].append(alias(3, [12])), "index 3 is not below 3"),
        (lambda p: p["results"].clear(), "not among the results"),
        (lambda p: p["steps"].clear(), "before it is written"),
        (lambda p: p["steps"].append(launch("add", [2, 0, 2], [4])), "another operand overlaps"),
    ],
)
def test_malformed_programs_are_refused(change, message):
    source = add_program([3, 4])
    change(source)
    with pytest.raises(TorshError, match=message):
        executable(source)


def test_buffers_that_share_bytes_must_have_as_many():
    source = add_program([3, 4])
    source["buffers"].append(alias(2, [11]))
    with pytest.raises(ValueError, match="buffer 3 takes 44 bytes, expected 48"):
        executable(source)


def test_not_json_and_not_a_library():
    with pytest.raises(TorshError, match="not JSON"):
        _runtime.Executable("{", None, None, [])
    with pytest.raises(TorshError, match="cannot load the kernels"):
        _runtime.Executable(json.dumps(add_program([1])), None, b"not an ELF file", [])


def test_registered_error_classes_are_used():
    class Broken(Exception):
        pass

    _runtime.register_errors(program=Broken)
    try:
        with pytest.raises(Broken):
            _runtime.Executable("[]", None, None, [])
    finally:
        _runtime.register_errors(program=TorshError)


def _paths(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*path, key))


def _no_op_program():
    """Every feature of the format; its kernel does nothing, whatever the program says."""
    return program(
        [tensor([-1, 3]), tensor([3])],
        [temporary([-1, 3]), alias(3, [-3]), temporary([-3]), output([-1, 3]), output([3])],
        [
            launch("nothing", [0, 1, 3], [-1, 3]),
            {"copy": [4, 5]},
            launch("nothing", [5, 6], [-3]),
            launch("nothing", [2, 7], [3]),
        ],
        [6, 7, 0],
        dims=[
            {"op": "input", "input": 0, "axis": 0},
            {"op": "const", "value": 3},
            {"op": "mul", "lhs": 0, "rhs": 1},
        ],
        checks=[{"relation": "ge", "lhs": -1, "rhs": 1, "message": "empty"}],
        constants=[tensor([3])],
    )


_NUMPY_DTYPES = {"f32": "f4", "f64": "f8"}  # all that a mutation can make of an input
_NO_OP_PATHS = [path for path in _paths(_no_op_program()) if path]
_REPLACEMENTS = st.one_of(
    st.integers(-5, 10),
    st.sampled_from([2**62, 2**63 - 1, -(2**63), 2**64, None, "", "alias", "f64", 0.5, [], {}]),
    st.sampled_from(
        ["min", "floordiv", "ceildiv", "mod", "input", "const", "sub", [0], [[]], True]
    ),
)


@given(st.lists(st.tuples(st.sampled_from(_NO_OP_PATHS), _REPLACEMENTS), min_size=1, max_size=3))
def test_mutated_programs_raise_or_work(mutations):
    source = copy.deepcopy(_no_op_program())
    for path, replacement in mutations:
        place = source
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = copy.deepcopy(replacement)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation removed the place
    zeros = np.zeros(3, np.float32)
    with contextlib.suppress(TorshError, RuntimeError, ValueError, TypeError, MemoryError):
        loaded = _runtime.Executable(json.dumps(source), None, shared_object(), [zeros])
        arguments = [
            np.zeros([2 if extent < 0 else extent for extent in shape], _NUMPY_DTYPES[dtype])
            for _, dtype, shape in loaded.signature
        ]
        results = loaded.run(arguments)
        assert len(results) == len(source["results"])


@given(st.text(max_size=30) | st.sampled_from(["[" * 5000, '{"version":' * 3000]))
def test_any_text_is_refused(text):
    with pytest.raises(TorshError, match="malformed program"):
        _runtime.Executable(text, None, None, [])
