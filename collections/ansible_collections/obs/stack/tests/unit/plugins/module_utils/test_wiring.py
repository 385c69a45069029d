# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of the roles' wiring."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _web, _wiring
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("address", "host", "port", "local", "loopback"),
    [
        ("0.0.0.0:9090", "0.0.0.0", 9090, "127.0.0.1", False),
        (":9090", "", 9090, "127.0.0.1", False),
        ("[::]:9090", "::", 9090, "127.0.0.1", False),
        ("10.0.0.1:1", "10.0.0.1", 1, "10.0.0.1", False),
        ("[::1]:9090", "::1", 9090, "::1", True),
        ("127.0.0.1:9090", "127.0.0.1", 9090, "127.0.0.1", True),
        ("localhost:9090", "localhost", 9090, "localhost", True),
    ],
)
def test_listen(address: str, host: str, port: int, local: str, loopback: bool) -> None:
    listen = _wiring.parse_listen(address)
    assert (listen.host, listen.port, listen.local, listen.loopback) == (host, port, local, loopback)


@pytest.mark.parametrize("address", ["", "9090", "host", "host:", "host:0", "host:65536", "host:http"])
def test_listen_without_port_is_refused(address: str) -> None:
    with pytest.raises(StackError, match="prometheus_listen_address"):
        _wiring.parse_listen(address, "prometheus_listen_address")


@pytest.mark.parametrize(
    ("size", "form", "expected"),
    [
        ("80%", "config", {"percentage": 80}),
        ("80%", "flag", {"size": "@data_filesystem_80_percent@"}),
        ("200GB", "config", {"size": "200GB"}),
        ("200GB", "flag", {"size": "200GB"}),
        ("", "config", {}),
    ],
)
def test_retention_size(size: str, form: str, expected: dict[str, t.Any]) -> None:
    assert _wiring.retention_size(size, form) == expected


@pytest.mark.parametrize("size", ["0%", "100%", "1.5%", "%"])
def test_retention_share_beyond_the_disk_is_refused(size: str) -> None:
    with pytest.raises(StackError, match="1% to 99%"):
        _wiring.retention_size(size)


def test_rules_go_where_prometheus_loads_them() -> None:
    placed = _wiring.rule_files(
        [{"src": "a/rules"}, {"src": "b/disk.yml", "kind": "alerts"}, {"src": "c", "kind": "recording"}]
    )
    assert [(item["path"], item["src"]) for item in placed] == [
        ("rules", "a/rules"),
        ("rules/alerts/disk.yml", "b/disk.yml"),
        ("rules/recording", "c"),
    ]


@pytest.mark.parametrize("item", ["a.yml", {"kind": "alerts"}, {"src": "a", "kind": "alert"}])
def test_rules_without_a_place_are_refused(item: t.Any) -> None:
    with pytest.raises(StackError, match="rules"):
        _wiring.rule_files([item])


@pytest.mark.parametrize(
    ("path", "file", "refused"),
    [
        ("rules", "alerts/a.yml", False),
        ("rules", "recording/a.yaml", False),
        ("rules", "README.md", False),
        ("rules", "alerts/.hidden.yml", False),
        ("rules", "a.yml", True),
        ("rules", "alerts/deep/a.yml", True),
        ("rules", "alerts/a.rules", True),
        ("rules/alerts", "a.yml", False),
        ("rules/alerts", "deep/a.yml", True),
    ],
)
def test_rules_that_would_not_be_loaded_are_refused(path: str, file: str, refused: bool) -> None:
    placed = {"path": path, "src": "/src"}
    if not refused:
        _wiring.refuse_unloaded_rules(placed, [file])
        return
    with pytest.raises(StackError, match="would not load"):
        _wiring.refuse_unloaded_rules(placed, [file])


def test_templates() -> None:
    assert [item["path"] for item in _wiring.template_files(["a/mail.tmpl", "folder"])] == [
        "templates/mail.tmpl",
        "templates",
    ]


def test_file_sd() -> None:
    groups = {"shop": [{"targets": ["a:1"]}]}
    assert _wiring.file_sd_jobs(groups) == [
        {"job_name": "shop", "file_sd_configs": [{"files": ["/etc/obs/prometheus/live/file_sd/shop.yml"]}]}
    ]
    file = _wiring.file_sd_files(groups)[0]
    assert (file["path"], file["data"]) == ("file_sd/shop.yml", groups["shop"])
    with pytest.raises(StackError, match="file_sd name"):
        _wiring.file_sd_files({"../x": []})


def test_ec2_sees_running_instances_at_an_exporters_port() -> None:
    job = _wiring.ec2_jobs(
        [{"job_name": "web", "region": "eu-central-1", "role_arn": None, "relabel_configs": [{"x": 1}]}]
    )[0]
    assert job["job_name"] == "web"
    assert job["ec2_sd_configs"] == [
        {
            "region": "eu-central-1",
            "port": 9100,
            "filters": [{"name": "instance-state-name", "values": ["running"]}],
        }
    ]
    assert job["relabel_configs"][-1] == {"x": 1}
    # The port is that of the address, which relabelling may have set.
    assert {
        "source_labels": ["host", "__address__"],
        "regex": r"(.+);.+:(\d+)",
        "target_label": "instance",
        "replacement": "${1}:${2}",
    } in job["relabel_configs"]


def test_ec2_keeps_the_users_filter_on_state() -> None:
    mine = [{"name": "instance-state-name", "values": ["running", "pending"]}]
    job = _wiring.ec2_jobs([{"job_name": "web", "region": "r", "filters": mine}])[0]
    assert job["ec2_sd_configs"][0]["filters"] == mine


