# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""SLOs in OpenSLO's schema, v1 and v1alpha, as far as a ratio of events over a rolling window goes. Pure.

Each objective becomes a document's SLO of ours; what that reads is read here only as far as it differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ._slo_durations import DAY, HOUR, MINUTE, WEEK, text_of
from ._slo_model import OPENSLO, WINDOW
from ._slo_read import Node, refuse

VERSIONS = ("openslo/v1", "openslo/v1alpha")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_WORDS = {"Second": 1, "Minute": MINUTE, "Hour": HOUR, "Day": DAY, "Week": WEEK}
_HAS_WINDOW = re.compile(r"\{\{\s*\.window\s*\}\}|\$window\b")
_BARE = re.compile(r"[A-Za-z_:][\w:]*\s*(\{[^{}]*\})?", re.ASCII)


def is_openslo(document: Any) -> bool:
    """Whether a document is in OpenSLO's schema."""
    return isinstance(document, dict) and document.get("apiVersion") in VERSIONS


def read_openslo(document: Any, where: str) -> Iterator[tuple[str, str, Node, dict[str, str], dict[str, str]]]:
    """The SLOs of a document: schema, service, SLO with our keys, labels, labels of the info metric.

    Raises:
        StackError: it is of another kind, or something that rules for Prometheus cannot do.
    """
    top = Node(document, where)
    version, kind = top.text("apiVersion"), top.text("kind")
    if kind != "SLO":
        raise refuse(where, f"it is {version} {kind}", "Documents of kind SLO are used, with the indicator within.")
    metadata = top.node("metadata")
    name = metadata.text("name")
    where = f"{kind} {name} of {where}"
    spec = Node(top.raw("spec"), where)
    method = spec.text("budgetingMethod", "Occurrences")
    if method != "Occurrences":
        raise refuse(where, f"its budgetingMethod is {method}", "Occurrences is what events give.")
    period = _period(spec, where)
    service = spec.text("service")
    objectives = spec.items("objectives")
    ratio = None if version != "openslo/v1" else _ratio_v1(spec, where)
    for number, objective in enumerate(objectives):
        events = ratio if ratio is not None else _ratio_alpha(objective)
        own = {
            # As Sloth names them.
            "name": f"{name}-{number}",
            "objective": _target(objective),
            "description": spec.text("description", ""),
            "sli": events,
            "period": text_of(period),
        }
        yield OPENSLO if version == "openslo/v1" else version, service, Node(own, where), {}, {}


def _target(objective: Node) -> str:
    if ("target" in objective) == ("targetPercent" in objective):
        raise refuse(objective.where, "not exactly one of target and targetPercent is given")
    if "composite" in objective or "timeSliceTarget" in objective or "indicator" in objective:
        raise refuse(objective.where, "it has parts that one ratio does not", "Write it as an SLO of its own.")
    value = objective.number("targetPercent") if "targetPercent" in objective else objective.number("target") * 100
    return _decimal(value)


def _decimal(value: Fraction) -> str:
    text = f"{float(value):.10f}".rstrip("0")
    return text.rstrip(".")


def _period(spec: Node, where: str) -> int:
    key = "timeWindow" if "timeWindow" in spec else "timeWindows"
    windows = spec.items(key)
    if len(windows) != 1:
        raise refuse(where, "it has {} time windows".format(len(windows)), "One is used.")
    window = windows[0]
    if "calendar" in window or ("isRolling" in window and not window.flag("isRolling")):
        raise refuse(where, "its time window follows the calendar", "Rules need a rolling one: isRolling: true.")
    if "count" in window:
        unit = window.text("unit")
        if unit.rstrip("s") not in _WORDS:
            raise refuse(where, f"its time window is in units of {unit}", "Day and Week have one length only.")
        return window.count("count") * _WORDS[unit.rstrip("s")]
    match = re.fullmatch(r"(\d+)([mhdw])", window.text("duration"))
    if not match:
        raise refuse(
            where, "its time window is {}".format(window.text("duration")), "28d or 4w; months differ in length."
        )
    return int(match.group(1)) * _UNITS[match.group(2)]


def _ratio_v1(spec: Node, where: str) -> dict[str, Any]:
    if "indicatorRef" in spec:
        raise refuse(where, "its indicator is a document of its own", "Write it into the SLO as indicator.")
    inner = spec.node("indicator").node("spec")
    if "thresholdMetric" in inner:
        raise refuse(where, "it is a threshold metric", "Rules need a ratio: ratioMetric.")
    if "ratioMetric" not in inner:
        raise refuse(where, "its indicator has no ratioMetric")
    ratio = inner.node("ratioMetric")
    if "raw" in ratio:
        text = _query(ratio.node("raw").node("metricSource").node("spec"), counter=None)
        if ratio.text("rawType", "failure") == "success":
            text = f"1 - ({text})"
        return {"raw": {"error_ratio_query": text}}
    counter = ratio.flag("counter")
    found = {"total_query": _query(ratio.node("total").node("metricSource").node("spec"), counter=counter)}
    return _good_or_bad(ratio, found, lambda node: _query(node.node("metricSource").node("spec"), counter=counter))


def _ratio_alpha(objective: Node) -> dict[str, Any]:
    ratio = objective.node("ratioMetrics")
    counter = ratio.flag("counter") if "counter" in ratio else False
    found = {"total_query": _query(ratio.node("total"), counter=counter)}
    return _good_or_bad(ratio, found, lambda node: _query(node, counter=counter))


def _good_or_bad(ratio: Node, found: dict[str, str], read: Any) -> dict[str, Any]:
    if ("good" in ratio) == ("bad" in ratio):
        raise refuse(ratio.where, "not exactly one of good and bad is given")
    if "good" in ratio:
        found["good_query"] = read(ratio.node("good"))
    else:
        found["error_query"] = read(ratio.node("bad"))
    return {"events": found}


def _query(node: Node, *, counter: bool | None) -> str:
    """A query with its window; a bare counter is wrapped.

    Raises:
        StackError: it has no window, and is no counter that could be wrapped.
    """
    text = node.text("query")
    if _HAS_WINDOW.search(text):
        return text
    if counter is None or not _BARE.fullmatch(text):
        raise refuse(
            node.at("query"),
            "it has no window",
            "Write [{{.window}}] or [$window] into it, or give the bare name of a counter.",
        )
    if counter:
        return f"sum(rate({text}[{WINDOW}]))"
    return f"sum(sum_over_time({text}[{WINDOW}]))"
