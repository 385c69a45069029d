# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A silence that is told apart by a name, which Alertmanager does not have: it stands in its comment. Pure.

Alertmanager gives each silence an id of its own and refuses one of ours. Told the id of a silence with the same
matchers and start it changes that one in place; otherwise it expires that one and makes another.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import UPDATE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds, seconds_at, stamp
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import seconds_of

Silence = t.Mapping[str, t.Any]

KIND = "silence"
DOC = "silence"
MATCHER = ("name", "value", "isEqual", "isRegex")
EXPIRED, ACTIVE, PENDING = "expired", "active", "pending"
STATES = (ACTIVE, PENDING, EXPIRED)
# A silence that ends this much later than it should is left: the clocks of two hosts that make it may differ.
SLACK = 60.0
# A new one starts when Alertmanager has it, also where its clock is behind ours: it does not start one in the past.
HEAD_START = 3600.0
# What is in the comment of a silence with a name, and the name alone.
_MARK = re.compile(r"\[obs:([^\[\]\r\n]+)\]")
_NAME = re.compile(r"[^\[\]\r\n]+")


class Wish(t.NamedTuple):
    """What is wanted of a silence; times are seconds of the epoch.

    Attributes:
        present: whether it is to be there.
        name: what it is told apart by.
        matchers: which alerts, each as Alertmanager has it.
        comment: the whole comment, with the name.
        created_by: who.
        duration, renew_before: seconds; how long from now, and how much of it may be left. 0 without.
        starts_at, ends_at: of a window instead; no start is now.
    """

    present: bool
    name: str
    matchers: tuple[dict[str, t.Any], ...] = ()
    comment: str = ""
    created_by: str = ""
    duration: int = 0
    renew_before: int = 0
    starts_at: float | None = None
    ends_at: float | None = None


def _wrong(what: str, why: str, hint: str) -> StackError:
    return StackError(what, why=why, hint=hint, step="input", doc=DOC)


def _seconds(params: t.Mapping[str, t.Any], option: str) -> int:
    """A duration among a module's options, 0 without."""
    if not params.get(option):
        return 0
    try:
        return seconds_of(params[option])
    except ValueError as error:
        raise _wrong(
            "Could not use '{0}' as {1}".format(params[option], option),
            "it is no duration",
            "Write it as in 30m, 1h30m or 2d.",
        ) from error


def _moment(params: t.Mapping[str, t.Any], option: str) -> float | None:
    found = milliseconds(params.get(option), option)
    return None if found is None else found / 1000


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of a module's options.

    Raises:
        StackError: a name or a time that cannot be used.
    """
    name = params["name"].strip()
    if not _NAME.fullmatch(name):
        why = "it is empty, or holds a bracket or a line break"
        raise _wrong("Could not use '{0}' as the name of a silence".format(name), why, "It stands in the comment.")
    present = params["state"] == "present"
    if present and not params.get("matchers"):
        why = "it has no matchers, so it would hold nothing back"
        raise _wrong("Could not make silence '{0}'".format(name), why, "Give the labels of the alerts.")
    if present and not (params.get("duration") or params.get("ends_at")):
        hint = "Give duration or ends_at."
        raise _wrong("Could not make silence '{0}'".format(name), "it has no end", hint)
    duration, renew = _seconds(params, "duration"), _seconds(params, "renew_before")
    starts, ends = _moment(params, "starts_at"), _moment(params, "ends_at")
    if duration and renew >= duration:
        raise _wrong(
            "Could not use renew_before of silence '{0}'".format(name),
            "it is not shorter than duration, so every run would renew it",
            "Without it, half the duration is taken.",
        )
    if starts is not None and ends is not None and starts >= ends:
        raise _wrong("Could not use the window of silence '{0}'".format(name), "it ends before it starts", "")
    mark = "[obs:{0}]".format(name)
    return Wish(
        present=present,
        name=name,
        matchers=tuple({key: one[key] for key in MATCHER} for one in params.get("matchers") or ()),
        comment=" ".join(part for part in (_MARK.sub("", params.get("comment") or "").strip(), mark) if part),
        created_by=params.get("created_by") or "",
        duration=duration,
        renew_before=renew or duration // 2,
        starts_at=starts,
        ends_at=ends,
    )


def name_in(comment: str) -> str:
    """The name that a comment holds, "" for none."""
    found = _MARK.findall(comment)
    return str(found[-1]) if found else ""


def _ordered(matchers: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Matchers in one order, with what Alertmanager takes for granted; their order means nothing."""
    whole = [
        {
            "name": str(one["name"]),
            "value": str(one["value"]),
            "isEqual": bool(one.get("isEqual", True)),
            "isRegex": bool(one.get("isRegex", False)),
        }
        for one in matchers
    ]
    return sorted(whole, key=lambda one: tuple(str(one[key]) for key in MATCHER))


