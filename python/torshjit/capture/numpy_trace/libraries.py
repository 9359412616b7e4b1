# SPDX-License-Identifier: Apache-2.0
"""Which code belongs to the user's program and which to the libraries that it calls."""

from __future__ import annotations

import sys

from torshjit.capture.source_location import installed_folders

__all__ = ["Library", "is_foreign"]

#: Packages whose functions, modules and objects are used as they are.
_FOREIGN = frozenset(sys.stdlib_module_names) | {"numpy", "ml_dtypes", "scipy", "torch", "torshjit"}

#: Folders of installed packages.
_INSTALLED = installed_folders()


def _package(module_name: str | None) -> str:
    return (module_name or "").partition(".")[0]


def is_foreign(module_name: str | None) -> bool:
    """Whether a module is of the standard library or of a package known to be opaque."""
    return _package(module_name) in _FOREIGN


class Library:
    """The installed packages, but for the one that a traced function is from."""

    def __init__(self, own_module: str | None) -> None:
        self._own = _package(own_module)

    def contains(self, module_name: str | None) -> bool:
        """Whether a module's functions are used as they are.

        Following all that an installed package reaches would end nowhere.
        """
        package = _package(module_name)
        if package in _FOREIGN:
            return True
        if package == self._own:
            return False
        file = getattr(sys.modules.get(module_name or ""), "__file__", None)
        return file is not None and file.startswith(_INSTALLED)
