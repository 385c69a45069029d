# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Test alerts: which are raised so that every receiver is told, and what is said of each channel. Pure.

Proof of a delivery is Alertmanager's own count of requests that a channel has taken, over all members of a cluster:
which of them sends is theirs to say.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _metrics
from ansible_collections.obs.stack.plugins.module_utils._estate_items import milliseconds
from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG
from ansible_collections.obs.stack.plugins.module_utils._moments import stamp
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
# By which one run finds its alerts.
MARK = "obs_test"
# Tried in turn where a route leaves it open: what wakes nobody before what does.
SEVERITIES = ("ticket", "info", "page", "")
HOURS = "outside of its hours"
WATCHDOGS = ("Watchdog", "ThanosRuleWatchdog")
METRICS = (
    "alertmanager_notification_requests_total",
    "alertmanager_notification_requests_failed_total",
    "alertmanager_notification_latency_seconds_sum",
    "alertmanager_notifications_failed_total",
)
NOTHING = (0.0, 0.0, 0.0, 0.0)
_URL_REST = re.compile(r"(?P<lead>\b[a-z][a-z0-9+.-]*://[^/\s\"'\\<>?#]+)[/?#][^\s\"'\\<>]*")


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


def posted(
    alerts: Sequence[Mapping[str, t.Any]], *, starts: float, ends: float, asked_by: str = ""
) -> list[dict[str, t.Any]]:
    """Alerts as Alertmanager takes them. Ends in the past: they are over.

    Args:
        alerts: as a plan has them.
        starts, ends: seconds of the epoch.
        asked_by: who raised it, for those who are told.
    """
    by = f" for {asked_by}" if asked_by else ""
    return [
        {
            "labels": dict(one["labels"]),
            "annotations": {
                "summary": "Test: nothing is wrong, nothing is to be done",
                "description": f"Raised{by} by test-alerts of obs.stack, to see who is told. It ends by itself.",
            },
            "startsAt": stamp(starts),
            "endsAt": stamp(ends),
        }
        for one in alerts
    ]


def counted(page: str) -> dict[str, list[float]]:
    """``receiver/integration`` -> requests taken, requests not taken, seconds of all of them, notifications given up.

    Without the feature ``receiver-name-in-metrics`` the receiver is empty.
    """
    found: dict[str, list[float]] = {}
    for place, metric in enumerate(METRICS):
        for labels, value in _metrics.samples(page, metric):
            key = "{0}/{1}".format(labels.get("receiver_name", ""), labels.get("integration", ""))
            found.setdefault(key, list(NOTHING))[place] += value
    return {key: [total - failed, failed, *more] for key, (total, failed, *more) in found.items()}


