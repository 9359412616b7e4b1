# SPDX-License-Identifier: Apache-2.0
"""Cases that are known to fail when compiled, each with the reason.

An entry that passes is an error too, so that the table never outlives what it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from e2e.op_case import Case

# The id of a case, and why it fails.
STATIC: dict[str, str] = {}
# The same for the variants with `?` extents.
DYNAMIC: dict[str, str] = {}


def parameters(cases: Iterable[Case], failures: dict[str, str]) -> list[Any]:
    """The cases as parameters of a test, those in the table marked as expected to fail."""
    parameters = []
    for case in cases:
        reason = failures.get(case.id)
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
        parameters.append(pytest.param(case, id=case.id, marks=marks))
    return parameters
