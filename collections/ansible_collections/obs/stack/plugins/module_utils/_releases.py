# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The releases of a service: unpacked once, found again, shared by services that run the same."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from typing import Callable

from ._files import link_tree, read_json, remove_tree, sync_path, write_json
from ._layout import Layout
from ._stage import disk_error, restore_labels
from ._wish import ReleaseForHost

RELEASE_RECORD = "release.json"


def _stage_archive(archive: str, dest: str, final: str, release: ReleaseForHost) -> None:
    # Imported when needed, as in _transaction.
    from ._archive import unpack

    unpack(
        archive,
        dest,
        url_name=os.path.basename(release.url),
        binaries=dict(release.binaries),
        machine=platform.machine(),
    )


def _stage_wheelhouse(archive: str, dest: str, final: str, release: ReleaseForHost) -> None:
    from ._wheelhouse import install_wheelhouse

    install_wheelhouse(
        archive,
        dest,
        final,
        url_name=os.path.basename(release.url),
        binaries=release.binaries,
        python=release.python,
    )


def _stage_links(archive: str, dest: str, final: str, release: ReleaseForHost) -> None:
    from ._distribution import link_programs

    link_programs(dest, release.binaries)


RELEASE_KINDS: dict[str, Callable[[str, str, str, ReleaseForHost], None]] = {
    "archive": _stage_archive,
    "wheelhouse": _stage_wheelhouse,
    "distribution": _stage_links,
}
"""How each kind of release gets from its file into a folder with bin/; the transaction knows nothing of it."""


def find_release(layout: Layout, release: ReleaseForHost) -> tuple[str, str]:
    """(id, sha256) of the release when it is unpacked on this host, else ("", "").

    Without a known sha256 one of the same version and URL counts: it was verified when it came.
    """
    if release.id:
        record = read_json(os.path.join(layout.release(release.id), RELEASE_RECORD)) or {}
        usable = record.get("sha256") == release.sha256 and release_is_whole(layout, release.id)
        return (release.id, release.sha256) if usable else ("", "")
    try:
        names = sorted(os.listdir(layout.releases))
    except FileNotFoundError:
        return "", ""
    for name in names:
        record = read_json(os.path.join(layout.releases, name, RELEASE_RECORD)) if not name.startswith(".") else None
        if not record or (record.get("version"), record.get("url")) != (release.version, release.url):
            continue
        if not name.endswith(release.interpreter) or record.get("additions", "") != release.additions_key:
            continue
        if release_is_whole(layout, name):
            return name, str(record["sha256"])
    return "", ""


def release_is_whole(layout: Layout, release_id: str) -> bool:
    """Whether the binaries of a release are as they were unpacked (by size and time: their hash is in the id)."""
    folder = layout.release(release_id)
    record = read_json(os.path.join(folder, RELEASE_RECORD)) or {}
    for name, (size, mtime) in (record.get("binaries") or {}).items():
        try:
            found = os.stat(os.path.join(folder, "bin", name))
        except OSError:
            return False
        if found.st_size != size or found.st_mtime_ns != mtime:
            return False
    return bool(record.get("binaries"))


def stage_release(
    layout: Layout, release: ReleaseForHost, archive: str, additions: Mapping[str, str] | None = None
) -> None:
    """Unpack a verified archive into releases/<id>: beside first, synced, renamed.

    Args:
        additions: sha256 -> path of the archives of the release's additions.

    Raises:
        StackError: the archive is damaged or for another machine, or the disk is full. Nothing is left behind.
    """
    from ._additions import unpack_additions

    beside = os.path.join(layout.releases, ".staging-" + release.id)
    remove_tree(beside)
    final = layout.release(release.id)
    try:
        RELEASE_KINDS[release.kind](archive, beside, final, release)
        unpack_additions(beside, release.additions, additions or {})
        binaries = {}
        for name in release.binaries:
            found = os.stat(os.path.join(beside, "bin", name))
            binaries[name] = (found.st_size, found.st_mtime_ns)
        write_json(
            os.path.join(beside, RELEASE_RECORD),
            {
                "version": release.version,
                "url": release.url,
                "sha256": release.sha256,
                "additions": release.additions_key,
                "binaries": binaries,
                "members": dict(release.binaries),
            },
            mode=0o644,
        )
        restore_labels(beside)
        remove_tree(final)
        os.rename(beside, final)
        sync_path(layout.releases)
    except OSError as error:
        raise disk_error(f"release {release.id}", layout.releases, error) from error
    finally:
        remove_tree(beside)


def share_release(layout: Layout, release: ReleaseForHost) -> ReleaseForHost | None:
    """Take a release over from another service of this host that has it: the same files, by hard links.

    Nothing of a release is ever changed, and whoever removes it removes names: the others keep the files. Only an
    archive can be shared (a wheelhouse knows where it is), and only below one root, where all of it is ours.

    Returns:
        The release with its sha256, or None where there is none to share.
    """
    if release.kind != "archive":
        return None
    for name in sorted(os.listdir(layout.root)):
        other = Layout(root=layout.root, name=name)
        there = name != layout.name and os.path.isdir(other.releases)
        release_id, digest = find_release(other, release) if there else ("", "")
        source = other.release(release_id)
        record = read_json(os.path.join(source, RELEASE_RECORD)) or {} if release_id else {}
        if record.get("members") != dict(release.binaries):
            continue
        beside = os.path.join(layout.releases, ".staging-" + release_id)
        remove_tree(beside)
        try:
            link_tree(source, beside)
            restore_labels(beside)
            remove_tree(layout.release(release_id))
            os.rename(beside, layout.release(release_id))
            sync_path(layout.releases)
        except OSError:
            remove_tree(beside)  # Another file system, or it was pruned meanwhile: unpacked like the first one.
            continue
        return replace(release, sha256=digest)
    return None
