# SPDX-License-Identifier: Apache-2.0
"""MLIR programs that were damaged."""
