# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is left of error budgets, from what Prometheus has recorded. Pure: the questions are asked by others."""

from __future__ import annotations

import math
import re
from calendar import timegm
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _slo_metrics
from ._errors import StackError
from ._slo_durations import DAY

# Instant queries, by what they are. Sloth's own rules answer them too.
QUERIES = {
    "objective": _slo_metrics.OBJECTIVE,
    "budget": _slo_metrics.BUDGET,
    "days": _slo_metrics.PERIOD_DAYS,
    "burned": _slo_metrics.PERIOD_BURN_RATE,
    "hour": f"{_slo_metrics.RATIO}1h",
}
STEP = "5m"
OK, BURNING, SPENT, NO_DATA = "ok", "burning", "SPENT", "no data"


@dataclass(frozen=True)
class Month:
    """A calendar month in UTC, as far as it has come.

    Attributes:
        name: such as ``2026-10``.
        start, end: seconds since the epoch; end is the next month's start.
        until: end, or now where that is earlier.
    """

    name: str
    start: int
    end: int
    until: int

    @property
    def over(self) -> bool:
        """Whether nothing can be added to it."""
        return self.until >= self.end


@dataclass(frozen=True)
class Row:
    """One SLO.

    Attributes:
        objective, attained: percent; None: no data.
        period: in words, such as ``30 d`` or ``2026-10``.
        period_days: its length.
        budget_left: share of the budget, 1 at best, below 0 when overdrawn.
        burn_rate: of the last hour, in budgets per period; None: no data, or the month is over.
        exhausted_in: seconds until nothing is left at that rate; None: it does not run out, or has.
        state: ``ok``, ``burning`` (faster than the budget allows), ``SPENT`` or ``no data``.
    """

    site: str
    service: str
    slo: str
    objective: float
    period: str
    period_days: float
    attained: float | None
    budget_left: float | None
    burn_rate: float | None
    exhausted_in: float | None
    state: str


def month_of(text: str, now: float) -> Month:
    """A month by its name.

    Args:
        text: ``2026-10``.
        now: seconds since the epoch.

    Raises:
        StackError: there is no such month, or it has not begun.
    """
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not found:
        raise StackError(
            f"Could not report on the month {text}", why="it is not of the form 2026-10", step="input", doc="slo-report"
        )
    year, month = int(found[1]), int(found[2])
    start, end = timegm((year, month, 1, 0, 0, 0)), timegm((year + month // 12, month % 12 + 1, 1, 0, 0, 0))
    if now <= start:
        why = "it has not begun"
        raise StackError(f"Could not report on the month {text}", why=why, step="input", doc="slo-report")
    return Month(text, start, end, min(end, int(now)))


def queries(month: Month | None) -> dict[str, str]:
    """The questions of a report; of a month, each is asked as of its ``until``."""
    if month is None:
        return QUERIES
    span = f"[{month.until - month.start}s:{STEP}]"
    asked = {name: QUERIES[name] for name in ("objective", "budget")}
    asked["mean"] = f"avg_over_time({_slo_metrics.RATIO}5m{span})"
    asked["weighted"] = f"sum_over_time({_slo_metrics.ERRORS}{span}) / sum_over_time({_slo_metrics.TOTAL}{span})"
    return asked if month.over else {**asked, "hour": QUERIES["hour"]}


def rows(
    answers: Mapping[str, Iterable[Mapping[str, Any]]], *, site: str = "", month: Month | None = None
) -> list[Row]:
    """The report, by service and name.

    Args:
        answers: the result vectors of :func:`queries`. Of several series of one SLO the worst counts.
        site: of who answered: series without a label ``site`` are of it, those of other sites are left out.
        month: what was asked about, or the period of each SLO.
    """
    values: dict[str, dict[tuple[str, str], float]] = {}
    for name, answer in answers.items():
        found = values.setdefault(name, {})
        for series in answer:
            labels = series["metric"]
            if site and labels.get("site", site) != site:
                continue
            key = (str(labels.get("sloth_service", "")), str(labels.get("sloth_slo", "")))
            value = float(series["value"][1])
            if not math.isnan(value):  # that is no answer
                found[key] = max(value, found.get(key, value))
    return [
        _row(site, key, {name: found.get(key) for name, found in values.items()}, month)
        for key in sorted(values.get("objective") or {})
    ]


def _row(site: str, key: tuple[str, str], found: Mapping[str, float | None], month: Month | None) -> Row:
    objective = float(found["objective"] or 0)
    budget = found.get("budget")
    budget = 1 - objective if budget is None else budget
    days = float(found.get("days") or 0) if month is None else (month.end - month.start) / DAY
    errors, burned = _spent(found, budget, month)
    left = None if burned is None else 1 - burned
    hour = found.get("hour")
    rate = None if hour is None or not budget else hour / budget
    return Row(
        site=site,
        service=key[0],
        slo=key[1],
        objective=round(objective * 100, 6),
        period=f"{days:g} d" if month is None else month.name,
        period_days=days,
        attained=None if errors is None else round((1 - errors) * 100, 6),
        budget_left=None if left is None else round(left, 6),
        burn_rate=None if rate is None else round(rate, 4),
        exhausted_in=_exhausted_in(left, rate, days, month),
        state=_state(left, rate),
    )


def _spent(found: Mapping[str, float | None], budget: float, month: Month | None) -> tuple[float | None, float | None]:
    """The ratio of errors so far, and the share of the budget that they are."""
    if month is None:
        burned = found.get("burned")
        return (None if burned is None else burned * budget), burned
    errors = found.get("weighted")
    errors = found.get("mean") if errors is None else errors
    if errors is None or not budget:
        return errors, None if errors is None else float(errors > 0)
    # A month that is half over can have spent half of its budget at the rate that the objective allows.
    return errors, errors / budget * (month.until - month.start) / (month.end - month.start)


def _exhausted_in(left: float | None, rate: float | None, days: float, month: Month | None) -> float | None:
    if left is None or left <= 0 or not rate:
        return None
    seconds = left * days * DAY / rate
    if month is not None:
        return round(seconds) if seconds < month.end - month.until else None
    # Of a rolling period, old errors leave while new ones come: at this rate or below it never runs out.
    return round(seconds) if rate > 1 else None


def _state(left: float | None, rate: float | None) -> str:
    if left is None:
        return NO_DATA
    if left <= 0:
        return SPENT
    return BURNING if rate is not None and rate > 1 else OK
