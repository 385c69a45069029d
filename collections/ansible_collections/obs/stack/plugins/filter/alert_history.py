# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the report on alerts. Documentation is in <filter>.yml."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _alert_report
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import site_of
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import seconds_of
from ansible_collections.obs.stack.plugins.plugin_utils import _alert_report_tables
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

# What the playbook registers.
ASKED = ("obs_alert_edges", "obs_alert_open", "obs_alert_data")


def alert_period(weeks: t.Any = 4, since: t.Any = "", resolution: str = "1m") -> dict[str, t.Any]:
    """The period of a report and the queries over it."""
    step = int(_seconds(resolution))
    start, end = _alert_report.period(weeks, since, time.time(), step)
    return {
        "start": start,
        "end": end,
        "step": step,
        "edges": _alert_report.edges(step),
        "open": [_alert_report.FIRING],
        "data": [_alert_report.DATA],
        "data_step": max(int((end - start) / _alert_report.DATA_POINTS), step),
    }


def alert_report(
    hostvars: Mapping[str, Mapping[str, t.Any]],
    hosts: Sequence[str],
    period: Mapping[str, t.Any],
    form: str = "table",
    severity: str = "",
    times: t.Any = 4,
    short: str = "5m",
) -> dict[str, t.Any]:
    """Lay out which alerts fired how often."""
    if form not in _alert_report_tables.FORMS:
        raise StackError(
            f"Could not report as {form}",
            why="a report is one of {0}".format(", ".join(_alert_report_tables.FORMS)),
            hint="Give FORMAT= (-e format=) one of them.",
            step="input",
            doc="alert-report",
        )
    answers, notes, first, silent = [], [], [], {}
    told = set()
    for host in hosts:
        found = [hostvars[host].get(name) for name in ASKED]
        if not any(found):
            continue
        site = site_of(hostvars[host])
        why = _why_not(found)
        if why:
            silent[host] = (site, why)
            continue
        told.add(site)
        (starts, ends), (still,), (data,) = ([one["result"] for one in part["answers"]] for part in found if part)
        within = {"since": float(period["start"]), "until": float(period["end"])}
        answers.append(_alert_report.spans(starts, ends, still, site=site, **within))
        begun = _alert_report.first_sample(data)
        first += [begun] if begun is not None else []
    wrong = [f"{host}: {why}" for host, (site, why) in silent.items() if site not in told]
    notes += [f"{host} could not be asked: {why}" for host, (site, why) in silent.items() if site in told]
    if not told and not wrong:
        wrong.append("Could not ask anybody: no Prometheus and no Thanos query takes part.")
    since, until = float(period["start"]), float(period["end"])
    # The first point of all has the first sample up to a step before it.
    begun = min(first, default=since) - float(period["data_step"])
    if begun > since:
        notes.append(f"There are no samples before {_alert_report_tables.moment(begun)}.")
        since = begun
    rows = _alert_report.report(
        answers, since=since, until=until, times=int(times), short=_seconds(short), step=int(period["step"])
    )
    rows = [row for row in rows if severity in ("", row.severity)]
    return {
        "lines": _alert_report_tables.FORMS[form](_alert_report_tables.Report(rows, since, until, notes)),
        "wrong": wrong,
    }


def _why_not(found: Sequence[Mapping[str, t.Any] | None]) -> str:
    """Why what was registered on a host is no answer, "" when it is."""
    for part in found:
        if part is None or "answers" not in part:
            return causes_of(part or {}, "", unreachable=bool((part or {}).get("unreachable")))[0]
        errors = [one["error"] for one in part["answers"] if one["error"]]
        if errors:
            return errors[0]
    return ""


def _seconds(short: str) -> float:
    try:
        return float(seconds_of(short))
    except ValueError as error:
        raise StackError(
            f"Could not use '{short}' as a duration", why="it is none", hint="Write 5m, or 30s.", doc="alert-report"
        ) from error


class FilterModule:
    """The report on alerts."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {"alert_period": explained(alert_period), "alert_report": explained(alert_report)}
