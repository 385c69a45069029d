# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Error budgets and burn rates, in exact fractions. Pure.

A budget is what an objective leaves: B = 1 - objective. The burn rate is the error ratio in units of B. A tier that is
to fire when the share p of the budget is spent within the window L of the period P has the factor k = p P / L, and its
condition is: error ratio over L above k B, and over the short window too, which ends it soon after the errors do.
(Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs".)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

PAGE, TICKET = "page", "ticket"
QUICK, SLOW = "quick", "slow"


@dataclass(frozen=True)
class Tier:
    """One pair of windows with its factor.

    Attributes:
        severity: page or ticket.
        speed: quick or slow.
        long, short: windows, in seconds.
        factor: burn rate above which it fires.
        budget: share of the budget that is spent then, 0 to 1.
        wait: seconds the condition must hold (``for``).
        keep: seconds the alert stays after it (``keep_firing_for``).
        min_history: seconds the indicator must have existed; None: as the SLO says.
        min_bad_events: fewest bad events in the long window; None: as the SLO says.
    """

    severity: str
    speed: str
    long: int
    short: int
    factor: Fraction
    budget: Fraction
    wait: int = 0
    keep: int = 0
    min_history: int | None = None
    min_bad_events: int | None = None

    @property
    def name(self) -> str:
        return f"{self.severity}-{self.speed}"


def exact(value: object) -> Fraction:
    """A number as it is written: 99.9 is 999/10, not the nearest binary fraction.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    return Fraction(str(value).strip())


def number(value: Fraction) -> str:
    """A number for PromQL, in its shortest form."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def budget_of(objective: Fraction) -> Fraction:
    """The error budget of an objective in percent, as a ratio."""
    return (100 - objective) / 100


def factor_of(budget: Fraction, long: int, period: int) -> Fraction:
    """The burn rate that spends a share of the budget in a window."""
    return budget * period / long


def share_of(factor: Fraction, long: int, period: int) -> Fraction:
    """The share of the budget that a burn rate spends in a window."""
    return factor * long / period


def detection_seconds(tier: Tier, objective: Fraction, error_ratio: Fraction) -> Fraction | None:
    """How long a constant error ratio lasts, after a time without any, until a tier fires; None: it never does."""
    threshold = tier.factor * budget_of(objective)
    if error_ratio <= threshold:
        return None
    return tier.long * threshold / error_ratio


def reachable(tier: Tier, objective: Fraction) -> bool:
    """Whether any error ratio, 1 at most, can be above a tier's threshold."""
    return tier.factor * budget_of(objective) < 1
