# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is left of error budgets, from what Prometheus has recorded. Pure: the questions are asked by others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ._slo_durations import DAY, HOUR, MINUTE

# Instant queries, by what they are. Sloth's own rules answer them too.
QUERIES = {
    "objective": "slo:objective:ratio",
    "budget": "slo:error_budget:ratio",
    "days": "slo:time_period:days",
    "burned": "slo:period_burn_rate:ratio",
    "hour": "slo:sli_error:ratio_rate1h",
}
OK, BURNING, SPENT, NO_DATA = "ok", "burning", "SPENT", "no data"
COLUMNS = ("service", "slo", "objective", "period", "attained", "budget left", "burn (1h)", "runs out in", "state")


@dataclass(frozen=True)
class Row:
    """One SLO.

    Attributes:
        objective, attained: percent; None: no data.
        period_days: of the SLO.
        budget_left: share of the budget, 1 at best, below 0 when overdrawn.
        burn_rate: of the last hour, in budgets per period.
        exhausted_in: seconds until nothing is left at that rate; None: it does not run out, or has.
        state: ``ok``, ``burning`` (faster than the budget allows), ``SPENT`` or ``no data``.
    """

    service: str
    slo: str
    objective: float
    period_days: float
    attained: float | None
    budget_left: float | None
    burn_rate: float | None
    exhausted_in: float | None
    state: str


def rows(answers: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[Row]:
    """The report, by service and name.

    Args:
        answers: the result vectors of ``QUERIES``. Of several series of one SLO the worst counts.
    """
    values: dict[str, dict[tuple[str, str], float]] = {}
    for name in QUERIES:
        found = values.setdefault(name, {})
        for series in answers.get(name) or []:
            labels = series["metric"]
            key = (str(labels.get("sloth_service", "")), str(labels.get("sloth_slo", "")))
            value = float(series["value"][1])
            if not math.isnan(value):  # that is no answer
                found[key] = max(value, found.get(key, value))
    return [_row(key, {name: values[name].get(key) for name in QUERIES}) for key in sorted(values["objective"])]


def _row(key: tuple[str, str], found: Mapping[str, float | None]) -> Row:
    objective, days = float(found["objective"] or 0), float(found["days"] or 0)
    budget = found["budget"] if found["budget"] is not None else 1 - objective
    burned, hour = found["burned"], found["hour"]
    left = None if burned is None else 1 - burned
    rate = None if hour is None or not budget else hour / budget
    runs_out = None
    if left is not None and rate and left > 0:
        # Of a rolling period, old errors leave while new ones come: at this rate or below it never runs out.
        runs_out = left * days * DAY / rate if rate > 1 else None
    return Row(
        service=key[0],
        slo=key[1],
        objective=round(objective * 100, 6),
        period_days=days,
        attained=None if burned is None else round((1 - burned * budget) * 100, 6),
        budget_left=None if left is None else round(left, 6),
        burn_rate=None if rate is None else round(rate, 4),
        exhausted_in=None if runs_out is None else round(runs_out),
        state=_state(left, rate),
    )


def _state(left: float | None, rate: float | None) -> str:
    if left is None:
        return NO_DATA
    if left <= 0:
        return SPENT
    return BURNING if rate is not None and rate > 1 else OK


def as_json(found: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as plain data."""
    return [asdict(row) for row in found]


def cells(row: Row) -> tuple[str, ...]:
    """A row in words, by ``COLUMNS``."""
    return (
        row.service,
        row.slo,
        f"{row.objective:g} %",
        f"{row.period_days:g} d",
        "-" if row.attained is None else f"{row.attained:.4g} %" if row.attained < 99 else f"{row.attained:.6g} %",
        "-" if row.budget_left is None else f"{row.budget_left * 100:.1f} %",
        "-" if row.burn_rate is None else f"{row.burn_rate:.2f}",
        "-" if row.exhausted_in is None else in_words(row.exhausted_in),
        row.state,
    )


def in_words(seconds: float) -> str:
    """A time to come in its two largest units, such as ``3 d 4 h``."""
    if seconds < MINUTE:
        return "less than a minute"
    parts: list[tuple[int, str]] = []
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        count, seconds = divmod(seconds, unit)
        if count or parts:
            parts.append((int(count), name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


def table(found: Sequence[Row]) -> str:
    """The report as aligned text."""
    lines = [COLUMNS, *(cells(row) for row in found)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(COLUMNS))]
    return (
        "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines) + "\n"
    )


def markdown(found: Sequence[Row]) -> str:
    """The report as a table in Markdown."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row) for row in found)]
    return "".join("| {} |\n".format(" | ".join(cell.replace("|", "\\|") for cell in line)) for line in lines)
