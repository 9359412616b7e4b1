# SPDX-License-Identifier: Apache-2.0
"""No kernel executes more instructions than it did: noise cannot hide that."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.instruction_counts import RECORD, CountError, count_instructions, losses


@pytest.mark.slow
@pytest.mark.skipif(
    "avx2" not in Path("/proc/cpuinfo").read_text(), reason="the record is of x86-64-v3"
)
@pytest.mark.skipif(
    os.environ.get("PRESET") == "asan", reason="valgrind and the sanitizers exclude each other"
)
def test_no_kernel_executes_more_than_it_did():
    try:
        counts = count_instructions()
    except CountError as error:
        pytest.skip(str(error))
    found = losses(counts, json.loads(RECORD.read_text()))
    assert not found, "python -m bench.instruction_counts --record, if what is gained is worth it"


def test_losses_are_of_more_than_noise():
    assert losses({"a": 104, "b": 50}, {"a": 100, "b": 100}) == []
    assert losses({"a": 106}, {"a": 100}) == ["a: 106 instructions, 6 % above the record"]
    assert losses({"a": 1}, {"b": 1}) == [
        "a: is not recorded",
        "b: no kernel is called that any more",
    ]
