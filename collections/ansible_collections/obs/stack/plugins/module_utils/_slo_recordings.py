# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Recording rules of an SLO: error ratios over each window, the period, and what dashboards show of them. Pure.

Names and labels are Sloth's. Prometheus keeps no more than it is given here, so each expression is written to give one
sample where there is something to say, and none where there is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from . import _slo_metrics
from ._slo_documents import objective_text
from ._slo_durations import DAY, HOUR, MINUTE, text_of
from ._slo_maths import budget_of, number
from ._slo_model import INCREASE, RECORDED, WEIGHTED, WINDOW, Slo, label_in_promql

BASE = 5 * MINUTE
# Dashboards show these two whatever the alerts look at.
ALWAYS = (BASE, HOUR)
# From here on long_windows: recorded adds recorded rates up.
LONG = 2 * HOUR


class Recording(NamedTuple):
    """A recording rule; labels on top of the SLO's own."""

    metric: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


def selector(slo: Slo) -> str:
    """The label matchers of an SLO's recorded series."""
    return "{{{}}}".format(", ".join(f'{name}="{value}"' for name, value in slo.id_labels.items()))


def windows(slo: Slo) -> list[int]:
    """Every window that is recorded, in seconds, shortest first."""
    return sorted({one for tier in slo.catalog.tiers for one in (tier.long, tier.short)} | set(ALWAYS))


def counts_events(slo: Slo) -> bool:
    """Whether bad events and all events are recorded besides their ratio."""
    if slo.indicator.ratio:
        return False
    return slo.settings.error_budget == WEIGHTED or any(_from_records(slo, one) for one in windows(slo))


def indicator_rules(slo: Slo) -> list[Recording]:
    """Error ratios over the windows of the alerts, and the events behind them."""
    rules = []
    if counts_events(slo):
        rules += [Recording(_slo_metrics.ERRORS, _errors(slo)), Recording(_slo_metrics.TOTAL, _total(slo))]
    for window in windows(slo):
        text = text_of(window)
        expr = _recorded(slo, window) if _from_records(slo, window) else _excluded(slo, _ratio(slo, text))
        rules.append(Recording(_slo_metrics.RATIO + text, expr, (("sloth_window", text),)))
    guarded = {tier.long for tier in slo.catalog.tiers if fewest_bad_events(slo, tier.min_bad_events)}
    for window in sorted(guarded):
        text = text_of(window)
        rules.append(Recording(_slo_metrics.BAD_EVENTS + text, _bad_events(slo, window), (("sloth_window", text),)))
    return rules


def fewest_bad_events(slo: Slo, of_tier: int | None) -> int:
    """The fewest bad events a tier fires for; 0: any."""
    return slo.settings.min_bad_events if of_tier is None else of_tier


def period_rules(slo: Slo) -> list[Recording]:
    """The error ratio over the period. It is asked for rarely and in coarse steps: it moves slowly, and is dear."""
    text = slo.period_text
    return [Recording(_slo_metrics.RATIO + text, _sums(slo, slo.period, BASE), (("sloth_window", text),))]


def meta_rules(slo: Slo) -> list[Recording]:
    """Objective, budget, burn rates, and the info metric."""
    where = selector(slo)
    per_budget = f"\n/ on(sloth_id, sloth_slo, sloth_service) group_left\n{_slo_metrics.BUDGET}{where}"
    info = {
        **slo.info_labels,
        # Constants: with a version in it each upgrade would change every file.
        "sloth_version": "obs.stack",
        "sloth_mode": "ansible",
        "sloth_spec": slo.spec,
        "sloth_objective": objective_text(slo.objective),
    }
    return [
        Recording(_slo_metrics.OBJECTIVE, "vector({})".format(number(slo.objective / 100))),
        Recording(_slo_metrics.BUDGET, "vector({})".format(number(budget_of(slo.objective)))),
        Recording(_slo_metrics.PERIOD_DAYS, "vector({:.12g})".format(slo.period / DAY)),
        Recording("slo:current_burn_rate:ratio", f"{_slo_metrics.RATIO}5m{where}{per_budget}"),
        Recording(_slo_metrics.PERIOD_BURN_RATE, f"{_slo_metrics.RATIO}{slo.period_text}{where}{per_budget}"),
        Recording(_slo_metrics.REMAINING, f"1 - {_slo_metrics.PERIOD_BURN_RATE}{where}"),
        Recording("sloth_slo_info", "vector(1)", tuple(info.items())),
    ]


