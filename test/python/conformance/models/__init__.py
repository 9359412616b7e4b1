# SPDX-License-Identifier: Apache-2.0
"""Whole models of random weights, compiled, beside torch eager: one module for each family."""
