# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory becomes targets, peers, labels and credentials; what cannot work is named."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _estate, _estate_endpoints, _estate_problems
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

Vars = dict[str, dict[str, t.Any]]
PEM = "-----BEGIN CERTIFICATE-----"


def pair() -> tuple[dict[str, list[str]], Vars]:
    """Two zones with a Prometheus and an Alertmanager each, and a host that is only watched."""
    groups = {"prometheus": ["a", "b"], "alertmanager": ["a", "b"], "monitored": ["a", "b", "c"]}
    hostvars: Vars = {
        "a": {"obs_site": "main", "obs_zone": "z1", "ansible_host": "10.0.0.1"},
        "b": {"obs_site": "main", "obs_zone": "z2", "ansible_host": "192.0.2.9", "obs_address": "10.0.0.2"},
        "c": {"obs_site": "main", "obs_zone": "z1"},
    }
    return groups, hostvars


def job(derived: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """A derived scrape job."""
    return next(item for item in derived["prometheus"]["scrape_configs"] if item["job_name"] == name)


def test_targets_by_address_with_labels_by_name() -> None:
    config = job(_estate.derive(*pair(), "a"), "node_exporter")
    assert config["static_configs"] == [
        {
            "targets": ["10.0.0.1:9100"],
            "labels": {"instance": "a:9100", "host": "a", "site": "main", "host_zone": "z1"},
        },
        {
            "targets": ["10.0.0.2:9100"],
            "labels": {"instance": "b:9100", "host": "b", "site": "main", "host_zone": "z2"},
        },
        {"targets": ["c:9100"], "labels": {"instance": "c:9100", "host": "c", "site": "main", "host_zone": "z1"}},
    ]


def test_replicas_differ_in_replica_and_zone_only() -> None:
    first, second = (_estate.derive(*pair(), host)["prometheus"] for host in "ab")
    assert first.pop("external_labels") == {"site": "main", "zone": "z1", "replica": "a"}
    assert second.pop("external_labels") == {"site": "main", "zone": "z2", "replica": "b"}
    assert first == second


def test_alertmanagers_of_the_site_are_all_named() -> None:
    derived = _estate.derive(*pair(), "a")
    assert derived["prometheus"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["10.0.0.1:9093", "10.0.0.2:9093"]}]}
    ]


def test_peers_are_the_others_and_an_ip_is_advertised() -> None:
    derived = _estate.derive(*pair(), "a")["alertmanager"]
    assert derived.pop("links") == {}
    assert derived == {"peers": ["10.0.0.2:9094"], "advertise_address": "10.0.0.1:9094", "members": 2}


def test_a_name_is_not_advertised_because_gossip_takes_addresses_only() -> None:
    groups, hostvars = pair()
    hostvars["a"]["ansible_host"] = "a.example.com"
    assert _estate.derive(groups, hostvars, "a")["alertmanager"]["advertise_address"] == ""


def test_one_alertmanager_has_no_peers() -> None:
    groups, hostvars = pair()
    groups["alertmanager"] = ["a"]
    derived = _estate.derive(groups, hostvars, "a")["alertmanager"]
    assert (derived["peers"], derived["advertise_address"], derived["members"]) == ([], "", 1)


def test_sites_see_themselves_only() -> None:
    groups, hostvars = pair()
    hostvars["b"]["obs_site"] = "other"
    derived = _estate.derive(groups, hostvars, "a")
    hosts = {
        entry["labels"]["host"]
        for config in derived["prometheus"]["scrape_configs"]
        for entry in config["static_configs"]
    }
    assert hosts == {"a", "c"}
    assert derived["alertmanager"]["peers"] == []


def test_without_site_and_zone() -> None:
    groups = {"prometheus": ["a"], "monitored": ["a"]}
    derived = _estate.derive(groups, {"a": {}}, "a")
    assert derived["prometheus"]["external_labels"] == {"site": "default", "replica": "a"}
    assert "host_zone" not in job(derived, "node_exporter")["static_configs"][0]["labels"]
    assert derived["prometheus"]["alertmanagers"] == []


def test_port_prefix_and_scheme_follow_the_roles_variables() -> None:
    groups, hostvars = pair()
    for host in "ab":
        hostvars[host].update(
            alertmanager_listen_address="0.0.0.0:19093",
            alertmanager_external_url="https://alerts.example.com/am/",
            alertmanager_tls={"certificate": "/x.crt", "private_key": "/x.key", "ca": PEM},
            alertmanager_basic_auth_username="metrics",
            alertmanager_basic_auth_password="canary",
        )
    derived = _estate.derive(groups, hostvars, "a")["prometheus"]
    client = {
        "scheme": "https",
        "tls_config": {"ca_file": "/etc/prometheus/ca/alertmanager.pem"},
        "basic_auth": {"username": "metrics", "password_file": "/etc/prometheus/secrets/scrape_alertmanager_password"},
    }
    config = next(item for item in derived["scrape_configs"] if item["job_name"] == "alertmanager")
    assert {key: config[key] for key in client} == client
    assert config["metrics_path"] == "/am/metrics"
    assert config["static_configs"][0]["targets"] == ["10.0.0.1:19093"]
    target = derived["alertmanagers"][0]
    assert {key: target[key] for key in client} == client
    assert target["path_prefix"] == "/am"
    assert derived["files"] == [{"path": "ca/alertmanager.pem", "content": PEM}]
    assert derived["secrets"] == [{"path": "secrets/scrape_alertmanager_password", "content": "canary"}]


