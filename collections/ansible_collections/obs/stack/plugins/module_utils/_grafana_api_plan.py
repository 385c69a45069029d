# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The one planner of the Grafana modules: from what is there and what is wanted to what is to be done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Form = t.Mapping[str, t.Any]

CREATE, UPDATE, DELETE, NONE = "create", "update", "delete", "none"


@dataclass(frozen=True)
class Plan:
    """What is to be done to one thing.

    Attributes:
        action: create, update, delete or none.
        before: how the thing is, in normal form; None when it is not there.
        after: how it will be; None when it will not be there.
    """

    action: str
    before: Form | None
    after: Form | None

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""
        return self.action != NONE

    def diff(self, header: str) -> dict[str, t.Any]:
        """The same for Ansible's diff."""
        return {
            "before": dict(self.before or {}),
            "after": dict(self.after or {}),
            "before_header": header,
            "after_header": header,
        }


def plan(current: Form | None, desired: Form | None) -> Plan:
    """What leads from one to the other.

    Args:
        current: how the thing is, in normal form; None when it is not there.
        desired: how it is wanted, in the same form and as complete; None when it is not wanted.
    """
    if current is None:
        return Plan(NONE if desired is None else CREATE, None, desired)
    if desired is None:
        return Plan(DELETE, current, None)
    return Plan(NONE if same(current, desired) else UPDATE, current, desired)


def same(one: t.Any, other: t.Any) -> bool:
    """Whether two documents say the same: as ``==``, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
