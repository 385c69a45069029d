# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_dependencies and _own_dependencies: what is asked for, and from where."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.filter import dependencies
from ansible_collections.obs.stack.plugins.module_utils import _dependencies, _own_dependencies
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

GROUPS = {
    "all": ["a", "b", "c", "x"],
    "prometheus": ["a"],
    "alertmanager": ["a", "b"],
    "monitored": ["a", "b", "c"],
    "db": ["c", "x"],
}
DEFAULTS = {
    "prometheus_version": "3.13.5",
    "prometheus_release_checksums_url": "https://github.com/p/{version}/sums",
    "prometheus_data_dir": "/var/lib/prometheus",
    "prometheus_root": "/opt/obs",
    "alertmanager_version": "0.34.2",
    "alertmanager_release_checksums_url": "https://github.com/a/{version}/sums",
    "alertmanager_data_dir": "/var/lib/alertmanager",
    "node_exporter_version": "1.12.1",
    "node_exporter_release_url": "https://github.com/n/{version}-{arch}.tar.gz",
}


def estate(**of_all: t.Any) -> dict[str, dict[str, t.Any]]:
    return {host: {"obs_address": f"{host}.example.com", **of_all} for host in GROUPS["all"]}


def asked(host: str, check: str, hostvars: t.Any = None) -> list[dict[str, t.Any]]:
    found = _dependencies.checks(GROUPS, hostvars or estate(), host, DEFAULTS)
    return [item for item in found if item["check"] == check]


def targets(host: str, check: str, hostvars: t.Any = None) -> list[str]:
    return [item["target"] for item in asked(host, check, hostvars)]


def test_prometheus_calls_everything_and_alertmanager_the_other_members() -> None:
    assert targets("a", "peer") == [
        "prometheus a:9090",
        "alertmanager a:9093",
        "alertmanager b:9093",
        "node_exporter a:9100",
        "node_exporter b:9100",
        "node_exporter c:9100",
        "alertmanager cluster b:9094",
    ]
    assert targets("b", "peer") == ["alertmanager cluster a:9094"]
    assert targets("c", "peer") == []
    member = asked("b", "peer")[0]
    assert (member["kind"], member["address"], member["port"]) == ("tcp", "a.example.com", 9094)


def test_hosts_of_another_site_are_not_called() -> None:
    hostvars = estate()
    hostvars["c"]["obs_site"] = "far"
    assert "node_exporter c:9100" not in targets("a", "peer", hostvars)
    assert targets("c", "dns", hostvars) == []


def test_names_are_resolved_and_addresses_are_not() -> None:
    assert targets("a", "dns") == ["a.example.com", "b.example.com", "c.example.com"]
    assert targets("c", "dns") == ["a.example.com", "b.example.com"]
    hostvars = estate()
    hostvars["b"]["obs_address"] = "10.0.0.2"
    assert targets("c", "dns", hostvars) == ["a.example.com"]


def test_a_host_outside_of_the_stack_is_left_alone() -> None:
    assert _dependencies.checks(GROUPS, estate(), "x", DEFAULTS) == []


def test_releases_are_asked_for_where_they_are_fetched() -> None:
    mirror = "https://user:canary-1@mirror.example.com/obs?token=canary-2"
    hostvars = estate(obs_mirror=mirror)
    hostvars["b"]["obs_fetch"] = "host"
    found = _dependencies.controller_checks(GROUPS, hostvars, DEFAULTS)
    assert [item["target"] for item in found] == ["prometheus 3.13.5", "alertmanager 0.34.2", "node_exporter 1.12.1"]
    assert [item["url"] for item in found] == [
        "https://github.com/p/3.13.5/sums",
        "https://github.com/a/0.34.2/sums",
        "https://github.com/n/1.12.1-amd64.tar.gz",
    ]
    assert targets("a", "mirror", hostvars) == []
    assert targets("b", "mirror", hostvars) == ["alertmanager 0.34.2", "node_exporter 1.12.1"]
    own = asked("b", "mirror", hostvars)[0]
    assert (own["mirror"], own["userinfo"], own["query"]) == (
        "https://mirror.example.com/obs",
        "user:canary-1",
        "token=canary-2",
    )


def test_a_role_may_fetch_otherwise() -> None:
    hostvars = estate(prometheus_fetch={"from": "host", "proxy": "http://p:1"}, prometheus_version="4.0.0")
    (found,) = asked("a", "mirror", hostvars)
    assert (found["target"], found["proxy"]) == ("prometheus 4.0.0", "http://p:1")
    assert len(_dependencies.controller_checks(GROUPS, hostvars, DEFAULTS)) == 2


