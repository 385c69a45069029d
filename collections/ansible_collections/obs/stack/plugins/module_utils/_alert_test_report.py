# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is said of each channel after test alerts. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils import _alert_test
from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG


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
    wanted = _alert_test.awaited(planned["expected"])
    missing = _alert_test.outstanding(wanted, counts)
    endings = _alert_test.awaited(planned["expected"], "resolved")
    unended = _alert_test.outstanding(endings, ended) if resolved else []
    for key in wanted:
        receiver, _slash, integration = key.rpartition("/")
        said = next((member["answers"][key] for member in members.values() if key in member["answers"]), "")
        held = [why for member in members.values() for why in (member.get("held") or {}).get(receiver, [])]
        # Where counts do not name receivers, what another one took says nothing of one that refused.
        if key not in missing and not (said and not _alert_test.is_named(key, counts)):
            found.append(_delivered(site, key, members, wanted[key]))
            if key in unended:
                found.append(Row(site, receiver, integration, WRONG, -1.0, "its end was not told" + _because(said)))
            elif resolved and key in endings:
                found[-1] = found[-1]._replace(detail=found[-1].detail + "; end told")
        elif held and not said and all(why.startswith(_alert_test.HOURS) for why in held):
            found.append(Row(site, receiver, integration, SKIPPED, -1.0, held[0]))
        else:
            why = _because(said) or _because("; ".join(dict.fromkeys(held))) or ": Alertmanager has not sent anything"
            found.append(Row(site, receiver, integration, WRONG, -1.0, "not delivered" + why))
    if wanted and not any(_alert_test.is_named(key, counts) for key in wanted):
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
    taken = int(sum(_alert_test.count_of(member["totals"], key)[0] for member in members.values()))
    failed = int(sum(_alert_test.count_of(member["totals"], key)[1] for member in members.values()))
    if taken:
        return Row(site, receiver, integration, OK, -1.0, f"called {taken} times by what always fires")
    said = next((member["answers"][key] for member in members.values() if key in member["answers"]), "")
    state = WRONG if failed else WARNING
    return Row(site, receiver, integration, state, -1.0, "not called by what always fires" + _because(said))


def _because(words: str) -> str:
    return f": {words}" if words else ""


def _delivered(site: str, key: str, members: Mapping[str, Mapping[str, t.Any]], channels_there: int) -> Row:
    receiver, _slash, integration = key.rpartition("/")
    senders = [host for host, member in members.items() if _alert_test.count_of(member["counts"], key)[0] > 0]
    taken = sum(_alert_test.count_of(members[host]["counts"], key)[0] for host in senders)
    spent = sum(_alert_test.count_of(members[host]["counts"], key)[2] for host in senders)
    seconds = min([members[host]["seconds"].get(key, -1.0) for host in senders] or [-1.0])
    failed = int(sum(_alert_test.count_of(member["counts"], key)[1] for member in members.values()))
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
        # Each Alertmanager that restarted does that to its own copy: it is no news until Watchdog stays out as well.
        state = WARNING if state == OK else state
        words += "; in the last 5 min {0:.0f} alerts were dropped, {1:.0f} could not be sent".format(dropped, errors)
    return Row(site, "(from Prometheus)", host, state, -1.0, words)
