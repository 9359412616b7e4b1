# SPDX-License-Identifier: Apache-2.0
"""What the Python package asks of a target: the whole of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torshjit.errors import ConfigError, DeviceError

if TYPE_CHECKING:
    from torshjit.capture.graph_function import CapturedProgram
    from torshjit.config import JitConfig
    from torshjit.specialization import Specialization

__all__ = ["TargetKind"]

_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.+-]+\Z")


class TargetKind:
    """A kind of target. As it stands: one whose compiler and device have the target's own name.

    Attributes:
        name: how `JitConfig.target_device` names it, before the colon.
        sentence: what it compiles for and what runs that.
        architecture_example: an architecture that may follow the colon; None where none may.
        compiler_name: the compiler's name of the target, whose phases and artifacts
            `CompiledModule.ir` shows.
        binary_name: the file name of its kernels in a saved executable.
        tensor_devices: the types of torch devices whose tensors its programs take.
    """

    name: str = ""
    sentence: str = ""
    architecture_example: str | None = None
    binary_name: str = "kernels.json"
    tensor_devices: tuple[str, ...] = ("cpu",)

    @property
    def compiler_name(self) -> str:
        return self.name

    def check_architecture(self, architecture: str) -> None:
        """Rejects text after the colon that cannot be an architecture; the compiler knows more.

        Raises:
            ConfigError: no architecture may be given, or it is malformed.
        """
        if self.architecture_example is None:
            raise ConfigError(
                f"target {self.name}:{architecture}: {self.name} takes no architecture"
            )
        if not _ARCHITECTURE.match(architecture):
            raise ConfigError(
                f"malformed architecture in target {self.name}:{architecture}; write it as "
                f"{self.name}:{self.architecture_example}"
            )

    def compiler_options(self) -> dict[str, object]:
        """Options of `torshjit._compiler` beside those that every target has."""
        return {}

    def build(self, program: CapturedProgram, config: JitConfig) -> Specialization:
        """Compiles a captured program. Needs no device.

        Raises:
            CompileError: the compiler rejects the program.
        """
        from torshjit.specialization import build_native

        return build_native(program, config)

    def open_device(self, architecture: str | None = None) -> None:
        """Makes the device known to the runtime; called before programs are loaded onto it.

        `architecture` is the one that the programs were compiled for; None is the device's own.

        Raises:
            DeviceError: the device, its driver or what else it needs is absent; the message says
                which, and how to compile for it nevertheless.
        """

    def device_problem(self) -> str | None:
        """Why programs of the target cannot run on this machine, or None if they can."""
        import torshjit._runtime as _runtime  # type: ignore[import-not-found]
        import torshjit.compiled  # noqa: F401  (tells the runtime which errors to raise)

        try:
            self.open_device()
            # The runtime opens the device of a program, were it empty.
            parts = ("inputs", "dims", "checks", "constants", "buffers", "steps", "results")
            empty = {"version": 1, "target": self.compiler_name, **{part: [] for part in parts}}
            _runtime.Executable(json.dumps(empty))
        except DeviceError as error:
            return error.message
        return None

    def requirements(self, architecture: str | None = None) -> dict[str, Any]:
        """What a saved executable needs of the machine that loads it, as JSON data."""
        return {}

    def check_requirements(self, requirements: Mapping[str, Any]) -> None:
        """Compares a saved executable's requirements with this machine.

        Raises:
            LoadError: the executable cannot run here; the message says why.
        """
