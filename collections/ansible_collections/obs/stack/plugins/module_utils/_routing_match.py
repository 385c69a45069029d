# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Where Alertmanager's routes lead an alert, and which labels lead to a receiver. Pure.

A configuration is read as Alertmanager itself tells it, parsed. What upstream inherits down the tree is filled in.
"""

from __future__ import annotations

import itertools
import json
import re
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Labels = t.Mapping[str, str]

INHERITED = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")
DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
# What stands for any value, and for another than one that is refused.
ANY = "test"
# Combinations of values that are tried for a route.
MOST_TRIED = 10_000
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf'\s*({_QUOTED}|[^\s"=!~,{{}}]+)\s*(=~|!~|!=|=)\s*({_QUOTED}|[^",}}]*)\s*(?:,|$)')


class Matcher(t.NamedTuple):
    """One condition: ``label op value``, op one of ``= != =~ !~``."""

    label: str
    op: str
    value: str

    def fits(self, labels: Labels) -> bool:
        """Whether labels have it; a label that is not there is empty."""
        value = labels.get(self.label, "")
        if self.op in ("=", "!="):
            return (value == self.value) == (self.op == "=")
        try:
            found = re.fullmatch(self.value, value) is not None
        except re.error:  # Go's syntax has what Python's lacks
            return False
        return found == (self.op == "=~")


class Route(t.NamedTuple):
    """A node of the tree, with what it inherits.

    Attributes:
        receiver: who is told.
        matchers: its own.
        goes_on: whether its next sibling is looked at as well.
        hours: names of time intervals that can keep it silent.
        timing: ``group_wait`` and the like.
        children: in order.
    """

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    hours: tuple[str, ...]
    timing: t.Mapping[str, t.Any]
    children: tuple[Route, ...]


def matchers_of(route: Mapping[str, t.Any]) -> tuple[Matcher, ...]:
    """The conditions of a route or, by another prefix, of an inhibition.

    Args:
        route: with ``matchers``, and upstream's older ``match`` and ``match_re``.
    """
    found = [Matcher(str(label), "=", str(value)) for label, value in (route.get("match") or {}).items()]
    found += [Matcher(str(label), "=~", str(value)) for label, value in (route.get("match_re") or {}).items()]
    return (*found, *parsed(route.get("matchers") or []))


def parsed(texts: Iterable[str]) -> list[Matcher]:
    """Matchers out of upstream's words; one text may hold several, with commas between and braces around."""
    found = []
    for text in texts:
        for label, op, value in _MATCHER.findall(str(text).strip().strip("{}")):
            found.append(Matcher(_unquoted(label), op, _unquoted(value.strip())))
    return found


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # an escape that Go has and JSON has not
        return re.sub(r"\\(.)", r"\1", text[1:-1])


def tree(route: Mapping[str, t.Any], above: Mapping[str, t.Any] | None = None) -> Route:
    """The tree below a route of a configuration."""
    own = {**DEFAULTS, **(above or {}), **{key: route[key] for key in INHERITED if route.get(key)}}
    hours = [*(route.get("active_time_intervals") or []), *(route.get("mute_time_intervals") or [])]
    return Route(
        receiver=str(own.get("receiver") or ""),
        matchers=matchers_of(route),
        goes_on=bool(route.get("continue")),
        hours=tuple(str(one) for one in hours),
        timing={key: own[key] for key in INHERITED if key != "receiver" and key in own},
        children=tuple(tree(child, own) for child in route.get("routes") or []),
    )


def reached(route: Route, labels: Labels) -> list[Route]:
    """The routes that an alert with these labels ends in, as upstream finds them."""
    if not all(matcher.fits(labels) for matcher in route.matchers):
        return []
    found: list[Route] = []
    for child in route.children:
        below = reached(child, labels)
        found += below
        if below and not child.goes_on:
            break
    return found or [route]


def paths(route: Route, above: tuple[Route, ...] = ()) -> Iterator[tuple[Route, ...]]:
    """Every route with those above it, from the root, in order."""
    here = (*above, route)
    yield here
    for child in route.children:
        yield from paths(child, here)


def labels_for(
    root: Route, receiver: str, base: Labels, choices: Mapping[str, Sequence[str]], fixed: Collection[str] = ()
) -> tuple[dict[str, str], list[Route]] | None:
    """Labels of an alert that is told to a receiver, and the routes it ends in; None when no route leads there.

    A route that has no hours is taken before one that has.

    Args:
        root: the whole tree.
        receiver: who is to be told.
        base: labels the alert has anyway, unless a route wants another value.
        choices: label to values that are tried in turn where no route says one.
        fixed: labels of base that no route may change.
    """
    ways = [path for path in paths(root) if path[-1].receiver == receiver]
    for path in sorted(ways, key=lambda path: bool(path[-1].hours)):
        found = _labels_on(root, path, base, choices, fixed)
        if found is not None:
            return found
    return None


def _labels_on(
    root: Route, path: Sequence[Route], base: Labels, choices: Mapping[str, Sequence[str]], fixed: Collection[str]
) -> tuple[dict[str, str], list[Route]] | None:
    wanted = [matcher for route in path for matcher in route.matchers]
    asked = {matcher.label for matcher in wanted}
    named: dict[str, list[str]] = {}
    for way in paths(root):
        for matcher in way[-1].matchers:
            named.setdefault(matcher.label, []).extend(samples(matcher))
    domain: dict[str, list[str]] = {}
    for label in [*base, *choices, *sorted(named)]:
        own = [matcher for matcher in wanted if matcher.label == label]
        # What the alert has anyway is best; no label at all is as good where that fits.
        values = [base[label]] if label in base else [*choices.get(label, ()), ""]
        if label not in base and label not in choices:
            values += [value for matcher in own for value in samples(matcher)] + named[label]
        elif label in asked and label not in fixed:
            values += ["", *(value for matcher in own for value in samples(matcher))]
        domain[label] = [value for value in dict.fromkeys(values) if all(one.fits({label: value}) for one in own)]
    for values_of in itertools.islice(_combinations(domain), MOST_TRIED):
        labels = {label: value for label, value in values_of.items() if value}
        ends = reached(root, labels)
        if any(end is path[-1] for end in ends):
            return labels, ends
    return None


def _combinations(domain: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """One value for each label, those first that differ from the first values in the fewest labels."""
    if not all(domain.values()):
        return
    first = {label: values[0] for label, values in domain.items()}
    open_ones = [label for label, values in domain.items() if len(values) > 1]
    for count in range(len(open_ones) + 1):
        for changed in itertools.combinations(open_ones, count):
            for values in itertools.product(*(domain[label][1:] for label in changed)):
                yield {**first, **dict(zip(changed, values))}


def samples(matcher: Matcher) -> list[str]:
    """Values that may fit a matcher, and such that may not; who takes one tries it."""
    fits = [matcher.value] if matcher.op in ("=", "!=") else _of_pattern(matcher.value)
    others = [ANY, "other"]
    return [*fits, *others] if matcher.op in ("=", "=~") else [*others, *fits]


def _of_pattern(pattern: str) -> list[str]:
    """Texts that a plain pattern fits: its alternatives, with one character for each that is left open."""
    found = []
    for part in re.sub(r"\(\?:|[()^$]", "", pattern).split("|"):
        plain = re.sub(r"\[([^\]^])[^\]]*\]", r"\1", part)
        plain = re.sub(r"\\([dw])", "1", plain)
        plain = re.sub(r"(?<!\\)\.[*+?]?", "1", plain)
        found.append(re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*+?]", "", plain)))
    return found
