# SPDX-License-Identifier: Apache-2.0
"""Options, targets, the environment table and its page in the documentation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import torshjit
from torshjit import environment

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "Python.md"


def table_rows(heading: str) -> list[list[str]]:
    """The cells of the table in a section of the documentation."""
    section = DOCUMENTATION.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_defaults() -> None:
    config = torshjit.JitConfig()
    assert config.fusion_strategy is torshjit.FusionStrategy.DEFAULT
    assert config.target_device == "cpu"
    assert config.strict is False
    assert config.dump_dir is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fusion_strategy": "wild"}, "none, conservative, default, aggressive"),
        ({"max_fusion_size": 0}, "max_fusion_size must be an integer of at least 1"),
        ({"max_fusion_size": True}, "max_fusion_size"),
        ({"num_threads": -1}, "num_threads"),
        ({"enable_optimizations": 1}, "enable_optimizations must be a bool"),
        ({"numerics": "loose"}, "strict or fast"),
        ({"target_device": "tpu"}, "known targets: cpu, interpreter, cuda, metal"),
        ({"target_device": "cuda:"}, "malformed architecture"),
        ({"target_device": "cuda:sm 90"}, "malformed architecture"),
        ({"target_device": "cuda:gfx90a"}, "as cuda:sm_90a"),
        ({"target_device": "cpu:avx 2"}, "malformed architecture in target cpu:avx 2"),
        ({"target_device": "interpreter:"}, "takes no architecture"),
        ({"target_device": 3}, "must be a string"),
        ({"dump_dir": 3}, "dump_dir must be a path"),
    ],
)
def test_wrong_values_are_named(options: dict, message: str) -> None:
    with pytest.raises(torshjit.ConfigError, match=message):
        torshjit.JitConfig(**options)


def test_replace_and_immutability(tmp_path: Path) -> None:
    config = torshjit.JitConfig(fusion_strategy="none", dump_dir=tmp_path)
    changed = config.replace(max_fusion_size=3)
    assert changed.fusion_strategy is torshjit.FusionStrategy.NONE
    assert changed.max_fusion_size == 3
    assert changed.dump_dir == str(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.strict = True  # type: ignore[misc]
    with pytest.raises(torshjit.ConfigError, match="unknown option 'colour'; options: fusion"):
        config.replace(colour=1)


@pytest.mark.parametrize(
    ("name", "text", "option", "value"),
    [
        ("TORSHJIT_FUSION_STRATEGY", "none", "fusion_strategy", torshjit.FusionStrategy.NONE),
        ("TORSHJIT_MAX_FUSION_SIZE", "5", "max_fusion_size", 5),
        ("TORSHJIT_OPTIMIZE", "0", "enable_optimizations", False),
        ("TORSHJIT_STRICT", "yes", "strict", True),
        ("TORSHJIT_TARGET", "interpreter", "target_device", "interpreter"),
        ("TORSHJIT_NUM_THREADS", "3", "num_threads", 3),
        ("TORSHJIT_DUMP_DIR", "here", "dump_dir", "here"),
        ("TORSHJIT_DUMP_DIR", "", "dump_dir", None),
    ],
)
def test_environment_gives_defaults(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, option: str, value: object
) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(torshjit.JitConfig(), option) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TORSHJIT_MAX_FUSION_SIZE", "many"),
        ("TORSHJIT_MAX_FUSION_SIZE", "0"),
        ("TORSHJIT_OPTIMIZE", "perhaps"),
        ("TORSHJIT_FUSION_STRATEGY", "wild"),
    ],
)
def test_environment_errors(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(torshjit.ConfigError):
        torshjit.JitConfig()


def test_unset_environment_is_not_read_elsewhere() -> None:
    package = Path(torshjit.__file__).resolve().parent
    readers = [path.name for path in package.rglob("*.py") if "os.environ" in path.read_text()]
    assert readers == ["environment.py"]


def test_documentation_lists_the_environment() -> None:
    documented = {row[0].strip("`"): row[1:] for row in table_rows("Environment variables")}
    assert documented.keys() == environment.VARIABLES.keys()
    for name, variable in environment.VARIABLES.items():
        default = "" if variable.default is None else f"`{variable.default}`"
        affects = "yes" if variable.affects_output else "no"
        assert documented[name] == [default, affects, variable.summary]


def test_documentation_lists_the_options() -> None:
    documented = [row[0].strip("`") for row in table_rows("Options")]
    assert documented == [option.name for option in dataclasses.fields(torshjit.JitConfig)]


def test_output_variables_are_in_the_compiler_options() -> None:
    # The target that has an option of its own.
    options = set(torshjit.JitConfig(target_device="cuda").compiler_options())
    # What only a program says, which no variable can.
    options -= {"fusion_rules", "schedules"}
    affecting = [each for each in environment.VARIABLES.values() if each.affects_output]
    assert len(affecting) == len(options) == 6
