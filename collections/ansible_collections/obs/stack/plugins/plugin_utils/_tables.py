# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Tables of what hosts run and ran. Pure: answers of ``release_service_info`` in, lines of text out."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

STATUS_HEADER = ("HOST", "SERVICE", "VERSION", "GENERATION", "SINCE", "STATE", "CURRENT", "NOTE")
HISTORY_HEADER = ("HOST", "GENERATION", "VERSION", "MADE", "PROVEN", "STATE", "NOTE")
NONE = "-"


def lay_out(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a header, columns aligned to the left."""
    table = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]


def status(found: Mapping[str, Sequence[Mapping[str, t.Any]] | str], wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """One row for each service of each host.

    Args:
        found: host -> its services as ``release_service_info`` returns them, or why it could not be asked.
        wanted: host -> names of the services the inventory wants there; those that are not installed are told.
    """
    rows: list[Sequence[str]] = []
    for host in sorted(found):
        services = found[host]
        if isinstance(services, str):
            rows.append((host, *[NONE] * 6, services))
            continue
        there = {str(service["name"]): _status_row(host, service) for service in services}
        missing = {name: (host, name, *[NONE] * 3, "absent", NONE, "not installed") for name in wanted.get(host) or []}
        rows += [row for _name, row in sorted({**missing, **there}.items())]
        if not there and not missing:
            rows.append((host, *[NONE] * 6, "no service"))
    return lay_out(STATUS_HEADER, rows)


def _status_row(host: str, service: Mapping[str, t.Any]) -> tuple[str, ...]:
    active = bool(service.get("active"))
    state = "running" if active else "stopped"
    if not service.get("generation"):
        state = "absent"
    return (
        host,
        str(service["name"]),
        str(service.get("version") or NONE),
        str(service.get("generation") or NONE),
        moment(str(service.get("since") or "")),
        state,
        ("yes" if service.get("running_is_current") else "NO") if active else NONE,
        "; ".join(_notes(service)),
    )


def _notes(service: Mapping[str, t.Any]) -> list[str]:
    notes = []
    if service.get("active") and not service.get("running_is_current"):
        running = service.get("running_release") or "something else"
        notes.append(f"the process is of {running}, or was started before the last change")
    if service.get("active") and not service.get("enabled"):
        notes.append("does not start at boot")
    if service.get("owed"):
        notes.append("owed: {}".format(service["owed"]))
    hold = service.get("hold") or {}
    if hold:
        notes.append(held(hold))
    return notes


def held(hold: Mapping[str, t.Any]) -> str:
    """Who holds a service back, since when, from which version."""
    return "held by {} since {}, back from {} (generation {})".format(
        hold.get("by") or "?",
        moment(str(hold.get("at") or "")),
        hold.get("from_version") or "?",
        hold.get("from") or "?",
    )


def history(found: Mapping[str, Sequence[Mapping[str, t.Any]] | str], service: str) -> list[str]:
    """One row for each generation of a service on each host, newest first.

    Args:
        found: host -> its services as ``release_service_info`` returns them, or why it could not be asked.
        service: name of the service.
    """
    rows: list[Sequence[str]] = []
    for host in sorted(found):
        services = found[host]
        if isinstance(services, str):
            rows.append((host, *[NONE] * 5, services))
            continue
        mine = [one for one in services if one["name"] == service]
        generations = [(one, generation) for one in mine for generation in one.get("generations") or []]
        rows += [_history_row(host, one, generation) for one, generation in generations]
        if not generations:
            rows.append((host, *[NONE] * 5, "not installed"))
    return lay_out(HISTORY_HEADER, rows)


def _history_row(host: str, service: Mapping[str, t.Any], generation: Mapping[str, t.Any]) -> tuple[str, ...]:
    notes = ["current"] if generation.get("current") else []
    hold = service.get("hold") or {}
    if hold and generation.get("current"):
        notes.append(held(hold))
    failure = str(generation.get("failure") or "").strip()
    if failure:
        notes.append(failure.splitlines()[0])
    return (
        host,
        str(generation["number"]),
        str(generation.get("version") or NONE),
        moment(str(generation.get("created") or "")),
        moment(str(generation.get("committed") or "")),
        str(generation.get("state") or NONE),
        "; ".join(notes),
    )


def moment(text: str) -> str:
    """A time to the second without weekday and punctuation, ``-`` for none; what is no time is left as it is.

    ``Sun 2026-11-22 16:53:40 UTC`` (systemd) and ``2026-11-22T16:53:40.5+00:00`` (ours) become
    ``2026-11-22 16:53:40 UTC``.
    """
    found = re.fullmatch(
        r"(?:[A-Z]\w\w )?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00| (\S+))?", text.strip()
    )
    if not found:
        return text or NONE
    return "{} {} {}".format(found[1], found[2], found[3] or "UTC")


def journal(found: Mapping[str, Sequence[str] | str], hosts: Sequence[str]) -> list[str]:
    """Lines of journals, host after host, each with the name of its host where several were asked."""
    width = max(len(host) for host in hosts) if len(hosts) > 1 else 0
    lines = []
    for host in sorted(found):
        own = found[host]
        for line in [own] if isinstance(own, str) else own:
            lines.append(prefixed(host, line, width))
    return lines


def prefixed(host: str, line: str, width: int) -> str:
    """A line with its host before it; ``width`` is that of the longest name, 0 for no prefix."""
    return f"{host.ljust(width)} | {line}" if width else line
