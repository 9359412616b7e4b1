# SPDX-License-Identifier: Apache-2.0
"""How far compiled functions of one float32 are from the truth, over every float32."""
