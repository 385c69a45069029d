# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Test alerts on the host of an Alertmanager: what is raised, what it counts and what channels answered. Pure.

Proof of a delivery is Alertmanager's own count of requests that a channel has taken, over all members of a cluster:
which of them sends is theirs to say.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _metrics
from ansible_collections.obs.stack.plugins.module_utils._moments import stamp

# By which one run finds its alerts.
MARK = "obs_test"
HOURS = "outside of its hours"
METRICS = (
    "alertmanager_notification_requests_total",
    "alertmanager_notification_requests_failed_total",
    "alertmanager_notification_latency_seconds_sum",
    "alertmanager_notifications_failed_total",
)
NOTHING = (0.0, 0.0, 0.0, 0.0)
_URL_REST = re.compile(r"(?P<lead>\b[a-z][a-z0-9+.-]*://[^/\s\"'\\<>?#]+)[/?#][^\s\"'\\<>]*")


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


def is_named(key: str, answers: Sequence[Mapping[str, Sequence[float]]]) -> bool:
    return any(key in counts for counts in answers)


def _counted_as(key: str, answers: Sequence[Mapping[str, Sequence[float]]]) -> str:
    return key if is_named(key, answers) else "/" + key.rpartition("/")[2]


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
