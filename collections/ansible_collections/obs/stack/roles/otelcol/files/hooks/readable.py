# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds logs that are there and that the agent's account cannot read: the agent itself passes over them in silence.

Run as that account, before a rollout. A log that is not there yet is no matter. Python 3.9, standard library only.
"""

from __future__ import annotations

import fnmatch
import glob
import grp
import json
import os
import pwd
import re
import sys
from collections.abc import Iterator

WILD = re.compile(r"[*?\[{]")
NAMED = 5


def alternatives(pattern: str) -> list[str]:
    """A pattern with braces as patterns without: the agents know ``{a,b}``, Python does not."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if not found:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    return [whole for part in found.group(1).split(",") for whole in alternatives(head + part + tail)]


def closed_folders(pattern: str) -> Iterator[str]:
    """Folders on the way of a pattern that exist and that the account cannot look into."""
    parts = pattern.split("/")[1:-1]
    folders = ["/"]
    for part in parts:
        below: list[str] = []
        for folder in folders:
            wild = bool(WILD.search(part))
            if not os.access(folder, os.X_OK | (os.R_OK if wild else 0)):
                yield folder
            elif part == "**":
                below += [folder, *(path for path, _folders, _files in os.walk(folder) if path != folder)]
            elif wild:
                below += [path for path in glob.glob(os.path.join(folder, part)) if os.path.isdir(path)]
            elif os.path.isdir(os.path.join(folder, part)):
                below.append(os.path.join(folder, part))
        folders = below
    last_wild = bool(WILD.search(os.path.basename(pattern)))
    for folder in folders:
        if not os.access(folder, os.X_OK | (os.R_OK if last_wild else 0)):
            yield folder


def unreadable(path: str, exclude: list[str]) -> Iterator[str]:
    """What of a pattern the account cannot read."""
    for pattern in alternatives(path):
        yield from closed_folders(pattern)
        for found in sorted(glob.glob(pattern, recursive=True)):
            left_out = any(fnmatch.fnmatch(found, one) for other in exclude for one in alternatives(other))
            if os.path.isfile(found) and not left_out and not os.access(found, os.R_OK):
                yield found


def described(path: str) -> str:
    """A path with whose it is: ``/var/log/app.log (0600 root:root)``."""
    state = os.stat(path)
    try:
        owner = f"{pwd.getpwuid(state.st_uid).pw_name}:{grp.getgrgid(state.st_gid).gr_name}"
    except KeyError:
        owner = f"{state.st_uid}:{state.st_gid}"
    return f"{path} ({state.st_mode & 0o7777:04o} {owner})"


def main(argv: list[str]) -> int:
    with open(argv[0], encoding="utf-8") as stream:
        sources = json.load(stream)
    found: dict[str, None] = {}
    for item in sources["files"]:
        exclude = item.get("exclude") or []
        found.update(dict.fromkeys(unreadable(item["path"], [exclude] if isinstance(exclude, str) else exclude)))
    if not found:
        return 0
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    account = pwd.getpwuid(os.getuid()).pw_name
    names = ", ".join(described(path) for path in list(found)[:NAMED])
    print(f"the account {account} cannot read {names}{more}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
