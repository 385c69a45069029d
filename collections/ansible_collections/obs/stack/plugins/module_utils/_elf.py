# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""For which architecture a program is built, in the names Go and release archives use."""

from __future__ import annotations

import os
import struct

# As Go and the names of release archives call them, for what uname says.
_UNAME = {
    "x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i386": "386", "i686": "386",
    "armv6l": "arm", "armv7l": "arm", "armv8l": "arm", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x",
}  # fmt: skip
# (e_machine, bits, little-endian) of an ELF header
_ELF = {
    (0x3E, 64, True): "amd64", (0xB7, 64, True): "arm64", (0x28, 32, True): "arm", (0x03, 32, True): "386",
    (0xF3, 64, True): "riscv64", (0x15, 64, True): "ppc64le", (0x16, 64, False): "s390x",
}  # fmt: skip


def go_name(machine: str) -> str:
    """An architecture as uname (or Go itself) calls it, in Go's names; unknown ones as they are."""
    return _UNAME.get(machine, machine)


def host_machine() -> str:
    """This host's architecture in Go's names."""
    return go_name(os.uname().machine)


def machine_of(path: str) -> str:
    """The architecture a program is for, in Go's names: "" for a script, "unknown" for what is no program of Linux.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as stream:
        head = stream.read(20)
    if head[:2] == b"#!":
        return ""
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return "unknown"
    little = head[5] == 1
    machine = struct.unpack("<H" if little else ">H", head[18:20])[0]
    return _ELF.get((machine, 64 if head[4] == 2 else 32, little), "unknown")
