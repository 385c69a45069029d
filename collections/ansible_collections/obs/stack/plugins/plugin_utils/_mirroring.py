# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Collect release archives into a folder with the layout that ``fetch.mirror`` reads, each verified by its sha256."""

from __future__ import annotations

import hashlib
import os
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from ansible_collections.obs.stack.plugins.module_utils._checksums import ChecksumError
from ansible_collections.obs.stack.plugins.module_utils._checksums import find as find_checksum
from ansible_collections.obs.stack.plugins.module_utils._delivery import fetch_options, same_origin_warning
from ansible_collections.obs.stack.plugins.module_utils._elf import go_name
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._fetch import fetch_text, masked, mirrored
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseForHost, ReleaseWish
from ansible_collections.obs.stack.plugins.plugin_utils._release import archive_of

SUMS = "SHA256SUMS"
CHUNK = 1 << 20
NO_ARCHIVE = "0" * 64 + "  -"  # a line of its own makes a checksum file one of several lines
_SUM = re.compile(r"([0-9a-f]{64})  (\S.*)")

# States of a file: it was there, it came (or would), it is of an earlier run, upstream has none, it could not be had.
PRESENT, ADDED, KEPT, NOT_RELEASED, FAILED = "present", "added", "kept", "not released", "FAILED"


class Entry(t.NamedTuple):
    """One file of the mirror. ``size`` in bytes, 0 where it is not known."""

    path: str
    service: str
    version: str
    arch: str
    state: str
    sha256: str
    size: int
    why: str = ""


class Mirror:
    """A folder that is served, or copied and served, as a mirror.

    Args:
        folder: absolute path.
        how: options of the download (``mirror`` is where to collect from instead of upstream).
        check_mode: write nothing and download no archive; checksum files are read.
    """

    def __init__(self, folder: str, how: Mapping[str, t.Any], *, check_mode: bool) -> None:
        self.folder = folder
        self.how = how
        self.check_mode = check_mode
        self.before = read_sums(os.path.join(folder, SUMS))
        self.entries: list[Entry] = []
        self.warnings: list[str] = []
        self._texts: dict[str, str | StackError] = {}

    def collect(self, releases: Sequence[Mapping[str, t.Any]], architectures: Sequence[str]) -> None:
        """Bring every archive and checksum file; what cannot be fetched becomes an entry, and the rest goes on.

        Raises:
            OSError: the folder cannot be written.
        """
        for release in releases:
            wish = release_wish(release)
            shared = "{arch}" not in wish.checksums_url
            for arch in architectures:
                self._archive(str(release["service"]), wish.for_machine(machine_of(wish, arch)), shared)
        named = {entry.path for entry in self.entries}
        for path, sha256 in sorted(self.before.items()):
            if path not in named and os.path.isfile(os.path.join(self.folder, path)):
                self.entries.append(Entry(path, "", "", "", KEPT, sha256, self._size(path)))

    @property
    def failures(self) -> list[str]:
        """Why files are missing, in one line each."""
        return [entry.why for entry in self.entries if entry.state == FAILED]

    def sums(self) -> str:
        """Content of SHA256SUMS: every file of the mirror, as ``sha256sum -c`` reads it."""
        known = {entry.path: entry.sha256 for entry in self.entries if entry.state in (PRESENT, ADDED, KEPT)}
        return "".join(f"{known[path]}  {path}\n" for path in sorted(known))

    def write_sums(self) -> None:
        """Write SHA256SUMS beside the hosts' folders."""
        if self.entries:
            _replace(os.path.join(self.folder, SUMS), self.sums().encode())

    def _archive(self, service: str, release: ReleaseForHost, shared: bool) -> None:
        try:
            path = self._place(release.url)
            release = self._with_sums(service, release, shared)
            if any(entry.path == path for entry in self.entries):
                return  # two services of one release
            state, size = self._bring(release, path)
            self._note(path, service, release, state, release.sha256, size)
        except ChecksumError as error:
            # The release's own list is what says for which architectures there is one.
            self._note(masked(release.url), service, release, NOT_RELEASED, "", 0, str(error).splitlines()[0])
        except StackError as error:
            self._note(masked(release.url), service, release, FAILED, "", 0, str(error).splitlines()[0])

    def _note(
        self, path: str, service: str, release: ReleaseForHost, state: str, sha256: str, size: int, why: str = ""
    ) -> None:
        self.entries.append(Entry(path, service, release.version, release.arch, state, sha256, size, why))

    def _with_sums(self, service: str, release: ReleaseForHost, shared: bool) -> ReleaseForHost:
        """The release with its sha256; its checksum file is kept on the way, as hosts will ask the mirror for it.

        ``shared``: the file speaks of all architectures, so a single line of it that names another archive is not for
        this one.
        """
        text = self._checksum_file(service, release)
        if release.sha256:
            return release
        if text is None:
            raise StackError(
                f"Could not verify {service} {release.version} for {release.arch}",
                why="no sha256 is known, and no checksum file is named",
                hint=f"Set {service}_release_sha256.",
                doc="checksum",
            )
        text += f"\n{NO_ARCHIVE}\n" if shared else ""
        found = replace(release, sha256=find_checksum(text, os.path.basename(release.url)))
        warning = same_origin_warning(service, release.version)
        if warning not in self.warnings:
            self.warnings.append(warning)
        return found

    def _checksum_file(self, service: str, release: ReleaseForHost) -> str | None:
        url = release.checksums_url
        if not url:
            return None
        if url not in self._texts:
            try:
                text = fetch_text(url, **fetch_options(self.how))
                path, content = self._place(url), text.encode()
                sha256 = hashlib.sha256(content).hexdigest()
                state = PRESENT if sha256_of(os.path.join(self.folder, path)) == sha256 else ADDED
                if state == ADDED and not self.check_mode:
                    _replace(os.path.join(self.folder, path), content)
                self.entries.append(Entry(path, service, release.version, "", state, sha256, len(content)))
                self._texts[url] = text
            except StackError as error:
                self._texts[url] = error
        found = self._texts[url]
        if isinstance(found, StackError):
            if release.sha256:  # a pinned digest needs no list
                return None
            raise found
        return found

    def _bring(self, release: ReleaseForHost, path: str) -> tuple[str, int]:
        """Have the archive at its place; its state and size."""
        target = os.path.join(self.folder, path)
        if sha256_of(target) == release.sha256:
            return PRESENT, os.path.getsize(target)
        if self.check_mode:
            return ADDED, 0
        archive = archive_of(release, self.how)
        _replace(target, _chunks(archive.path), sha256=release.sha256)
        return ADDED, archive.size

    def _place(self, url: str) -> str:
        """Path of an upstream URL relative to the folder; the very one a host's fetch will ask for."""
        if urlsplit(url).scheme == "file":
            raise StackError(f"Could not mirror {masked(url)}", why="it is a file already", doc="fetch")
        path = os.path.normpath(unquote(urlsplit(mirrored(url, "file:///")).path).lstrip("/"))
        if path.startswith("..") or os.path.isabs(path):
            raise StackError(f"Could not mirror {masked(url)}", why="its path leaves the folder", doc="fetch")
        return path

    def _size(self, path: str) -> int:
        return os.path.getsize(os.path.join(self.folder, path))


