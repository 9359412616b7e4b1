# SPDX-License-Identifier: Apache-2.0
"""Front ends: each turns something a user has into a `CapturedProgram`."""
