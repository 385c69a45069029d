# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which test alerts are raised so that every receiver is told. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._alert_test import MARK
from ansible_collections.obs.stack.plugins.module_utils._estate_items import milliseconds
from ansible_collections.obs.stack.plugins.module_utils._routing import NOBODY
from ansible_collections.obs.stack.plugins.module_utils._routing_match import (
    Labels,
    Route,
    labels_for,
    matchers_of,
    parsed,
    reached,
    tree,
)
from ansible_collections.obs.stack.plugins.module_utils._routing_receivers import channels

ALERT = "ObsTest"
# Tried in turn where a route leaves it open: what wakes nobody before what does.
SEVERITIES = ("ticket", "info", "page", "")
WATCHDOGS = ("Watchdog", "ThanosRuleWatchdog")


class Plan(t.NamedTuple):
    """What is raised, and for whom.

    Attributes:
        alerts: each with ``labels``.
        expected: receiver -> ``channels`` (integration -> how many), ``resolved`` (those that tell an end too) and
            ``hours`` (whether its route has some).
        skipped: receiver -> why nothing is raised for it.
        watched: receiver -> its integrations, where what always fires calls it.
        wait: milliseconds that the routes let an alert wait.
        interval: milliseconds after which the end of an alert is told.
    """

    alerts: list[dict[str, t.Any]]
    expected: dict[str, dict[str, t.Any]]
    skipped: dict[str, str]
    watched: dict[str, list[str]]
    wait: int
    interval: int


def plan(
    config: Mapping[str, t.Any], *, identity: str, site: str, only: Sequence[str] = (), severity: str = ""
) -> Plan:
    """The alerts of a site.

    Args:
        config: Alertmanager's own, parsed.
        identity: of the run, part of the alerts' name, so that no group of an earlier run takes them in.
        site: value of the label ``site``.
        only: receivers that are to be told; all without.
        severity: of all alerts; chosen by the routes without.
    """
    root = tree(config.get("route") or {})
    told = _told(config)
    result = Plan([], {}, {}, {}, 0, 0)
    base = {"alertname": f"{ALERT}-{identity}", MARK: identity, "site": site}
    if severity:
        base["severity"] = severity
    choices = {} if severity else {"severity": list(SEVERITIES)}
    waits, intervals = [0], [0]
    for receiver, kinds in told.items():
        if (only and receiver not in only) or receiver in result.expected:
            continue
        found = labels_for(root, receiver, base, choices, fixed=["severity"] if severity else [])
        if found is None:
            with_it = f" with severity {severity}" if severity else ""
            result.skipped[receiver] = f"no route leads there{with_it}"
            continue
        labels, ends = found
        if labels["alertname"] in WATCHDOGS:
            result.watched[receiver] = list(kinds["channels"])
            continue
        danger = _hides(config, labels, base, root)
        if danger:
            result.skipped[receiver] = danger
            continue
        result.alerts.append({"labels": labels})
        waits += [milliseconds(str(end.timing["group_wait"])) for end in ends]
        intervals += [milliseconds(str(end.timing["group_interval"])) for end in ends]
        for end in ends:
            if told.get(end.receiver):
                _expect(result.expected, end, told[end.receiver])
    return result._replace(wait=max(waits), interval=max(intervals))


def _told(config: Mapping[str, t.Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Receiver -> its channels by integration: how many there are, and how many tell an end."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for receiver, kind, _number, channel in channels(config):
        name = kind[: -len("_configs")]
        counts = found.setdefault(receiver, {"channels": {}, "resolved": {}})
        counts["channels"][name] = counts["channels"].get(name, 0) + 1
        if channel.get("send_resolved"):
            counts["resolved"][name] = counts["resolved"].get(name, 0) + 1
    found.pop(NOBODY, None)
    return found


def _expect(expected: dict[str, dict[str, t.Any]], end: Route, kinds: Mapping[str, Mapping[str, int]]) -> None:
    known = expected.get(end.receiver)
    # Of two ways to a receiver, one that no hours keep silent says that it must come.
    if known is None or (known["hours"] and not end.hours):
        expected[end.receiver] = {**kinds, "hours": bool(end.hours)}


def _hides(config: Mapping[str, t.Any], labels: dict[str, str], base: Labels, root: Route) -> str:
    """Give labels that keep an alert from inhibiting real ones; why it cannot be raised, or ""."""
    for rule in config.get("inhibit_rules") or []:
        source = [
            *matchers_of({"match": rule.get("source_match"), "match_re": rule.get("source_match_re")}),
            *parsed(rule.get("source_matchers") or []),
        ]
        if not all(matcher.fits(labels) for matcher in source):
            continue
        free = [label for label in rule.get("equal") or [] if label not in labels]
        before = reached(root, labels)
        for label in free:
            other = {**labels, label: base["alertname"]}
            if [end.receiver for end in reached(root, other)] == [end.receiver for end in before]:
                labels.update(other)
                break
        else:
            return "not raised: by an inhibit rule such an alert would hold back real ones"
    return ""
