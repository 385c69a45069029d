# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Position and counters in one file, replaced by rename: after any crash both are of the same moment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

VERSION = 1


class StateError(Exception):
    """The state cannot be read or written; str() says why."""


def load(path: Path) -> dict[str, Any] | None:
    """What was saved; None when nothing was.

    Raises:
        StateError: there is something, and it is no state.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StateError(f"cannot read {path}: {error}") from None
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise StateError(f"{path} is no state of this version")
    return found


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file by a whole new one, on the disk when this returns.

    Raises:
        StateError: it cannot be written; the old one stays.
    """
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb", opener=_private) as file:
            file.write(json.dumps({"version": VERSION, **state}, separators=(",", ":")).encode())
            file.flush()
            os.fdatasync(file.fileno())
        os.replace(new, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