@pytest.mark.parametrize("missing", ["job_name", "region"])
def test_ec2_without_region_or_name_is_refused(missing: str) -> None:
    discovery = {"job_name": "web", "region": "r"}
    del discovery[missing]
    with pytest.raises(StackError, match=missing):
        _wiring.ec2_jobs([discovery])


@pytest.mark.parametrize(
    ("flags", "url", "prefix"),
    [
        ({}, "", ""),
        ({}, "http://x:9090/", ""),
        ({}, "https://x/prom/", "/prom"),
        ({"web.route-prefix": "/"}, "https://x/prom/", ""),
        ({"web.route-prefix": "/other"}, "https://x/prom/", "/other"),
    ],
)
def test_prefix(flags: dict[str, t.Any], url: str, prefix: str) -> None:
    assert _wiring.url_prefix(flags, url) == prefix


def web(listen: str = "0.0.0.0:9090", **changes: t.Any) -> dict[str, t.Any]:
    """web_access with nothing set but the changes."""
    options: dict[str, t.Any] = {
        "name": "prometheus",
        "tls": {},
        "web_config": {},
        "username": "",
        "password": "",
        "server_name": "a.example.com",
    }
    return _web.web_access(listen, **{**options, **changes})


USERS = {"basic_auth_users": {"metrics": "$2y$10$hash"}}
PAIR = {"cert_file": "/a.crt", "key_file": "/a.key"}


def test_open_listener_needs_nothing() -> None:
    access = web()
    assert access["config_file"] is None
    assert (access["files"], access["secrets"]) == ([], [])
    assert access["probe"] == {"scheme": "http", "address": "127.0.0.1", "port": 9090}
    assert access["client"] == {"scheme": "http"}


@pytest.mark.parametrize(
    ("listen", "changes"),
    [
        ("127.0.0.1:9091", {}),
        ("0.0.0.0:9091", {"unauthenticated": True}),
        ("0.0.0.0:9091", {"web_config": USERS, "username": "metrics", "password": "secret"}),
        (
            "0.0.0.0:9091",
            {"web_config": {"tls_server_config": {"client_auth_type": "RequireAndVerifyClientCert", **PAIR}}},
        ),
    ],
)
def test_who_writes_must_be_known_beyond_loopback(listen: str, changes: dict[str, t.Any]) -> None:
    assert web(listen, writes=True, **changes)["probe"]["port"] == 9091


@pytest.mark.parametrize("changes", [{}, {"web_config": {"tls_server_config": PAIR}}])
def test_what_takes_writes_from_anyone_is_refused(changes: dict[str, t.Any]) -> None:
    with pytest.raises(StackError, match="anyone who reaches it could write") as caught:
        web("0.0.0.0:9091", writes=True, name="pushgateway", **changes)
    assert "pushgateway_listen_address: 127.0.0.1:9091" in str(caught.value)
    assert web("0.0.0.0:9091", **changes), "who only reads need not be known"


def test_certificate_and_user_reach_probe_client_and_listener() -> None:
    access = web(
        tls={"certificate": PEM, "private_key": "/k.pem", "ca": "/ca.pem"},
        web_config=USERS,
        username="metrics",
        password="secret",
    )
    assert access["web_config"] == {
        **USERS,
        "tls_server_config": {
            "cert_file": "/etc/prometheus/tls/server.crt",
            "key_file": "/etc/prometheus/tls/server.key",
        },
    }
    assert access["probe"] == {
        "scheme": "https",
        "address": "127.0.0.1",
        "port": 9090,
        "server_name": "a.example.com",
        "ca_path": "tls/ca.pem",
        "username": "metrics",
        "password_file": "secrets/web_password",
    }
    assert access["client"] == {
        "scheme": "https",
        "tls_config": {"server_name": "a.example.com", "ca_file": "/etc/prometheus/tls/ca.pem"},
        "basic_auth": {"username": "metrics", "password_file": "/etc/prometheus/secrets/web_password"},
    }
    assert [item["path"] for item in access["files"]] == ["tls/server.crt", "tls/ca.pem"]
    assert {item["path"]: item.get("content", item.get("src")) for item in access["secrets"]} == {
        "tls/server.key": "/k.pem",
        "web.yml": None,
        "secrets/web_password": "secret",
    }
    # Renewed certificates, users and passwords are read at the next request.
    assert {item["on_change"] for item in access["files"] + access["secrets"]} == {"none"}


def test_password_is_in_secrets_only() -> None:
    access = web(web_config=USERS, username="metrics", password="canary")
    secrets = access.pop("secrets")
    assert "canary" in str(secrets)
    assert "canary" not in str(access)


def test_turning_tls_on_asks_for_a_restart() -> None:
    tls = {"certificate": PEM, "private_key": PEM}
    assert (
        web(web_config=USERS, username="metrics", password="x")["environment"]
        != web(web_config=USERS, username="metrics", password="x", tls=tls)["environment"]
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"tls": {"certificate": PEM}}, "only one of certificate and private_key"),
        ({"tls": {"private_key": PEM}}, "only one of certificate and private_key"),
        ({"web_config": {"tls_server_config": {"min_version": "TLS13"}}}, "no certificate"),
        ({"web_config": USERS}, "prometheus_basic_auth_username"),
        ({"web_config": USERS, "username": "other", "password": "x"}, "'other'"),
        ({"username": "metrics", "password": "x"}, "demands no password"),
        ({"web_config": USERS, "username": "metrics"}, "no password"),
    ],
)
def test_protection_that_cannot_work_is_refused(changes: dict[str, t.Any], word: str) -> None:
    with pytest.raises(StackError, match="web listener of prometheus") as caught:
        web(**changes)
    assert word in str(caught.value)
