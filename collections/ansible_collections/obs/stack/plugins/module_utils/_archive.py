# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Unpack a release archive (tar.gz or zip) so that nothing in it can reach beyond its folder."""

from __future__ import annotations

import errno
import os
import posixpath
import shutil

from ._elf import go_name, host_machine, machine_of
from ._errors import StackError
from ._files import sync_path
from ._members import CHUNK, BadArchive, Member, members, reading

__all__ = ["ArchiveError", "machine_of", "safe_name", "sync_tree", "unpack"]

MODE = 0o755  # of folders and programs; other files are 0644
MAX_TOTAL = 4 << 30
MAX_MEMBERS = 100_000


class ArchiveError(StackError):
    """An archive is damaged, unsafe, or not the one for this host."""

    def __init__(self, what: str, *, why: str = "", hint: str = "", doc: str = "archive") -> None:
        super().__init__(what, why=why, hint=hint, step="stage", doc=doc)


def unpack(
    archive: str,
    dest: str,
    *,
    url_name: str,
    binaries: dict[str, str],
    machine: str = "",
    max_total: int = MAX_TOTAL,
    max_members: int = MAX_MEMBERS,
) -> None:
    """Unpack an archive into a new folder and put its programs under bin/.

    Its single top folder, if it has one, is left out. Files become 0644, programs and folders 0755, all of them
    the caller's own. Everything is on disk when this returns; nothing is left of dest when it fails.

    Args:
        archive: the file; its format is read from its content.
        dest: folder to make; it must not exist.
        url_name: how messages call the archive (the last part of its URL).
        binaries: name under dest/bin -> path in the archive without the top folder.
        machine: architecture that the programs must be for, as Go or uname calls it; empty: this host's.
        max_total: bytes it may hold unpacked.
        max_members: entries it may hold.

    Raises:
        ArchiveError: damaged, unsafe, too large, without one of the binaries, for another machine, or no space left.
    """
    try:
        os.mkdir(dest)
        try:
            os.chmod(dest, MODE)  # whatever the umask
            links = _extract(archive, dest, max_total, max_members)
            links = _strip_top(dest, links, list(binaries.values()))
            _make_links(dest, links)
            for name, path in sorted(binaries.items()):
                _check_machine(_place(dest, name, path), name, go_name(machine) or host_machine())
            sync_tree(dest)
        except BaseException:
            shutil.rmtree(dest, ignore_errors=True)
            raise
    except BadArchive as error:
        raise ArchiveError(
            f"Could not unpack {url_name}", why=str(error), hint="Check url, version, binaries and arch_names."
        ) from error
    except OSError as error:
        raise _storage_error(url_name, dest, error) from error


def sync_tree(path: str) -> None:
    """Put a folder and all that is in it on disk, so that a rename after it never outlives its content."""
    for folder, _folders, files in os.walk(path, topdown=False):
        for name in files:
            if not os.path.islink(os.path.join(folder, name)):
                sync_path(os.path.join(folder, name))
        sync_path(folder)


def safe_name(name: str) -> str:
    """A member's name in its plain form ("" for the folder itself); ValueError when it could leave the folder."""
    if name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise ValueError(f"the entry {name!r} would leave its folder")
    plain = posixpath.normpath(name)
    return "" if plain == "." else plain


def _extract(archive: str, dest: str, max_total: int, max_members: int) -> list[Member]:
    """Write folders and files; give the links back, so that none is there for a file to be written through."""
    links: list[Member] = []
    count = total = 0
    for member in members(archive):
        count += 1
        if count > max_members:
            raise BadArchive(f"it has more than {max_members} entries")
        try:
            name = safe_name(member.name)
        except ValueError as error:
            raise BadArchive(str(error)) from error
        path = os.path.join(dest, name)
        if member.kind == "dir":
            _make_dirs(dest, name)
        elif member.kind == "file":
            if not name:
                raise BadArchive("it has a file without a name")
            _make_dirs(dest, posixpath.dirname(name))
            total += _write(member, path, max_total - total, max_total)
        else:
            links.append(member._replace(name=name))
    if not count:
        raise BadArchive("it is empty")
    return links


def _make_dirs(dest: str, name: str) -> None:
    path = dest
    for part in filter(None, name.split("/")):
        path = os.path.join(path, part)
        try:
            os.mkdir(path)
        except FileExistsError:
            if os.path.isdir(path) and not os.path.islink(path):
                continue
            raise BadArchive(f"the entry {name!r} is both a folder and something else") from None
        os.chmod(path, MODE)


