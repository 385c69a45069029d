# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How rules are to be made, as it is written for all, for a file and for one SLO. Pure."""

from __future__ import annotations

from typing import Any

from ._slo_model import COMBINED, DIRECT, PER_WINDOW, RATIO, RECORDED, WEIGHTED
from ._slo_read import Node, refuse

CHOICES = {
    "error_budget": (RATIO, WEIGHTED),
    "alerts": (COMBINED, PER_WINDOW),
    "long_windows": (DIRECT, RECORDED),
}
SEVERITIES = ("page", "ticket")
SETTINGS = (*CHOICES, "guards", "budget_exhausted", "min_bad_events", "min_history", "exclude", "no_data")


def read_settings(node: Node) -> dict[str, Any]:
    """The settings a node has, by their names in ``Settings``.

    Raises:
        StackError: one of them cannot be used.
    """
    found: dict[str, Any] = {}
    for key, choices in CHOICES.items():
        if key in node:
            found[key] = node.choice(key, choices)
    for key in ("guards", "budget_exhausted"):
        if key in node:
            found[key] = node.flag(key)
    if "min_bad_events" in node:
        found["min_bad_events"] = node.count("min_bad_events")
    if "min_history" in node:
        found["min_history"] = _off(node, "min_history")
    if "exclude" in node:
        found["exclude"] = node.text("exclude")
        if "{{" in found["exclude"]:
            raise refuse(node.at("exclude"), "it has a template in it", "It is plain PromQL.")
    if "no_data" in node:
        found.update(_no_data(node))
    # Asked for, so that keys that are there without a value are known.
    for key in SETTINGS:
        node.raw(key)
    return found


def _off(node: Node, key: str) -> int:
    """A duration, or 0 for false, 0 and off."""
    value = node.raw(key)
    if value is False or value == 0 or value in ("0", "off", "0s"):
        return 0
    return node.duration(key)


def _no_data(node: Node) -> dict[str, Any]:
    value = node.raw("no_data")
    if isinstance(value, bool):
        return {} if value else {"no_data_for": 0}
    inner = node.node("no_data")
    found: dict[str, Any] = {}
    if "for" in inner:
        found["no_data_for"] = inner.duration("for")
    inner.raw("for")
    severity = inner.choice("severity", SEVERITIES)
    if severity:
        found["no_data_severity"] = severity
    inner.finish()
    return found