def _from_records(slo: Slo, window: int) -> bool:
    if window <= BASE:
        return False
    # What is excluded is known of each 5 minutes only.
    return bool(slo.settings.exclude) or (slo.settings.long_windows == RECORDED and window >= LONG)


def _ratio(slo: Slo, window: str) -> str:
    sli = slo.indicator
    if sli.ratio:
        query = sli.ratio.replace(WINDOW, window)
        # Comparing drops NaN: one of them would stay in every sum over the period.
        return f"clamp(\n  ({query}),\n  0, 1\n) >= 0" if slo.settings.guards else f"({query})"
    errors, total = sli.errors.replace(WINDOW, window), sli.total.replace(WINDOW, window)
    if not slo.settings.guards:
        return f"({errors})\n/\n({total})"
    # Errors without a series are none while there is traffic; no traffic says nothing; a rate of a new series may be
    # above that of all; NaN is dropped.
    return f"clamp(\n  ({errors})\n  /\n  (({total}) > 0)\n  or\n  0 * (({total}) > 0),\n  0, 1\n) >= 0"


def _errors(slo: Slo) -> str:
    sli = slo.indicator
    errors, total = sli.errors.replace(WINDOW, "5m"), sli.total.replace(WINDOW, "5m")
    expr = f"(\n  ({errors})\n  or\n  0 * ({total})\n)" + _per_second(slo)
    return _excluded(slo, expr + " >= 0")


def _total(slo: Slo) -> str:
    return _excluded(slo, "({})".format(slo.indicator.total.replace(WINDOW, "5m")) + _per_second(slo) + " >= 0")


def _per_second(slo: Slo) -> str:
    return f" / {BASE}" if slo.indicator.unit == INCREASE else ""


def _bad_events(slo: Slo, window: int) -> str:
    if _from_records(slo, window):
        where = selector(slo)
        return "{} * {}".format(_sum_over(slo, _slo_metrics.ERRORS + where, window, _step(window)), _step(window))
    sli, text = slo.indicator, text_of(window)
    errors, total = sli.errors.replace(WINDOW, text), sli.total.replace(WINDOW, text)
    factor = "" if sli.unit == INCREASE else f" * {window}"
    return f"(\n  ({errors})\n  or\n  0 * ({total})\n){factor}"


def _recorded(slo: Slo, window: int) -> str:
    return _sums(slo, window, _step(window), weighted=not slo.indicator.ratio)


def _step(window: int) -> int:
    # 5-minute rates in steps of 5 minutes cover a window once; short ones need finer steps to end in time.
    return BASE if window >= LONG else MINUTE


def _sums(slo: Slo, window: int, step: int, *, weighted: bool | None = None) -> str:
    where = selector(slo)
    if weighted is None:
        weighted = slo.settings.error_budget == WEIGHTED and not slo.indicator.ratio
    if weighted:
        errors = _sum_over(slo, _slo_metrics.ERRORS + where, window, step)
        total = _sum_over(slo, _slo_metrics.TOTAL + where, window, step)
        return f"clamp_max(\n  {errors}\n  /\n  ({total} > 0),\n  1\n)"
    base = f"{_slo_metrics.RATIO}5m{where}"
    return "{}\n/\n{}".format(
        _sum_over(slo, base, window, step), _sum_over(slo, base, window, step, function="count_over_time")
    )


def _sum_over(slo: Slo, series: str, window: int, step: int, *, function: str = "sum_over_time") -> str:
    """A sum over a window of a series whose labels may have had other values within it.

    Without the outer sum, a label that was changed gives two results that the rule's own labels make one: an error.
    """
    names = ", ".join(label_in_promql(name) for name in sorted({"sloth_window", *slo.labels}))
    return f"sum without ({names}) ({function}({series}[{text_of(window)}:{text_of(step)}]))"


def _excluded(slo: Slo, expr: str) -> str:
    exclude = slo.settings.exclude
    # The 5 minutes behind a sample must be free of it.
    return f"({expr})\nunless on()\ncount_over_time(({exclude})[5m:1m])" if exclude else expr


def series_names(slos: Iterable[Slo]) -> set[str]:
    """All ids, for looking for them elsewhere."""
    return {slo.id for slo in slos}
