# SPDX-License-Identifier: Apache-2.0
"""The code of docs/howto/RewriteAndFuse.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torshjit._compiler")

_PAGE = Path(__file__).parents[3] / "docs" / "howto" / "RewriteAndFuse.md"


def test_the_code_of_the_page(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    # In a file of its own, whose lines errors can show.
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    exec(compile(script.read_text(), str(script), "exec"), {"__name__": "page"})
