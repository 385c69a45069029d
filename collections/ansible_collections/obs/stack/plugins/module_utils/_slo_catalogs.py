# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which windows alerts look at, for each period. Pure.

28 and 30 days have the windows of Sloth, which are those of the SRE Workbook. For another period the factors stay and
the windows grow or shrink with it, to lengths that people use. Others are written as a catalog in Sloth's schema.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ._slo_durations import DAY, HOUR, MINUTE, text_of
from ._slo_maths import PAGE, QUICK, SLOW, TICKET, Tier, factor_of, share_of

ORDER = ((PAGE, QUICK), (PAGE, SLOW), (TICKET, QUICK), (TICKET, SLOW))
# Of 30 days: long window, short window, percent of the budget.
STANDARD = ((HOUR, 5 * MINUTE, 2), (6 * HOUR, 30 * MINUTE, 5), (DAY, 2 * HOUR, 10), (3 * DAY, 6 * HOUR, 10))
MONTH = 30 * DAY
BUILT_IN = (28 * DAY, MONTH)
SHORTEST_PERIOD = DAY
# A rate needs two samples; four leave room for a late and a lost one.
SCRAPES_IN_A_WINDOW = 4

_MINUTES = (1, 2, 5, 10, 15, 30, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2160, 2880, 4320, 5760, 10080, 12960)
NICE = tuple(minutes * MINUTE for minutes in _MINUTES)
LONGEST_NICE = NICE[-1]


@dataclass(frozen=True)
class Catalog:
    """The four tiers of a period.

    Attributes:
        period: seconds.
        tiers: in the order of ``ORDER``.
        origin: ``built-in``, ``scaled``, or where it was read.
    """

    period: int
    tiers: tuple[Tier, ...]
    origin: str


def tier_of_budget(severity: str, speed: str, *, long: int, short: int, budget: Fraction, period: int) -> Tier:
    """A tier that fires when a share of the budget is spent."""
    return Tier(severity, speed, long, short, factor_of(budget, long, period), budget)


def built_in(period: int) -> Catalog:
    """The standard windows, for 28 or 30 days."""
    tiers = tuple(
        tier_of_budget(*place, long=long, short=short, budget=Fraction(percent, 100), period=period)
        for place, (long, short, percent) in zip(ORDER, STANDARD)
    )
    return Catalog(period, tiers, "built-in")


def scaled(period: int, scrape_interval: int = 15) -> Catalog:
    """The standard factors with windows in proportion to the period.

    Args:
        period: seconds, a day at least.
        scrape_interval: seconds; no window is shorter than four of them.

    Raises:
        ValueError: the period is too short for that.
    """
    if period < SHORTEST_PERIOD:
        raise ValueError(
            f"windows cannot be scaled to a period of {text_of(period)}: a day is the shortest; give it a catalog"
        )
    least = SCRAPES_IN_A_WINDOW * scrape_interval
    tiers = []
    for (severity, speed), (long, short, percent) in zip(ORDER, STANDARD):
        factor = factor_of(Fraction(percent, 100), long, MONTH)
        # The long window is what counts: the short one gives way where both would be as long as four scrapes.
        new_long = _snapped(Fraction(long * period, MONTH), 3 * least)
        new_short = _snapped(Fraction(short * period, MONTH), least)
        if new_long > LONGEST_NICE:
            new_short = new_long // 12
        budget = share_of(factor, new_long, period)
        tiers.append(Tier(severity, speed, new_long, min(new_short, new_long), factor, budget))
    return Catalog(period, tuple(tiers), "scaled")


def catalog_of(period: int, own: dict[int, Catalog], scrape_interval: int = 15) -> Catalog:
    """The catalog of a period: the user's own, the built-in one, or scaled windows.

    Raises:
        ValueError: as of ``scaled``.
    """
    if period in own:
        return own[period]
    return built_in(period) if period in BUILT_IN else scaled(period, scrape_interval)


def _snapped(seconds: Fraction, least: int) -> int:
    """The nearest usual length, by ratio, that is not below a least one; whole days above the longest of them."""
    if seconds > LONGEST_NICE + DAY / 2:
        return max(round(seconds / DAY) * DAY, least)
    usable = [one for one in NICE if one >= least]
    if not usable:
        return math.ceil(Fraction(least, DAY)) * DAY
    return min(usable, key=lambda one: (max(Fraction(one) / seconds, seconds / one), one))
