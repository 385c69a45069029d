# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Who is told of which alert and when, as routes of Alertmanager: order, escalation, hours, maintenance. Pure."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import is_list

NOBODY = "none"
TIMINGS = ("group_wait", "group_interval", "repeat_interval")
KEYS = (
    "match",
    "receiver",
    "active",
    "otherwise",
    "escalate_to",
    "escalate_after",
    "group_by",
    "continue",
    *TIMINGS,
)
MAINTENANCE_KEYS = ("match", "during")
# How long a page may stay without an answer before the next one is told.
PAGE_ESCALATES_AFTER = "15m"

_LABEL = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_PAGE = re.compile(r"^\s*severity\s*=~?\s*\"?page\"?\s*$")
_DURATION = re.compile(r"^([0-9]+(ms|[smhdwy]))+$")
# Upstream groups by the labels named; this is every alert by itself.
EACH_ALERT = ["..."]

Route = t.Dict[str, t.Any]  # noqa: UP006  evaluated: sanity imports this with Python 3.8


def refusal(where: str, why: str, hint: str = "") -> StackError:
    """Why an item cannot be used."""
    return StackError(f"Could not use {where}", why=why, hint=hint, step="validate", doc="alerting")


def routes(
    items: t.Any,
    *,
    receivers: t.Collection[str],
    intervals: t.Collection[str],
    maintenance: t.Any = (),
    variable: str = "obs_routes",
) -> list[Route]:
    """The routes below the root, in the order they stand.

    An item becomes up to three routes: who is told later when it still fires, who is told, and who is told outside of
    the hours. The later one comes first and lets alerts go on to the next.

    Args:
        items: dictionaries with ``receiver`` and any of ``KEYS``.
        receivers: names of those there are.
        intervals: names of the time intervals there are.
        maintenance: dictionaries with ``match`` and ``during``; the first that an alert fits counts.
        variable: where the items came from, for messages.

    Raises:
        StackError: naming the item and what in it cannot be.
    """
    windows = _windows(maintenance, intervals)
    result: list[Route] = []
    rest = ""
    for where, item in _items(items, variable):
        _keys(item, KEYS, where)
        if rest:
            raise refusal(where, f"no alert gets here, {rest} takes all", f"Put it before {rest}.")
        made = _expanded(item, where, receivers, intervals)
        if "matchers" not in made[-1] and not made[-1].get("continue"):
            rest = where
        result += [_with_windows(route, windows) for route in made]
    if result and not rest:
        raise refusal(
            variable,
            "an alert that no item matches would be told to nobody",
            f"End it with {{receiver: …}} without a match; receiver: {NOBODY} where that is meant.",
        )
    return result


def _items(items: t.Any, variable: str) -> list[tuple[str, Mapping[str, t.Any]]]:
    if items and not is_list(items):
        raise refusal(variable, "it is not a list", "Write a list of dictionaries.")
    found = []
    for number, item in enumerate(items or [], 1):
        where = f"{variable}[{number}]"
        if not isinstance(item, Mapping):
            raise refusal(where, "it is not a dictionary", "Write {match: {severity: page}, receiver: …}.")
        found.append((where, item))
    return found


def _keys(item: Mapping[str, t.Any], known: Sequence[str], where: str) -> None:
    for key in item:
        if key not in known:
            raise refusal(where, f"it has no key '{key}'", "It takes {}.".format(", ".join(known)))


def _expanded(
    item: Mapping[str, t.Any], where: str, receivers: t.Collection[str], intervals: t.Collection[str]
) -> list[Route]:
    told = _receiver(item, "receiver", where, receivers)
    otherwise = _receiver(item, "otherwise", where, receivers)
    later = _receiver(item, "escalate_to", where, receivers)
    if not told:
        raise refusal(where, "it has no receiver", "Name one of obs_receivers.")
    matching = matchers(item.get("match"), where)
    base: Route = {"matchers": matching} if matching else {}
    timing = {key: _duration(item[key], key, where) for key in TIMINGS if item.get(key)}
    grouped = _group_by(item, where)
    plain: Route = {**base, **({"group_by": grouped} if grouped else {}), **timing}
    hours = _named(item.get("active"), "active", where, intervals)
    result: list[Route] = []
    if later:
        if hours and not otherwise:
            raise refusal(
                where,
                "it escalates, but outside of its hours nobody was told before",
                "Name in otherwise who is told then, or take escalate_to away.",
            )
        wait = _escalates_after(item, matching, where)
        result.append({"receiver": later, **base, "group_by": EACH_ALERT, "group_wait": wait, "continue": True})
    elif item.get("escalate_after"):
        raise refusal(where, "it has escalate_after and no escalate_to", "Name who is told then.")
    if otherwise and not hours:
        raise refusal(where, "it has otherwise and no active", "Name the hours in active.")
    main: Route = {"receiver": told, **plain}
    if hours:
        main["active_time_intervals"] = hours
    result.append(main)
    if otherwise:
        main["continue"] = True
        result.append({"receiver": otherwise, **plain, "mute_time_intervals": hours})
    if item.get("continue"):
        result[-1]["continue"] = True
    return result


