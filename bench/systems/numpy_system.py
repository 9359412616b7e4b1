# SPDX-License-Identifier: Apache-2.0
"""The workload's function in NumPy as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.namespaces import numpy_namespace
from bench.workload import Case, as_list


class Numpy:
    version = np.__version__

    def __init__(self, threads: int) -> None:
        """The BLAS reads its thread count from the environment that the runner set."""

    def load(self, case: Case) -> None:
        self._case = case

    def build(self) -> Callable[[], Any]:
        namespace = numpy_namespace()
        function = self._case.workload.function
        inputs, weights = self._case.inputs, self._case.weights
        return lambda: function(namespace, inputs, weights)

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(array) for array in as_list(result)]
