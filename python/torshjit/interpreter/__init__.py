# SPDX-License-Identifier: Apache-2.0
"""The interpreter: the reference meaning of every `torsh` operation, in NumPy.

It is the oracle of all tests and the fallback of the compiler. One module per family of
operations, mirroring the dialect's TableGen files; importing the package registers them all.
"""

from torshjit.interpreter import (
    attention,
    contraction,
    elementwise,
    extent_arithmetic,
    host,
    indexing,
    movement,
    normalization,
    reduction,
    unary,
    window,
)
from torshjit.interpreter.evaluate import evaluate
from torshjit.interpreter.registry import Call, reference, registered_operations

FAMILIES = (
    attention,
    contraction,
    elementwise,
    extent_arithmetic,
    host,
    indexing,
    movement,
    normalization,
    reduction,
    unary,
    window,
)

__all__ = ["FAMILIES", "Call", "evaluate", "reference", "registered_operations"]
