# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is silenced while a service of a host restarts, and who is told."""

from __future__ import annotations

import re

from ansible_collections.obs.stack.plugins.module_utils._estate_deploys import deploys
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways

GROUPS = {
    "alertmanager": ["a.x", "b"],
    "prometheus": ["a.x", "b"],
    "monitored": ["a.x", "b", "c"],
    "loki": ["c"],
    "gateway": ["b"],
}


def of(host, groups=None, **variables):
    hostvars = {
        name: {"obs_site": "main", "obs_address": name[0] + ".example.com", **variables} for name in ("a.x", "b", "c")
    }
    return deploys(Ways(groups or GROUPS, hostvars, host))


def plain(silence):
    return {one["name"]: ("~" if one["isRegex"] else "=") + one["value"] for one in silence if one["isEqual"]}


def test_a_service_is_silenced_by_its_job_and_host():
    (silence,) = of("a.x")["silences"]["prometheus"]
    # With a second one, an alert without a host says that both are down.
    assert plain(silence) == {"site": "=main", "job": "=prometheus", "host": "=a.x"}


def test_alerts_about_a_job_as_a_whole_are_held_back_where_it_has_one_member():
    alone, gateway = of("c")["silences"]["loki"]
    assert plain(alone) == {"site": "=main", "job": "=loki", "host": "~c|"}
    assert plain(gateway) == {"alertname": "=GatewayServiceDown", "site": "=main", "proxy": "~loki"}
    assert len(of("c", {**GROUPS, "gateway": []})["silences"]["loki"]) == 1
    (whose,) = [one for one in of("a.x", {**GROUPS, "loki": ["a.x"]})["silences"]["loki"][0] if one["name"] == "host"]
    assert re.fullmatch(whose["value"], "a.x") and re.fullmatch(whose["value"], "")
    assert not re.fullmatch(whose["value"], "aox")


def test_the_members_of_the_site_are_asked_others_first():
    first, own = of("a.x")["alertmanagers"]
    assert first == {"url": "http://b.example.com:9093"}
    assert own == {"url": "http://a.example.com:9093", "service": "alertmanager"}
    assert [one["url"] for one in of("c")["alertmanagers"]] == [
        "http://a.example.com:9093",
        "http://b.example.com:9093",
    ]


def test_credentials_go_along_and_the_users_own_alertmanager_is_asked_instead():
    guarded = {
        "alertmanager_basic_auth_username": "u",
        "alertmanager_basic_auth_password": "canary",
        "obs_tls": {"certificate": "c", "ca": "CA"},
    }
    assert of("c", **guarded)["alertmanagers"][0] == {
        "url": "https://a.example.com:9093",
        "ca": "CA",
        "username": "u",
        "password": "canary",
    }
    theirs = {"obs_external": [{"service": "alertmanager", "url": "https://am.example.com/x/", "bearer_token": "t"}]}
    assert of("c", **theirs)["alertmanagers"] == [{"url": "https://am.example.com/x", "bearer_token": "t"}]


def test_nobody_is_asked_without_an_alertmanager_or_where_it_is_turned_off():
    assert of("c", {"loki": ["c"]}) == of("c", obs_silence_deploys=False) == of("c", obs_silence_deploys="no")
    assert of("c", obs_silence_deploys=False) == {"host": "c"}
    assert of("c", obs_silence_deploys=True)["silences"]
