# SPDX-License-Identifier: Apache-2.0
"""Runtimes for kernels in Metal Shading Language, one for each way that Python has to Metal."""

from torshjit.targets.metal.frameworks import open_device

__all__ = ["open_device"]
