# SPDX-License-Identifier: Apache-2.0
"""The code of docs/howto/AddACustomOp.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runtime_program import compile_c

pytest.importorskip("torshjit._compiler")
pytest.importorskip("torch")

_PAGE = Path(__file__).parents[3] / "docs" / "howto" / "AddACustomOp.md"


def test_the_code_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _PAGE.read_text()
    (source,) = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    (tmp_path / "libcube.so").write_bytes(compile_c(source))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) > 5
    # In a file of its own, whose lines errors can show.
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    namespace = {"__name__": "page"}
    exec(compile(script.read_text(), str(script), "exec"), namespace)
    # The operations, which stay registered, would keep the compiled programs past the end.
    namespace.clear()
