# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils import _estate, _estate_problems, _estate_routing, _receivers
from ansible_collections.obs.stack.plugins.module_utils._dependencies import checks
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways

GROUPS = {"all": ["a", "b"], "alertmanager": ["a", "b"], "grafana": ["a"], "loki": ["a"], "prometheus": ["a"]}
# Others have demands of their own.
ALONE = {"all": ["a", "b"], "alertmanager": ["a", "b"]}
TEAM = {"name": "team", "webhook_configs": [{"url": "https://hook.example.com/canary"}]}
SOUND = {
    "obs_receivers": [TEAM],
    "obs_routes": [{"receiver": "team"}],
    "obs_watchdog": {"url": "https://watch.example.com/c"},
}


def hostvars(a=None, b=None, **both):
    return {
        "a": {"obs_address": "10.0.0.1", **both, **(a or {})},
        "b": {"obs_address": "10.0.0.2", **both, **(b or {})},
    }


def test_what_is_sound_is_not_complained_about():
    assert _estate_routing.problems(GROUPS, hostvars(**SOUND)) == []
    assert _estate_problems.problems(ALONE, hostvars(**SOUND)) == []
    assert _estate_routing.problems(GROUPS, hostvars()) == []


def test_a_route_to_an_unknown_receiver_is_said_once_before_anything_changes():
    wrong = hostvars(**{**SOUND, "obs_routes": [{"receiver": "taem"}]})
    (words,) = _estate_problems.problems(ALONE, wrong)
    assert "receiver 'taem' of obs_routes[1]" in words and "There are none, team." in words


def test_a_missing_secret_is_said():
    wrong = hostvars(obs_receivers=[{"name": "team", "pagerduty_configs": [{}]}])
    (words,) = _estate_problems.problems(ALONE, wrong)
    assert "routing_key" in words


def test_members_of_a_site_say_the_same():
    (words,) = _estate_routing.problems(GROUPS, hostvars(b={"obs_receivers": []}, obs_receivers=[TEAM]))
    assert "a and b differ in obs_receivers" in words
    apart = hostvars(a={"obs_site": "x"}, b={"obs_site": "y", "obs_receivers": []}, obs_receivers=[TEAM])
    assert _estate_routing.problems(GROUPS, apart) == []


def test_each_site_has_a_watchdog_of_its_own():
    wrong = hostvars(a={"obs_site": "x"}, b={"obs_site": "y"}, **SOUND)
    (words,) = _estate_routing.problems(GROUPS, wrong)
    assert "sites x and y" in words and "watch.example.com" not in words
    wrong["b"]["obs_watchdog"] = {"url": "https://watch.example.com/d"}
    assert _estate_routing.problems(GROUPS, wrong) == []


def test_the_roles_own_variable_wins():
    assert _estate_routing.value({"obs_routes": [1], "alertmanager_routes": []}, "obs_routes") == []
    assert _estate_routing.value({"obs_routes": [1]}, "obs_routes") == [1]


def test_links_lead_to_the_grafana_that_people_open():
    variables = hostvars(a={"grafana_external_url": "https://grafana.example.com/"})
    found = _estate_routing.links(Ways(GROUPS, variables, "b"))
    assert found == {
        "grafana_url": "https://grafana.example.com/",
        "logs_datasource": "loki",
        "metrics_datasource": "prometheus",
    }
    assert _estate.derive(GROUPS, variables, "b")["alertmanager"]["links"] == found
    assert _estate_routing.links(Ways(GROUPS, hostvars(), "b"))["grafana_url"] == "http://10.0.0.1:3000"
    assert _estate_routing.links(Ways({"alertmanager": ["a"]}, {"a": {}}, "a")) == {}
    own = hostvars(obs_alert_links={"runbook_url": "https://git.example.com", "logs_datasource": "mine"})
    assert _estate_routing.links(Ways(GROUPS, own, "b"))["logs_datasource"] == "mine"


def test_servers_of_receivers_are_asked_for():
    variables = dict(SOUND, alertmanager_config={"receivers": [{"name": "x", "slack_configs": [{}]}]})
    found = _receivers.servers(_estate_routing.receivers_of(variables))
    assert [one.address for one in found] == ["hook.example.com", "slack.com", "watch.example.com"]
    asked = [one for one in checks(GROUPS, hostvars(**SOUND), "a", {}) if one["check"] == "receiver"]
    assert [(one["address"], one["port"]) for one in asked] == [("hook.example.com", 443), ("watch.example.com", 443)]
    assert "canary" not in str(asked)
