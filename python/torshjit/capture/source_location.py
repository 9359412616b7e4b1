# SPDX-License-Identifier: Apache-2.0
"""Finds the line of the user's program that is being captured."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import CodeType

__all__ = ["PACKAGE_FOLDER", "installed_folders", "user_location"]

#: Folder of this package; its frames are never the user's.
PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_internal: dict[tuple[str, tuple[str, ...]], bool] = {}


def installed_folders() -> tuple[str, ...]:
    """Folders of the standard library and of installed packages, each with a separator at its end.

    `sysconfig` knows them too, but takes 5 ms to import.
    """
    standard = os.path.dirname(os.path.abspath(os.__file__))
    packages = [
        os.path.abspath(entry)
        for entry in sys.path
        if os.path.basename(entry.rstrip(os.sep)) in ("site-packages", "dist-packages")
    ]
    return tuple(os.path.join(folder, "") for folder in (standard, *packages))


def _is_internal(code: CodeType, folders: tuple[str, ...]) -> bool:
    key = (code.co_filename, folders)
    known = _internal.get(key)
    if known is None:
        path = code.co_filename
        known = path.startswith(folders) or path.startswith("<frozen ")
        if not known and not path.startswith("<"):
            # The package may be reached through a symbolic link, as in a build tree.
            known = os.path.realpath(path).startswith(tuple(map(_real_folder, folders)))
        _internal[key] = known
    return known


def _real_folder(folder: str) -> str:
    return os.path.realpath(folder) + os.sep


def user_location(library_folders: Sequence[str] = ()) -> tuple[str, int] | None:
    """Returns ``(file, line)`` of the innermost frame outside torshjit and the given folders.

    `library_folders` end in a path separator.
    """
    folders = (PACKAGE_FOLDER, *library_folders)
    frame = sys._getframe(1)
    while frame is not None:
        if not _is_internal(frame.f_code, folders):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None
