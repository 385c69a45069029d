# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Put generations on disk beside what runs; nothing here touches the running service."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

from ._digest import sha256
from ._errors import StackError
from ._files import (
    make_directory,
    point_symlink,
    read_bytes,
    read_json,
    remove_tree,
    sync_path,
    write_file,
    write_json,
)
from ._generation import Draft, Generation, file_digest
from ._layout import NOTHING, Layout
from ._systemd import run
from ._wish import FileWish

MANIFEST = "manifest.json"
UNIT = "unit"
RUN_ENV = "run.env"
SELINUX = "/sys/fs/selinux/enforce"


def ensure_home(layout: Layout) -> None:
    """Make the folders of a service, with the empty generation 0 for `current` to name."""
    for path in (layout.root, layout.home, layout.releases, layout.generations):
        make_directory(path, mode=0o755)
    nothing = layout.generation(NOTHING)
    make_directory(nothing, mode=0o755)
    make_directory(os.path.join(nothing, "etc"), mode=0o755)
    if not os.path.islink(layout.current):
        point_symlink(layout.current, os.path.join("generations", str(NOTHING)))


def stage_generation(layout: Layout, draft: Draft, *, number: int, gid: int, created: str) -> Generation:
    """Write a generation under its number: beside first, synced, renamed. Readable by the service's group only."""
    beside = os.path.join(layout.generations, f".staging-{number}")
    remove_tree(beside)
    final = layout.generation(number)
    try:
        manifest = write_generation(beside, draft, number=number, gid=gid, created=created)
        restore_labels(beside)
        sync_path(beside)
        remove_tree(final)
        os.rename(beside, final)
        sync_path(layout.generations)
    except OSError as error:
        raise disk_error(f"generation {number}", layout.generations, error) from error
    finally:
        remove_tree(beside)
    return Generation(number=number, manifest=manifest, unit_text=draft.generation.unit_text)


def write_generation(folder: str, draft: Draft, *, number: int, gid: int, created: str) -> dict[str, Any]:
    """Write a generation's content into a new folder; returns its manifest."""
    manifest = dict(draft.generation.manifest, number=number, created=created, state="staged")
    make_directory(folder, mode=0o750, gid=gid)
    etc = os.path.join(folder, "etc")
    make_directory(etc, mode=0o750, gid=gid)
    for item in draft.contents.values():
        write_below(etc, item, gid=gid)
    write_file(os.path.join(folder, RUN_ENV), draft.run_env.encode(), mode=0o600)
    write_file(os.path.join(folder, UNIT), draft.generation.unit_text.encode(), mode=0o644)
    write_json(os.path.join(folder, MANIFEST), manifest)
    os.symlink(os.path.join("..", "..", "releases", manifest["release"]["id"]), os.path.join(folder, "release"))
    return manifest


def write_below(folder: str, item: FileWish, *, gid: int) -> None:
    """Write one wished file below a folder, with its parents (0750, the service's group)."""
    path = os.path.join(folder, item.path)
    parents = []
    parent = os.path.dirname(path)
    while parent != folder:
        parents.append(parent)
        parent = os.path.dirname(parent)
    for missing in reversed(parents):
        make_directory(missing, mode=0o750, gid=gid)
    write_file(path, item.content, mode=item.mode, gid=gid)


def load_generation(layout: Layout, number: int) -> Generation:
    """Read a generation back from its manifest.

    Raises:
        StackError: it is missing or its manifest is damaged.
    """
    folder = layout.generation(number)
    manifest = read_json(os.path.join(folder, MANIFEST))
    unit_text = read_bytes(os.path.join(folder, UNIT))
    if not isinstance(manifest, dict) or unit_text is None:
        raise StackError(
            f"Could not read generation {number} of {layout.name}",
            why=f"{os.path.join(folder, MANIFEST)} is missing or damaged",
            hint="Name another generation; obs.stack.release_service_info lists them.",
            doc="generation",
        )
    return Generation(number=number, manifest=manifest, unit_text=unit_text.decode())


def files_on_disk(layout: Layout, generation: Generation, key: bytes) -> dict[str, dict[str, Any]]:
    """The ``files`` table of a generation as its folder is now, so that an edit by hand shows."""
    etc = os.path.join(layout.generation(generation.number), "etc")
    found: dict[str, dict[str, Any]] = {}
    for folder, _folders, names in os.walk(etc):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, etc)
            known = generation.files.get(relative, {"on_change": "reload", "secret": False})
            content = read_bytes(path) or b""
            mode = os.lstat(path).st_mode & 0o7777
            item = FileWish(relative, content, mode, known["on_change"], bool(known["secret"]))
            found[relative] = {
                "digest": file_digest(item, key),
                "mode": f"{mode:04o}",
                "on_change": item.on_change,
                "secret": item.secret,
            }
    return found


def secrets_on_disk(layout: Layout, generation: Generation) -> list[str]:
    """Contents of a generation's secret files, to be masked."""
    etc = os.path.join(layout.generation(generation.number), "etc")
    secret = (path for path, entry in generation.files.items() if entry["secret"])
    return [(read_bytes(os.path.join(etc, path)) or b"").decode("utf-8", "replace") for path in secret]


def run_env_is_whole(layout: Layout, generation: Generation) -> bool:
    """Whether run.env still has the restart key of its generation."""
    text = (read_bytes(os.path.join(layout.generation(generation.number), RUN_ENV)) or b"").decode("utf-8", "replace")
    return f'OBS_RESTART_KEY="{generation.restart_key}"' in text


def mark_generation(layout: Layout, generation: Generation, state: str, **more: Any) -> None:
    """Note in a manifest what became of its generation: committed or failed."""
    manifest: dict[str, Any] = dict(generation.manifest, state=state, **more)
    write_json(os.path.join(layout.generation(generation.number), MANIFEST), manifest)


def unit_digest_of(path: str) -> str:
    """Digest of a unit file that is a regular file of ours, "" for anything else."""
    if os.path.islink(path) or not os.path.isfile(path):
        return ""
    return sha256(read_bytes(path) or b"")


def restore_labels(path: str) -> None:
    """Give new files the SELinux labels of their place, where SELinux is on."""
    if os.path.exists(SELINUX):
        run(["restorecon", "-R", path], timeout=300)


def disk_error(thing: str, where: str, error: OSError) -> StackError:
    """An OSError while staging, in words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StackError(
        f"Could not write {thing} below {where}",
        why="the disk is full" if full else str(error),
        hint="Free space there (obs_root), then run again; the running service was not touched." if full else "",
        step="stage",
        doc="disk-full" if full else "stage",
    )


def live_digests(layout: Layout, known: Mapping[str, str]) -> dict[str, str]:
    """Digests of those live files that are ours (by the record), as they are on disk now."""
    found = {}
    for path in known:
        content = read_bytes(os.path.join(layout.live, path))
        if content is not None:
            found[path] = sha256(content)
    return found
