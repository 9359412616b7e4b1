# SPDX-License-Identifier: Apache-2.0
"""ONNX's own backend tests of nodes, run compiled: ``python -m conformance.onnx``."""
