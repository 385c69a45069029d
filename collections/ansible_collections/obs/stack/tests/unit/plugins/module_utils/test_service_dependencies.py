# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_service_dependencies, _s3 and _pem: whom services call, what they need outside, and how a bucket is asked for."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.filter import dependencies
from ansible_collections.obs.stack.plugins.module_utils import _s3, _service_dependencies
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import services_of
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.plugin_utils import _pem

GROUPS = {
    "prometheus": ["m"],
    "alertmanager": ["m"],
    "thanos_query": ["q"],
    "thanos_store": ["q"],
    "loki": ["l1", "l2"],
    "tempo": ["t"],
    "otelcol": ["c"],
    "grafana": ["g"],
    "monitored": ["m", "q", "l1", "l2", "t", "c", "g"],
}
HOSTS = GROUPS["monitored"]


def ways(host: str, groups: t.Any = None, **variables: t.Any) -> Ways:
    return Ways(groups or GROUPS, {name: {"obs_address": name + ".example", **variables} for name in HOSTS}, host)


def called(host: str, groups: t.Any = None, **variables: t.Any) -> list[str]:
    """Area, name, address and port of all that a host calls."""
    here = ways(host, groups, **variables)
    found = _service_dependencies.calls(services_of(host, here.groups, here.hostvars), here)
    return ["{0} {1}:{2}".format(call.area, call.address, call.port) for call in found]


def needed(host: str, **variables: t.Any) -> list[dict[str, t.Any]]:
    here = ways(host, **variables)
    mine = services_of(host, here.groups, here.hostvars)
    return _service_dependencies.checks(mine, here, {"warn": 30.0, "fail": 7.0})


def test_each_service_calls_those_it_needs() -> None:
    assert called("c") == ["peer l1.example:3100", "peer m.example:9090", "peer t.example:4328"]
    assert called("q") == ["peer m.example:10901", "peer q.example:10905", "peer l1.example:3100"]
    assert called("g") == [
        "peer l1.example:3100",
        "peer t.example:3200",
        "peer m.example:9093",
        "peer q.example:10904",
    ]
    ring = ["peer l2.example:7946", "peer l2.example:9096"]
    assert called("l1")[:4] == ["peer m.example:9093", "peer m.example:9090", *ring]


def test_through_a_gateway_only_the_gateway_is_called() -> None:
    groups = {**GROUPS, "gateway": ["q"]}
    assert called("g", groups) == ["peer q.example:" + port for port in ("3100", "3200", "9093", "10904")]
    assert "peer l2.example:3100" in called("q", groups), "it calls the members itself"


def test_what_is_the_users_own_is_asked_for_by_those_who_use_it() -> None:
    own = {"obs_external": [{"service": "loki", "url": "https://logs.example.com/x", "ca": "-----BEGIN x"}]}
    assert "external logs.example.com:443" in called("c", **own)
    (check,) = [item for item in needed("c", **own) if item["check"] == "external"]
    assert (check["kind"], check["warn"], check["ca"]) == ("tls", 30.0, "-----BEGIN x")
    balancer = {"obs_endpoints": {"loki": "http://lb.example.com:3100"}}
    (check,) = [item for item in needed("t", **balancer) if item["check"] == "endpoint"]
    assert (check["kind"], check["address"], check["port"]) == ("tcp", "lb.example.com", 3100)
    written = {"obs_external": [{"service": "remote_write", "url": "https://mimir.example.com/push"}]}
    assert "external mimir.example.com:443" in called("m", **written)
    assert not [item for item in needed("q", **written) if item["check"] == "external"]


STORAGE = {
    "endpoint": "s3.example.com:9000",
    "access_key": "key",
    "secret_key": "canary-1",
    "ca_path": "/etc/ca.pem",
    "buckets": {"thanos": "blocks", "loki": "chunks"},
}


def buckets(host: str, **variables: t.Any) -> list[dict[str, t.Any]]:
    return [item for item in needed(host, **variables) if item["check"] == "bucket"]


def test_a_bucket_is_asked_for_by_those_who_keep_things_in_it() -> None:
    (blocks,) = buckets("q", obs_object_storage=STORAGE)
    assert (blocks["kind"], blocks["bucket"], blocks["address"], blocks["port"]) == (
        "s3",
        "blocks",
        "s3.example.com",
        9000,
    )
    assert (blocks["scheme"], blocks["path_style"], blocks["username"]) == ("https", True, "key")
    assert blocks["ca_path"] == "/etc/ca.pem" and blocks["password"] == "canary-1"
    assert [item["target"] for item in buckets("l1", obs_object_storage=STORAGE)] == ["loki chunks"]
    assert [item["target"] for item in buckets("m", obs_object_storage=STORAGE)] == ["thanos blocks"], "the sidecar"
    assert buckets("t", obs_object_storage=STORAGE) == buckets("g", obs_object_storage=STORAGE) == []
    assert buckets("l1", obs_object_storage={**STORAGE, "type": "filesystem"}) == []


