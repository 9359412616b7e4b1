# SPDX-License-Identifier: Apache-2.0
"""Dispatchers over hand-written programs, for the tests of the call path."""

import numpy as np
from runtime_program import add_program, executable

from torshjit import _runtime


class Counting(_runtime.Dispatcher):
    """Never finds a further specialization, and counts how often it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def _specialize(self, args, kwargs):
        self.asked.append((args, kwargs))


def array(*shape, dtype="f32", kind="numpy"):
    return ("array", kind, dtype, shape)


LEAF = ("leaf", 0, "numpy")
BOTH = [("arg", 0), ("arg", 1)]


def adder(shape=(4,), positional=None, keywords=None, outputs=LEAF, **options):
    """A dispatcher with one specialization, x0 + x1."""
    dispatcher = Counting()
    nodes = (array(*shape), array(*shape)) if positional is None else positional
    options.setdefault("bindings", BOTH)
    dispatcher.add_specialization(
        args_tree=(nodes, keywords or {}),
        executable=executable(add_program(shape)),
        output_tree=outputs,
        **options,
    )
    return dispatcher


X = np.arange(4, dtype=np.float32)