def test_certificates_of_the_services_a_host_runs() -> None:
    hostvars = estate(
        prometheus_tls={"certificate": "x", "private_key": "y", "ca": "z"},
        node_exporter_web_config={"tls_server_config": {"cert_file": "/etc/pki/n.crt", "key_file": "k"}},
        obs_dependency_limits={"certificate_warn_days": 60},
    )
    assert targets("a", "certificate", hostvars) == [
        "/etc/prometheus/tls/server.crt",
        "/etc/prometheus/tls/ca.pem",
        "/etc/pki/n.crt",
    ]
    (one,) = asked("c", "certificate", hostvars)
    assert (one["file"], one["warn"], one["fail"]) == ("/etc/pki/n.crt", 60.0, 7.0)


def test_limits_are_those_the_inventory_is_told() -> None:
    path = pathlib.Path(dependencies.ROLES).parent / "playbooks" / "vars" / "inventory_spec.yml"
    sections = yaml.safe_load(path.read_text())["inventory_spec"]
    (options,) = [part["options"] for part in sections if "obs_dependency_limits" in part["options"]]
    told = options["obs_dependency_limits"]["options"]
    assert {name: option["default"] for name, option in told.items()} == _dependencies.LIMITS
    assert tuple(options["obs_dependencies"]["options"]) == _own_dependencies.KEYS
    assert tuple(options["obs_dependencies"]["options"]["kind"]["choices"]) == _own_dependencies.KINDS


def test_disks_and_clock() -> None:
    assert targets("a", "disk", estate(obs_root="/srv/obs", prometheus_data_dir="/data")) == [
        "/srv/obs",
        "/data",
        "/var/lib/alertmanager",
    ]
    assert targets("c", "disk") == ["/opt/obs"]
    (clock,) = asked("c", "clock", estate(obs_dependency_limits={"clock_fail_seconds": 2}))
    assert (clock["warn"], clock["fail"]) == (1.0, 2.0)


def test_receivers_are_asked_for_by_alertmanagers_each_server_once() -> None:
    config = {
        "receivers": [
            {"name": "day", "webhook_configs": [{"url": "http://h:9/a"}]},
            {"name": "night", "webhook_configs": [{"url": "http://h:9/b"}, {"url_file": "/etc/x"}]},
            {"name": "odd", "sns_configs": [{}]},
        ]
    }
    found = asked("b", "receiver", estate(alertmanager_config=config))
    assert [(item["target"], item["kind"]) for item in found] == [
        ("day (webhook), night (webhook)", "tcp"),
        ("night (webhook)", "tcp"),
        ("odd (sns)", "none"),
    ]
    assert (found[0]["address"], found[0]["port"], found[1]["url_file"]) == ("h", 9, "/etc/x")
    assert asked("c", "receiver", estate(alertmanager_config=config)) == []


def test_remote_storage_is_asked_for_by_prometheus() -> None:
    config = {"remote_write": [{"name": "archive", "url": "https://m.example.com/w"}]}
    assert targets("a", "remote", estate(prometheus_config=config)) == ["remote_write archive"]
    assert targets("b", "remote", estate(prometheus_config=config)) == []


def own(host: str, *items: t.Any) -> list[dict[str, t.Any]]:
    return asked(host, "dependency", estate(obs_dependencies=list(items)))


def test_own_dependencies_are_asked_for_where_they_say() -> None:
    item = {"name": "db", "kind": "tcp", "address": "db.example.com:5432"}
    assert [host for host in "abcx" if own(host, item)] == ["a", "b", "c", "x"]
    assert [host for host in "abcx" if own(host, {**item, "from": "db"})] == ["c", "x"]
    assert [host for host in "abcx" if own(host, {**item, "from": "b"})] == ["b"]
    assert own("a", item)[0] == {
        "check": "dependency",
        "target": "db",
        "kind": "tcp",
        "address": "db.example.com",
        "port": 5432,
    }


def test_each_group_of_a_host_can_bring_its_own() -> None:
    item = {"name": "db", "kind": "dns", "address": "db.example.com"}
    hostvars = estate(obs_dependencies=[item], obs_dependencies_paging=[{**item, "name": "paging"}])
    assert targets("a", "dependency", hostvars) == ["db", "paging"]


