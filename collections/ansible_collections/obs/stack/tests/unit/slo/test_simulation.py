# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Synthetic outages of known ratio and length: when alerts fire and end, and what is left of the budget.

The arithmetic here is done anew, from the windows and factors as they are published, with none of the code under test.
"""

from __future__ import annotations

import math
import typing as t

import pytest

MINUTE, HOUR, DAY = 60, 3600, 86400

EVENTS = """
version: {version}
service: shop
period: {period}
{more}
slos:
  - name: availability
    objective: {objective}
    sli:
      events:
        error_query: sum(rate(errors_total[$window]))
        total_query: sum(rate(requests_total[$window]))
"""

# long, short, factor: the SRE Workbook's table 5-8 for 30 days; Sloth's for 28; an own one; scaled ones by hand.
MONTH = {
    "page-quick": (HOUR, 5 * MINUTE, 14.4),
    "page-slow": (6 * HOUR, 30 * MINUTE, 6.0),
    "ticket-quick": (DAY, 2 * HOUR, 3.0),
    "ticket-slow": (3 * DAY, 6 * HOUR, 1.0),
}
FOUR_WEEKS = {
    "page-quick": (HOUR, 5 * MINUTE, 13.44),
    "page-slow": (6 * HOUR, 30 * MINUTE, 5.6),
    "ticket-quick": (DAY, 2 * HOUR, 2.8),
    "ticket-slow": (3 * DAY, 6 * HOUR, 0.9333333333),
}
WEEK = {
    "page-quick": (15 * MINUTE, 1 * MINUTE, 14.4),
    "page-slow": (90 * MINUTE, 5 * MINUTE, 6.0),
    "ticket-quick": (6 * HOUR, 30 * MINUTE, 3.0),
    "ticket-slow": (18 * HOUR, 90 * MINUTE, 1.0),
}
QUARTER = {
    "page-quick": (3 * HOUR, 15 * MINUTE, 14.4),
    "page-slow": (18 * HOUR, 90 * MINUTE, 6.0),
    "ticket-quick": (3 * DAY, 6 * HOUR, 3.0),
    "ticket-slow": (9 * DAY, 18 * HOUR, 1.0),
}
OWN = {
    "page-quick": (30 * MINUTE, 2 * MINUTE, 14.4),
    "page-slow": (3 * HOUR, 15 * MINUTE, 4.8),
    "ticket-quick": (12 * HOUR, HOUR, 3.0),
    "ticket-slow": (36 * HOUR, 3 * HOUR, 1.0),
}
OWN_CATALOG = """
apiVersion: sloth.slok.dev/v1
kind: AlertWindows
spec:
  sloPeriod: 30d
  page:
    quick: {errorBudgetPercent: 1, shortWindow: 2m, longWindow: 30m}
    slow: {errorBudgetPercent: 2, shortWindow: 15m, longWindow: 3h}
  ticket:
    quick: {errorBudgetPercent: 5, shortWindow: 1h, longWindow: 12h}
    slow: {errorBudgetPercent: 5, shortWindow: 3h, longWindow: 36h}
"""


def firing(tier: str) -> str:
    return f'count(ALERTS{{alertstate="firing", slo_burn_tier="{tier}"}})'


def rising(blocks: t.Iterable[tuple[int, float]]) -> str:
    """A counter in promtool's notation: so many samples with so much more each."""
    value, parts = 0.0, []
    for count, step in blocks:
        parts.append("{}+{}x{}".format(value + step, step, count - 1))
        value += step * count
    return " ".join(parts)


def sparse(count: int, step: float) -> str:
    """A counter's past: every tenth sample is enough for a rate over days, and faster; the last ones are all there."""
    gaps = ["{} _x9".format(step * number * 10 + step) for number in range(count // 10)]
    rest = range(count - count % 10, count)
    return " ".join(gaps + [str(step * number + step) for number in rest])


CATALOGS = [
    pytest.param("30d", MONTH, 60, [], id="30d"),
    pytest.param("28d", FOUR_WEEKS, 120, [], id="28d"),
    pytest.param("7d", WEEK, 30, [], id="7d, scaled"),
    pytest.param("90d", QUARTER, 240, [], id="90d, scaled"),
    pytest.param("30d", OWN, 60, [OWN_CATALOG], id="30d, own catalog"),
]


@pytest.mark.parametrize(("period", "tiers", "step", "catalogs"), CATALOGS)
def test_every_tier_fires_and_ends_when_the_arithmetic_says(
    simulator: t.Any,
    slos_of: t.Any,
    period: str,
    tiers: dict[str, tuple[int, int, float]],
    step: int,
    catalogs: list[str],
) -> None:
    ratio, budget = 0.5, 0.01
    history = max(long for long, _short, _factor in tiers.values()) + HOUR
    # Long enough for the slowest tier, and a little more.
    length = math.ceil((max(long * k * budget / ratio for long, _short, k in tiers.values()) + 20 * step) / step) * step
    before = history // step
    # The first sample of each series is at 0; the first bad event comes between begin and begin + step.
    begin, end = (before - 1) * step, (before - 1) * step + length
    after = max(short for _long, short, _factor in tiers.values()) // step + 10
    later, total = length // step, 100.0 * before
    series = {
        "requests_total": "{} {}+100x{}".format(sparse(before, 100.0), total + 100, later + after - 1),
        "errors_total": sparse(before, 0.0) + " " + rising([(later, 100 * ratio), (after, 0.0)]),
    }
    # One scrape and one evaluation.
    slack = 2 * step
    expectations: list[tuple[int, str, float | None]] = []
    for tier, (long, short, factor) in tiers.items():
        detected = begin + long * factor * budget / ratio
        reset = end + short * (1 - factor * budget / ratio)
        expectations += [
            (_up(detected - slack - step, step), firing(tier), None),
            (_up(detected + slack, step), firing(tier), 1),
            (_up(reset - slack - step, step), firing(tier), 1),
            (_up(reset + slack, step), firing(tier), None),
        ]
    document = EVENTS.format(version="prometheus/v1", period=period, objective=99, more="alerts: per_window")
    slos = slos_of(document, *catalogs, scrape_interval=min(step, 15))
    # The others have no part in it, and take time.
    simulator.play(slos, series, expectations, step, without=("sloth-slo-period", "sloth-slo-meta"))


def _up(seconds: float, step: int) -> int:
    return math.ceil(seconds / step) * step
