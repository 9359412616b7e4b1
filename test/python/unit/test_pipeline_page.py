# SPDX-License-Identifier: Apache-2.0
"""docs/Pipeline.md agrees with the phase table, and its links and commands exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_DOCS = _ROOT / "docs"
_PAGE = (_DOCS / "Pipeline.md").read_text()
_TABLES = [
    re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", part, re.M)
    for part in _PAGE.split("On the way to ")
]
_OF_TARGETS = re.findall(r"^On the way to (.+):$", _PAGE, re.M)


def _rows(path: str) -> list[tuple[str, str]]:
    source = (_ROOT / path).read_text()
    table = re.search(r"kPhases\[\] = \{(.*?)\n\};", source, re.S)
    assert table is not None
    rows = re.findall(r'\{"(\w+)",\s*((?:"[^"]*"\s*)+)\}', table[1])
    return [(name, "".join(re.findall(r'"([^"]*)"', text))) for name, text in rows]


def test_the_tables_are_those_of_the_sources():
    assert len(_TABLES[0]) >= 4
    assert _rows("lib/Compiler/Phases.cpp") == _TABLES[0]
    assert _rows("lib/Target/CPU/CPUTarget.cpp") == _TABLES[1]


def test_the_tables_are_those_of_the_compiler():
    compiler = pytest.importorskip("torshjit._compiler")
    named = set()
    for heading, table in zip(_OF_TARGETS, _TABLES[1:], strict=True):
        for target in re.findall(r"`([\w-]+)`", heading):
            named.add(target)
            assert [tuple(row) for row in compiler.phases(target)] == _TABLES[0] + table
    assert {name for name, _ in compiler.targets()} >= named
    assert len(named) >= 5


def test_links_lead_somewhere():
    pages = [_DOCS / "Pipeline.md", *sorted((_DOCS / "design").glob("*.md"))]
    links = [
        (page.name, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert links == []


def test_design_pages_are_numbered_and_titled():
    pages = sorted((_DOCS / "design").glob("*.md"))
    numbers = [page.name[:3] for page in pages]
    assert numbers == [f"{i:03}" for i in range(1, len(pages) + 1)]
    for page, number in zip(pages, numbers, strict=True):
        assert page.read_text().startswith(f"# {number}: ")


def test_the_program_shown_compiles_to_what_is_shown():
    tool = _ROOT / "build" / "dev" / "bin" / "torsh-opt"
    if not tool.exists():
        pytest.skip("torsh-opt is not built")
    blocks = re.findall(r"```mlir\n(.*?)```", _PAGE, re.S)
    result = subprocess.run(
        [tool, "-", "--torsh-compile-to=kernels"],
        input=blocks[0],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    made = [line.strip() for line in result.stdout.splitlines()]
    assert [line for line in blocks[1].splitlines() if line.strip() not in made] == []
