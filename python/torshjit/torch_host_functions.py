# SPDX-License-Identifier: Apache-2.0
"""What compiled torch programs ask of torch between their kernels, and is no fallback.

A compiled program draws random numbers by Philox, from a counter and a key. It asks for the key
once per call, so that `torch.manual_seed` makes a call repeat its numbers. They are not those of
eager torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from torshjit.host_arguments import ArrayArgument, call_name
from torshjit.host_functions import HostFunction, register_function

__all__ = ["RANDOM_KEY", "check_of_factors", "seeding"]


def _draw_key() -> np.ndarray:
    import torch

    low, high = torch.randint(0, 1 << 32, (2,)).tolist()
    return np.array(low | high << 32, np.uint64)


def _check_factors(info: np.ndarray, api_name: str, is_matrix: bool) -> None:
    import torch

    torch._linalg_check_errors(torch.from_numpy(info.copy()), api_name, is_matrix=is_matrix)


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


#: Returns 64 random bits, as an array without axes.
RANDOM_KEY = HostFunction("torch::random_key", _draw_key, is_fallback=False)
_CHECK_FACTORS = HostFunction("torch::check_factors", _check_factors, is_fallback=False)
_SEED = HostFunction("torch::manual_seed", _seed, is_fallback=False)
register_function(RANDOM_KEY)
register_function(_SEED)
register_function(_CHECK_FACTORS)


def check_of_factors(api_name: str, is_matrix: bool) -> HostFunction:
    """What raises torch's LinAlgError where the number that LAPACK returns is not zero."""
    function = partial(_check_factors, api_name=api_name, is_matrix=is_matrix)
    return _called(_CHECK_FACTORS, function, ArrayArgument(0), api_name, is_matrix)


def seeding(seed: int) -> HostFunction:
    """What seeds torch's generators."""
    return _called(_SEED, partial(_seed, seed), seed)


def _called(plain: HostFunction, function: Callable[..., Any], *arguments: Any) -> HostFunction:
    """A call of a registered function with arguments, found again by its name."""

    def argument_of(value: object) -> ArrayArgument | None:
        return value if type(value) is ArrayArgument else None

    name = call_name(plain.name, arguments, {}, argument_of)
    assert name is not None
    return HostFunction(name, function, is_fallback=False)
