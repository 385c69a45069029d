# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Where a service's files are on a host, and where their copies are while the controller judges them. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

_ABSENT = re.compile(r"no such file|does not exist|not point to an existing|cannot find|not found", re.IGNORECASE)
# What may be an absolute path in a configuration or an argument: after a quote, a separator, or at a beginning.
_PATH = re.compile(r"(?:^|(?<=[\s\"'=:,\[(@]))/[^\s\"'<>|;,()\[\]{}*?=:]+", re.MULTILINE)


class Relocation:
    """Maps the paths of one service below a folder of the controller, and back.

    Args:
        name: service, whose /etc/<name> and /etc/obs/<name> are copied.
        root: the folder that stands for "/".
    """

    def __init__(self, name: str, root: str) -> None:
        self.name = name
        self.root = root
        # Nothing that goes on in front (another path, a name) and nothing that goes on behind (/etc/<name>-other).
        self._own = re.compile(rf"(?<![\w./-])/etc/(?:obs/)?{re.escape(name)}(?![\w.-])")
        self.stand_ins: list[str] = []

    def place(self, path: str) -> str:
        """Where the copy of an absolute path of the host is."""
        return self.root + path

    def inwards(self, text: str) -> str:
        """The text with every path that was copied naming its copy."""
        text = self._own.sub(lambda match: self.root + match.group(0), text)
        for path in sorted(self.stand_ins, key=len, reverse=True):
            pattern = rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)"
            text = re.sub(pattern, lambda match: self.root + match.group(0), text)
        return text

    def outwards(self, text: str) -> str:
        """The text with every copy named as what it stands for."""
        return text.replace(self.root, "")

    def owns(self, path: str) -> bool:
        """Whether a path must be among the service's own files: only this tool writes below /etc/<name>."""
        return path == f"/etc/{self.name}" or path.startswith(f"/etc/{self.name}/")

    def only_on_host(self, said: str, texts: Iterable[str]) -> list[str]:
        """Paths that a checker missed, that the configuration names, and that somebody else puts on the host.

        Args:
            said: the checker's words, with real paths.
            texts: what the service is configured by.
        """
        missed = "\n".join(line for line in said.splitlines() if _ABSENT.search(line))
        named = {path.rstrip(".") for text in texts for path in _PATH.findall(text)} if missed else set()
        return sorted(
            path
            for path in named
            if path in missed and not self.owns(path) and path not in self.stand_ins and not os.path.exists(path)
        )


def origin_of(path: str, items: Iterable[dict[str, str]]) -> str:
    """What a file of a service was written from: a variable, else the source's name, else "".

    Args:
        path: relative to the service's folder.
        items: ``path``, ``variable`` and ``src`` of the entries it may have come from.
    """
    best, words = -1, ""
    for item in items:
        start = item["path"].rstrip("/")
        if (path == start or path.startswith(start + "/")) and len(start) > best:
            best, words = len(start), item.get("variable") or item.get("src") or ""
    return words
