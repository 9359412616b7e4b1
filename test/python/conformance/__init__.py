# SPDX-License-Identifier: Apache-2.0
"""Public suites that nobody here wrote."""
