# SPDX-License-Identifier: Apache-2.0
"""jax.jit on the CPU; the weights are arguments, as its users pass them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from bench.namespaces import jax_namespace
from bench.workload import Case, as_list


class Jax:
    version = jax.__version__

    def __init__(self, threads: int) -> None:
        """XLA sizes its pool by the processors that the runner left to this process."""

    def load(self, case: Case) -> None:
        self._function, self._trains = case.workload.function, case.workload.trains
        self._inputs = [jax.device_put(array) for array in case.inputs]
        self._weights = {name: jax.device_put(array) for name, array in case.weights.items()}

    def build(self) -> Callable[[], Any]:
        namespace, function = jax_namespace(), self._function
        inputs, weights = self._inputs, self._weights

        names = list(weights)  # jit hands dictionaries on with their keys sorted

        def forward(weights: Any, inputs: Any) -> Any:
            return function(namespace, inputs, weights)

        def step(weights: Any, inputs: Any) -> Any:
            loss, gradients = jax.value_and_grad(forward)(weights, inputs)
            # A rate that changes nothing: every call computes the same.
            updated = {name: value - 1e-30 * gradients[name] for name, value in weights.items()}
            return (loss, *[gradients[name] for name in names]), updated

        compiled = jax.jit(step if self._trains else forward)
        if self._trains:
            return lambda: jax.block_until_ready(compiled(weights, inputs))[0]
        return lambda: jax.block_until_ready(compiled(weights, inputs))

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(array).astype(np.float32) for array in as_list(result)]
