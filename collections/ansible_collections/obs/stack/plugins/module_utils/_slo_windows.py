# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Alert windows as users write them: Sloth's AlertWindows, and the same within an SLO. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ._slo_catalogs import ORDER, Catalog, tier_of_budget
from ._slo_durations import text_of
from ._slo_maths import PAGE, TICKET, Tier, share_of
from ._slo_read import Node, refuse

KIND = "AlertWindows"
API_VERSION = "sloth.slok.dev/v1"


def is_windows(document: Any) -> bool:
    """Whether a document is a catalog of windows."""
    return isinstance(document, dict) and document.get("kind") == KIND


def read_windows(document: Any, where: str) -> Catalog:
    """A catalog in Sloth's schema, with our keys for each tier.

    Raises:
        StackError: it cannot be used.
    """
    top = Node(document, where)
    top.text("kind")
    version = top.text("apiVersion", API_VERSION)
    if version != API_VERSION:
        raise refuse(where, f"its apiVersion is {version}, not {API_VERSION}")
    spec = top.node("spec")
    period = spec.duration("sloPeriod")
    tiers = read_tiers(spec, period)
    spec.finish()
    top.finish()
    return Catalog(period, tiers, where)


def read_tiers(node: Node, period: int, base: Catalog | None = None) -> tuple[Tier, ...]:
    """The four tiers under page and ticket.

    Args:
        node: what has the keys page and ticket.
        period: seconds.
        base: where tiers, and parts of them, that are not given come from; without it all must be given.

    Raises:
        StackError: a tier is missing, or cannot be one.
    """
    found = []
    groups = {severity: node.node(severity) for severity in (PAGE, TICKET)}
    for place, given in zip(ORDER, base.tiers if base else (None,) * len(ORDER)):
        severity, speed = place
        if speed not in groups[severity] and given is None:
            raise refuse(groups[severity].where, f"it has no {speed}")
        found.append(_tier(groups[severity].node(speed), place, period, given))
    for group in groups.values():
        group.finish()
    return tuple(found)


def _tier(node: Node, place: tuple[str, str], period: int, base: Tier | None) -> Tier:
    long = node.duration("longWindow", base.long if base else None)
    short = node.duration("shortWindow", base.short if base else None)
    if not short < long < period:
        raise refuse(
            node.where,
            f"its windows {text_of(short)} and {text_of(long)} do not grow towards the period of {text_of(period)}",
            "shortWindow is below longWindow, which is below the period.",
        )
    if "errorBudgetPercent" in node and "factor" in node:
        raise refuse(node.where, "it has both errorBudgetPercent and factor", "One follows from the other.")
    if "factor" in node:
        factor = node.number("factor")
        budget = share_of(factor, long, period)
    else:
        budget = base.budget if base is not None else Fraction(0)
        if base is None or "errorBudgetPercent" in node:
            budget = node.number("errorBudgetPercent") / 100
    if not 0 < budget <= 1:
        raise refuse(node.where, f"it stands for {float(budget * 100):g} % of the budget", "Above 0 %, up to 100 %.")
    made = tier_of_budget(*place, long=long, short=short, budget=Fraction(budget), period=period)
    keep = base or made
    found = Tier(
        made.severity,
        made.speed,
        long,
        short,
        made.factor,
        made.budget,
        wait=node.duration("for", keep.wait),
        keep=node.duration("keep_firing_for", keep.keep),
        min_history=node.duration("min_history") if "min_history" in node else keep.min_history,
        min_bad_events=node.count("min_bad_events") if "min_bad_events" in node else keep.min_bad_events,
    )
    node.finish()
    return found