def since(before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """What came to the counts."""
    return {key: [round(a - b, 6) for a, b in zip(counts, before.get(key, NOTHING))] for key, counts in now.items()}


def awaited(expected: Mapping[str, Mapping[str, t.Any]], what: str = "channels") -> dict[str, int]:
    """``receiver/integration`` -> how many requests a channel must take.

    Args:
        expected: as a plan has it.
        what: ``channels``, or ``resolved``.
    """
    return {
        f"{receiver}/{integration}": count
        for receiver, kinds in sorted(expected.items())
        for integration, count in kinds[what].items()
    }


def count_of(counts: Mapping[str, Sequence[float]], key: str) -> Sequence[float]:
    """The counts of a channel; where metrics do not name receivers, of all of its integration."""
    return counts.get(key) or counts.get("/" + key.rpartition("/")[2]) or NOTHING


def outstanding(wanted: Mapping[str, int], answers: Sequence[Mapping[str, Sequence[float]]]) -> list[str]:
    """Channels that have not taken what they must, over all members."""
    sums: dict[str, int] = {}
    for key, count in wanted.items():
        sums.setdefault(_counted_as(key, answers), 0)
        sums[_counted_as(key, answers)] += count
    taken = {key: sum(count_of(counts, key)[0] for counts in answers) for key in sums}
    return [key for key in wanted if taken[_counted_as(key, answers)] < sums[_counted_as(key, answers)]]


def undecided(wanted: Mapping[str, int], answers: Sequence[Mapping[str, Sequence[float]]]) -> list[str]:
    """Of those outstanding, the ones that Alertmanager has not given up."""
    return [key for key in outstanding(wanted, answers) if not any(count_of(counts, key)[3] > 0 for counts in answers)]


def _is_named(key: str, answers: Sequence[Mapping[str, Sequence[float]]]) -> bool:
    return any(key in counts for counts in answers)


def _counted_as(key: str, answers: Sequence[Mapping[str, Sequence[float]]]) -> str:
    return key if _is_named(key, answers) else "/" + key.rpartition("/")[2]


def held(groups: Sequence[Mapping[str, t.Any]]) -> dict[str, list[str]]:
    """Receiver -> why its alerts are held back, from the groups as Alertmanager lists them."""
    found: dict[str, list[str]] = {}
    for group in groups:
        for alert in group["alerts"]:
            status = alert["status"]
            why = ["silence {0} holds it back".format(one) for one in status.get("silencedBy") or []]
            why += ["another alert inhibits it"] * bool(status.get("inhibitedBy"))
            why += ["{0}: {1}".format(HOURS, one) for one in status.get("mutedBy") or []]
            found.setdefault(group["receiver"]["name"], []).extend(why)
    return {receiver: list(dict.fromkeys(why)) for receiver, why in found.items() if why}


def parts_of_secrets(secrets: Sequence[str]) -> list[str]:
    """Secrets, and the parts of those that are URLs: a channel may repeat its key alone."""
    found = list(secrets)
    for secret in secrets:
        if "://" in secret:
            parts = re.split(r"[/?&=#\s]", secret.partition("://")[2])[1:]
            # Plain words of a path are none.
            found += [part for part in parts if len(part) > 5 and not part.isalpha()]
    return found


def masked(text: str) -> str:
    """A text without what URLs hold behind the host: keys of channels are often there."""
    return _URL_REST.sub(lambda match: match.group("lead") + "/…", text)


def refusals(lines: Sequence[str], mask: t.Callable[[str], str]) -> dict[str, str]:
    """``receiver/integration`` -> what the channel answered, out of the lines of Alertmanager's journal.

    Args:
        lines: of the journal.
        mask: takes known secrets out of a text.
    """
    found: dict[str, str] = {}
    for line in lines:
        error = re.search(r'\berr="((?:[^"\\]|\\.)*)"', line) or re.search(r"\berr=(\S+)", line)
        if error is None:
            continue
        said = error.group(1).replace('\\"', '"').replace("\\n", " ")
        named = re.search(r'\breceiver="?([^"\s]+)"?.*?\bintegration="?([a-z0-9]+)\[', line)
        # The last word on a group says receiver/integration[number]: error, of one or of several.
        parts = (
            [(named.group(1), named.group(2), said)]
            if named
            else re.findall(
                r"(?:^|[;\s])([^\s/;]+)/([a-z0-9]+)\[\d+\]: (.+?)(?=(?:; | )[^\s/;]+/[a-z0-9]+\[\d+\]: |$)", said
            )
        )
        for receiver, integration, words in parts:
            short = re.sub(r"^notify retry canceled[^:]*: ", "", " ".join(str(words).split()))
            found[f"{receiver}/{integration}"] = masked(mask(short))[:400]
    return found


class Row(t.NamedTuple):
    """One line of the report: a channel of a receiver, or a way to it."""

    site: str
    receiver: str
    channel: str
    state: str
    seconds: float
    detail: str


def rows(
    site: str,
    planned: Mapping[str, t.Any],
    members: Mapping[str, Mapping[str, t.Any]],
    *,
    resolved: bool,
) -> list[Row]:
    """What is said of each channel of a site.

    Args:
        site: its name.
        planned: a plan, as a dictionary.
        members: host -> ``counts``, ``ended`` (counts since the end was told), ``seconds`` (key -> when it was seen),
            ``held`` (receiver -> why alerts are held back), ``answers`` (key -> what a channel said) and ``totals``
            (counts since its start).
        resolved: whether the ends were waited for.
    """
    found = []
    counts = [member["counts"] for member in members.values()]
    ended = [member.get("ended") or {} for member in members.values()]
    wanted = awaited(planned["expected"])
    missing = outstanding(wanted, counts)
    endings = awaited(planned["expected"], "resolved")
    unended = outstanding(endings, ended) if resolved else []
    for key in wanted:
        receiver, _slash, integration = key.rpartition("/")
        said = next((member["answers"][key] for member in members.values() if key in member["answers"]), "")
        held = [why for member in members.values() for why in (member.get("held") or {}).get(receiver, [])]
        # Where counts do not name receivers, what another one took says nothing of one that refused.
        if key not in missing and not (said and not _is_named(key, counts)):
            found.append(_delivered(site, key, members, wanted[key]))
            if key in unended:
                found.append(Row(site, receiver, integration, WRONG, -1.0, "its end was not told" + _because(said)))
            elif resolved and key in endings:
                found[-1] = found[-1]._replace(detail=found[-1].detail + "; end told")
        elif held and not said and all(why.startswith(HOURS) for why in held):
            found.append(Row(site, receiver, integration, SKIPPED, -1.0, held[0]))
        else:
            why = _because(said) or _because("; ".join(dict.fromkeys(held))) or ": Alertmanager has not sent anything"
            found.append(Row(site, receiver, integration, WRONG, -1.0, "not delivered" + why))
    if wanted and not any(_is_named(key, counts) for key in wanted):
        words = "counts do not name receivers (--enable-feature=receiver-name-in-metrics): several may pass for one"
        found.append(Row(site, "(Alertmanager)", "-", WARNING, -1.0, words))
    found += [Row(site, receiver, "-", WARNING, -1.0, why) for receiver, why in planned["skipped"].items()]
    found += [
        _called(site, f"{receiver}/{integration}", members)
        for receiver, integrations in planned["watched"].items()
        for integration in integrations
    ]
    return found


def _called(site: str, key: str, members: Mapping[str, Mapping[str, t.Any]]) -> Row:
    """What is said of a channel that is called all the time: nothing is raised for it."""
    receiver, _slash, integration = key.rpartition("/")
    taken = int(sum(count_of(member["totals"], key)[0] for member in members.values()))
    failed = int(sum(count_of(member["totals"], key)[1] for member in members.values()))
    if taken:
        return Row(site, receiver, integration, OK, -1.0, f"called {taken} times by what always fires")
    said = next((member["answers"][key] for member in members.values() if key in member["answers"]), "")
    state = WRONG if failed else WARNING
    return Row(site, receiver, integration, state, -1.0, "not called by what always fires" + _because(said))


def _because(words: str) -> str:
    return f": {words}" if words else ""


def _delivered(site: str, key: str, members: Mapping[str, Mapping[str, t.Any]], channels_there: int) -> Row:
    receiver, _slash, integration = key.rpartition("/")
    senders = [host for host, member in members.items() if count_of(member["counts"], key)[0] > 0]
    taken = sum(count_of(members[host]["counts"], key)[0] for host in senders)
    spent = sum(count_of(members[host]["counts"], key)[2] for host in senders)
    seconds = min([members[host]["seconds"].get(key, -1.0) for host in senders] or [-1.0])
    failed = int(sum(count_of(member["counts"], key)[1] for member in members.values()))
    detail = "delivered by {0}, taken in {1:.2f} s".format(", ".join(senders), spent / max(taken, 1))
    if channels_there > 1:
        detail += f", all {channels_there} of them"
    if failed:
        again = next((member["answers"][key] for member in members.values() if key in member["answers"]), "")
        detail += f"; {failed} tries failed before" + _because(again)
    return Row(site, receiver, integration, WARNING if failed else OK, seconds, detail)


def way_row(site: str, host: str, answer: Mapping[str, t.Any], expected: int) -> Row:
    """What is said of a Prometheus: whether what it raises gets to Alertmanager."""
    count, dropped, errors = int(answer["alertmanagers"]), float(answer["dropped"]), float(answer["errors"])
    words = "tells {0} of {1} Alertmanagers".format(count, expected)
    state = OK
    if count < expected:
        state = WRONG
    if dropped > 0 or errors > 0:
        state = WRONG if dropped > 0 else WARNING if state == OK else state
        words += "; in the last 5 min {0:.0f} alerts were dropped, {1:.0f} could not be sent".format(dropped, errors)
    return Row(site, "(from Prometheus)", host, state, -1.0, words)
