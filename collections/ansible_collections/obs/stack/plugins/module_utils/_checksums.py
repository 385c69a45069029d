# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Find one file's SHA-256 in the checksum file of a release."""

from __future__ import annotations

import re

from ._errors import StackError

_HEX = "[0-9a-fA-F]{64}"
# sha256sum: "<hash>  <name>", with "*" for binary mode; some tools put one space only.
_GNU = re.compile(rf"({_HEX})[ \t]+[*]?(\S.*)")
# BSD sha256, openssl dgst: "SHA256 (<name>) = <hash>"
_BSD = re.compile(rf"SHA(?:2-)?256 ?\((.+)\) ?= ?({_HEX})")
_BARE = re.compile(_HEX)


class ChecksumError(StackError):
    """A checksum file does not tell what the file in question must hash to."""

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what, why=why, hint=hint, step="stage", doc="checksum")


def find(text: str, filename: str) -> str:
    """Give the SHA-256 that a checksum file has for a file.

    Understands the lines of sha256sum (text and binary mode), of BSD's sha256 and openssl, and files of a single
    line, which speak of the one file they stand beside, whatever name they give it or none (Grafana's .sha256).

    Args:
        text: content of the checksum file.
        filename: the file's name as in its URL, without folders.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        ChecksumError: there is no entry, or there are two that differ.
    """
    lines = [line for line in (raw.strip().lstrip("\ufeff") for raw in text.splitlines()) if line and line[0] != "#"]
    entries = [entry for entry in map(_entry, lines) if entry]
    if len(lines) == 1 and entries:
        return entries[0][1]
    for same in (lambda name: name == filename, lambda name: name.rpartition("/")[2] == filename):
        found = {digest for name, digest in entries if name and same(name)}
        if len(found) > 1:
            raise ChecksumError(
                f"Could not tell the SHA-256 of {filename}",
                why=f"the checksum file has {len(found)} different ones for it",
                hint="Set sha256.",
            )
        if found:
            return found.pop()
    raise ChecksumError(
        f"Could not find the SHA-256 of {filename} in the checksum file",
        why=_instead(text, [name for name, digest in entries if name]),
        hint="Check version and architecture, or set sha256.",
    )


def _entry(line: str) -> tuple[str, str] | None:
    """(name, digest) of one line; the name is empty where the line is a digest alone."""
    bsd = _BSD.fullmatch(line)
    if bsd:
        return bsd.group(1), bsd.group(2).lower()
    gnu = _GNU.fullmatch(line)
    if gnu:
        return gnu.group(2), gnu.group(1).lower()
    return ("", line.lower()) if _BARE.fullmatch(line) else None


def _instead(text: str, names: list[str]) -> str:
    """What is in the file in place of the entry."""
    if names:
        return "it has {}{}".format(", ".join(names[:5]), f" and {len(names) - 5} more" if names[5:] else "")
    if re.match(r"\s*<(!doctype|html)", text, re.I):
        return "it is an HTML page"
    if re.search(r"\b(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})\b", text):
        return "its digests are not SHA-256"
    return "it has no entries" if text.strip() else "it is empty"
