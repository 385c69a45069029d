# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The report on error budgets as a table, JSON or Markdown. Pure: rows of ``slo_info`` in, text out."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.plugin_utils._tables import NONE, lay_out

Row = t.Mapping[str, t.Any]
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
WHICH = ("SITE", "SERVICE", "SLO", "OBJECTIVE", "PERIOD")
COLUMNS = (*WHICH, "ATTAINED", "BUDGET LEFT", "BURN 1H", "RUNS OUT IN", "STATE")


def merged(answers: Sequence[Sequence[Row]]) -> list[Row]:
    """One row for each SLO: of several answers the first that has data of it.

    Args:
        answers: the rows of everyone who was asked, the most trusted first.
    """
    found: dict[tuple[str, str, str], Row] = {}
    for rows in answers:
        for row in rows:
            key = (str(row["site"]), str(row["service"]), str(row["slo"]))
            if key not in found or (found[key]["budget_left"] is None and row["budget_left"] is not None):
                found[key] = row
    return [found[key] for key in sorted(found)]


def cells(row: Row) -> tuple[str, ...]:
    """A row in words, by ``COLUMNS``."""

    def said(key: str, words: Callable[[t.Any], str]) -> str:
        return NONE if row[key] is None else words(row[key])

    return (
        str(row["site"]) or NONE,
        str(row["service"]),
        str(row["slo"]),
        f"{row['objective']:g} %",
        str(row["period"]),
        said("attained", lambda value: f"{value:.4g} %" if value < 99 else f"{value:.6g} %"),
        said("budget_left", lambda value: f"{value * 100:.1f} %"),
        said("burn_rate", lambda value: f"{value:.2f}"),
        said("exhausted_in", in_words),
        str(row["state"]),
    )


def in_words(seconds: float) -> str:
    """A time to come in its two largest units, such as ``3 d 4 h``."""
    parts: list[tuple[int, str]] = []
    for unit, name in UNITS:
        count, seconds = divmod(seconds, unit)
        if count or parts:
            parts.append((int(count), name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count) or "less than a minute"


def table(rows: Sequence[Row]) -> list[str]:
    """Aligned lines of text."""
    return lay_out(COLUMNS, [cells(row) for row in rows])


def markdown(rows: Sequence[Row]) -> list[str]:
    """A table in Markdown, a line for each row."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row) for row in rows)]
    return ["| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in line)) for line in lines]


def as_json(rows: Sequence[Row]) -> list[str]:
    """A list of objects with the keys that ``slo_info`` returns, for other programs."""
    return json.dumps([dict(row) for row in rows], indent=2).splitlines()


FORMS: Mapping[str, Callable[[Sequence[Row]], list[str]]] = {"table": table, "json": as_json, "markdown": markdown}
