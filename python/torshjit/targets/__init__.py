# SPDX-License-Identifier: Apache-2.0
"""What programs can be compiled for: a registry of kinds of targets, open to other packages.

Nothing in torshjit outside this package asks which target it has: it asks the target's
`TargetKind`. A target from outside is a subclass of it, given to `register`, beside a library
of passes for the compiler (`load_library`) and a device for the runtime.
"""

from __future__ import annotations

from torshjit.targets.registry import Target, find, load_library, names, register
from torshjit.targets.target_kind import TargetKind

__all__ = ["Target", "TargetKind", "find", "load_library", "names", "register"]
