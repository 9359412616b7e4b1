# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import what they share: the modules of this folder and of `e2e`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
