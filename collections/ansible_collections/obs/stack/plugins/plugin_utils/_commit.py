# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The commit that a run is made of: read from the repository's files, since it is asked for in every task.

A process of git would cost more than all else the controller does for a service that does not change, and refuses a
repository of another user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

DIGITS = 12
"""Of a commit, enough to find it by."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit_of(folders: Iterable[str]) -> str:
    """The commit checked out where the first of some folders in a repository is, short.

    Args:
        folders: of the inventory, of the playbook; empty ones are passed over.

    Returns:
        "" where none is in a repository, or its commit is not found.
    """
    for folder in folders:
        if folder:
            found = _repository(Path(folder))
            if found is not None:
                return found
    return ""


def _repository(folder: Path) -> str | None:
    """The commit of the repository that a folder is in; None outside of any."""
    try:
        here = folder.resolve()
        for place in (here, *here.parents):
            git = place / ".git"
            if git.is_file():
                # A worktree, or a submodule.
                git = place / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
            if (git / "HEAD").is_file():
                return _head(git)[:DIGITS]
    except (OSError, UnicodeDecodeError):
        return ""
    return None


def _head(git: Path) -> str:
    """What is checked out."""
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head if _COMMIT.fullmatch(head) else ""
    name = head.partition(":")[2].strip()
    common = git
    if (git / "commondir").is_file():
        common = git / (git / "commondir").read_text(encoding="utf-8").strip()
    if (common / name).is_file():
        text = (common / name).read_text(encoding="utf-8").strip()
        return text if _COMMIT.fullmatch(text) else ""
    if (common / "packed-refs").is_file():
        for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
            commit, _space, ref = line.partition(" ")
            if ref == name and _COMMIT.fullmatch(commit):
                return commit
    return ""
