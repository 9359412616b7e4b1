# SPDX-License-Identifier: Apache-2.0
"""ONNX models: reading them from protobuf, bytes and files, and what their graphs declare."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.model_kinds import is_onnx_model
from torshjit.errors import CompileError, ConfigError

__all__ = ["OnnxModel", "dense_array", "load_onnx"]


def load_onnx() -> Any:
    """Returns the package `onnx`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
        import onnx.reference
        import onnx.shape_inference
    except ImportError as error:
        raise ConfigError(
            f"ONNX models need the package onnx ({error}): pip install 'torshjit[onnx]'"
        ) from error
    return onnx


class OnnxModel:
    """A checked model.

    Attributes:
        proto: the `onnx.ModelProto`.
        name: the graph's name.
        opsets: the version of each operator set by domain; ONNX's own domain is ``""``.
        functions: the model-local functions by (domain, name).
        initializers: the arrays of the graph's initializers by name.
        inputs: the `ValueInfoProto` of each graph input that has no initializer, in order.
        defaults: the names of graph inputs that have an initializer, in order.
        outputs: the names of the graph's outputs.
        refused: the results of the node that an import stopped at, where it did.
        declared: the `ValueInfoProto` of each graph output by name.
    """

    def __init__(self, program: Any) -> None:
        onnx = load_onnx()
        folder = ""
        try:
            if isinstance(program, bytes):
                self.proto = onnx.load_model_from_string(program)
            elif is_onnx_model(program):
                self.proto = program
            else:
                path = os.fspath(program)
                folder = os.path.dirname(os.path.abspath(path))
                self.proto = onnx.load(path)
            onnx.checker.check_model(self.proto)
            graph = self.proto.graph
            self.initializers: dict[str, np.ndarray] = {
                each.name: onnx.numpy_helper.to_array(each, folder) for each in graph.initializer
            }
            for sparse in graph.sparse_initializer:
                self.initializers[sparse.values.name] = dense_array(sparse)
        except OSError as error:
            raise CompileError(f"the ONNX model cannot be read: {error}") from error
        except Exception as error:
            # protobuf, the checker and NumPy each raise classes of their own.
            raise CompileError(f"the ONNX model is malformed: {error}") from error
        self.name = graph.name or "onnx model"
        self.opsets = {
            "" if each.domain == "ai.onnx" else each.domain: each.version
            for each in self.proto.opset_import
        }
        self.functions = {(each.domain, each.name): each for each in self.proto.functions}
        self.inputs = [each for each in graph.input if each.name not in self.initializers]
        self.defaults = [each for each in graph.input if each.name in self.initializers]
        self.outputs = [each.name for each in graph.output]
        self.refused: list[str] = []
        self.declared = {each.name: each for each in graph.output}


def dense_array(sparse: Any) -> np.ndarray:
    """Returns the array of a `SparseTensorProto`."""
    onnx = load_onnx()
    values = onnx.numpy_helper.to_array(sparse.values)
    indices = onnx.numpy_helper.to_array(sparse.indices)
    result = np.zeros(tuple(sparse.dims), values.dtype)
    if indices.ndim == 1:
        result.reshape(-1)[indices] = values
    else:
        result[tuple(indices.T)] = values
    return result
