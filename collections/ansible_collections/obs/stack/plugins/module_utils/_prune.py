# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Take old generations and releases away, never one that something still uses."""

from __future__ import annotations

import os

from ._errors import StackError
from ._files import read_json, remove_tree
from ._generation import Generation
from ._layout import Layout
from ._stage import load_generation
from ._switch import release_of_process


def choose(numbers: list[int], *, keep: int, used: set[int]) -> list[int]:
    """Which generations may go: all but the newest ``keep`` and those in use. Pure."""
    newest = sorted(numbers)[-max(keep, 1) :]
    return [number for number in sorted(numbers) if number not in newest and number not in used]


def unused_releases(releases: list[str], of_generation: dict[int, str], *, used: set[str]) -> list[str]:
    """Which releases no generation names and nothing else uses. Pure."""
    named = set(of_generation.values()) | used
    return [release for release in releases if release not in named]


def prune(layout: Layout, *, keep: int, current: Generation, running: str) -> tuple[list[int], list[str]]:
    """Prune a service.

    Args:
        keep: how many generations stay.
        current: the one that runs.
        running: path of the executable the process runs, which may be of an older release.

    Returns:
        The generations and releases that went.
    """
    pending = read_json(layout.pending) or {}
    hold = read_json(layout.hold) or {}
    used = {
        current.number,
        int(pending.get("from") or 0),
        int(pending.get("to") or 0),
        int(hold.get("generation") or 0),
    }
    gone = choose(layout.generation_numbers(), keep=keep, used=used)
    for number in gone:
        remove_tree(layout.generation(number))
    of_generation: dict[int, str] = {}
    for number in layout.generation_numbers():
        try:
            of_generation[number] = load_generation(layout, number).release_id
        except StackError:
            continue
    releases = [name for name in os.listdir(layout.releases) if not name.startswith(".")]
    old = unused_releases(releases, of_generation, used={release_of_process(running, layout)})
    for release in old:
        remove_tree(layout.release(release))
    return gone, old