def form_of(silence: Silence) -> dict[str, t.Any]:
    """A silence of Alertmanager in normal form."""
    return {
        "matchers": _ordered(silence["matchers"]),
        "starts_at": stamp(seconds_at(silence["startsAt"])),
        "ends_at": stamp(seconds_at(silence["endsAt"])),
        "comment": str(silence.get("comment") or ""),
        "created_by": str(silence.get("createdBy") or ""),
    }


def told(silence: Silence) -> dict[str, t.Any]:
    """A silence of Alertmanager, as modules return it."""
    form = form_of(silence)
    return {"id": silence["id"], "name": name_in(form["comment"]), "state": silence["status"]["state"], **form}


def living(silences: t.Iterable[Silence], wish: Wish) -> list[Silence]:
    """Those of that name that are not expired. The one to keep comes first: that which can be changed in place."""
    found = [
        one
        for one in silences
        if one["status"]["state"] != EXPIRED and name_in(str(one.get("comment") or "")) == wish.name
    ]
    wanted = _ordered(wish.matchers)
    found.sort(key=lambda one: str(one["id"]))
    found.sort(key=lambda one: seconds_at(one["endsAt"]), reverse=True)
    found.sort(key=lambda one: (_ordered(one["matchers"]) != wanted, one["status"]["state"] != ACTIVE))
    return found


def over(wish: Wish, now: float) -> bool:
    """Whether the window has passed: Alertmanager takes no silence of the past."""
    return wish.present and wish.ends_at is not None and wish.ends_at <= now


def desired(current: Silence | None, wish: Wish, now: float) -> dict[str, t.Any] | None:
    """The silence as it is wanted, in normal form; None for none."""
    if not wish.present or over(wish, now):
        return None
    start = now if wish.starts_at is None else wish.starts_at
    end = now + wish.duration if wish.ends_at is None else wish.ends_at
    if current is not None and start <= now and seconds_at(current["startsAt"]) <= now:
        # It holds already. When it began is history.
        start = seconds_at(current["startsAt"])
        left = seconds_at(current["endsAt"]) - now
        if wish.ends_at is None and wish.renew_before <= left <= wish.duration + SLACK:
            end = seconds_at(current["endsAt"])
    return {
        "matchers": _ordered(wish.matchers),
        "starts_at": stamp(start),
        "ends_at": stamp(end),
        "comment": wish.comment,
        "created_by": wish.created_by,
    }


def planned(found: t.Sequence[Silence], wish: Wish, now: float) -> Plan:
    """What leads from the silences of :func:`living` to the wish."""
    before = form_of(found[0]) if found else None
    after = desired(found[0] if found else None, wish, now)
    result = plan(before, after)
    if len(found) > 1 and before is not None:
        copies = {**before, "copies": len(found) - 1}
        return Plan(UPDATE, copies, {**after, "copies": 0}) if after is not None else Plan(result.action, copies, None)
    return result


def posted(after: t.Mapping[str, t.Any], current: Silence | None, now: float) -> dict[str, t.Any]:
    """What Alertmanager is told, so that it comes to be as ``after``."""
    matchers, start = after["matchers"], after["starts_at"]
    if current is not None and _ordered(current["matchers"]) == matchers:
        # In another order they would be others to it, and it would not change that silence in place.
        matchers = [dict(one) for one in current["matchers"]]
    if seconds_at(start) <= now and (current is None or form_of(current)["starts_at"] != start):
        start = stamp(now - HEAD_START)
    body = {
        "matchers": matchers,
        "startsAt": start,
        "endsAt": after["ends_at"],
        "comment": after["comment"],
        "createdBy": after["created_by"],
    }
    return body if current is None else {**body, "id": current["id"]}