def test_password_stands_in_the_secrets_only() -> None:
    groups, hostvars = pair()
    for host in "abc":
        hostvars[host].update(node_exporter_basic_auth_username="m", node_exporter_basic_auth_password="canary")
    derived = _estate.derive(groups, hostvars, "a")
    derived["prometheus"].pop("secrets")
    assert "canary" not in json.dumps(derived)


def test_scheme_may_differ_while_hosts_move_to_tls() -> None:
    groups, hostvars = pair()
    hostvars["c"]["node_exporter_web_config"] = {"tls_server_config": {"cert_file": "/c", "key_file": "/k"}}
    config = job(_estate.derive(groups, hostvars, "a"), "node_exporter")
    assert "scheme" not in config
    assert [entry["labels"]["__scheme__"] for entry in config["static_configs"]] == ["http", "http", "https"]


def test_remote_write_is_received_only_where_the_site_has_a_sender() -> None:
    groups, hostvars = pair()
    assert not _estate.derive(groups, hostvars, "a")["prometheus"]["remote_write_receiver"]
    groups["tempo"] = ["c"]
    assert _estate.derive(groups, hostvars, "a")["prometheus"]["remote_write_receiver"]
    hostvars["c"]["obs_site"] = "other"
    assert not _estate.derive(groups, hostvars, "a")["prometheus"]["remote_write_receiver"]


def test_loopback_listener_is_asked_at_loopback() -> None:
    groups = {"prometheus": ["a"], "monitored": ["a"]}
    hostvars: Vars = {"a": {"obs_listen_address": "127.0.0.1", "ansible_host": "10.0.0.1"}}
    derived = _estate.derive(groups, hostvars, "a")
    assert job(derived, "node_exporter")["static_configs"][0]["targets"] == ["127.0.0.1:9100"]
    assert _estate_problems.problems(groups, hostvars) == []


def test_ipv6_addresses_get_brackets() -> None:
    groups, hostvars = pair()
    hostvars["a"]["obs_address"] = "2001:db8::1"
    assert _estate.derive(groups, hostvars, "b")["alertmanager"]["peers"] == ["[2001:db8::1]:9094"]


def test_health_names_what_the_inventory_expects_and_no_password() -> None:
    groups, hostvars = pair()
    hostvars["a"].update(alertmanager_basic_auth_username="m", alertmanager_basic_auth_password="canary")
    asked = {item["component"]: item for item in _estate.derive(groups, hostvars, "a")["health"]}
    assert set(asked) == {"prometheus", "alertmanager", "node_exporter"}
    assert ["node_exporter", "c:9100"] in asked["prometheus"]["expected"]["targets"]
    assert asked["prometheus"]["expected"]["alertmanagers"] == 2
    assert asked["alertmanager"]["expected"] == {"members": 2, "alerts": True}
    assert asked["alertmanager"]["address"] == "127.0.0.1"
    assert "canary" not in json.dumps(list(asked.values()))


def test_order_of_the_inventory_changes_no_byte() -> None:
    groups, hostvars = pair()
    turned = {name: list(reversed(hosts)) for name, hosts in reversed(list(groups.items()))}
    again = dict(reversed(list(hostvars.items())))
    for host in "abc":
        assert json.dumps(_estate.derive(groups, hostvars, host)) == json.dumps(_estate.derive(turned, again, host))


def test_facts_change_no_byte() -> None:
    groups, hostvars = pair()
    before = json.dumps(_estate.derive(groups, hostvars, "a"))
    for host in hostvars.values():
        host.update(
            ansible_facts={"default_ipv4": {"address": "10.9.9.9"}}, ansible_default_ipv4={"address": "10.9.9.9"}
        )
    assert json.dumps(_estate.derive(groups, hostvars, "a")) == before


def test_sound_inventory_has_no_problems() -> None:
    assert _estate_problems.problems(*pair()) == []


def test_empty_inventory_has_no_problems() -> None:
    assert _estate_problems.problems({}, {}) == []


PROBLEMS = [
    pytest.param("a", {"obs_zone": "z2"}, ("prometheus on a and b", "zone z2", "zone z1"), id="one zone"),
    pytest.param("a", {"obs_zone": ""}, ("a has no obs_zone",), id="no zone"),
    pytest.param("c", {"obs_address": "10.0.0.1"}, ("a and c", "10.0.0.1:9100", "obs_address"), id="same address"),
    pytest.param("c", {"obs_listen_address": "127.0.0.1"}, ("node_exporter of c", "loopback"), id="unreachable"),
    pytest.param(
        "c", {"node_exporter_listen_address": "9100"}, ("node_exporter_listen_address", "no port"), id="no port"
    ),
    pytest.param(
        "c", {"node_exporter_basic_auth_username": "x"}, ("a and c", "credentials of node_exporter"), id="access"
    ),
]


@pytest.mark.parametrize(("host", "changes", "words"), PROBLEMS)
def test_problem_is_named(host: str, changes: dict[str, t.Any], words: tuple[str, ...]) -> None:
    groups, hostvars = pair()
    hostvars[host].update(changes)
    found = "\n".join(_estate_problems.problems(groups, hostvars))
    for word in words:
        assert word in found, found


def test_more_replicas_than_zones_may_share_one() -> None:
    groups, hostvars = pair()
    groups["alertmanager"] = ["a", "b", "c"]
    assert _estate_problems.problems(groups, hostvars) == []


def test_replicas_without_any_zone_are_fine() -> None:
    groups, hostvars = pair()
    for host in hostvars.values():
        del host["obs_zone"]
    assert _estate_problems.problems(groups, hostvars) == []


def test_group_of_a_service() -> None:
    assert _estate_endpoints.group_of("node_exporter") == "monitored"
    with pytest.raises(StackError, match="one of prometheus, alertmanager, node_exporter"):
        _estate_endpoints.group_of("promtheus")
