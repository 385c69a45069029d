# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Named hours, in which somebody is told or nobody is, in the form of Alertmanager. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._merge import is_list
from ansible_collections.obs.stack.plugins.module_utils._routing import refusal


def time_intervals(intervals: t.Any) -> list[dict[str, t.Any]]:
    """Named times in upstream's form.

    Args:
        intervals: name to a list of upstream's time intervals (``weekdays``, ``times``, ``location`` …), or to one.

    Raises:
        StackError: it is something else.
    """
    if intervals and not isinstance(intervals, Mapping):
        raise refusal("obs_time_intervals", "it is not a dictionary", "Write {office: {weekdays: ['monday:friday']}}.")
    found = []
    for name, value in (intervals or {}).items():
        items = list(value) if is_list(value) else [value]
        if not items or not all(isinstance(item, Mapping) and item for item in items):
            raise refusal(
                f"'{name}' of obs_time_intervals",
                "it is neither a dictionary nor a list of them",
                "Write weekdays, times and location, as upstream does.",
            )
        found.append({"name": str(name), "time_intervals": [_interval(item, str(name)) for item in items]})
    return found


def _interval(item: Mapping[str, t.Any], name: str) -> dict[str, t.Any]:
    """One interval; ``09:00-17:00`` is short for a start and an end."""
    result = dict(item)
    times = []
    for one in item.get("times") or []:
        if not isinstance(one, str):
            times.append(one)
            continue
        start, dash, end = one.replace(" ", "").partition("-")
        if not dash or not start or not end:
            raise refusal(f"times '{one}' of '{name}' of obs_time_intervals", "it is no time", "Write 09:00-17:00.")
        times.append({"start_time": start, "end_time": end})
    if times:
        result["times"] = times
    return result
