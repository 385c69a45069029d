# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Writes that survive a power loss: everything is written beside, synced, and renamed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import Any


def sync_path(path: str) -> None:
    """Make a file's content, or the names within a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: str, content: bytes, *, mode: int, uid: int = 0, gid: int = 0) -> None:
    """Write a file as a whole: beside it first, synced, then renamed over it."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.obs-new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fchown(handle.fileno(), uid, gid)
            os.fchmod(handle.fileno(), mode)
            os.fsync(handle.fileno())
        os.rename(beside, path)
    except BaseException:
        remove_file(beside)
        raise
    sync_path(folder)


def place_file(path: str, content: bytes, *, mode: int) -> None:
    """Write a file as a whole into a folder that others may write to as well.

    A name of our own, then one rename, follows no link of theirs.
    """
    folder, name = os.path.split(path)
    handle, beside = tempfile.mkstemp(prefix="." + name + ".", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), mode)
        os.replace(beside, path)
    except BaseException:
        remove_file(beside)
        raise


def write_json(path: str, data: Any, *, mode: int = 0o600) -> None:
    """Write a document as canonical JSON."""
    write_file(path, (json.dumps(data, indent=1, sort_keys=True) + "\n").encode(), mode=mode)


def read_json(path: str) -> Any | None:
    """A JSON document, or None when it is missing or damaged (a torn note is no note)."""
    try:
        with open(path, "rb") as handle:
            return json.loads(handle.read().decode())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def read_bytes(path: str) -> bytes | None:
    """A file's content, or None when there is no such file."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def point_symlink(link: str, target: str) -> None:
    """Make ``link`` name ``target`` in one rename."""
    beside = link + ".obs-new"
    remove_file(beside)
    os.symlink(target, beside)
    os.rename(beside, link)
    sync_path(os.path.dirname(link))


def remove_file(path: str) -> bool:
    """Remove a file or symlink; True when there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def link_tree(source: str, dest: str) -> None:
    """Make a new folder with the files of another one, by hard links: their content is there once.

    Raises:
        OSError: they are on different file systems, or somebody else than us could change a file.
    """
    for folder, folders, names in os.walk(source):
        place = os.path.join(dest, os.path.relpath(folder, source)) if folder != source else dest
        os.mkdir(place, 0o700)
        for name in names + folders:
            path = os.path.join(folder, name)
            found = os.lstat(path)
            if found.st_uid != os.geteuid() or (not os.path.islink(path) and found.st_mode & 0o022):
                raise PermissionError(f"{path} can be changed by others")
            if os.path.islink(path):
                os.symlink(os.readlink(path), os.path.join(place, name))
            elif name in names:
                os.link(path, os.path.join(place, name))
        os.chmod(place, os.stat(folder).st_mode & 0o7777)
        sync_path(place)


def remove_tree(path: str) -> bool:
    """Remove a folder and all below it; True when there was one."""
    if not os.path.lexists(path):
        return False
    shutil.rmtree(path)
    return True


def make_directory(path: str, *, mode: int, uid: int = 0, gid: int = 0) -> bool:
    """Make a folder (its parents 0755, root's) with exactly this mode and owner; True when it was missing.

    An existing folder is left as it is: whoever made it had a reason.
    """
    if os.path.isdir(path):
        return False
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    os.mkdir(path, 0o700)
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    sync_path(os.path.dirname(path))
    return True


def nearest_existing(path: str) -> str:
    """The path itself, or the closest of its parents that exists."""
    while not os.path.exists(path):
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    return path


def filesystem_bytes(path: str) -> int:
    """Size in bytes of the file system that holds, or will hold, ``path``."""
    found = os.statvfs(nearest_existing(path))
    return found.f_blocks * found.f_frsize
