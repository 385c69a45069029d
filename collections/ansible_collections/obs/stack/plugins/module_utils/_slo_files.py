# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The rules files of a folder: which are ours, what is to change, and writing it. Edges are named so."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ._errors import StackError
from ._files import read_bytes, remove_file, write_file
from ._slo_rules import ruleset_of

RULE_FILE = re.compile(r"(?!\.).+\.ya?ml")
_ID = re.compile(r"^\s+sloth_id:\s*[\"']?([^\"'\s]+)", re.MULTILINE)
_GROUP = re.compile(r"^- name: \"?([^\"\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """What is in a folder.

    Attributes:
        texts: of every rules file, by name.
        wrong: names of files whose owner, group or mode is not as wanted.
    """

    texts: Mapping[str, str]
    wrong: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changes:
    """What is to be done: files to write with their text, and files to remove."""

    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)

    @property
    def names(self) -> list[str]:
        return sorted((*self.write, *self.remove))


def look(folder: str, *, uid: int, gid: int, mode: int) -> Place:
    """Read a folder; one that is missing is empty. An edge."""
    try:
        names = sorted(name for name in os.listdir(folder) if RULE_FILE.fullmatch(name))
    except FileNotFoundError:
        return Place({})
    texts, wrong = {}, set()
    for name in names:
        path = os.path.join(folder, name)
        content = read_bytes(path)
        if content is None:
            continue
        texts[name] = content.decode("utf-8", "replace")
        found = os.stat(path)
        if (found.st_uid, found.st_gid, found.st_mode & 0o7777) != (uid, gid, mode):
            wrong.add(name)
    return Place(texts, frozenset(wrong))


def owner_of_text(text: str) -> str | None:
    """The set of a rules file; None: it is not ours."""
    return ruleset_of(text.partition("\n")[0] + " ")


def plan(place: Place, wanted: Mapping[str, str], *, ruleset: str, purge: bool, folder: str) -> Changes:
    """What to write and to remove.

    Args:
        place: what is there.
        wanted: text of each file.
        ruleset: whose files they are.
        purge: whether files of this set that are not wanted go.
        folder: for messages.

    Raises:
        StackError: a file of somebody else is in the way, or has rules of the same SLO.
    """
    for name in wanted:
        if name in place.texts:
            _refuse_others(os.path.join(folder, name), owner_of_text(place.texts[name]), ruleset)
    orphans = sorted(
        name for name, text in place.texts.items() if name not in wanted and owner_of_text(text) == ruleset
    )
    changes = Changes(
        {name: text for name, text in wanted.items() if place.texts.get(name) != text or name in place.wrong},
        tuple(orphans) if purge else (),
    )
    stays = {name: text for name, text in place.texts.items() if name not in wanted and name not in changes.remove}
    _refuse_twice(wanted, stays, folder)
    return changes


def ids_of(text: str) -> set[str]:
    """Ids of the SLOs that a rules file has rules of."""
    return set(_ID.findall(text))


def groups_of(text: str) -> list[str]:
    """Names of the groups of a rules file of ours."""
    return _GROUP.findall(text)


def _refuse_others(path: str, owner: str | None, ruleset: str) -> None:
    if owner == ruleset:
        return
    raise StackError(
        f"Could not write {path}",
        why="it belongs to the set {} of another task".format(owner) if owner else "it was not written by slo_rules",
        hint="Move it away, or give this task another ruleset. Nothing was changed.",
        step="plan",
        doc="slo-rules",
    )


def _refuse_twice(wanted: Mapping[str, str], stays: Mapping[str, str], folder: str) -> None:
    """Prometheus and promtool take the same SLO from two files, and mix their samples."""
    if not stays:
        return
    ours = {one: name for name, text in wanted.items() for one in ids_of(text)}
    for name, text in sorted(stays.items()):
        both = sorted(ids_of(text) & set(ours))
        if both:
            raise StackError(
                f"Could not write {os.path.join(folder, ours[both[0]])}",
                why="{} has rules of {} already".format(
                    os.path.join(folder, name), ", ".join(both[:5]) + (" and more" if len(both) > 5 else "")
                ),
                hint="Rules of one id would be mixed. Move that file away, or rename the SLO; files of this set go with"
                " purge. Nothing was changed.",
                step="plan",
                doc="slo-rules",
            )


def write(folder: str, changes: Changes, *, uid: int, gid: int, mode: int) -> None:
    """Do it: new files first, each whole. An edge."""
    for name in sorted(changes.write):
        write_file(os.path.join(folder, name), changes.write[name].encode(), mode=mode, uid=uid, gid=gid)
    for name in changes.remove:
        remove_file(os.path.join(folder, name))


def undo(place: Place, changes: Changes) -> Changes:
    """What puts a folder back to what it was."""
    return Changes(
        {name: place.texts[name] for name in changes.names if name in place.texts},
        tuple(name for name in changes.write if name not in place.texts),
    )


def difference(place: Place, changes: Changes, folder: str) -> list[dict[str, str]]:
    """Before and after of each file, as Ansible prints them."""
    entries = []
    for name in changes.names:
        path = os.path.join(folder, name)
        after = changes.write.get(name, "")
        before = place.texts.get(name, "")
        entry = {"before_header": path, "after_header": path, "before": before, "after": after}
        if before == after:
            entry.update(before="(owner, group or mode)\n", after="(as wanted)\n")
        entries.append(entry)
    return entries
