# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible import constants as C

from ansible_collections.obs.stack.plugins.filter.deploys import deploys_told
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_notes import note, noted

UPGRADE = {"changed": True, "from": {"version": "1", "generation": 3}, "to": {"version": "2", "generation": 4}}
GROUPS = {"grafana": ["g"], "loki": ["a", "b"]}
HOSTVARS: dict[str, dict[str, t.Any]] = {
    "a": {"obs_site": "main"},
    "b": {"obs_site": "far"},
    "g": {"obs_site": "main", "obs_address": "10.0.0.1", "grafana_admin_user": "root"},
}


@pytest.fixture(autouse=True)
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of its own, with the folder that Ansible makes for it."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_what_was_deployed_is_gathered_over_hosts_and_tasks() -> None:
    assert noted() == []
    note("b", "loki", UPGRADE, "c0ffee")
    note("a", "loki", {**UPGRADE, "from": {}}, "")
    assert [(one["host"], one["was"], one["commit"]) for one in noted()] == [("a", "", ""), ("b", "1", "c0ffee")]
    assert noted()[1].items() >= {"service": "loki", "version": "2", "generation": 4}.items()


def test_only_a_new_generation_is_a_deploy() -> None:
    note("a", "loki", {**UPGRADE, "failed": True}, "")
    note("a", "loki", {**UPGRADE, "changed": False}, "")
    note("a", "loki", {**UPGRADE, "to": UPGRADE["from"]}, "")  # live files alone
    note("a", "loki", {"changed": True, "from": {"version": "1"}, "to": {}}, "")  # removed
    assert noted() == [] and deploys_told(GROUPS, HOSTVARS) == {}


def test_a_site_tells_its_own_grafana_where_the_password_is() -> None:
    note("a", "loki", UPGRADE, "")
    note("b", "loki", UPGRADE, "")
    told = deploys_told(GROUPS, HOSTVARS)
    assert list(told) == ["main"], "the other site has none"
    (deploy,) = told["main"].pop("deploys")
    assert deploy["host"] == "a"
    assert told["main"] == {
        "on": "g",
        "url": "http://10.0.0.1:3000",
        "url_username": "root",
        "url_password_file": "/etc/grafana/secrets/admin_password",
        "ca_path": "",
    }
    own = {
        "grafana_config": {"security": {"admin_password": "$__file{/run/secret}"}},
        "obs_tls": {"certificate": "c", "ca": "x"},
    }
    main = deploys_told(GROUPS, {**HOSTVARS, "g": {**HOSTVARS["g"], **own}})["main"]
    assert main["url_password_file"] == "/run/secret" and main["ca_path"] == "/etc/grafana/tls/ca.pem"
    assert deploys_told(GROUPS, {name: {**of, "obs_annotate_deploys": False} for name, of in HOSTVARS.items()}) == {}


def test_the_users_own_grafana_is_asked_by_the_controller() -> None:
    note("b", "loki", UPGRADE, "")

    def told(**item: str) -> dict[str, t.Any]:
        external = [{"service": "grafana", "url": "https://g.example.com/", **item}]
        return deploys_told(GROUPS, {**HOSTVARS, "b": {"obs_site": "far", "obs_external": external}})

    assert told() == {}, "nobody may write without credentials"
    far = told(bearer_token="canary", ca="/etc/ca.pem")["far"]
    assert (far["on"], far["url"]) == ("localhost", "https://g.example.com")
    assert far["grafana_api_key"] == "canary" and far["ca_path"] == "/etc/ca.pem" and "url_username" not in far
