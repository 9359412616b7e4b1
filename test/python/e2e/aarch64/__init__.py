# SPDX-License-Identifier: Apache-2.0
"""Kernels for AArch64, called under an emulator of user programs."""
