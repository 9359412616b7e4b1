# SPDX-License-Identifier: Apache-2.0
"""Functions of jax, lowered to StableHLO and compiled; jax itself is the oracle."""
