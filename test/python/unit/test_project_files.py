# SPDX-License-Identifier: Apache-2.0
"""scripts/, Makefile and pages: what is missing is installed or named, and what is named exists.

The scripts run for real, with stand-ins for the distribution's package commands on PATH.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Packages named in $MISSING are absent until apt-get install; those in $UNKNOWN have no source.
_STAND_INS = {
    "dpkg-query": """
name=${!#}
for absent in $MISSING; do
  [ "$name" = "$absent" ] && ! grep -qw "install .*$name" "$LOG" && exit 1
done
echo installed
""",
    "apt-get": 'echo "$*" | grep -oE "(update|install.*)" >>"$LOG"\n',
    "apt-cache": 'for absent in $UNKNOWN; do [ "$2" = "$absent" ] && exit 100; done; exit 0\n',
    "id": 'echo "$USER_ID"\n',
    "sudo": "exit 1\n",
}


class Machine:
    """A machine whose packages are what the test says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._log.touch()
        for name, body in _STAND_INS.items():
            script = folder / name
            script.write_text(f"#!/usr/bin/env bash\n{body}")
            script.chmod(0o755)

    def setup_system(self, *groups, missing="", unknown="", user_id=0, **environment):
        return subprocess.run(
            [ROOT / "scripts" / "setup-system", *groups],
            env={
                **os.environ,
                "PATH": f"{self._folder}:{os.environ['PATH']}",
                "PYTHON": sys.executable,
                "LOG": str(self._log),
                "MISSING": missing,
                "UNKNOWN": unknown,
                "USER_ID": str(user_id),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def apt_calls(self):
        return self._log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_with_everything_there_no_package_command_is_called(machine):
    result = machine.setup_system("build", "lint")
    assert result.returncode == 0
    assert result.stdout == result.stderr == ""
    assert machine.apt_calls() == []


def test_only_missing_packages_are_installed_and_once(machine):
    missing = "ninja-build lld-22"
    assert machine.setup_system(missing=missing).returncode == 0
    (call,) = machine.apt_calls()
    assert call == "install --no-install-recommends lld-22 ninja-build"
    assert machine.setup_system(missing=missing).returncode == 0
    assert machine.apt_calls() == [call]


def test_without_root_the_missing_packages_are_named(machine):
    result = machine.setup_system(missing="clang-22", user_id=1000)
    assert result.returncode == 1
    assert "apt-get install --no-install-recommends clang-22" in result.stderr
    assert machine.apt_calls() == []


def test_a_package_without_a_source_is_named_after_one_update(machine):
    missing = "libmlir-22-dev cmake"
    result = machine.setup_system(missing=missing, unknown="libmlir-22-dev")
    assert result.returncode == 1
    assert "package sources do not hold: libmlir-22-dev" in result.stderr
    assert machine.apt_calls() == ["update"]


def test_the_skip_variable_is_obeyed(machine):
    assert machine.setup_system(missing="cmake", TORSH_SKIP_SYSTEM="1").returncode == 0
    assert machine.apt_calls() == []


def test_an_unknown_group_is_an_error(machine):
    result = machine.setup_system("bild")
    assert result.returncode == 1
    assert "no package group 'bild'" in result.stderr


def _list_requirements(*names):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "list-requirements", *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_torch_is_pinned_exactly():
    assert re.fullmatch(r"torch==[\d.]+\n", _list_requirements("torch").stdout)


def test_an_unknown_requirement_set_is_named():
    result = _list_requirements("nonsense")
    assert result.returncode == 1
    assert "no set 'nonsense'" in result.stderr


def test_every_set_that_make_installs_exists():
    used = re.findall(r"scripts/setup-python (.+)", (ROOT / "Makefile").read_text())
    names = {name for line in used for name in line.split()}
    assert {"build", "run", "test", "torch"} <= names
    result = _list_requirements(*names)
    assert result.returncode == 0, result.stderr


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_files_that_the_readme_links_to_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert len(links) >= 6
    assert [link for link in links if not (ROOT / link).exists()] == []


_README_EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_readme_has_examples():
    assert len(_README_EXAMPLES) == 2


@pytest.mark.parametrize("example", _README_EXAMPLES, ids=["numpy", "torch"])
def test_the_readme_s_examples_run_compiled_as_typed(example, tmp_path):
    if "import torch\n" in example:
        pytest.importorskip("torch")
    script = tmp_path / "example.py"
    script.write_text(example)
    result = subprocess.run(
        # A fallback to plain Python only warns: here it is to fail.
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    if "explain" in example:
        assert "torsh.tanh" in result.stdout
        assert "1 calls" in result.stdout or "'calls': 1" in result.stdout


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/Pipeline.md",
        *(
            f"docs/howto/{name}.md"
            for name in ("AddAnOp", "AddAPass", "AddATarget", "AddACustomOp")
        ),
    ],
)
def test_paths_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    folders = "lib|include|test|tools|python|docs|bench|scripts"
    paths = set(re.findall(rf"`((?:{folders})/[\w./-]+)`", text))
    # Foo is the name of what the reader is about to write.
    missing = [path for path in paths if "Foo" not in path and not (ROOT / path).exists()]
    assert missing == []
