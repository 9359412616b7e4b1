# SPDX-License-Identifier: Apache-2.0
"""A torch module as an ONNX file, for the systems that read one; exporting counts as compiling."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxscript  # noqa: F401  (torch's exporter needs it: say so before measuring, not within)
import torch

from bench.torch_modules import to_tensor


@contextmanager
def exported(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> Iterator[Path]:
    """The path of the module's file, which is gone after the block."""
    tensors = tuple(to_tensor(array) for array in inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(module, tensors, str(path), dynamo=True, verbose=False)
        yield path
