# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

RECEIVERS = ("none", "oncall", "lead", "shop")
INTERVALS = ("office", "sunday", "night")


def routes(*items, maintenance=()):
    return _routing.routes(list(items), receivers=RECEIVERS, intervals=INTERVALS, maintenance=maintenance)


REST = {"receiver": "shop"}


def test_no_items_are_no_routes():
    assert routes() == []


def test_order_is_kept_and_a_label_may_have_several_values():
    found = routes({"match": {"severity": "page", "team": ["shop", "pay.eu"]}, "receiver": "oncall"}, REST)
    assert found == [
        {"receiver": "oncall", "matchers": ['severity="page"', 'team=~"shop|pay\\\\.eu"']},
        {"receiver": "shop"},
    ]


@pytest.mark.parametrize(
    ("match", "matchers"),
    [
        (None, []),
        ({"canary": True}, ['canary="true"']),
        ({"code": 5}, ['code="5"']),
        ({"text": 'say "x"\\'}, ['text="say \\"x\\"\\\\"']),
        ({"team": ["shop"]}, ['team="shop"']),
        (['team=~"a|b"', "x!=y"], ['team=~"a|b"', "x!=y"]),
    ],
)
def test_matchers(match, matchers):
    assert _routing.matchers(match, "here") == matchers


def test_escalation_comes_first_and_lets_alerts_go_on():
    item = {"match": {"severity": "page"}, "receiver": "oncall", "escalate_to": "lead", "group_by": ["site"]}
    first, second, _rest = routes(item, REST)
    page = ['severity="page"']
    assert first == {
        "receiver": "lead",
        "matchers": page,
        "group_by": ["..."],
        "group_wait": "15m",
        "continue": True,
    }
    assert second == {"receiver": "oncall", "matchers": page, "group_by": ["site"]}


@pytest.mark.parametrize(
    "match", [{"severity": "page"}, {"severity": ["page"]}, ["severity=page"], ['severity = "page"']]
)
def test_pages_escalate_after_a_quarter_of_an_hour(match):
    assert routes({"match": match, "receiver": "oncall", "escalate_to": "lead"}, REST)[0]["group_wait"] == "15m"


def test_escalation_of_others_says_when():
    item = {"match": {"severity": "ticket"}, "receiver": "shop", "escalate_to": "lead"}
    with pytest.raises(StackError, match="no escalate_after"):
        routes(item, REST)
    assert routes({**item, "escalate_after": "1d"}, REST)[0]["group_wait"] == "1d"


def test_hours_and_who_is_told_outside_of_them():
    item = {"match": {"severity": "page"}, "receiver": "shop", "active": "office", "otherwise": "oncall"}
    inside, outside, _rest = routes(item, REST)
    assert inside["active_time_intervals"] == ["office"] and inside["continue"] is True
    assert outside["mute_time_intervals"] == ["office"] and outside["receiver"] == "oncall"
    assert "continue" not in outside


def test_without_otherwise_alerts_wait():
    found = routes({"match": {"severity": "ticket"}, "receiver": "shop", "active": ["office", "night"]}, REST)
    assert found[0]["active_time_intervals"] == ["office", "night"] and "continue" not in found[0]


def test_continue_is_of_the_last_route_of_an_item():
    item = {"receiver": "oncall", "match": {"a": "b"}, "escalate_to": "lead", "escalate_after": "5m", "continue": True}
    assert [route.get("continue") for route in routes(item, REST)] == [True, True, None]


def test_timing_is_upstreams_and_not_that_of_the_escalation():
    item = {"match": {"severity": "page"}, "receiver": "oncall", "escalate_to": "lead", "group_wait": "1s"}
    first, second, _rest = routes({**item, "repeat_interval": "2h"}, REST)
    assert first["group_wait"] == "15m" and "repeat_interval" not in first
    assert second["group_wait"] == "1s" and second["repeat_interval"] == "2h"


