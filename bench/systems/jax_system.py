# SPDX-License-Identifier: Apache-2.0
"""jax.jit on the CPU; the weights are arguments, as its users pass them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from bench.namespaces import jax_namespace
from bench.workload import Case


class Jax:
    version = jax.__version__

    def __init__(self, threads: int) -> None:
        """XLA sizes its pool by the processors that the runner left to this process."""

    def load(self, case: Case) -> None:
        self._function = case.workload.function
        self._inputs = [jax.device_put(array) for array in case.inputs]
        self._weights = {name: jax.device_put(array) for name, array in case.weights.items()}

    def build(self) -> Callable[[], Any]:
        namespace, function = jax_namespace(), self._function
        compiled = jax.jit(lambda inputs, weights: function(namespace, inputs, weights))
        inputs, weights = self._inputs, self._weights
        return lambda: compiled(inputs, weights).block_until_ready()

    def to_numpy(self, result: Any) -> np.ndarray:
        return np.asarray(result).astype(np.float32)
