# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The edge to /proc: who listens where, and what a process runs."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

LISTEN = "0A"


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket."""

    address: str
    port: int
    inode: int


def _address(text: str) -> str:
    raw = bytes.fromhex(text)
    words = struct.unpack(f"<{len(raw) // 4}I", raw)
    packed = struct.pack(f">{len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def parse_tcp_table(text: str) -> list[Listener]:
    """Listening sockets of a /proc/net/tcp or tcp6 table (proc(5))."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            address, _colon, port = fields[1].partition(":")
            found.append(Listener(address=_address(address), port=int(port, 16), inode=int(fields[9])))
    return found


def listeners(port: int) -> list[Listener]:
    """All sockets that listen on a port of this host."""
    found: list[Listener] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as handle:
                found += [entry for entry in parse_tcp_table(handle.read()) if entry.port == port]
        except FileNotFoundError:
            continue
    return found


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return int(handle.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def family_of(pid: int) -> set[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for other in _pids():
        children.setdefault(_parent(other), []).append(other)
    found: set[int] = set()
    todo = [pid]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += children.get(one, [])
    return found


def sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets a process holds."""
    found: set[int] = set()
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return found
    for name in names:
        try:
            target = os.readlink(os.path.join(folder, name))
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def owner_of(inode: int) -> int | None:
    """The process that holds a socket, or None."""
    return next((pid for pid in _pids() if inode in sockets_of(pid)), None)


def name_of(pid: int) -> str:
    """Command name of a process."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "?"


def argv_of(pid: int) -> list[str]:
    """Command line of a process, [] when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as handle:
            return [word.decode("utf-8", "replace") for word in handle.read().split(b"\0")[:-1]]
    except (FileNotFoundError, ProcessLookupError):
        return []


def executable_of(pid: int) -> str:
    """Path of the file a process executes; ends in " (deleted)" when that file is gone."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def overlaps(wanted: str, taken: str) -> bool:
    """Whether two listen addresses cannot both have the same port."""
    wildcards = {"0.0.0.0", "::", ""}  # noqa: S104  compared, not bound
    mapped = "::ffff:"
    taken = taken[len(mapped) :] if taken.startswith(mapped) else taken
    return wanted in wildcards or taken in wildcards or wanted == taken
