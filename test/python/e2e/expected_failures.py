# SPDX-License-Identifier: Apache-2.0
"""Cases that are known to fail when compiled, each with the reason.

An entry that passes is an error too, so that the table never outlives what it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from e2e.executors import EXECUTORS
from e2e.op_case import Case

Failures = Mapping[str, Mapping[str, str]]

# By executor, the id of a case and why it fails.
STATIC: dict[str, dict[str, str]] = {}
# The same for the variants with `?` extents.
DYNAMIC: dict[str, dict[str, str]] = {}


def parameters(cases: Iterable[Case], failures: Failures) -> list[Any]:
    """Executors with cases as parameters of a test, those in the table as expected to fail."""
    cases, parameters = list(cases), []
    for executor in EXECUTORS:
        known = failures.get(executor, {})
        for case in cases:
            reason = known.get(case.id)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            name = f"{executor}-{case.id}"
            parameters.append(pytest.param(executor, case, id=name, marks=marks))
    return parameters
