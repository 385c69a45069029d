# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The report on alerts as a table, JSON or Markdown. Pure: rows in, lines out."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._alert_report import SEVERITIES, Row, weeks
from ansible_collections.obs.stack.plugins.plugin_utils._diagnosis_report import moment
from ansible_collections.obs.stack.plugins.plugin_utils._slo_tables import in_words
from ansible_collections.obs.stack.plugins.plugin_utils._tables import NONE, lay_out

COLUMNS = ("SITE", "ALERT", "SEVERITY", "A WEEK", "TIMES", "INSTANCES", "MEDIAN", "P90", "BACK SOON", "FIRED")


class Report(t.NamedTuple):
    """Rows, and what they are of: seconds of the epoch, and what else is to be said."""

    rows: Sequence[Row]
    since: float
    until: float
    notes: Sequence[str]


def cells(row: Row) -> tuple[str, ...]:
    """A row in words, by ``COLUMNS``."""

    def length(seconds: float | None) -> str:
        return NONE if seconds is None else in_words(seconds)

    return (
        row.site,
        row.alert,
        row.severity or NONE,
        f"{row.per_week:.1f}",
        str(row.times),
        str(row.instances),
        length(row.median),
        length(row.p90),
        str(row.returns),
        f"{row.share:.1%}",
    )


def head(report: Report) -> list[str]:
    """What it is of, and the sums."""
    length = weeks(report.since, report.until)
    sums = []
    for severity in [*SEVERITIES, *sorted({row.severity for row in report.rows} - set(SEVERITIES))]:
        found = [row for row in report.rows if row.severity == severity]
        if found:
            times = sum(row.times for row in found)
            sums.append(f"{severity or 'no severity'} {times / length:.1f} a week ({times})")
    words = "Alerts from {0} to {1}".format(moment(report.since), moment(report.until))
    return [words + (": " + ", ".join(sums) if sums else ": none fired") + ".", *report.notes]


def candidates(report: Report) -> list[str]:
    """A line for each alert that tells nobody anything."""
    return [f"{row.alert} at {row.site}: {reason}" for row in report.rows for reason in row.reasons]


def table(report: Report) -> list[str]:
    """Aligned lines of text."""
    lines = head(report)
    if report.rows:
        lines += ["", *lay_out(COLUMNS, [cells(row) for row in report.rows])]
    found = candidates(report)
    return [*lines, *(["", "To be dropped or changed:", *("  " + line for line in found)] if found else [])]


def markdown(report: Report) -> list[str]:
    """Tables and lists in Markdown."""
    lines = ["# Alerts", "", *head(report)]
    if report.rows:
        rows = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row) for row in report.rows)]
        lines += ["", *("| {0} |".format(" | ".join(cell.replace("|", "\\|") for cell in row)) for row in rows)]
    found = candidates(report)
    return [*lines, *(["", "## To be dropped or changed", "", *("- " + line for line in found)] if found else [])]


def as_json(report: Report) -> list[str]:
    """For other programs."""
    document = {
        "since": report.since,
        "until": report.until,
        "notes": list(report.notes),
        "alerts": [{**row._asdict(), "reasons": list(row.reasons)} for row in report.rows],
    }
    return json.dumps(document, indent=2).splitlines()


FORMS: Mapping[str, Callable[[Report], list[str]]] = {"table": table, "json": as_json, "markdown": markdown}
