# SPDX-License-Identifier: Apache-2.0
"""The reference meaning of every operation, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torshjit.targets.target_kind import TargetKind

if TYPE_CHECKING:
    from torshjit.capture.graph_function import CapturedProgram
    from torshjit.config import JitConfig
    from torshjit.specialization import Specialization

__all__ = ["KIND", "InterpreterKind"]


class InterpreterKind(TargetKind):
    """Captures programs and evaluates them operation by operation; compiles nothing."""

    name = "interpreter"
    sentence = "the reference meaning of every operation, evaluated in NumPy"

    @property
    def compiler_name(self) -> str:
        # The phases that `CompiledModule.ir` shows of a program that is only interpreted.
        return "cpu"

    def build(self, program: CapturedProgram, config: JitConfig) -> Specialization:
        from torshjit.specialization import build_interpreted

        return build_interpreted(program)

    def device_problem(self) -> str | None:
        return None


KIND = InterpreterKind()
