# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Lay out what checks found on many hosts: one table, and one line for each thing that is wrong. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, STATES, WARNING, WRONG, Finding
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._tables import NONE, lay_out

HEAD = ("HOST", "CHECK", "TARGET", "STATE", "SECONDS", "")
# More good rows of one kind on one host than this are told as one.
SHOWN = 3


def found_in(results: Iterable[Mapping[str, t.Any]]) -> list[Finding]:
    """The findings of registered results; a result without any could not be asked."""
    found = []
    for result in results:
        items = result.get("findings")
        if items is not None:
            found += [Finding(**item) for item in items]
        elif not result.get("skipped"):
            why = causes_of(result, "could not be asked", unreachable=bool(result.get("unreachable")))
            found.append(Finding(NONE, NONE, WRONG, why[0]))
    return found


def report(found: Mapping[str, Sequence[Finding]], *, strict: bool = False) -> dict[str, t.Any]:
    """Lay out the findings of many hosts.

    Args:
        found: findings by host, each in the order they are shown.
        strict: whether warnings, and what was skipped, count as wrong.

    Returns:
        ``table`` (lines of text), ``wrong`` (one line for each thing that is wrong; not for a host that could not be
        asked, since that fails by itself) and ``counts`` by state.
    """
    rows = []
    wrong = []
    counts = dict.fromkeys(STATES, 0)
    for host in sorted(found):
        for finding in found[host]:
            counts[finding.state] += 1
            bad = finding.state == WRONG or (strict and finding.state in (WARNING, SKIPPED))
            if bad and finding.check != NONE:
                wrong.append("{0} {1} {2}: {3}".format(host, finding.check, finding.target, finding.detail))
        rows += [_row(host, finding) for finding in _together(found[host])]
    return {"table": lay_out(HEAD, rows), "wrong": wrong, "counts": counts}


def _row(host: str, finding: Finding) -> tuple[str, str, str, str, str, str]:
    seconds = "" if finding.seconds < 0 else "{0:.1f}".format(finding.seconds)
    return (host, finding.check, finding.target, finding.state, seconds, finding.detail)


def _together(findings: Sequence[Finding]) -> list[Finding]:
    """Many good ones of a kind as one row, where the first of them stood."""
    good: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.state == OK:
            good.setdefault(finding.check, []).append(finding)
    rows = []
    for finding in findings:
        same = good.get(finding.check, [])
        if finding.state != OK or len(same) <= SHOWN:
            rows.append(finding)
        elif finding is same[0]:
            names = ", ".join(item.target for item in same[:SHOWN])
            detail = "all well: {0} and {1} more".format(names, len(same) - SHOWN)
            slowest = max(item.seconds for item in same)
            rows.append(Finding(finding.check, "{0} targets".format(len(same)), OK, detail, slowest))
    return rows
