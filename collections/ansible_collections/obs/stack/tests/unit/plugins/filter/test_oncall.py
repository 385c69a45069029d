# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for who is on call: what of several hosts counts together."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.oncall import FilterModule

FILTERS = FilterModule().filters()
CONFIG = """
route: {receiver: oncall, group_wait: 30s}
receivers:
  - name: oncall
    slack_configs: [{channel: a, send_resolved: true}]
"""
GROUPS = {"alertmanager": ["a", "b"], "prometheus": ["a"], "monitored": []}


def plan() -> dict[str, t.Any]:
    return FILTERS["alert_test_plan"](CONFIG, "x1", "main")


def host(taken: float, **more: t.Any) -> dict[str, t.Any]:
    counts = {"oncall/slack": [taken, 0.0, 0.1, 0.0]}
    watched = {"counts": counts, "totals": counts, "seconds": {"oncall/slack": 1.0}, "held": {}, "answers": {}}
    return {"obs_site": "main", "alert_test_plan": plan(), "alert_test_watch": watched, **more}


def test_a_receiver_that_is_not_there_is_refused() -> None:
    assert plan()["awaited"] == plan()["awaited_ends"] == {"oncall/slack": 1}
    with pytest.raises(AnsibleFilterError, match=r"receiver 'onkall'(.|\n)*There are oncall"):
        FILTERS["alert_test_plan"](CONFIG, "x1", "main", "onkall")


def test_what_one_member_sent_is_not_awaited_of_the_other() -> None:
    missing = FILTERS["alert_test_missing"]
    assert missing({"a": host(1), "b": host(0)}, ["a", "b"], "b", "alert_test_watch") == []
    assert missing({"a": host(0), "b": host(0)}, ["a", "b"], "b", "alert_test_watch") == ["oncall/slack"]
    elsewhere = {**host(1), "obs_site": "other"}
    assert missing({"a": elsewhere, "b": host(0)}, ["a", "b"], "b", "alert_test_watch") == ["oncall/slack"]
    # Whom nothing began for, no end is told.
    assert missing({"a": host(0)}, ["a"], "a", "alert_test_ends") == []
    ended = {"counts": {"oncall/slack": [0.0, 0.0, 0.0, 0.0]}}
    assert missing({"a": host(1, alert_test_ends=ended)}, ["a"], "a", "alert_test_ends") == ["oncall/slack"]


def test_the_report_is_of_sites_and_of_the_ways_there() -> None:
    way = {"way": {"alertmanagers": 2, "dropped": 0.0, "errors": 0.0}}
    asked = {"config": CONFIG, "watchdog_age": 30.0}
    hostvars = {"a": host(1, obs_alert_way=way, obs_alert_asked=asked), "b": host(0)}
    report = FILTERS["alert_test_report"](GROUPS, hostvars, ["a", "b"])
    assert report["wrong"] == []
    assert [line.split()[:6] for line in report["table"][1:]] == [
        ["main", "(from", "Prometheus)", "a", "ok", "tells"],
        ["main", "(to", "Alertmanager)", "a", "ok", "Watchdog"],
        ["main", "oncall", "slack", "ok", "1.0", "delivered"],
    ]


def test_what_was_not_delivered_or_could_not_be_asked_is_wrong() -> None:
    down = {"obs_site": "main", "obs_alert_asked": {"failed": True, "msg": "Could not GET http://b"}}
    report = FILTERS["alert_test_report"](GROUPS, {"a": host(0), "b": down}, ["a", "b"])
    assert len(report["wrong"]) == 2
    assert report["wrong"][0].startswith("main (b) -: Could not GET") and "not delivered" in report["wrong"][1]
    late = host(1, obs_alert_asked={"config": CONFIG, "watchdog_age": -1.0})
    assert FILTERS["alert_test_report"](GROUPS, {"a": late}, ["a"])["wrong"] == []
    assert "no alert Watchdog came" in FILTERS["alert_test_report"](GROUPS, {"a": late}, ["a"], False, True)["wrong"][0]
    ended = host(1, obs_alert_asked={"config": CONFIG, "watchdog_age": 400.0})
    assert "came 400 s ago and no more" in FILTERS["alert_test_report"](GROUPS, {"a": ended}, ["a"])["wrong"][0]
    assert "Could not test anything" in FILTERS["alert_test_report"](GROUPS, {"a": {}}, ["a"])["wrong"][0]