def _write(member: Member, path: str, room: int, max_total: int) -> int:
    if member.stream is None:
        raise BadArchive(f"the entry {member.name!r} has no content")
    size = 0
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BadArchive(f"the entry {member.name!r} comes twice") from None
    with os.fdopen(handle, "wb") as out:
        while True:
            with reading():
                chunk = member.stream.read(CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > room:
                raise BadArchive(f"it holds more than {max_total} bytes unpacked")
            out.write(chunk)
        os.fchmod(out.fileno(), MODE if member.executable else 0o644)
    return size


def _strip_top(dest: str, links: list[Member], wanted: list[str]) -> list[Member]:
    """Leave out the single top folder, unless the binaries are only found with it (a lone bin/)."""
    names = os.listdir(dest)
    if len(names) != 1 or not os.path.isdir(os.path.join(dest, names[0])):
        return links
    top = names[0]
    known = {link.name for link in links}
    if any(posixpath.dirname(name) == "" for name in known):
        return links

    def all_in(prefix: str) -> bool:
        paths = [posixpath.join(prefix, path) for path in wanted]
        return all(path in known or os.path.isfile(os.path.join(dest, path)) for path in paths)

    if all_in("") and not all_in(top):
        return links
    aside = os.path.join(dest, ".obs-top")
    os.rename(os.path.join(dest, top), aside)
    for name in os.listdir(aside):
        os.rename(os.path.join(aside, name), os.path.join(dest, name))
    os.rmdir(aside)
    stripped = []
    for link in links:
        target = link.target
        if link.kind == "hardlink":  # names its target from the archive's root, a symlink from its own folder
            target = posixpath.relpath(posixpath.normpath(target), top)
        stripped.append(link._replace(name=posixpath.relpath(link.name, top), target=target))
    return stripped


def _make_links(dest: str, links: list[Member]) -> None:
    """Hard links first, then symlinks; then every symlink must end inside, by whatever other links it goes."""
    root = os.path.realpath(dest)
    symlinks = []
    for link in sorted(links, key=lambda link: link.kind):  # hardlink < symlink
        path = os.path.join(root, link.name)
        _make_dirs(root, posixpath.dirname(link.name))
        try:
            if not link.target or "\0" in link.target:
                raise BadArchive(f"the link {link.name!r} leads nowhere")
            if link.kind == "hardlink":
                source = os.path.realpath(os.path.join(root, link.target))
                if not source.startswith(root + os.sep) or not os.path.isfile(source):
                    raise BadArchive(f"the link {link.name!r} leads to {link.target!r}, which is no file of it")
                os.link(source, path)
            else:
                os.symlink(link.target, path)
                symlinks.append((path, link))
        except FileExistsError:
            raise BadArchive(f"the entry {link.name!r} comes twice") from None
    for path, link in symlinks:
        inside = (os.path.realpath(path) + os.sep).startswith(root + os.sep)
        if not inside or link.target.startswith("/"):
            raise BadArchive(f"the link {link.name!r} leads out of its folder, to {link.target!r}")


def _place(dest: str, name: str, path: str) -> str:
    """Bring a program to bin/<name>, executable."""
    root = os.path.realpath(dest)
    source = os.path.realpath(os.path.join(root, path))
    placed = os.path.join(root, "bin", name)
    if not source.startswith(root + os.sep) or not os.path.isfile(source):
        there = sorted(
            os.path.relpath(os.path.join(at, file), root) for at, _dirs, files in os.walk(root) for file in files
        )
        more = f" and {len(there) - 8} more" if len(there) > 8 else ""
        raise BadArchive("it has no {!r}, only {}{}".format(path, ", ".join(there[:8]) or "folders", more))
    if source != placed:
        _make_dirs(root, "bin")
        if os.path.islink(os.path.join(root, path)):
            shutil.copyfile(source, placed)
        else:
            os.replace(source, placed)
    os.chmod(placed, MODE)
    return placed


def _check_machine(path: str, name: str, wanted: str) -> None:
    found = machine_of(path)
    runs = ("", wanted, "386") if wanted == "amd64" else ("", wanted)
    if found == "unknown":
        raise BadArchive(f"{name} is neither a program for Linux nor a script")
    if found not in runs:
        raise BadArchive(f"{name} is built for {found}, the host is {wanted}")


def _storage_error(url_name: str, dest: str, error: OSError) -> ArchiveError:
    hint, doc = "Check the path and its permissions.", "archive"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint, doc = f"Free space on the file system of {os.path.dirname(dest)}.", "disk-full"
    why = f"{error.filename or dest}: {error.strerror or error}"
    return ArchiveError(f"Could not unpack {url_name} into {dest}", why=why, hint=hint, doc=doc)
