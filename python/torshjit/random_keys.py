# SPDX-License-Identifier: Apache-2.0
"""The key of a call's random numbers, drawn from torch's generator.

A compiled program draws numbers by Philox, from a counter and a key. It asks for the key once per
call, so that `torch.manual_seed` makes a call repeat its numbers. They are not those of eager
torch.
"""

from __future__ import annotations

import numpy as np

from torshjit.host_functions import HostFunction, register_function

__all__ = ["RANDOM_KEY"]


def _draw_key() -> np.ndarray:
    import torch

    low, high = torch.randint(0, 1 << 32, (2,)).tolist()
    return np.array(low | high << 32, np.uint64)


#: Returns 64 random bits, as an array without axes.
RANDOM_KEY = HostFunction("torch::random_key", _draw_key, is_fallback=False)
register_function(RANDOM_KEY)
