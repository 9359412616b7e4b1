# SPDX-License-Identifier: Apache-2.0
"""The options of a compilation; their defaults come from the environment."""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torshjit import environment
from torshjit.errors import ConfigError
from torshjit.rewrites import FusionRule, Rewrite, require_rules, require_schedules
from torshjit.targets import Target

__all__ = ["FusionStrategy", "JitConfig"]


class FusionStrategy(str, enum.Enum):
    """How readily operations become one kernel."""

    #: Every operation is a kernel of its own.
    NONE = "none"
    #: Elementwise chains only.
    CONSERVATIVE = "conservative"
    #: Whatever saves memory traffic without computing anything twice.
    DEFAULT = "default"
    #: Also where cheap operations have to be computed more than once.
    AGGRESSIVE = "aggressive"
    #: Only what `fusion_rules` say.
    CUSTOM = "custom"

    def __str__(self) -> str:
        return self.value


def _reader(name: str) -> Callable[[], Any]:
    return lambda: environment.read(name)


@dataclass(frozen=True, kw_only=True)
class JitConfig:
    """Options of `torshjit.compile`; immutable, see `replace`.

    Attributes:
        fusion_strategy: a FusionStrategy or its name.
        max_fusion_size: most operations that one kernel may hold, at least 1.
        enable_optimizations: whether the graph is simplified and fused.
        enable_profiling: whether each kernel is timed; the times are in `stats()`.
        target_device: what to compile for, as ``cpu``, ``interpreter`` or ``cuda:sm_90a``; the
            names are those of `torshjit.targets`.
        enable_caching: whether equal programs are compiled once in a process.
        numerics: ``strict``, or ``fast`` to allow rewrites that change float rounding.
        freeze: whether weights, and all other state around the program, are taken as they are when
            it is compiled; see `CompiledModule.refreeze`.
        strict: whether a program that cannot be compiled raises; otherwise it runs as plain
            Python, with a warning.
        dump_dir: folder that the IR of each phase is written to, or None.
        num_threads: threads that code is planned for, or None for those of the runtime.
        max_specializations: most signatures that one function is compiled for.
        rewrites: what `torshjit.rewrite` returned, applied in their order to the program as
            captured.
        fusion_rules: what `torshjit.fusion_rule` returned; of those that fit the last counts.
        schedules: texts ``#torsh.schedule<...>`` by the names of kernels, as a mapping, instead of
            what the compiler would choose; kept as sorted pairs.

    Raises:
        ConfigError: an option has a value that is not allowed.
    """

    fusion_strategy: FusionStrategy = field(default_factory=_reader("TORSHJIT_FUSION_STRATEGY"))
    max_fusion_size: int = field(default_factory=_reader("TORSHJIT_MAX_FUSION_SIZE"))
    enable_optimizations: bool = field(default_factory=_reader("TORSHJIT_OPTIMIZE"))
    enable_profiling: bool = field(default_factory=_reader("TORSHJIT_PROFILE"))
    target_device: str = field(default_factory=_reader("TORSHJIT_TARGET"))
    enable_caching: bool = field(default_factory=_reader("TORSHJIT_CACHE"))
    numerics: str = field(default_factory=_reader("TORSHJIT_NUMERICS"))
    freeze: bool = False
    strict: bool = field(default_factory=_reader("TORSHJIT_STRICT"))
    dump_dir: str | None = field(default_factory=_reader("TORSHJIT_DUMP_DIR"))
    num_threads: int | None = field(default_factory=_reader("TORSHJIT_NUM_THREADS"))
    max_specializations: int = field(default_factory=_reader("TORSHJIT_MAX_SPECIALIZATIONS"))
    rewrites: Sequence[Rewrite] = ()
    fusion_rules: Sequence[FusionRule] = ()
    schedules: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        try:
            strategy = FusionStrategy(self.fusion_strategy)
        except ValueError:
            names = ", ".join(member.value for member in FusionStrategy)
            raise ConfigError(
                f"fusion_strategy must be one of {names}, not {self.fusion_strategy!r}"
            ) from None
        object.__setattr__(self, "fusion_strategy", strategy)
        for name in (
            "enable_optimizations",
            "enable_profiling",
            "enable_caching",
            "freeze",
            "strict",
        ):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigError(f"{name} must be a bool, not {value!r}")
        for name in ("max_fusion_size", "max_specializations"):
            self._require_count(name, getattr(self, name))
        if self.num_threads is not None:
            self._require_count("num_threads", self.num_threads)
        if self.numerics not in ("strict", "fast"):
            raise ConfigError(f"numerics must be strict or fast, not {self.numerics!r}")
        if self.dump_dir is not None:
            try:
                object.__setattr__(self, "dump_dir", os.fspath(self.dump_dir))
            except TypeError:
                raise ConfigError(f"dump_dir must be a path, not {self.dump_dir!r}") from None
        for name, kind in (("rewrites", Rewrite), ("fusion_rules", FusionRule)):
            object.__setattr__(self, name, require_rules(name, getattr(self, name), kind))
        object.__setattr__(self, "schedules", require_schedules(self.schedules))
        Target.parse(self.target_device)

    @staticmethod
    def _require_count(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} must be an integer of at least 1, not {value!r}")

    @property
    def target(self) -> Target:
        """The parsed `target_device`."""
        return Target.parse(self.target_device)

    def replace(self, **changes: Any) -> JitConfig:
        """Returns a copy with the given options changed.

        Raises:
            ConfigError: an option is unknown or its value not allowed.
        """
        known = [option.name for option in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise ConfigError(f"unknown option {name!r}; options: {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    def compiler_options(self) -> dict[str, object]:
        """The options that `torshjit._compiler` takes; they are part of every cache key."""
        target = self.target
        return {
            "target": str(Target(target.kind.compiler_name, target.architecture)),
            "fusion_strategy": self.fusion_strategy.value,
            "max_fusion_size": self.max_fusion_size,
            "enable_optimizations": self.enable_optimizations,
            "numerics": self.numerics,
            "fusion_rules": [str(rule) for rule in self.fusion_rules],
            "schedules": list(self.schedules),
            **target.kind.compiler_options(),
        }
