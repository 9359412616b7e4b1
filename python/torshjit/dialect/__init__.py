# SPDX-License-Identifier: Apache-2.0
"""The operations of the `torsh` dialect as classes of whatever MLIR Python package is there.

    from iree.compiler import ir
    import torshjit.dialect

    torsh = torshjit.dialect.load(ir)

The classes are generated from the dialect's definition when torshjit is built, as those of MLIR's
own dialects are. The package does not know the dialect: a context must allow unregistered ones.
"""

from __future__ import annotations

from torshjit.dialect.operations import load

__all__ = ["load"]
