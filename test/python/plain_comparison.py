# SPDX-License-Identifier: Apache-2.0
"""Compares a captured NumPy function with the plain function.

The interpreter runs what was captured, so that only the capture is tested; TORSH_TEST_TARGET=cpu
runs the same tests on machine code.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import torshjit

TARGET = os.environ.get("TORSH_TEST_TARGET", "interpreter")

#: Rounding errors that a short program may add, relative to the result's largest element.
TOLERANCE = {"float16": 4e-3, "float32": 2e-6, "float64": 1e-13}


def capture(function: Callable, **options: Any) -> Any:
    """The function compiled for TARGET; whatever cannot be captured raises."""
    return torshjit.compile(function, **{"target_device": TARGET, "strict": True, **options})


def assert_same(actual: Any, expected: Any) -> None:
    """Same structure, types, dtypes and shapes; floats within rounding, all else equal."""
    assert type(actual) is type(expected), f"{type(actual)} is not {type(expected)}"
    if isinstance(expected, (tuple, list)):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            assert_same(a, e)
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        if expected.dtype.kind == "f":
            tolerance = TOLERANCE[expected.dtype.name]
            finite = np.abs(expected[np.isfinite(expected)])
            largest = float(finite.max()) if finite.size else 0.0
            np.testing.assert_allclose(
                actual.astype(np.float64),
                expected.astype(np.float64),
                rtol=4 * tolerance,
                atol=tolerance * largest,
            )
        else:
            np.testing.assert_array_equal(actual, expected)
    else:
        assert actual == expected


def _check_raises(function: Callable, expected: Exception, args: tuple, kwargs: dict) -> None:
    """The captured call raises what the plain one did, or a TorshError of the same builtin kind."""
    builtin = tuple(
        kind
        for kind in type(expected).__mro__
        if kind.__module__ == "builtins" and kind not in (object, BaseException, Exception)
    )
    with pytest.raises((type(expected), *builtin)):
        capture(function)(*args, **kwargs)


def check(
    function: Callable, *args: Any, compile_options: dict[str, Any] | None = None, **kwargs: Any
) -> None:
    """Calls `function` plainly and captured with the same arguments and compares the results.

    `compile_options` are those of `capture`.

    Where the plain call raises, the captured one must raise an error of the same kind.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            expected = function(*args, **kwargs)
        except Exception as error:
            _check_raises(function, error, args, kwargs)
            return
        assert_same(capture(function, **compile_options or {})(*args, **kwargs), expected)
