# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing_wiring
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

BASE = {"route": {"receiver": "none", "group_by": ["alertname"]}, "receivers": [{"name": "none"}]}
TEAM = {"name": "team", "webhook_configs": [{"url": "https://hook.example.com"}]}
CANARY = "https://watch.example.com/canary"


def wiring(**given):
    return _routing_wiring.wiring(BASE, **given)


def test_nothing_said_is_the_base():
    found = wiring()
    assert found["config"] == BASE and not found["secrets"] and not found["checks"]
    assert [one["path"] for one in found["files"]] == ["templates/obs_urls.tmpl"]


def test_what_always_fires_is_for_nobody_unless_something_is_called():
    tree = wiring(items=[TEAM], routes=[{"receiver": "team"}])["config"]["route"]["routes"]
    assert [(route["receiver"], route.get("matchers")) for route in tree] == [
        ("none", ['alertname="Watchdog"']),
        ("none", ['alertname="ThanosRuleWatchdog"']),
        ("team", None),
    ]


def test_watchdog_is_called_at_every_look_at_its_group():
    found = wiring(watchdog={"url": CANARY, "interval": "10s"})
    route = found["config"]["route"]["routes"][0]
    assert route["receiver"] == "watchdog" and route["group_wait"] == "0s"
    assert (route["group_interval"], route["repeat_interval"]) == ("10s", "9000ms")
    (receiver,) = [one for one in found["config"]["receivers"] if one["name"] == "watchdog"]
    path = found["secrets"][0]["path"]
    assert receiver["webhook_configs"] == [{"url_file": "/etc/alertmanager/" + path, "send_resolved": False}]
    assert found["secrets"][0]["content"] == CANARY and CANARY not in str(found["config"])
    assert found["config"]["route"]["receiver"] == "none"


def test_the_rulers_watchdog_has_its_own():
    found = wiring(watchdog={"thanos_rule_url": CANARY})
    assert [route["receiver"] for route in found["config"]["route"]["routes"]] == ["none", "watchdog-thanos-rule"]


@pytest.mark.parametrize(
    ("watchdog", "words"),
    [
        ({"urls": "x"}, "no key 'urls'"),
        ({"url": "watch.example.com"}, "it is no URL"),
        ({"url": CANARY, "interval": "1s"}, "5s or more"),
        ({"url": CANARY, "interval": "often"}, "not a duration"),
        (CANARY, "not a dictionary"),
    ],
)
def test_watchdogs_that_cannot_be(watchdog, words):
    with pytest.raises(StackError, match=words) as caught:
        wiring(watchdog=watchdog)
    assert CANARY not in str(caught.value)


def test_the_users_configuration_is_laid_over_all():
    own = {"global": {"resolve_timeout": "1m"}, "receivers": [{"name": "mine"}], "route": {"group_wait": "1s"}}
    found = wiring(config=own, items=[TEAM], routes=[{"receiver": "mine"}])["config"]
    assert found["route"]["group_wait"] == "1s" and found["route"]["routes"][-1] == {"receiver": "mine"}
    assert [one["name"] for one in found["receivers"]] == ["none", "team", "mine"]


def test_hours_of_either_kind_are_known():
    own = {"time_intervals": [{"name": "mine", "time_intervals": [{"months": ["1"]}]}]}
    office = {"weekdays": ["monday"]}
    routes = [{"receiver": "team", "match": {"a": "b"}, "active": ["mine", "office"]}, {"receiver": "none"}]
    found = wiring(config=own, items=[TEAM], routes=routes, intervals={"office": office})["config"]
    assert found["time_intervals"] == [
        {"name": "office", "time_intervals": [office]},
        {"name": "mine", "time_intervals": [{"months": ["1"]}]},
    ]


def test_routes_are_said_in_one_place():
    own = {"route": {"routes": [{"receiver": "none"}]}}
    assert wiring(config=own)["config"]["route"]["routes"] == [{"receiver": "none"}]
    for given in ({"items": [TEAM], "routes": [{"receiver": "team"}]}, {"watchdog": {"url": CANARY}}):
        with pytest.raises(StackError, match="it would replace"):
            wiring(config=own, **given)


def test_receivers_as_they_stand_for_those_who_ask_for_their_servers():
    found = _routing_wiring.whole({"receivers": [{"name": "mine"}]}, [TEAM])
    assert [one["name"] for one in found["receivers"]] == ["team", "mine"]
    assert _routing_wiring.whole(None, None) == {"receivers": []}
