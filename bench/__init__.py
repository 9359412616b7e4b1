# SPDX-License-Identifier: Apache-2.0
"""Side-by-side measurement of torshjit and its peers, each in its own process."""
