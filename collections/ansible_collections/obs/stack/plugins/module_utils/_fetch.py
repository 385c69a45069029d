# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Fetch release archives and checksum files: verified, once per URL, into a private cache."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import typing as t
from contextlib import contextmanager

from ._download import (
    CHUNK,
    FetchError,
    Source,
    chunks,
    masked,
    mirrored,
    repeat,
    source_of,
)

__all__ = ["FetchError", "FetchedFile", "fetch", "fetch_text", "masked", "mirrored", "private_dir"]

MAX_BYTES = 4 << 30  # a release archive is some 100 MiB: more than this is not one
MAX_TEXT = 1 << 20


class FetchedFile(t.NamedTuple):
    """A verified file in the cache: its path, its hex SHA-256 and its size in bytes."""

    path: str
    sha256: str
    size: int


def fetch(
    url: str,
    dest_dir: str,
    *,
    sha256: str | None = None,
    mirror: str = "",
    proxy: str = "",
    ca_path: str = "",
    headers: dict[str, str] | None = None,
    timeout: float = 60,
    tries: int = 3,
) -> FetchedFile:
    """Give the file behind a URL, from the cache where its content is there already.

    Args:
        url: http, https or file URL, as upstream writes it.
        dest_dir: the cache; made with mode 0700, refused where others could change what is in it.
        sha256: the hex digest it must have. With None it is downloaded anew each time and its digest returned.
        mirror: base URL of a mirror with upstream's layout (see mirrored), or empty.
        proxy: http proxy URL; empty takes the proxies of the environment. NO_PROXY holds for both.
        ca_path: file or directory of CA certificates trusted besides the system's, or empty.
        headers: sent to the first host only, never to where it redirects.
        timeout: seconds without an answer or a next byte.
        tries: how often a broken connection, a truncated answer or a 5xx is tried in all.

    Raises:
        FetchError: not reachable, refused, truncated, another content than sha256 says, or the cache is not usable.
    """
    wanted = _digest(sha256, url)
    source = source_of(url, mirror, proxy, ca_path, headers, timeout, tries)
    cache = private_dir(dest_dir)
    key = hashlib.sha256(source.url.encode("utf-8")).hexdigest()[:32]
    try:
        with _locked(os.path.join(cache, key + ".lock")):
            found = wanted and _cached(cache, wanted)
            return found or _into_cache(source, cache, key, wanted)
    except OSError as error:
        raise _cache_error(cache, error) from error


def fetch_text(
    url: str,
    *,
    mirror: str = "",
    proxy: str = "",
    ca_path: str = "",
    headers: dict[str, str] | None = None,
    timeout: float = 60,
    tries: int = 3,
) -> str:
    """Give a small text file (a checksum file), at most 1 MiB, never cached. Arguments and errors as for fetch."""
    source = source_of(url, mirror, proxy, ca_path, headers, timeout, tries)

    def attempt() -> bytes:
        return b"".join(chunks(source, MAX_TEXT))

    try:
        return repeat(attempt, source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise source.error("the answer is not text", "Check the URL: a checksum file was expected.") from error


def private_dir(path: str) -> str:
    """Make or accept a directory whose content nobody else can change; gives its real path.

    Raises:
        FetchError: it is someone else's, others may write to it, or a link made by someone else leads to it.
    """
    me, trusted = os.geteuid(), (0, os.geteuid())
    wanted = os.path.abspath(os.path.expanduser(path))
    hint = f"Name another directory (cache_dir) or give this one to user id {me} with mode 0700."

    def refuse(why: str) -> FetchError:
        return FetchError(f"Could not use the cache directory {wanted}", why=why, hint=hint)

    for name in _prefixes(wanted):
        if os.path.islink(name) and os.lstat(name).st_uid not in trusted:
            raise refuse(f"{name} is a symbolic link of user id {os.lstat(name).st_uid}")
    try:
        os.makedirs(os.path.dirname(os.path.realpath(wanted)), exist_ok=True)
        real = os.path.realpath(wanted)
        try:
            os.mkdir(real, 0o700)
        except FileExistsError:
            pass
        found = os.lstat(real)
    except OSError as error:
        raise _cache_error(wanted, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise refuse("it is not a directory")
    if found.st_uid != me:
        raise refuse(f"it belongs to user id {found.st_uid}")
    if found.st_mode & 0o022:
        raise refuse(f"others may write to it (mode {stat.S_IMODE(found.st_mode):04o})")
    for name in _prefixes(os.path.dirname(real)):
        mode = os.lstat(name).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise refuse(f"everybody may replace what is in {name}")
    return real


def _prefixes(path: str) -> list[str]:
    parts = path.split(os.sep)
    return [os.sep.join(parts[:count]) or os.sep for count in range(1, len(parts) + 1)]


def _digest(sha256: str | None, url: str) -> str:
    wanted = (sha256 or "").strip().lower()
    if wanted and not re.fullmatch("[0-9a-f]{64}", wanted):
        raise FetchError(
            f"Could not use the sha256 given for {masked(url)}",
            why=f"'{wanted[:80]}' is not 64 hexadecimal digits",
            hint="Correct sha256.",
            doc="checksum",
        )
    return wanted


@contextmanager
def _locked(path: str) -> t.Iterator[None]:
    """Hold the lock of one URL: forks that want the same file wait for the first and find it in the cache."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _cached(cache: str, sha256: str) -> FetchedFile | None:
    """The cached file, hashed again; None (and gone) when it is missing or no longer what its name says."""
    path = os.path.join(cache, sha256)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    digest, size = hashlib.sha256(), 0
    with os.fdopen(handle, "rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
            size += len(chunk)
    if digest.hexdigest() == sha256:
        return FetchedFile(path, sha256, size)
    os.unlink(path)
    return None


def _into_cache(source: Source, cache: str, key: str, wanted: str) -> FetchedFile:
    # One name per URL, used under its lock: what a killed run left is overwritten instead of piling up.
    # No fsync: content is hashed again before it is handed over.
    part = os.path.join(cache, key + ".part")

    def attempt() -> FetchedFile:
        digest, size, head = hashlib.sha256(), 0, b""
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            for chunk in chunks(source, MAX_BYTES):
                head = head or chunk[:512]
                stream.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        found = digest.hexdigest()
        if wanted and found != wanted:
            page = f" (an HTML page of {size} bytes)" if re.match(rb"\s*<(!doctype|html)", head, re.I) else ""
            raise source.error(
                "its SHA-256 is {}{}, wanted is {}".format(found, page, wanted),
                "Correct sha256 if it is of another file; else do not trust what came (see obs_mirror, obs_proxy).",
                doc="checksum",
            )
        path = os.path.join(cache, found)
        os.replace(part, path)
        return FetchedFile(path, found, size)

    try:
        return repeat(attempt, source)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _cache_error(cache: str, error: OSError) -> FetchError:
    """One line for what the cache's file system refused: full, read-only, not ours."""
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(
            f"Could not store a download in {cache}",
            why=why,
            hint="Free space there or name another cache_dir.",
            doc="disk-full",
        )
    return FetchError(
        f"Could not use the cache directory {cache}",
        why=why,
        hint="Make it writable or name another cache_dir.",
    )
