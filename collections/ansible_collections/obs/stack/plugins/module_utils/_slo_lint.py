# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What of an SLO will not do what its author expects. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ._slo_alerts import history_of
from ._slo_catalogs import BUILT_IN, SCRAPES_IN_A_WINDOW
from ._slo_documents import objective_text
from ._slo_durations import text_of
from ._slo_maths import budget_of, reachable
from ._slo_model import COMBINED, Slo

_VECTOR = re.compile(r"\bvector\s*\(\s*0")
_INTEGER_BUCKET = re.compile(r"\ble\s*=\s*(\"|')(\d+)\1")


class Finding(NamedTuple):
    """What is wrong with which SLO; ``code`` names the check."""

    code: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text} ({self.code})"


def lint(slos: Iterable[Slo], *, retention: int = 0, scrape_interval: int = 15) -> list[Finding]:
    """All findings.

    Args:
        slos: to look at.
        retention: seconds that samples are kept for; 0: not known.
        scrape_interval: seconds.
    """
    found = []
    for slo in slos:
        for code, text in _findings(slo, retention, scrape_interval):
            found.append(Finding(code, slo.where, text))
    return found


def _findings(slo: Slo, retention: int, scrape_interval: int) -> Iterator[tuple[str, str]]:
    yield from _objective(slo)
    yield from _tiers(slo, scrape_interval)
    yield from _queries(slo)
    if retention and retention < slo.period:
        yield (
            "retention",
            f"samples are kept for {text_of(retention)}, and its period is {slo.period_text}: the budget is that of the"
            " time that is kept",
        )


def _objective(slo: Slo) -> Iterator[tuple[str, str]]:
    if slo.objective == 100:
        yield (
            "no-budget",
            "an objective of 100 % leaves no error budget: burn rates are not numbers, and every error is an alert",
        )
    elif slo.objective < 1:
        yield (
            "ratio-as-percent",
            f"the objective is {objective_text(slo.objective)} %: was {objective_text(slo.objective * 100)} % meant?",
        )


def _tiers(slo: Slo, scrape_interval: int) -> Iterator[tuple[str, str]]:
    enabled = [tier for tier in slo.catalog.tiers if slo.alert_of(tier.severity).enabled]
    for tier in enabled:
        if not reachable(tier, slo.objective) and slo.objective < 100:
            bound = float(100 - 100 / tier.factor)
            yield (
                "unreachable",
                f"{tier.name} can never fire: it waits for {float(tier.factor):.4g} times the budget of "
                f"{float(budget_of(slo.objective)) * 100:g} %, and no error ratio is above 100 %; it takes an objective"
                f" above {bound:.4g} %",
            )
        if tier.factor < 1 and not (slo.catalog.origin == "built-in" and slo.period in BUILT_IN):
            yield (
                "below-budget",
                f"{tier.name} fires at {float(tier.factor):.3g} times the budget, which lasts to the end of the period",
            )
        if tier.short < SCRAPES_IN_A_WINDOW * scrape_interval:
            yield (
                "short-window",
                f"the short window of {tier.name} is {text_of(tier.short)}, below four scrapes of {scrape_interval} s",
            )
        if history_of(slo, tier) >= slo.period:
            yield "history", f"{tier.name} waits for a history as long as the period"
    if slo.settings.alerts == COMBINED:
        for severity in ("page", "ticket"):
            waits = {(tier.wait, tier.keep) for tier in enabled if tier.severity == severity}
            if len(waits) > 1:
                yield (
                    "for-of-tiers",
                    f"the tiers of its {severity} have different for or keep_firing_for, and are one alert: the longest"
                    " holds; alerts: per_window makes them two",
                )


def _queries(slo: Slo) -> Iterator[tuple[str, str]]:
    sli = slo.indicator
    zeros = [bool(_VECTOR.search(query)) for query in (sli.errors, sli.total)]
    if not sli.ratio and zeros[0] != zeros[1]:
        yield (
            "one-sided-vector",
            "vector(0) is on one side only: " + _one_sided(slo, errors=zeros[0]),
        )
    bucket = _INTEGER_BUCKET.search(sli.errors + sli.total + sli.ratio)
    if bucket:
        number = bucket.group(2)
        yield (
            "integer-le",
            f'Prometheus 3 writes le="{number}" as another text ("{float(number)}" or with an exponent), so that'
            " nothing is found; match both, or use latency",
        )


def _one_sided(slo: Slo, *, errors: bool) -> str:
    if errors and slo.settings.guards:
        return "errors that have no series count as none anyway, so leave it out"
    if errors:
        return "without traffic the ratio is 0/0"
    return "where there is no traffic, no series and zero are the same then"
