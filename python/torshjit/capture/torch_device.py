# SPDX-License-Identifier: Apache-2.0
"""The one device whose tensors a captured torch program computes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.errors import DeviceError

__all__ = ["CaptureDevice"]

_CPU = torch.device("cpu")

#: The devices of torch whose autocast the runtime looks at by itself (StateGuards.h).
_WATCHED_AUTOCAST = ("cpu",)


class CaptureDevice:
    """Where the tensors of a call are: on one device of those that the target takes.

    Which one is decided by the first tensor that is met.
    """

    #: A guard on it is on how a call is made, not on the state around the program.
    is_of_the_call = True

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = tuple(allowed)
        self._with_autocast = tuple(filter(torch.amp.is_autocast_available, allowed))
        self._device: torch.device | None = None
        self._first = ""

    @property
    def autocast_enabled(self) -> bool:
        """Whether autocast is on now for any device of the target; it changes what eager does."""
        return any(map(torch.is_autocast_enabled, self._with_autocast))

    @property
    def watched(self) -> tuple | None:
        """That autocast is off in the runtime's form (StateGuards.h), where it has one."""
        if self._with_autocast != _WATCHED_AUTOCAST:
            return None
        return ("autocast", False, "torch.autocast")

    @property
    def current(self) -> torch.device:
        """Where the tensors of the call are; the CPU until one is met."""
        return self._device or _CPU

    def check(self, tensor: torch.Tensor, name: str) -> None:
        """Checks a tensor of the call, which messages call `name`.

        Raises:
            DeviceError: the target takes no tensor of that device, or another tensor of the
                call is elsewhere.
        """
        device = tensor.device
        if device.type not in self._allowed:
            raise DeviceError(
                f"{name} is on device {device}, the target's programs take tensors of "
                f"{' or '.join(self._allowed)}"
            )
        if self._device is None:
            self._device, self._first = device, name
        elif device != self._device:
            raise DeviceError(
                f"{name} is on device {device}, {self._first} is on device {self._device}"
            )

    def check_destination(self, device: Any) -> None:
        """Checks where the program asks for a tensor.

        Raises:
            DeviceError: it is not where the call's tensors are.
        """
        if device is None:
            return
        wanted, here = torch.device(device), self.current
        # torch itself asks for the device that traced tensors have under the one that they show.
        if wanted.type != "meta" and (
            wanted.type != here.type or wanted.index not in (None, here.index)
        ):
            raise DeviceError(
                f"the program moves a tensor to device {wanted}, which is not supported where its "
                f"tensors are on {here}"
            )
