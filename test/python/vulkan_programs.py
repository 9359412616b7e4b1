# SPDX-License-Identifier: Apache-2.0
"""Loads programs on the Vulkan device, for its tests."""

import json

import numpy as np
from runtime_program import add_program
from vulkan_kernels import add_bundle, have_assembler

from torshjit import _runtime
from torshjit.errors import DeviceError


def load(source, binary, constants=()):
    """The executable of a program and a kernel bundle."""
    return _runtime.Executable(
        json.dumps({**source, "target": "vulkan"}), None, binary, list(constants)
    )


def why_absent():
    """Why there is no Vulkan device to test here, or None."""
    if not have_assembler():
        return "spirv-as (spirv-tools) is not installed"
    try:
        load(add_program([1]), add_bundle())
    except DeviceError as error:
        return str(error)
    return None


def f32(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