def _receiver(item: Mapping[str, t.Any], key: str, where: str, known: t.Collection[str]) -> str:
    name = str(item.get(key) or "")
    if name and name not in known:
        raise refusal(
            f"{key} '{name}' of {where}",
            "there is no receiver of that name",
            "There are {}.".format(", ".join(sorted(known))) if known else "Add it to obs_receivers.",
        )
    return name


def _escalates_after(item: Mapping[str, t.Any], matching: Sequence[str], where: str) -> str:
    given = str(item.get("escalate_after") or "")
    if given:
        return _duration(given, "escalate_after", where)
    if any(_PAGE.match(matcher) for matcher in matching):
        return PAGE_ESCALATES_AFTER
    raise refusal(
        where,
        "it has escalate_to and no escalate_after",
        f"Only what matches severity: page has a default, {PAGE_ESCALATES_AFTER}.",
    )


def _duration(value: t.Any, key: str, where: str) -> str:
    if not _DURATION.match(str(value)):
        raise refusal(f"{key} '{value}' of {where}", "it is not a duration", "Write 30s, 15m or 1h30m.")
    return str(value)


def _group_by(item: Mapping[str, t.Any], where: str) -> list[str]:
    labels = item.get("group_by") or []
    if not is_list(labels) or not all(isinstance(label, str) for label in labels):
        raise refusal(where, "group_by is not a list of labels", "Write group_by: [alertname, site].")
    return [str(label) for label in labels]


def _named(value: t.Any, key: str, where: str, known: t.Collection[str]) -> list[str]:
    names = [str(name) for name in (value if is_list(value) else [value] if value else [])]
    for name in names:
        if name not in known:
            raise refusal(
                f"{key} '{name}' of {where}",
                "there is no time interval of that name",
                "There are {}.".format(", ".join(sorted(known))) if known else "Add it to obs_time_intervals.",
            )
    return names


def matchers(match: t.Any, where: str) -> list[str]:
    """What an alert must be, in upstream's words.

    Args:
        match: labels to a value, or to a list of which it is one; or upstream's matchers as they are.
        where: what it belongs to, for the error.

    Raises:
        StackError: it is neither, or a label or a value cannot be.
    """
    if is_list(match):
        if not all(isinstance(one, str) and one for one in match):
            raise refusal(where, "match is a list and not one of matchers", "Write match: ['team=~\"shop|pay\"'].")
        return [str(one) for one in match]
    if match and not isinstance(match, Mapping):
        raise refusal(where, "match is neither a dictionary nor a list", "Write match: {severity: page, team: shop}.")
    found = []
    for label, value in (match or {}).items():
        values = list(value) if is_list(value) else [value]
        if not _LABEL.match(str(label)):
            raise refusal(where, f"'{label}' of match is not a label", "Use letters, digits and '_', no digit first.")
        if not values or any(isinstance(one, (Mapping, list, tuple)) or one is None for one in values):
            raise refusal(where, f"'{label}' of match has no value", "Write a text, or a list of texts.")
        texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
        if len(texts) == 1:
            found.append("{}={}".format(label, quoted(texts[0])))
        else:
            found.append("{}=~{}".format(label, quoted("|".join(map(re.escape, texts)))))
    return found


def quoted(text: str) -> str:
    """A text in the quotes of matchers and of Go, which are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _windows(items: t.Any, intervals: t.Collection[str]) -> list[Route]:
    """Routes that keep silent during maintenance, without receivers: those are of where they are put."""
    found: list[Route] = []
    for where, item in _items(items, "obs_maintenance"):
        _keys(item, MAINTENANCE_KEYS, where)
        during = _named(item.get("during"), "during", where, intervals)
        if not during:
            raise refusal(where, "it has no during", "Name one of obs_time_intervals.")
        matching = matchers(item.get("match"), where)
        if found and "matchers" not in found[-1]:
            raise refusal(where, "no alert gets here, the one before takes all", "Put it first.")
        found.append({**({"matchers": matching} if matching else {}), "mute_time_intervals": during})
    return found


def _with_windows(route: Route, windows: Sequence[Route]) -> Route:
    """A route with what keeps silent during maintenance inside of it, its own hours kept there."""
    if not windows or route["receiver"] == NOBODY:
        return route
    hours: Route = {key: route[key] for key in ("active_time_intervals", "mute_time_intervals") if key in route}
    inner = []
    for window in windows:
        child: Route = {"receiver": route["receiver"], **window, **hours}
        child["mute_time_intervals"] = list(
            dict.fromkeys([*window["mute_time_intervals"], *route.get("mute_time_intervals", [])])
        )
        inner.append(child)
    return {**route, "routes": inner}
