# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silences with a name: _silence, _alertmanager (its module's tests ask real ones), and times of _moments."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _silence
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds, seconds_at, stamp

NOW = 1790000000.0
JOB = {"name": "job", "value": "shop", "isEqual": True, "isRegex": False}
SITE = {"name": "site", "value": "a|b", "isEqual": True, "isRegex": True}


def wish(**options: t.Any) -> _silence.Wish:
    """The wish of a task."""
    given = {"name": "x", "state": "present", "matchers": [SITE, JOB], "created_by": "ci", "comment": "why"}
    if "ends_at" not in options:
        given["duration"] = "1h"
    return _silence.wish_of({**given, **options})


def found(start: float, end: float, **more: t.Any) -> dict[str, t.Any]:
    """A silence as Alertmanager tells it."""
    state = "pending" if start > NOW else "active" if end > NOW else "expired"
    return {
        "id": "s1",
        "matchers": [SITE, JOB],
        "startsAt": stamp(start),
        "endsAt": stamp(end),
        "comment": "why [obs:x]",
        "createdBy": "ci",
        "status": {"state": state},
        **more,
    }


@pytest.mark.parametrize(
    ("left", "options", "action"),
    [
        (None, {}, "create"),
        (3600, {}, "none"),
        (1801, {}, "none"),
        (1799, {}, "update"),
        (3660, {}, "none"),
        (3661, {}, "update"),
        (600, {"renew_before": "10m"}, "none"),
        (599, {"renew_before": "10m"}, "update"),
        (3600, {"comment": "because"}, "update"),
        (3600, {"created_by": "me"}, "update"),
        (3600, {"matchers": [JOB]}, "update"),
        (3600, {"matchers": [JOB, SITE]}, "none"),
        (3600, {"state": "absent"}, "delete"),
        (None, {"state": "absent"}, "none"),
        (3600, {"ends_at": str(NOW + 3600)}, "none"),
        (3600, {"ends_at": str(NOW + 3601)}, "update"),
        (3600, {"starts_at": str(NOW - 5), "ends_at": str(NOW + 3600)}, "none"),
        (3600, {"starts_at": str(NOW + 5), "ends_at": str(NOW + 3600)}, "update"),
        (3600, {"starts_at": str(NOW - 9), "ends_at": str(NOW)}, "delete"),
        (None, {"starts_at": str(NOW - 9), "ends_at": str(NOW)}, "none"),
    ],
)
def test_plan(left: float | None, options: dict[str, t.Any], action: str) -> None:
    have = [] if left is None else [found(NOW - 60, NOW + left)]
    assert _silence.planned(have, wish(**options), NOW).action == action


def test_one_that_holds_keeps_its_start_and_one_to_come_its_own() -> None:
    running, ahead = found(NOW - 60, NOW + 60), found(NOW + 60, NOW + 120)
    assert (_silence.desired(running, wish(), NOW) or {})["starts_at"] == stamp(NOW - 60)
    window = wish(starts_at=str(NOW + 60), ends_at=str(NOW + 120))
    assert _silence.planned([ahead], window, NOW).action == "none"
    assert (_silence.desired(ahead, wish(), NOW) or {})["starts_at"] == stamp(NOW)


def test_only_living_ones_of_the_name_count_and_the_best_comes_first() -> None:
    silences = [
        found(NOW - 9, NOW - 1, id="expired"),
        found(NOW - 9, NOW + 99, id="other", comment="[obs:xx]"),
        found(NOW - 9, NOW + 99, id="nobody's", comment="x obs:x"),
        found(NOW + 9, NOW + 99, id="pending"),
        found(NOW - 9, NOW + 99, id="unlike", matchers=[JOB]),
        found(NOW - 9, NOW + 50, id="short", matchers=[JOB, SITE]),
        found(NOW - 9, NOW + 99, id="long"),
    ]
    assert [one["id"] for one in _silence.living(silences, wish())] == ["long", "short", "pending", "unlike"]


def test_alertmanager_is_told_what_it_changes_in_place() -> None:
    have = found(NOW - 60, NOW + 60)
    plan = _silence.planned([have], wish(), NOW)
    assert plan.after is not None
    body = _silence.posted(plan.after, have, NOW)
    assert body["matchers"] == [SITE, JOB] and (body["id"], body["startsAt"]) == ("s1", stamp(NOW - 60))
    assert body["endsAt"] == stamp(NOW + 3600)


def test_a_new_one_starts_at_once_whatever_the_clock_of_alertmanager() -> None:
    plan = _silence.planned([], wish(), NOW)
    assert plan.after is not None and plan.after["starts_at"] == stamp(NOW)
    body = _silence.posted(plan.after, None, NOW)
    assert seconds_at(body["startsAt"]) < NOW - 600 and "id" not in body
    window = _silence.planned([], wish(starts_at=str(NOW + 60), ends_at=str(NOW + 90)), NOW)
    assert window.after is not None
    assert _silence.posted(window.after, None, NOW)["startsAt"] == stamp(NOW + 60)


def test_comment_holds_the_name_once() -> None:
    assert wish().comment == "why [obs:x]" and wish(comment="").comment == "[obs:x]"
    assert wish(comment="copied [obs:other]").comment == "copied [obs:x]"
    assert _silence.name_in("a [obs:b c] d") == "b c" and _silence.name_in("[obs:]") == ""


def test_matchers_of_an_old_alertmanager_are_whole() -> None:
    old = found(NOW - 60, NOW + 3600, matchers=[{"name": "job", "value": "shop", "isRegex": False}, SITE])
    assert _silence.planned([old], wish(), NOW).action == "none"


def test_times() -> None:
    assert stamp(NOW + 0.25) == "2026-09-21T14:13:20.250Z"
    assert seconds_at("2026-09-21T14:13:20Z") == NOW
    assert seconds_at("2026-09-21T16:13:20.5+02:00") == NOW + 0.5
    assert seconds_at("2026-09-21T14:13:20.123456789Z") == NOW + 0.123
    with pytest.raises(ValueError, match="no time of RFC 3339"):
        seconds_at("noon")
    assert milliseconds("1790000000", "time") == milliseconds("1790000000000", "time") == NOW * 1000
    assert milliseconds("2026-09-21T14:13:20", "time") == NOW * 1000
    with pytest.raises(StackError, match="Could not use 'noon' as time"):
        milliseconds("noon", "time")
