# SPDX-License-Identifier: Apache-2.0
"""The demo: a network trained on scanned digits, compiled by torshjit, compared with eager."""