def test_each_kind_becomes_a_check() -> None:
    (url,) = own(
        "a", {"name": "s3", "kind": "http", "url": "https://u:canary-1@s3.example.com/b?k=canary-2", "status": [403]}
    )
    assert (url["scheme"], url["address"], url["port"], url["path"]) == ("https", "s3.example.com", 443, "/b")
    assert (url["username"], url["password"], url["query"], url["status"]) == ("u", "canary-1", "k=canary-2", [403])
    (tls,) = own("a", {"name": "t", "kind": "tls", "address": "t", "port": 8443, "ca_path": "/ca"})
    assert (tls["port"], tls["ca_path"], tls["warn"], tls["fail"]) == (8443, "/ca", 30.0, 7.0)
    (dns,) = own("a", {"name": "n", "kind": "dns", "address": "n.example.com"})
    assert dns["address"] == "n.example.com"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("text", "item 1 is no dictionary"),
        ({"kind": "tcp"}, "item 1 is no dictionary with a name"),
        ({"name": "d", "kind": "ftp"}, "its kind is 'ftp'"),
        ({"name": "d", "kind": "tcp", "adress": "x:1"}, "Did you mean 'address'?"),
        ({"name": "d", "kind": "tcp", "port": 1}, "it has no address"),
        ({"name": "d", "kind": "tcp", "address": "x"}, "it has no port"),
        ({"name": "d", "kind": "tcp", "address": "x", "port": "many"}, "its port is 'many'"),
        ({"name": "d", "kind": "http", "url": "ftp://x"}, "not an http:// or https:// URL"),
        ({"name": "d", "kind": "http", "url": "http://x:y/"}, "not an http:// or https:// URL"),
        ({"name": "d", "kind": "dns", "address": "x", "from": "nobody"}, "no group and no host"),
    ],
)
def test_a_dependency_that_cannot_be_used_is_refused(item: t.Any, words: str) -> None:
    with pytest.raises(StackError, match="Could not use") as caught:
        own("a", item)
    assert words in str(caught.value)
    assert set(_own_dependencies.KINDS) == {"tcp", "tls", "http", "dns"}


def test_filter_reads_the_roles_defaults_and_chooses() -> None:
    found = dependencies.estate_dependencies(GROUPS, estate(), "a", only="dns, disk")
    assert {item["check"] for item in found} == {"dns", "disk"}
    assert "/var/lib/prometheus" in [item["target"] for item in found]
    rest = dependencies.estate_dependencies(GROUPS, estate(), "a", skip=["dns"])
    assert "dns" not in {item["check"] for item in rest} and "peer" in {item["check"] for item in rest}
    assert {item["check"] for item in dependencies.estate_dependencies(GROUPS, estate())} == {"mirror"}
    with pytest.raises(StackError, match="'dsn'"):
        dependencies.estate_dependencies(GROUPS, estate(), "a", only="dsn")


def test_every_check_is_of_a_known_area() -> None:
    everything = estate(
        alertmanager_config={"receivers": [{"name": "x", "webhook_configs": [{"url": "http://h/"}]}]},
        prometheus_config={"remote_write": [{"url": "http://h/"}]},
        prometheus_tls={"ca": "x"},
        obs_fetch="host",
        obs_dependencies=[{"name": "d", "kind": "dns", "address": "x"}],
        obs_object_storage={"endpoint": "s3.example.com", "buckets": {"loki": "logs"}},
        grafana_config={"database": {"type": "postgres", "host": "db.example.com"}},
        obs_external=[{"service": "tempo", "url": "http://traces.example.com"}],
        obs_endpoints={"loki": "https://logs.example.com"},
    )
    groups = {**GROUPS, "loki": ["a"], "grafana": ["a"]}
    found = _dependencies.checks(groups, everything, "a", DEFAULTS)
    assert {item["check"] for item in found} == set(_dependencies.AREAS)


def test_report_names_the_controller_and_who_could_not_be_asked() -> None:
    good = {"check": "mirror", "target": "m", "state": "ok", "detail": "", "seconds": 0.1}
    warned = {**good, "check": "clock", "state": "warning", "detail": "late"}
    hostvars: t.Any = {
        "a": {"dependency_check_results": {"findings": [warned]}, "dependency_check_controller": {"findings": [good]}},
        "b": {"dependency_check_results": {"unreachable": True, "msg": "no route"}},
        "x": {"dependency_check_results": {"skipped": True}},
    }
    report = dependencies.dependency_report(hostvars, ["a", "b", "x"])
    assert report["wrong"] == [] and "could not be reached: no route" in report["table"][2]
    assert [line.split()[:2] for line in report["table"][1:]] == [["a", "clock"], ["b", "-"], ["controller", "mirror"]]
    assert "a clock m: late" in dependencies.dependency_report(hostvars, ["a"], True)["wrong"]
