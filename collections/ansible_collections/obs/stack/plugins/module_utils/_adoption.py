# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Take a host over that has the service from elsewhere: a distribution's package, another collection, a hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._errors import StackError
from ._files import read_bytes, sync_path, write_file
from ._layout import Layout
from ._process import argv_of
from ._systemd import UnitState, daemon_reload, state_of, systemctl
from ._wish import Wish

ASIDE = ".before-obs"
OUR_MARK = "# Managed by obs.stack"


def is_ours(unit_file: str) -> bool:
    """Whether a unit file was written by this collection."""
    try:
        with open(unit_file, encoding="utf-8", errors="replace") as handle:
            return handle.readline().startswith(OUR_MARK)
    except OSError:
        return False


def flag_value(argv: list[str], flag: str) -> str:
    """Value a command line gives a flag, as ``--flag=value`` or ``--flag value``; "" when it does not."""
    for index, word in enumerate(argv):
        if word.startswith(flag + "="):
            return word[len(flag) + 1 :]
        if word == flag and index + 1 < len(argv):
            return argv[index + 1]
    return ""


@dataclass(frozen=True)
class Foreign:
    """What another installation left: words for the message, unit names, the process that runs."""

    findings: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    data_path: str = ""


def find_foreign(wish: Wish, layout: Layout, unit: UnitState) -> Foreign:
    """Look for another installation of the service; only sensible while none of ours is there."""
    findings: list[str] = []
    units: list[str] = []
    processes: list[int] = []
    if os.path.lexists(layout.etc_link) and not os.path.islink(layout.etc_link):
        findings.append(f"{layout.etc_link} is a folder of its own")
    if unit.exists and unit.fragment and not is_ours(unit.fragment):
        findings.append(f"unit {unit.fragment}")
        processes.append(unit.main_pid)
    for name in wish.former_units:
        state = state_of(name + ".service")
        if state.exists and not state.is_masked and (state.is_active or state.is_enabled):
            findings.append(f"unit {state.fragment or name}")
            units.append(name + ".service")
            processes.append(state.main_pid)
    findings += [path for path in wish.former_paths if os.path.lexists(path) and not os.path.islink(path)]
    flag = str(wish.data.get("flag") or "")
    data_path = next(
        (found for pid in processes if pid and flag for found in [flag_value(argv_of(pid), flag)] if found), ""
    )
    return Foreign(tuple(findings), tuple(units), data_path)


def refuse_unless_adopted(wish: Wish, foreign: Foreign) -> None:
    """Refuse to run over another installation, or to begin empty beside its data.

    Raises:
        StackError: what was found, and which variable takes it over.
    """
    if not foreign.findings:
        return
    if not wish.adopt:
        raise StackError(
            f"Could not install {wish.name}",
            why="this host has it from elsewhere: {}".format(", ".join(foreign.findings)),
            hint=f"Set {wish.name}_adopt: true to take it over with its data (its configuration is moved aside), "
            "or remove it.",
            step="plan",
            doc="adopt",
        )
    if foreign.data_path and os.path.realpath(foreign.data_path) != os.path.realpath(wish.data_path):
        raise StackError(
            f"Could not adopt {wish.name}",
            why=f"the running one keeps its data in {foreign.data_path}, "
            f"this run would begin empty in {wish.data_path}",
            hint=f"Set {wish.name}_data_dir: {foreign.data_path}.",
            step="plan",
            doc="adopt",
        )


@dataclass
class Takeover:
    """What an adoption did, so that it can be undone."""

    moves: list[tuple[str, str]] = field(default_factory=list)
    units: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | None) -> Takeover:
        plain = plain or {}
        return cls(moves=[(move[0], move[1]) for move in plain.get("moves", [])], units=list(plain.get("units", [])))

    def to_plain(self) -> dict[str, Any]:
        return {"moves": [list(move) for move in self.moves], "units": self.units}


def plan_takeover(wish: Wish, layout: Layout, foreign: Foreign) -> Takeover:
    """What is to be moved aside and stopped; nothing is touched yet, so that it can be noted first."""
    takeover = Takeover()
    sources = [layout.etc_link] + [path for path in wish.former_paths if path in foreign.findings]
    if os.path.isfile(layout.unit_file) and not is_ours(layout.unit_file):
        sources.append(layout.unit_file)
    for source in sources:
        if os.path.lexists(source) and not os.path.islink(source):
            takeover.moves.append((source, _free_name(source + ASIDE)))
    for unit in foreign.units:
        state = state_of(unit)
        takeover.units.append({"name": unit, "active": state.is_active, "enabled": state.is_enabled})
    return takeover


def _free_name(path: str) -> str:
    number, candidate = 1, path
    while os.path.lexists(candidate):
        number += 1
        candidate = f"{path}.{number}"
    return candidate


def keep_unit(takeover: Takeover, layout: Layout) -> None:
    """Copy the other installation's unit aside; ours then replaces it in one rename, so there always is one."""
    for source, aside in takeover.moves:
        content = read_bytes(source) if source == layout.unit_file and not is_ours(source) else None
        if content is not None:
            write_file(aside, content, mode=0o644)


def move_aside(takeover: Takeover, layout: Layout) -> None:
    """Move the rest of the other installation aside."""
    for source, aside in takeover.moves:
        if source != layout.unit_file and os.path.lexists(source) and not os.path.islink(source):
            os.rename(source, aside)
            sync_path(os.path.dirname(source))


def stop_former(takeover: Takeover) -> None:
    """Stop and disable units of other names that run the same service."""
    for unit in takeover.units:
        systemctl("disable", unit["name"])
        systemctl("stop", unit["name"])


def undo(takeover: Takeover) -> None:
    """Put everything back where it was, and start what ran."""
    for source, aside in reversed(takeover.moves):
        if os.path.lexists(aside):
            if os.path.islink(source) or os.path.isfile(source):
                os.unlink(source)
            os.rename(aside, source)
            sync_path(os.path.dirname(source))
    if takeover.moves or takeover.units:
        daemon_reload()
    for unit in takeover.units:
        if unit["enabled"]:
            systemctl("enable", unit["name"])
        if unit["active"]:
            systemctl("start", unit["name"])
