# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following files over rotation, truncation and restarts of ours: every line once."""

from __future__ import annotations

import glob
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from obs_exporter.log.tail import Tail, digest, open_regular, resumed

# A writer keeps the old file open for a while after a rotation: so long it must be quiet before it is let go.
QUIET_SECONDS = 10.0
PACKED = (".gz", ".xz", ".bz2", ".zst", ".lz4")
# Files of one round, so that a huge one does not keep the others waiting.
CHUNKS_A_ROUND = 16

Identity = tuple[int, int]


class Follower:
    """The files of one module. counts: rotated, truncated, lost, too_long, bytes; problem: why nothing can be read."""

    def __init__(self, patterns: list[str], longest: int, most_files: int, start: str) -> None:
        self.counts: Counter[str] = Counter()
        self.problem = ""
        self.more = False
        self.tails: dict[Identity, Tail] = {}
        self._patterns = patterns
        self._longest = longest
        self._most = most_files
        self._from_end = start == "end"
        self._done: dict[Identity, dict[str, Any]] = {}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on where a state left off, also in files that were renamed meanwhile or came and went.

        Raises:
            ValueError, TypeError, KeyError: it is no state of ours.
        """
        self._from_end = False
        self.counts = Counter({str(name): int(count) for name, count in saved["counts"].items()})
        self._done = {(one["device"], one["inode"]): one for one in saved["done"]}
        for one in saved["tails"]:
            tail = resumed(one, one["path"], same_inode=True)
            if tail is not None:
                self.tails[tail.identity] = tail
                tail.modified = int(one["modified"])
                continue
            self._rotated_away(one)

    def _rotated_away(self, saved: dict[str, Any]) -> None:
        """The rest of a file that is not at its path any more, and the files that came after it."""
        rest = self._rest_of(saved)
        if rest is not None:
            self.tails[rest.identity] = rest
            self.counts["rotated"] += 1
        elif int(saved["offset"]):
            self.counts["lost"] += 1
        self._newer(saved["origin"], int(saved["modified"]))

    def _newer(self, path: str, mark: int) -> None:
        """Open what was rotated after a moment (nanoseconds) and never seen at its path."""
        for sibling, found in _siblings(path):
            identity = (found.st_dev, found.st_ino)
            if found.st_mtime_ns > mark and identity not in self.tails and not self._is_done(identity, sibling):
                self._open(sibling, identity, origin=path)

    def _rest_of(self, saved: dict[str, Any]) -> Tail | None:
        """A renamed file by its inode, or a copy that was made before the file was truncated, by how it begins."""
        found = _siblings(saved["origin"])
        for path, _stat in found:
            tail = resumed(saved, path, same_inode=True)
            if tail is not None:
                return tail
        for path, one in found:
            # Files alike at their beginning are told apart by time: the copy is younger than what we saw last.
            known = (one.st_dev, one.st_ino) in self.tails or self._is_done((one.st_dev, one.st_ino), path)
            if saved["offset"] and not known and one.st_mtime_ns >= saved["modified"]:
                tail = resumed(saved, path, same_inode=False)
                if tail is not None:
                    return tail
        return None

    def poll(self) -> Iterator[bytes]:
        """Complete lines, chunk by chunk, of all files; ends when a round is done. `more`: go on at once."""
        self.more = False
        present = self._present()
        for tail in list(self.tails.values()):
            gone = tail.identity not in present
            try:
                yield from self._read(tail, gone)
            except OSError as error:
                self.problem = f"cannot read {tail.path}: {error.strerror}"
                self._finish(tail)

    def _present(self) -> set[Identity]:
        """What the patterns name now; new files are opened."""
        present: set[Identity] = set()
        self.problem = ""
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]:
                if path.endswith(PACKED) and glob.has_magic(pattern):
                    continue
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                identity = (found.st_dev, found.st_ino)
                present.add(identity)
                if identity in self.tails:
                    self.tails[identity].path = path
                elif not self._is_done(identity, path):
                    before = [tail.modified for tail in self.tails.values() if tail.origin == path]
                    self._open(path, identity, at_end=self._from_end)
                    if before:
                        # Another one may have come and gone between two looks.
                        self._newer(path, max(before))
        self._from_end = False
        if not present and not self.problem:
            self.problem = "there is no file at " + ", ".join(self._patterns)
        return present

    def _open(self, path: str, identity: Identity, *, at_end: bool = False, origin: str = "") -> None:
        if len(self.tails) >= self._most:
            self.problem = f"more than {self._most} files (max_files)"
            return
        try:
            descriptor = open_regular(path)
        except PermissionError:
            self.problem = f"may not read {path}"
            return
        if descriptor is None:
            return
        found = os.fstat(descriptor)
        self._done.pop(identity, None)
        tail = Tail(path, descriptor, found.st_dev, found.st_ino, modified=found.st_mtime_ns, origin=origin or path)
        if at_end:
            _to_the_end(tail, found.st_size)
        self.tails[tail.identity] = tail

    def _read(self, tail: Tail, gone: bool) -> Iterator[bytes]:
        size, changed = tail.look()
        if changed and tail.replaced(size):
            self._truncated(tail)
            size, _changed = tail.look()
        elif changed and not tail.offset and tail.modified_before:
            # Seen empty before: what it held meanwhile may have been copied away and cut off.
            self._newer(tail.origin or tail.path, tail.modified_before)
        if size > tail.offset and (changed or tail.pending or gone):
            tail.pending = True
            for _round in range(CHUNKS_A_ROUND):
                here = tail.offset
                lines = tail.read(self._longest, self.counts)
                if lines:
                    yield lines
                if tail.offset == here:
                    tail.pending = False
                    break
            self.more = self.more or tail.pending
        if not gone or tail.pending or changed or tail.quiet_since is None:
            tail.quiet_since = time.monotonic() if gone else None
        elif time.monotonic() - tail.quiet_since >= QUIET_SECONDS:
            lines = tail.rest(self._longest, self.counts)
            self._finish(tail)
            self.counts["rotated"] += 1
            if lines:
                yield lines

    def _truncated(self, tail: Tail) -> None:
        """copytruncate: what was written after our last look is in the copy."""
        self.counts["truncated"] += 1
        rest = self._rest_of({**tail.state(), "inode": -1, "modified": tail.modified_before})
        tail.rewind()
        if rest is not None:
            self.tails[rest.identity] = rest

    def _finish(self, tail: Tail) -> None:
        self._done[tail.identity] = {
            "device": tail.device,
            "inode": tail.inode,
            "head": [len(tail.head), digest(tail.head)],
        }
        del self.tails[tail.identity]
        tail.close()
        while len(self._done) > 4 * self._most:
            del self._done[next(iter(self._done))]

    def _is_done(self, identity: Identity, path: str) -> bool:
        """Whether it was read to its end already: an inode may be used anew, so its beginning has to fit."""
        done = self._done.get(identity)
        if done is None:
            return False
        length, wanted = done["head"]
        try:
            with open(path, "rb") as file:
                return bool(digest(file.read(length)) == wanted)
        except OSError:
            return False

    def behind(self) -> int:
        """Bytes that are written and not read yet."""
        return sum(max(0, tail.seen[0] - tail.offset) for tail in self.tails.values())

    def state(self) -> dict[str, Any]:
        """As it is saved."""
        return {
            "counts": dict(self.counts),
            "tails": [tail.state() for tail in self.tails.values()],
            "done": list(self._done.values()),
        }

    def close(self) -> None:
        """Let go of all files."""
        for tail in self.tails.values():
            tail.close()
        self.tails.clear()


def _siblings(path: str) -> list[tuple[str, os.stat_result]]:
    """What a rotation may have called the file, oldest first: name.1, name-20261122, stem-20261122.log, name.old."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    number = r"[.-](?:[0-9][0-9TZ_.-]*|old)"
    called = re.compile(f"{re.escape(name)}{number}|{re.escape(stem)}{number}{re.escape(extension)}")
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if called.fullmatch(entry.name):
                    found.append((entry.path, entry.stat()))
    except OSError:
        return []
    return sorted(found, key=lambda one: one[1].st_mtime_ns)


def _to_the_end(tail: Tail, size: int) -> None:
    """After the last complete line."""
    step, end = 65536, size
    while end > 0:
        start = max(0, end - step)
        place = os.pread(tail.descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            end = start + place + 1
            break
        end = start
    tail.offset = end
    tail.head = os.pread(tail.descriptor, min(1024, end), 0)