def test_maintenance_is_silent_in_every_route_also_of_who_is_told_later():
    windows = [{"match": {"site": "a"}, "during": "sunday"}, {"during": ["night"]}]
    item = {"match": {"severity": "page"}, "receiver": "shop", "escalate_to": "lead"}
    found = routes({**item, "active": "office", "otherwise": "oncall"}, REST, maintenance=windows)
    assert [route["receiver"] for route in found] == ["lead", "shop", "oncall", "shop"]
    for route in found:
        first, second = route["routes"]
        assert first["receiver"] == second["receiver"] == route["receiver"]
        assert first["matchers"] == ['site="a"'] and "matchers" not in second
        assert first["mute_time_intervals"][0] == "sunday" and second["mute_time_intervals"][0] == "night"
    # What a route has of its own hours does not come down to those inside of it by itself.
    assert found[1]["routes"][0]["active_time_intervals"] == ["office"]
    assert found[2]["routes"][0]["mute_time_intervals"] == ["sunday", "office"]


def test_nobody_needs_no_maintenance():
    assert routes({"receiver": "none"}, maintenance=[{"during": "sunday"}]) == [{"receiver": "none"}]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"match": {"a": "b"}, "receiver": "shop"}], "told to nobody"),
        ([{"receiver": "shop", "continue": True}], "told to nobody"),
        ([REST, {"match": {"a": "b"}, "receiver": "lead"}], r"obs_routes\[2\]: no alert gets here, obs_routes\[1\]"),
        ([{"receiver": "shpo"}], "receiver 'shpo' of .*no receiver of that name"),
        ([{"receiver": "shop", "escalate_to": "boss", "escalate_after": "1h"}], "escalate_to 'boss'"),
        ([{"receiver": "shop", "otherwise": "boss", "active": "office"}], "otherwise 'boss'"),
        ([{"receiver": "shop", "otherwise": "lead"}], "no active"),
        ([{"receiver": "shop", "active": "offcie"}], "active 'offcie'"),
        ([{"receiver": "shop", "escalate_after": "1h"}], "no escalate_to"),
        ([{"match": ["severity=page"], "receiver": "shop", "escalate_to": "lead", "active": "office"}], "otherwise"),
        ([{"receiver": "shop", "escalate_to": "lead", "escalate_after": "soon"}], "'soon'.*not a duration"),
        ([{"receiver": "shop", "group_wait": 30}], "not a duration"),
        ([{"receiver": "shop", "group_by": "site"}], "group_by is not a list"),
        ([{"receiver": "shop", "reciever": "x"}], "no key 'reciever'"),
        ([{"match": {"severity": "page"}}], "has no receiver"),
        ([{"match": {"a-b": "c"}, "receiver": "shop"}], "not a label"),
        ([{"match": {"a": None}, "receiver": "shop"}], "no value"),
        ([{"match": {"a": []}, "receiver": "shop"}], "no value"),
        ([{"match": "severity=page", "receiver": "shop"}], "neither a dictionary nor a list"),
        ([{"match": [{"a": "b"}], "receiver": "shop"}], "not one of matchers"),
        (["shop"], "not a dictionary"),
    ],
)
def test_what_cannot_be_is_refused(items, words):
    with pytest.raises(StackError, match=words):
        routes(*items)


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([{"match": {"a": "b"}}], "no during"),
        ([{"during": "monday"}], "during 'monday'"),
        ([{"during": "sunday"}, {"match": {"a": "b"}, "during": "night"}], "the one before takes all"),
        ([{"during": "sunday", "until": "x"}], "no key 'until'"),
        ("sunday", "not a list"),
    ],
)
def test_windows_that_cannot_be_are_refused(windows, words):
    with pytest.raises(StackError, match=words):
        routes(REST, maintenance=windows)


def test_a_variable_that_is_no_list_is_named():
    with pytest.raises(StackError, match="obs_routes: it is not a list"):
        _routing.routes({"receiver": "shop"}, receivers=RECEIVERS, intervals=())
