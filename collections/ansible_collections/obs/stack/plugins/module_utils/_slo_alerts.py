# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Alerts of an SLO. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from . import _slo_metrics
from ._slo_documents import objective_text
from ._slo_durations import HOUR, MINUTE, text_of
from ._slo_maths import PAGE, TICKET, Tier, budget_of, number
from ._slo_model import BURN, PER_WINDOW, Slo
from ._slo_recordings import fewest_bad_events, selector

# Pages in docs/runbooks as well, as BURN is.
NO_DATA, EXHAUSTED = "SLONoData", "SLOErrorBudgetExhausted"
# The one that ships with the role grafana: its variables are the labels of these alerts.
DASHBOARD = "obs-slo-detail"


class Alerting(NamedTuple):
    """An alerting rule; ``wait`` and ``keep`` in seconds."""

    name: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    wait: int = 0
    keep: int = 0


def burn_alerts(slo: Slo) -> list[Alerting]:
    """A page and a ticket, or one alert for each tier."""
    rules = []
    for severity in (PAGE, TICKET):
        alert = slo.alert_of(severity)
        if not alert.enabled:
            continue
        tiers = [tier for tier in slo.catalog.tiers if tier.severity == severity]
        if slo.settings.alerts == PER_WINDOW:
            rules += [_alert(slo, severity, [tier]) for tier in tiers]
        else:
            rules.append(_alert(slo, severity, tiers))
    return rules


def _alert(slo: Slo, severity: str, tiers: list[Tier]) -> Alerting:
    alert = slo.alert_of(severity)
    # The result has the id anyway; said here, no two rules look alike to promtool.
    labels = {**slo.id_labels, "sloth_severity": severity, "severity": severity}
    if slo.settings.alerts == PER_WINDOW:
        labels["slo_burn_tier"] = tiers[0].name
    place = f"({severity}) {{{{$labels.sloth_service}}}} {{{{$labels.sloth_slo}}}} SLO error budget burn rate is "
    period = f"{objective_text(slo.objective)}% over {slo.period_text}"
    annotations = {
        "title": place + "too fast.",
        "summary": "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.",
        "description": f"The error ratio is {{{{ $value | humanizePercentage }}}}; the objective is {period}.",
        "runbook": BURN,
        "dashboard": DASHBOARD,
    }
    return Alerting(
        slo.alert_name,
        "\nor\n".join(condition(slo, tier) for tier in tiers),
        {**labels, **slo.alert_labels, **alert.labels},
        {**annotations, **slo.alert_annotations, **alert.annotations},
        wait=max(tier.wait for tier in tiers),
        keep=max(tier.keep for tier in tiers),
    )


def condition(slo: Slo, tier: Tier) -> str:
    """When a tier fires."""
    where = selector(slo)
    threshold = "{} * {}".format(number(tier.factor), number(budget_of(slo.objective)))
    parts = [
        f"max({_slo_metrics.RATIO}{text_of(window)}{where} > ({threshold})) without (sloth_window)"
        for window in (tier.short, tier.long)
    ]
    fewest = fewest_bad_events(slo, tier.min_bad_events)
    if fewest:
        # A rate over a window misses a part of the first event after a silence.
        metric = f"{_slo_metrics.BAD_EVENTS}{text_of(tier.long)}{where}"
        parts.append(f"max({metric} >= {number_of(fewest)}) without (sloth_window)")
    expr = "\n    and\n    ".join(parts)
    history = history_of(slo, tier)
    if history:
        # By its id alone: a changed label does not make an indicator a new one.
        series = (
            f"{_slo_metrics.RATIO}5m{where}[{text_of(tier.long)}:{text_of(_step(tier.long))}] offset {text_of(history)}"
        )
        expr += f"\n    and on(sloth_id, sloth_service, sloth_slo)\n    last_over_time({series})"
    return f"(\n    {expr}\n)"


def number_of(count: int) -> str:
    """A count as a bound that extrapolation does not miss by a hair."""
    return repr(count - 0.5)


def history_of(slo: Slo, tier: Tier) -> int:
    """Seconds the indicator must have existed before a tier fires; 0: none."""
    wanted = slo.settings.min_history if tier.min_history is None else tier.min_history
    return 2 * tier.short if wanted is None else wanted


def _step(window: int) -> int:
    # Whether it was there at all: a coarse look is enough, and cheap.
    return 5 * MINUTE if window <= 6 * HOUR else max(window // 72 // MINUTE, 5) * MINUTE


def slow_alerts(slo: Slo) -> list[Alerting]:
    """What is looked at every few minutes: no data, no budget."""
    rules = []
    where, settings = selector(slo), slo.settings
    name = f"{slo.service} {slo.name}"
    if settings.no_data_for:
        by = "sloth_id, sloth_service, sloth_slo"
        series = f"{_slo_metrics.RATIO}5m{where}"
        expr = f"max by ({by}) (last_over_time({series}[1d:5m]))\nunless on({by})\n{series}"
        if settings.exclude:
            expr += f"\nunless on()\ncount_over_time(({settings.exclude})[5m:1m])"
        rules.append(
            Alerting(
                NO_DATA,
                expr,
                _labels(slo, settings.no_data_severity),
                {
                    "title": f"({settings.no_data_severity}) {name} SLO has no data.",
                    "summary": f"{name} SLO has had no data for {text_of(settings.no_data_for)}.",
                    "description": "What has no data burns no budget and raises no alert. "
                    "Is the service gone, without any traffic, or are its metrics no longer scraped?",
                    "runbook": NO_DATA,
                    "dashboard": DASHBOARD,
                },
                wait=settings.no_data_for,
            )
        )
    if settings.budget_exhausted:
        rules.append(
            Alerting(
                EXHAUSTED,
                f"{_slo_metrics.REMAINING}{where} <= 0",
                _labels(slo, TICKET),
                {
                    "title": f"(ticket) {name} SLO has no error budget left.",
                    "summary": f"The error budget of {name} for {slo.period_text} is spent.",
                    "description": "{{ $value | humanizePercentage }} of the budget is left.",
                    "runbook": EXHAUSTED,
                    "dashboard": DASHBOARD,
                },
            )
        )
    return rules


def _labels(slo: Slo, severity: str) -> dict[str, str]:
    own = slo.alert_of(severity)
    labels = {**slo.id_labels, "sloth_severity": severity, "severity": severity}
    return {**labels, **slo.labels, **slo.alert_labels, **own.labels}
