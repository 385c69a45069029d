# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for who is on call. Documentation is in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

import yaml

from ansible_collections.obs.stack.plugins.filter.smoke import health_of
from ansible_collections.obs.stack.plugins.module_utils import _alert_test, _alert_test_plan, _alert_test_report
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import site_of
from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained
from ansible_collections.obs.stack.plugins.plugin_utils._tables import NONE, lay_out

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]
ALERT_TEST_HEAD = ("SITE", "RECEIVER", "CHANNEL", "STATE", "SECONDS", "")
# Older than this, an alert that Prometheus sends again each minute comes no more.
WATCHDOG_SECONDS = 180


def alert_test_plan(config: str, identity: str, site: str, receiver: str = "", severity: str = "") -> dict[str, t.Any]:
    """The alerts that reach every receiver of a configuration."""
    only = [name for name in receiver.replace(",", " ").split() if name]
    document = yaml.safe_load(config) or {}
    planned = _alert_test_plan.plan(document, identity=identity, site=site, only=only, severity=severity)
    known = [str(one.get("name")) for one in document.get("receivers") or []]
    for name in only:
        if name not in known:
            raise StackError(
                f"Could not test receiver '{name}'",
                why=f"Alertmanager of site {site} has none of that name",
                hint="There are {}.".format(", ".join(known)),
                doc="test-alerts",
            )
    return {
        **planned._asdict(),
        "awaited": _alert_test.awaited(planned.expected),
        "awaited_ends": _alert_test.awaited(planned.expected, "resolved"),
    }


def alert_test_missing(hostvars: HostVars, hosts: Sequence[str], host: str, seen: str) -> list[str]:
    """Channels of which it is not decided, over the members of a host's site, whether they take what they must."""
    members = [hostvars[one] for one in hosts if site_of(hostvars[one]) == site_of(hostvars[host])]
    planned = hostvars[host]["alert_test_plan"]
    open_ones = {
        key: count
        for key, count in planned["awaited"].items()
        # What hours keep silent does not come; where they do not, it comes with the others.
        if not planned["expected"][key.rpartition("/")[0]]["hours"]
    }
    taken = _alert_test.undecided(open_ones, _counts(members, "alert_test_watch"))
    if seen == "alert_test_watch":
        return taken
    lost = _alert_test.outstanding(planned["awaited"], _counts(members, "alert_test_watch"))
    ends = {key: count for key, count in planned["awaited_ends"].items() if key not in lost}
    return _alert_test.undecided(ends, _counts(members, seen))


def _counts(members: Sequence[t.Mapping[str, t.Any]], seen: str) -> list[dict[str, list[float]]]:
    found = [one.get(seen) or {} for one in members]
    return [one["counts"] for one in found if "counts" in one]


def alert_test_report(
    groups: t.Mapping[str, t.Sequence[str]],
    hostvars: HostVars,
    hosts: Sequence[str],
    resolved: bool = False,
    strict: bool = False,
) -> dict[str, t.Any]:
    """Lay out what ``alert_test`` registered on hosts."""
    rows: list[_alert_test_report.Row] = []
    wrong: list[str] = []
    sites: dict[str, dict[str, dict[str, t.Any]]] = {}
    plans: dict[str, t.Mapping[str, t.Any]] = {}
    for host in hosts:
        variables, site = hostvars[host], site_of(hostvars[host])
        for name in ("obs_alert_asked", "obs_alert_raise", "alert_test_watch", "obs_alert_end", "obs_alert_way"):
            found = variables.get(name) or {}
            if found.get("failed") or found.get("unreachable"):
                why = causes_of(found, "", unreachable=bool(found.get("unreachable")))[0]
                rows.append(_alert_test_report.Row(site, f"({host})", NONE, WRONG, -1.0, why))
                break
        watched = variables.get("alert_test_watch") or {}
        if "counts" in watched:
            ended = variables.get("alert_test_ends") or {}
            sites.setdefault(site, {})[host] = {**watched, "ended": ended.get("counts") or {}}
            plans[site] = variables["alert_test_plan"]
        way = (variables.get("obs_alert_way") or {}).get("way")
        if way:
            expected = [end for end in health_of(groups, hostvars, host) if end["component"] == "prometheus"]
            count = int(expected[0]["expected"].get("alertmanagers") or 0) if expected else 0
            rows.append(_alert_test_report.way_row(site, host, way, count))
        asked = variables.get("obs_alert_asked") or {}
        if "watchdog_age" in asked and _is_watched(groups, hostvars, site):
            rows.append(_watchdog_row(site, host, float(asked["watchdog_age"])))
    for site, members in sites.items():
        rows += _alert_test_report.rows(site, plans[site], members, resolved=resolved)
    rows.sort(key=lambda row: (row.site, not row.receiver.startswith("(")))
    bad = (WRONG, WARNING, SKIPPED) if strict else (WRONG,)
    wrong += [f"{row.site} {row.receiver} {row.channel}: {row.detail}" for row in rows if row.state in bad]
    if not any(row.receiver[:1] != "(" for row in rows) and not wrong:
        wrong.append("Could not test anything: no receiver of an Alertmanager that takes part has a channel.")
    return {"table": lay_out(ALERT_TEST_HEAD, [_cells(row) for row in rows]), "wrong": wrong}


def _is_watched(groups: t.Mapping[str, t.Sequence[str]], hostvars: HostVars, site: str) -> bool:
    return any(site_of(hostvars[host]) == site for host in groups.get("prometheus") or [])


def _watchdog_row(site: str, host: str, age: float) -> _alert_test_report.Row:
    if 0 <= age <= WATCHDOG_SECONDS:
        return _alert_test_report.Row(site, "(to Alertmanager)", host, OK, -1.0, f"Watchdog came {age:.0f} s ago")
    # One that never came may have been switched off.
    state = WARNING if age < 0 else WRONG
    words = "no alert Watchdog came" if age < 0 else f"Watchdog came {age:.0f} s ago and no more since"
    return _alert_test_report.Row(site, "(to Alertmanager)", host, state, -1.0, words + ": are the rules evaluated?")


def _cells(row: _alert_test_report.Row) -> tuple[str, ...]:
    seconds = "" if row.seconds < 0 else f"{row.seconds:.1f}"
    return (row.site, row.receiver, row.channel, row.state, seconds, row.detail)


class FilterModule:
    """For who is on call."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "alert_test_missing": explained(alert_test_missing),
            "alert_test_plan": explained(alert_test_plan),
            "alert_test_report": explained(alert_test_report),
        }
