# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Further archives that become part of a release, such as plugins: each by its own sha256, each at its own place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._digest import digest_of
from ._errors import StackError

ANY = "any"
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_URL = re.compile(r"^(https?|file)://[^/]*/.+")
_KEPT = ("bin", "release.json")  # what the release itself has there


@dataclass(frozen=True)
class Addition:
    """One archive for one architecture.

    Attributes:
        path: folder within the release that it becomes; a single top folder of the archive is left out.
        url: upstream's.
        sha256: of the archive.
        members: files that it must have.
    """

    path: str
    url: str
    sha256: str
    members: tuple[str, ...] = ()


def additions_for(items: Sequence[Mapping[str, Any]], arch: str) -> tuple[Addition, ...]:
    """The additions of a release as one architecture needs them.

    Raises:
        StackError: one has no sha256 for it.
    """
    found = []
    for item in items:
        digests = item["sha256"]
        digest = str(digests.get(arch) or digests.get(ANY) or "").lower()
        if not digest:
            raise StackError(
                "Could not add {} to the release".format(item["path"]),
                why=f"it has no sha256 for {arch}",
                hint=f"Add {arch} to its sha256, or {ANY} where one archive serves all.",
                step="plan",
                doc="checksum",
            )
        url = str(item["url"]).replace("{arch}", arch)
        found.append(Addition(str(item["path"]), url, digest, tuple(item.get("members") or ())))
    return tuple(sorted(found, key=lambda addition: addition.path))


def key_of(additions: Sequence[Addition]) -> str:
    """What stands for the additions in the name of a release's folder: eight digits, "" without any."""
    return digest_of([[addition.path, addition.sha256] for addition in additions])[:8] if additions else ""


def check_additions(name: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what can be seen to be wrong without looking at any host.

    Raises:
        StackError: naming the addition.
    """
    # Imported when needed, as in _transaction.
    from ._archive import safe_name

    taken: set[str] = set()
    for item in items:
        path, why = str(item["path"]), ""
        try:
            plain = safe_name(path)
        except ValueError:
            plain = ""
        if not plain or plain != path or plain.split("/")[0] in _KEPT:
            why = "its path is not one below the release's folder"
        elif any(plain == other or plain.startswith(other + "/") or other.startswith(plain + "/") for other in taken):
            why = "another one has that path"
        elif not _URL.match(str(item["url"])):
            why = "its url is not an http(s) or file URL"
        elif not item["sha256"]:
            why = "it has no sha256"
        else:
            wrong = [arch for arch, digest in item["sha256"].items() if not _SHA256.match(str(digest).lower())]
            why = f"its sha256 for {wrong[0]} is not 64 hexadecimal digits" if wrong else ""
        if why:
            raise StackError(f"Could not add {path} to the release of {name}", why=why, step="input", doc="input")
        taken.add(plain)


def unpack_additions(folder: str, additions: Sequence[Addition], archives: Mapping[str, str]) -> None:
    """Unpack verified archives into the folder of a release that is not in use yet.

    Args:
        folder: of the release.
        additions: what to add.
        archives: sha256 -> path of its archive on this host.

    Raises:
        ArchiveError: one is damaged, or lacks a file that it must have.
    """
    from ._archive import ArchiveError, unpack

    for addition in additions:
        place = os.path.join(folder, addition.path)
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        unpack(archives[addition.sha256], place, url_name=os.path.basename(addition.url), binaries={})
        for member in addition.members:
            if not os.path.isfile(os.path.join(place, member)):
                raise ArchiveError(
                    f"Could not add {addition.path} to the release",
                    why=f"its archive has no {member}",
                    hint="Nothing was changed. Take it as its maker published it.",
                )
