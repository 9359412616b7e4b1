# SPDX-License-Identifier: Apache-2.0
"""``python -m torshjit``; see command_line.py."""

import sys

from torshjit.command_line import main

sys.exit(main())
