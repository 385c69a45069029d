# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of service level objectives. Documentation is in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import site_of
from ansible_collections.obs.stack.plugins.module_utils._slo_report import SPENT
from ansible_collections.obs.stack.plugins.plugin_utils import _slo_tables
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

# Who evaluates knows only its own samples; Thanos has those of all replicas, and for longer.
TRUSTED_FIRST = ("thanos-query", "prometheus")


def slo_report(
    hostvars: Mapping[str, Mapping[str, t.Any]],
    hosts: Sequence[str],
    form: str = "table",
    service: str = "",
    strict: bool = False,
) -> dict[str, list[str]]:
    """Lay out what ``slo_info`` registered as ``obs_slo_info`` on hosts."""
    if form not in _slo_tables.FORMS:
        raise StackError(
            f"Could not report as {form}",
            why="a report is one of {}".format(", ".join(_slo_tables.FORMS)),
            hint="Give FORMAT= (-e format=) one of them.",
            step="input",
            doc="slo-report",
        )
    answered: list[tuple[int, str, list[dict[str, t.Any]]]] = []
    unasked: dict[str, dict[str, str]] = {}
    for host in hosts:
        found = hostvars[host].get("obs_slo_info") or {}
        site = site_of(hostvars[host])
        if "slos" in found:
            answered.append((TRUSTED_FIRST.index(found["service"]), site, found["slos"]))
        elif found:
            unasked.setdefault(site, {})[host] = causes_of(found, "", unreachable=bool(found.get("unreachable")))[0]
    there = {site for _trust, site, _rows in answered}
    silent = [row for site, rows in sorted(unasked.items()) if site not in there for row in rows.items()]
    wrong = [f"{host}: {why}" for host, why in silent]
    rows = _slo_tables.merged([rows for _trust, _site, rows in sorted(answered, key=lambda one: one[0])])
    rows = [row for row in rows if service in ("", row["service"])]
    if not rows and not wrong:
        wrong = [f"nobody has recorded an objective{' of ' + service if service else ''}: see docs/slo.md"]
    if strict:
        spent = [f"{row['service']}-{row['slo']}" for row in rows if row["state"] == SPENT]
        wrong += [f"{name}: nothing is left of its budget" for name in spent]
    return {"lines": _slo_tables.FORMS[form](rows), "wrong": wrong}


class FilterModule:
    """Service level objectives."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {"slo_report": explained(slo_report)}
