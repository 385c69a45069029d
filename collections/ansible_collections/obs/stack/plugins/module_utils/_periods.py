# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Periods of a data format: once begun they may not change, since what is written is read by them. Pure."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence

Period = t.Mapping[str, t.Any]  # evaluated: sanity imports this with Python 3.8


def refused_change(before: Sequence[Period], after: Sequence[Period], today: str) -> str:
    """Why the periods of a service may not become others, "" when they may.

    A period is in use from the day its ``from`` names. Those may neither change nor go, and none may be put before
    today; what lies ahead may change freely. A first install needs one that has begun.

    Args:
        before: the periods the host has, empty on a first install.
        after: the periods wanted; each has ``from`` as YYYY-MM-DD.
        today: the date in UTC, YYYY-MM-DD.
    """
    wanted = {str(period["from"]): period for period in after}
    if not any(begin <= today for begin in wanted):
        return "none of its periods has begun (the first is from {})".format(min(wanted, default="none"))
    if not before:
        return ""
    present = {str(period["from"]): period for period in before}
    for begin in sorted(begin for begin in present if begin <= today):
        if begin not in wanted:
            return f"the period from {begin} is in use and would be gone"
        difference = _difference(present[begin], wanted[begin])
        if difference:
            return f"the period from {begin} is in use and would change ({difference})"
    for begin in sorted(set(wanted) - set(present)):
        if begin <= today:
            return f"a new period may only begin after today ({today}), not on {begin}"
    return ""


def _difference(before: Period, after: Period) -> str:
    """The first key that differs, with both values."""
    for key in sorted(set(before) | set(after)):
        old, new = before.get(key), after.get(key)
        if old != new:
            return "{}: {} -> {}".format(key, json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True))
    return ""