def test_settings_of_a_role_win() -> None:
    own = {"bucketnames": "mine", "endpoint": "h:1", "access_key_id": "a", "secret_access_key": "b", "insecure": True}
    (found,) = buckets("l1", obs_object_storage=STORAGE, loki_s3=own)
    assert (found["bucket"], found["scheme"], found["port"], found["username"]) == ("mine", "http", 1, "a")
    (aws,) = buckets("l1", loki_s3={"bucketnames": "mine", "region": "eu-central-1"})
    assert (aws["address"], aws["region"], aws["path_style"]) == (
        "s3.eu-central-1.amazonaws.com",
        "eu-central-1",
        False,
    )
    assert "username" not in aws


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"type": "postgres", "host": "db:6432"}, ("db", 6432)),
        ({"type": "mysql", "host": "db"}, ("db", 3306)),
        ({"url": "postgres://user:canary@db.example.com/grafana"}, ("db.example.com", 5432)),
        ({"type": "postgres", "host": "/var/run/postgresql"}, None),
        ({"type": "sqlite3"}, None),
        ({}, None),
    ],
)
def test_grafanas_database_is_asked_for(database: dict[str, str], expected: t.Any) -> None:
    found = [item for item in needed("g", grafana_config={"database": database}) if item["check"] == "database"]
    assert [(item["address"], item["port"]) for item in found] == ([expected] if expected else [])
    assert "canary" not in str(found)


def test_a_request_is_signed_as_aws_says() -> None:
    # The example of AWS' page on signature version 4; its keys are public and let nobody in.
    asked = _s3.request(
        "s3.amazonaws.com",
        "examplebucket",
        "us-east-1",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
        1369353600.0,
        path_style=False,
        query="max-keys=2&prefix=J",
    )
    assert asked.path == "/?max-keys=2&prefix=J" and asked.headers["Host"] == "examplebucket.s3.amazonaws.com"
    signature = asked.headers["Authorization"].rpartition("Signature=")[2]
    assert signature == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_without_keys_nothing_is_signed() -> None:
    assert _s3.request("h:1", "b", "r", "", "", 0.0) == ("/b?list-type=2&max-keys=1", {"Host": "h:1"})


def error(code: str, message: str = "words") -> str:
    return "<?xml version='1.0'?><Error><Code>{0}</Code><Message>{1}</Message></Error>".format(code, message)


@pytest.mark.parametrize(
    ("status", "body", "signed", "state", "words"),
    [
        (200, "<ListBucketResult/>", True, "ok", "can be listed"),
        (200, "<ListBucketResult/>", False, "warning", "public"),
        (403, error("AccessDenied"), False, "ok", "instance profile"),
        (403, error("AccessDenied"), True, "WRONG", "docs/aws.md"),
        (403, error("SignatureDoesNotMatch"), True, "WRONG", "the keys are refused"),
        (404, error("NoSuchBucket"), True, "WRONG", "there is no bucket b"),
        (403, error("RequestTimeTooSkewed", "the clock"), True, "WRONG", "RequestTimeTooSkewed: the clock"),
        (200, "<html>", True, "WRONG", "no answer of S3"),
        (400, "Client sent an HTTP request to an HTTPS server", True, "WRONG", "is insecure right?"),
    ],
)
def test_what_s3_answers(status: int, body: str, signed: bool, state: str, words: str) -> None:
    found = _s3.judge(status, body, "b", signed=signed)
    assert found[0] == state and words in found[1]


@pytest.mark.parametrize(
    ("endpoint", "region", "expected"),
    [("s3.eu-west-1.amazonaws.com", "", "eu-west-1"), ("h", "", "us-east-1"), ("h", "x", "x")],
)
def test_region(endpoint: str, region: str, expected: str) -> None:
    assert _s3.region_of(endpoint, region) == expected


def test_a_ca_is_read_where_it_is_a_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN of a file")
    hostvars = {
        name: {"obs_external": [{"service": "loki", "url": "https://x", "ca": str(tmp_path / "ca.pem")}]}
        for name in HOSTS
    }
    found = dependencies.estate_dependencies(GROUPS, hostvars, "c", only="external")
    assert [item["ca"] for item in found] == ["-----BEGIN of a file"]
    assert _pem.pem_text("", doc="x") == "" and _pem.pem_text("-----BEGIN y", doc="x") == "-----BEGIN y"
    with pytest.raises(StackError, match="Could not read the CA /nowhere"):
        _pem.pem_text("/nowhere", doc="x")