def release_wish(release: Mapping[str, t.Any]) -> ReleaseWish:
    """A release as the playbook hands it over."""
    return ReleaseWish(
        version=str(release["version"]),
        url=str(release["url"]),
        checksums_url=str(release.get("checksums_url") or ""),
        sha256={str(arch): str(digest).lower() for arch, digest in (release.get("sha256") or {}).items()},
        arch_names=dict(release.get("arch_names") or {}),
        binaries={},
        version_argv=(),
    )


def machine_of(wish: ReleaseWish, arch: str) -> str:
    """The machine (``uname -m``) an architecture in Go's names stands for, as the release knows it."""
    for machine in wish.arch_names:
        if arch in (machine, go_name(machine)):
            return machine
    return arch


def read_sums(path: str) -> dict[str, str]:
    """path -> sha256 of an earlier SHA256SUMS; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = [_SUM.fullmatch(line.rstrip("\n")) for line in handle]
    except FileNotFoundError:
        return {}
    return {match.group(2): match.group(1) for match in found if match}


def sha256_of(path: str) -> str:
    """Digest of a file, "" where there is none."""
    digest = hashlib.sha256()
    try:
        for chunk in _chunks(path):
            digest.update(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return digest.hexdigest()


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as handle:
        yield from iter(lambda: handle.read(CHUNK), b"")


def _replace(path: str, content: bytes | Iterator[bytes], *, sha256: str = "") -> None:
    """Write a file as a whole, for everybody to read: a web server serves it. Refuses what has another sha256."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = path + ".part"
    digest = hashlib.sha256()
    try:
        with open(beside, "wb") as handle:
            for chunk in [content] if isinstance(content, bytes) else content:
                handle.write(chunk)
                digest.update(chunk)
            handle.flush()
            os.fchmod(handle.fileno(), 0o644)
            os.fsync(handle.fileno())
        if sha256 and digest.hexdigest() != sha256:
            raise OSError(f"its sha256 changed on the way to {path}")
        os.rename(beside, path)
    finally:
        if os.path.lexists(beside):
            os.unlink(beside)
