# SPDX-License-Identifier: Apache-2.0
"""Conformance of the NumPy front end: a table of calls, each compared with NumPy itself."""
