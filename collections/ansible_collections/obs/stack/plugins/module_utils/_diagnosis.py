# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A runbook's page as something that can be run: its queries and commands, with the labels of an alert put in. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation")
LANGUAGES = ("promql", "logql", "sh")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\$([a-z_]+)\b")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


class Page(t.NamedTuple):
    """A runbook.

    Attributes:
        alert: its name.
        texts: section -> its prose.
        promql, logql, sh: lines of code, one query or command each.
    """

    alert: str
    texts: t.Mapping[str, str]
    promql: tuple[str, ...]
    logql: tuple[str, ...]
    sh: tuple[str, ...]


class Asked(t.NamedTuple):
    """A query of a page: as it is asked, or the labels it lacks."""

    language: str
    query: str
    lacks: tuple[str, ...]


def page_of(alert: str, text: str) -> Page:
    """The page of an alert."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2]))
    texts = {title: _LINK.sub(r"\1", " ".join(_BLOCK.sub("", sections.get(title, "")).split())) for title in SECTIONS}
    return Page(alert, texts, *(tuple(_lines(text, language)) for language in LANGUAGES))


def _lines(text: str, language: str) -> list[str]:
    return [
        line.strip()
        for kind, block in _BLOCK.findall(text)
        if kind == language
        for line in block.splitlines()
        if line.strip()
    ]


def unknown(alert: str, known: Iterable[str]) -> StackError:
    """Why an alert without a page cannot be looked into."""
    names = sorted(known)
    near = difflib.get_close_matches(alert, names, 1, 0.5)
    folded = {name.lower(): name for name in names}
    guess = folded.get(alert.lower()) or (near[0] if near else "")
    return StackError(
        f"Could not diagnose '{alert}'",
        why="there is no runbook of that name",
        hint=f"Did you mean {guess}?" if guess else "docs/alerts.md lists those there are.",
        step="input",
        doc="diagnose",
    )


def queries(page: Page, labels: Mapping[str, str]) -> list[Asked]:
    """The page's queries with an alert's labels in them."""
    found = []
    for language in ("promql", "logql"):
        for query in getattr(page, language):
            lacks = tuple(name for name in dict.fromkeys(PLACEHOLDER.findall(query)) if not labels.get(name))
            found.append(Asked(language, query if lacks else filled(query, labels, quoted=True), lacks))
    return found


def filled(text: str, labels: Mapping[str, str], *, quoted: bool = False) -> str:
    """A text with labels in the place of ``$name``; those that are not known stay.

    Args:
        text: with placeholders.
        labels: by name.
        quoted: whether they stand inside of double quotes, as in queries.
    """

    def value(match: re.Match[str]) -> str:
        found = labels.get(match.group(1)) or match.group(0)
        return found.replace("\\", "\\\\").replace('"', '\\"') if quoted and found != match.group(0) else found

    return PLACEHOLDER.sub(value, text)


def selector(alert: str, given: Mapping[str, str]) -> str:
    """The matchers of an alert's own series."""
    wanted = {"alertname": alert, **{name: value for name, value in given.items() if value}}
    return "{{{0}}}".format(", ".join(f'{name}="{_escaped(value)}"' for name, value in wanted.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def first_queries(alert: str, given: Mapping[str, str]) -> list[str]:
    """What tells whether an alert fires, since when, when it last did, and what is known of its instance."""
    asked = [
        "ALERTS" + selector(alert, given),
        "ALERTS_FOR_STATE" + selector(alert, given),
        "max(max_over_time(timestamp(ALERTS{0})[24h:1m]))".format(selector(alert, {**given, "alertstate": "firing"})),
    ]
    if given.get("instance"):
        asked.append('up{{instance="{0}"}}'.format(_escaped(given["instance"])))
    return asked


class Subject(t.NamedTuple):
    """What the diagnosis is about.

    Attributes:
        labels: of the alert, and what was given.
        state: ``firing``, ``pending`` or ``inactive``.
        since: seconds of the epoch, when it became active; 0 when it is not.
        last: when it last fired within a day; 0 for never.
        others: how many more alerts of that name are active.
    """

    labels: dict[str, str]
    state: str
    since: float
    last: float
    others: int


def subject(
    alert: str, given: Mapping[str, str], answers: Sequence[Sequence[Mapping[str, t.Any]]], site: str = ""
) -> Subject:
    """The alert that is meant.

    Args:
        alert: its name.
        given: labels that were asked for.
        answers: of everyone asked, to :func:`first_queries`.
        site: taken where nobody says one.
    """
    active: dict[tuple[tuple[str, str], ...], tuple[str, float]] = {}
    last, known = 0.0, {}
    for results in answers:
        found = [one.get("result") or [] for one in results]
        begun = {_key(series["metric"]): float(series["value"][1]) for series in found[1]}
        for series in found[0]:
            key = _key(series["metric"])
            state = str(series["metric"].get("alertstate") or "firing")
            active[key] = (state, begun.get(key, 0.0))
        last = max([last, *(float(series["value"][1]) for series in found[2])])
        for series in found[3] if len(found) > 3 else []:
            known = {name: str(value) for name, value in series["metric"].items() if name != "__name__"}
    base = {"site": site} if site else {}
    wanted = {name: value for name, value in given.items() if value}
    if not active:
        return Subject({**base, **known, "alertname": alert, **wanted}, "inactive", 0.0, last, 0)
    # What fires comes before what waits, and what has for longest before the others.
    first = min(active, key=lambda key: (active[key][0] != "firing", active[key][1] or float("inf"), key))
    state, since = active[first]
    return Subject({**base, **dict(first), **wanted}, state, since, last, len(active) - 1)


# What differs between the members of a pair, and what is no label of the alert.
_NOT_ITS_OWN = ("__name__", "alertstate", "replica", "prometheus_replica")


def _key(metric: Mapping[str, t.Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in metric.items() if name not in _NOT_ITS_OWN))
