# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Read the entries of a tar.gz or zip one after the other, the same for both, never the whole of it in memory."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import typing as t
import zipfile
import zlib
from contextlib import contextmanager

CHUNK = 1 << 20


class BadArchive(Exception):
    """Why an archive is refused; unpack says which one."""


class Member(t.NamedTuple):
    """One entry of an archive, as both formats tell it. kind: dir, file, symlink or hardlink."""

    name: str
    kind: str
    executable: bool
    target: str
    stream: t.IO[bytes] | None


@contextmanager
def reading() -> t.Iterator[None]:
    """Tell damage of the archive from trouble of the disk: what the readers raise for a broken archive."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise BadArchive(f"it is truncated or damaged ({str(error) or type(error).__name__})") from error
    except (NotImplementedError, RuntimeError) as error:  # zipfile: compression it does not know, encryption
        raise BadArchive(f"it cannot be read ({error})") from error


def members(archive: str) -> t.Iterator[Member]:
    """The archive's entries in order; the stream of one is only good until the next is asked for."""
    with open(archive, "rb") as stream:
        head, size = stream.read(512), os.fstat(stream.fileno()).st_size
        stream.seek(0)
        if head[:2] == b"\x1f\x8b":
            yield from _tar_members(stream)
        elif head[:2] == b"PK":
            yield from _zip_members(stream)
        else:
            what = "an HTML page" if head.lstrip()[:5].lower() in (b"<!doc", b"<html") else "neither tar.gz nor zip"
            raise BadArchive(f"it is {what} ({size} bytes, beginning with {head[:16]!r})" if size else "it is empty")


def _tar_members(stream: t.IO[bytes]) -> t.Iterator[Member]:
    with gzip.open(stream, "rb") as plain:
        with reading():
            tar = tarfile.open(  # noqa: SIM115 (owns nothing: the gzip stream is closed above)
                fileobj=t.cast(t.IO[bytes], plain), mode="r|"
            )
        while True:
            with reading():
                info = tar.next()
            if info is None:
                break
            tar.members = []  # type: ignore[attr-defined]  # it would remember every entry
            kinds = (
                (info.isreg(), "file"),
                (info.isdir(), "dir"),
                (info.issym(), "symlink"),
                (info.islnk(), "hardlink"),
            )
            kind = next((kind for is_it, kind in kinds if is_it), "")
            if not kind:
                raise BadArchive(f"the entry {info.name!r} is a device or the like")
            yield Member(
                info.name, kind, bool(info.mode & 0o111), info.linkname, tar.extractfile(info) if info.isreg() else None
            )
        # The tar may end before the gzip does: its checksum at the end is what tells a truncated or damaged one.
        with reading():
            while plain.read(CHUNK):
                pass


def _zip_members(stream: t.IO[bytes]) -> t.Iterator[Member]:
    with reading():
        archive = zipfile.ZipFile(stream)
    for info in archive.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            yield Member(info.filename, "dir", False, "", None)
        elif stat.S_ISLNK(mode):
            with reading(), archive.open(info) as content:
                target = content.read(4096)
            yield Member(info.filename, "symlink", False, os.fsdecode(target), None)
        elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
            with reading():
                content = archive.open(info)
            with content:
                yield Member(info.filename, "file", bool(mode & 0o111), "", content)
        else:
            raise BadArchive(f"the entry {info.filename!r} is a device or the like")
