# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Where a service lives on a host (docs/architecture.md, 'On the host')."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = 0
"""Generation 0 is an empty folder: what `current` names before the first install, so that a check always has
a path to bind the new generation over, and a failed first install has something to go back to."""

NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")


@dataclass(frozen=True)
class Layout:
    """Paths of one service under ``root`` (default /opt/obs)."""

    root: str
    name: str

    @property
    def home(self) -> str:
        return os.path.join(self.root, self.name)

    @property
    def releases(self) -> str:
        return os.path.join(self.home, "releases")

    @property
    def generations(self) -> str:
        return os.path.join(self.home, "generations")

    @property
    def current(self) -> str:
        return os.path.join(self.home, "current")

    @property
    def lock(self) -> str:
        return os.path.join(self.home, ".lock")

    @property
    def masked(self) -> str:
        """Units of the distribution that were masked here."""
        return os.path.join(self.home, "masked.json")

    @property
    def hmac_key(self) -> str:
        return os.path.join(self.home, "hmac.key")

    @property
    def pending(self) -> str:
        """The note of a switch that is under way: from, to, what is owed."""
        return os.path.join(self.home, "pending.json")

    @property
    def hold(self) -> str:
        return os.path.join(self.home, "hold.json")

    @property
    def live_record(self) -> str:
        return os.path.join(self.home, "live.json")

    @property
    def live_staging(self) -> str:
        return os.path.join(self.home, ".staging-live")

    @property
    def obs_etc(self) -> str:
        return os.path.join("/etc/obs", self.name)

    @property
    def live(self) -> str:
        return os.path.join(self.obs_etc, "live")

    @property
    def etc_link(self) -> str:
        return os.path.join("/etc", self.name)

    @property
    def current_etc(self) -> str:
        return os.path.join(self.current, "etc")

    @property
    def unit_name(self) -> str:
        return self.name + ".service"

    @property
    def unit_file(self) -> str:
        return os.path.join("/etc/systemd/system", self.unit_name)

    def release(self, release_id: str) -> str:
        return os.path.join(self.releases, release_id)

    def generation(self, number: int) -> str:
        return os.path.join(self.generations, str(number))

    def generation_numbers(self) -> list[int]:
        """All generations on disk, oldest first, generation 0 left out."""
        try:
            names = os.listdir(self.generations)
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdigit() and int(name) != NOTHING)

    def current_number(self) -> int | None:
        """The generation that `current` names, or None when nothing is installed."""
        try:
            target = os.path.basename(os.readlink(self.current))
        except (FileNotFoundError, OSError):
            return None
        number = int(target) if target.isdigit() else NOTHING
        return None if number == NOTHING else number


def still_there(root: str, names: Sequence[str]) -> tuple[str, ...]:
    """Which of these services a host has below a root, one stat each."""
    return tuple(name for name in names if os.path.isdir(Layout(root=root, name=name).home))
