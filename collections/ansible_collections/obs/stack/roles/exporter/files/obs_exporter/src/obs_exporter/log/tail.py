# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file that is followed: by what it is, not by what it is called."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

CHUNK = 512 * 1024
# So much of what was read already tells a file from one that took its place.
HEAD = 1024


def open_regular(path: str) -> int | None:
    """File descriptor of a regular file; None where there is none, or something else (a pipe would hang us).

    Raises:
        PermissionError: it may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def digest(head: bytes) -> str:
    """What stands for a head in the state."""
    return hashlib.sha256(head).hexdigest()


@dataclass
class Tail:
    """An open file and how far it is read. offset: the start of a line, or inside one that is skipped."""

    path: str
    descriptor: int
    device: int
    inode: int
    offset: int = 0
    head: bytes = b""
    skipping: bool = False
    quiet_since: float | None = None  # monotonic; since when it is gone from its path and does not grow
    modified: int = 0  # nanoseconds, as seen last
    modified_before: int = 0  # and the time before
    origin: str = ""  # where it was before it was rotated: what rotations are looked for by
    pending: bool = False  # there was more than one round reads
    seen: tuple[int, int] = field(default=(-1, -1))  # size and mtime at the last look

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def look(self) -> tuple[int, bool]:
        """Its size now, and whether it changed since the last look."""
        found = os.fstat(self.descriptor)
        now = (found.st_size, found.st_mtime_ns)
        changed, self.seen = now != self.seen, now
        self.modified_before, self.modified = self.modified, found.st_mtime_ns
        return found.st_size, changed

    def replaced(self, size: int) -> bool:
        """Whether other content took the place of what was read: shorter, or another beginning."""
        if size < self.offset:
            return True
        return bool(self.head) and os.pread(self.descriptor, len(self.head), 0) != self.head

    def rewind(self) -> None:
        """Begin anew."""
        self.offset, self.head, self.skipping = 0, b"", False

    def read(self, longest: int, counts: Counter[str]) -> bytes:
        """The next complete lines, at most CHUNK; b"" when there are none. Lines longer than `longest` are left out."""
        data = os.pread(self.descriptor, max(CHUNK, longest + 1), self.offset)
        if self.skipping:
            end = data.find(b"\n")
            if end < 0:
                self._advance(len(data))
                return b""
            self._advance(end + 1)
            self.skipping = False
            counts["too_long"] += 1
            data = data[end + 1 :]
        end = data.rfind(b"\n")
        if end < 0:
            if len(data) > longest:
                self.skipping = True
                self._advance(len(data))
            return b""
        counts["bytes"] += end + 1
        self._advance(end + 1)
        return _without_long(data[: end + 1], longest, counts)

    def rest(self, longest: int, counts: Counter[str]) -> bytes:
        """The last line of a file that nobody writes any more, although its end is missing."""
        data = os.pread(self.descriptor, longest + 1, self.offset)
        self._advance(len(data))
        if self.skipping or len(data) > longest:
            counts["too_long"] += 1
            return b""
        counts["bytes"] += len(data)
        return data + b"\n" if data else b""

    def _advance(self, count: int) -> None:
        self.offset += count
        if len(self.head) < HEAD and self.offset > len(self.head):
            self.head = os.pread(self.descriptor, min(HEAD, self.offset), 0)

    def state(self) -> dict[str, Any]:
        """As it is saved."""
        return {
            "path": self.path,
            "origin": self.origin or self.path,
            "device": self.device,
            "inode": self.inode,
            "offset": self.offset,
            "head": [len(self.head), digest(self.head)],
            "skipping": self.skipping,
            "modified": self.modified,
        }


def _without_long(data: bytes, longest: int, counts: Counter[str]) -> bytes:
    # Seldom: looked for only where a chunk is longer than one line may be.
    if len(data) <= longest:
        return data
    lines = data.split(b"\n")
    if max(map(len, lines)) <= longest:
        return data
    kept = [line for line in lines if len(line) <= longest]
    counts["too_long"] += len(lines) - len(kept)
    return b"\n".join(kept)


def resumed(saved: dict[str, Any], path: str, *, same_inode: bool) -> Tail | None:
    """The file at `path`, where it begins as the saved one did and is at least as long; None otherwise."""
    try:
        descriptor = open_regular(path)
    except PermissionError:
        return None
    if descriptor is None:
        return None
    found = os.fstat(descriptor)
    length, wanted = int(saved["head"][0]), str(saved["head"][1])
    offset = int(saved["offset"])
    inode_fits = (found.st_dev, found.st_ino) == (saved["device"], saved["inode"])
    head = os.pread(descriptor, length, 0)
    if (same_inode and not inode_fits) or found.st_size < offset or digest(head) != wanted:
        os.close(descriptor)
        return None
    tail = Tail(path, descriptor, found.st_dev, found.st_ino, offset, head, bool(saved["skipping"]))
    tail.modified, tail.origin = found.st_mtime_ns, str(saved["origin"])
    return tail
