# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What in Loki's configuration follows from what."""

from __future__ import annotations

import base64
import datetime
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._loki import (
    INTERNAL_CLIENTS,
    go_memory_limit,
    loki_internal_tls,
    loki_periods,
    loki_retention,
    loki_ring,
    loki_storage,
    seconds,
)
from ansible_collections.obs.stack.plugins.module_utils._loki_ruler import loki_rule_files, loki_ruler

PERIOD: dict[str, t.Any] = {
    "from": "2024-04-01",
    "store": "tsdb",
    "object_store": "s3",
    "schema": "v13",
    "index": {"prefix": "index_", "period": "24h"},
}
ODD = ":".join(("s3cr", "t=x"))
KEYS = {"access_key_id": "AKIA", "secret_access_key": ODD}


def schema(*periods: t.Any, **limits: t.Any) -> dict[str, t.Any]:
    return {"schema_config": {"configs": list(periods)}, "limits_config": limits}


def test_files_in_the_data_folder() -> None:
    found = loki_storage({}, "/data")
    assert found["object_store"] == "filesystem" and not found["secrets"] and not found["environment"]
    assert found["config"]["common"]["storage"]["filesystem"]["chunks_directory"] == "/data/chunks"


def test_bucket_with_the_role_of_the_instance() -> None:
    found = loki_storage({"bucketnames": "logs", "region": "x"}, "/data")
    assert found["config"] == {"common": {"storage": {"s3": {"bucketnames": "logs", "region": "x"}}}}
    assert found["object_store"] == "s3" and not found["secrets"] and not found["environment"]


def test_keys_of_the_bucket_become_a_file() -> None:
    found = loki_storage(dict(KEYS, bucketnames="logs"), "/data")
    assert found["config"]["common"]["storage"]["s3"] == {"bucketnames": "logs"}
    assert found["environment"] == {"AWS_SHARED_CREDENTIALS_FILE": "/etc/loki/secrets/s3_credentials"}
    assert found["secrets"][0]["content"] == "[default]\naws_access_key_id: AKIA\naws_secret_access_key: " + ODD + "\n"


@pytest.mark.parametrize("s3", [{"region": "x"}, {"bucketnames": "x", "access_key_id": "AKIA"}])
def test_bucket_refused(s3: dict[str, t.Any]) -> None:
    with pytest.raises(StackError, match="Could not use loki_s3"):
        loki_storage(s3, "/data")


def test_periods_are_plain() -> None:
    later = dict(PERIOD, **{"from": datetime.date(2027, 1, 1)})
    assert [one["from"] for one in loki_periods(schema(PERIOD, later))] == ["2024-04-01", "2027-01-01"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "no configs"),
        (schema(), "no configs"),
        (schema(dict(PERIOD, **{"from": "April"})), "no from of the form"),
        (schema(dict(PERIOD, index={"period": "168h"})), "is not 24h"),
        (schema(PERIOD, PERIOD), "in the order of their dates"),
        (schema(dict(PERIOD, **{"from": "2027-01-01"}), PERIOD), "in the order of their dates"),
        (schema(dict(PERIOD, schema="v12")), "holds no structured metadata"),
        (schema(dict(PERIOD, store="boltdb-shipper")), "holds no structured metadata"),
    ],
)
def test_periods_refused(config: dict[str, t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        loki_periods(config)


def test_old_schema_without_structured_metadata() -> None:
    assert loki_periods(schema(dict(PERIOD, schema="v12"), allow_structured_metadata=False))


def ring(members: list[str], **more: t.Any) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {"address": "10.0.0.5", "listen": "0.0.0.0:7946", "factor": 0, "object_store": "s3"}
    return loki_ring(members, member="a", **dict(options, **more))


def test_alone() -> None:
    common = ring([], address="")["common"]
    assert common["replication_factor"] == 1 and common["ring"]["kvstore"] == {"store": "inmemory"}


def test_three_of_a_ring() -> None:
    found = ring(["a:7946", "b:7946", "c:7946"])
    assert found["common"]["replication_factor"] == 3 and found["common"]["instance_addr"] == "10.0.0.5"
    assert found["frontend_worker"] == {"id": "a"}
    assert found["memberlist"] == {
        "node_name": "a",
        "bind_port": 7946,
        "advertise_port": 7946,
        "join_members": ["a:7946", "b:7946", "c:7946"],
    }


def test_member_known_by_a_name() -> None:
    found = ring(["a:7946", "b:7946"], address="log-a.example.com", listen="10.0.0.5:7000")
    assert "instance_addr" not in found["common"], "gossip would take it for an address"
    assert found["common"]["ring"]["instance_addr"] == found["frontend"]["address"] == "log-a.example.com"
    assert found["memberlist"]["bind_addr"] == ["10.0.0.5"] and found["memberlist"]["bind_port"] == 7000


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"object_store": "filesystem"}, "on their own disk"),
        ({"factor": 3}, "need as many members, there are 2"),
        ({"address": ""}, "must know where this one is"),
    ],
)
def test_ring_refused(more: dict[str, t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        ring(["a:7946", "b:7946"], **more)


def test_members_ask_each_other_by_tls() -> None:
    assert loki_internal_tls({}, "x", True) == {}
    found = loki_internal_tls({"tls_enabled": True, "tls_ca_path": "/ca"}, "loki.example.com", True)
    wanted = {"tls_enabled": True, "tls_ca_path": "/ca", "tls_server_name": "loki.example.com"}
    assert found["memberlist"] == wanted
    for path in INTERNAL_CLIENTS:
        block = found
        for part in path:
            block = block[part]
        assert block == wanted
    assert "tls_server_name" not in str(loki_internal_tls({"tls_enabled": True}, "", False))
    assert "memberlist" not in loki_internal_tls({"tls_enabled": True}, "", False)


@pytest.mark.parametrize(("text", "value"), [("24h", 86400), ("1d12h", 129600), ("1w", 604800), ("90m", 5400)])
def test_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "24", "h", "1 d", "24hours"])
def test_no_duration(text: str) -> None:
    with pytest.raises(StackError, match="Could not read the duration"):
        seconds(text)


def test_retention() -> None:
    assert loki_retention("", []) == {}
    assert loki_retention("744h", []) == {"retention_period": "744h"}
    assert loki_retention("744h", [{"selector": '{env="dev"}', "period": "72h"}]) == {
        "retention_period": "744h",
        "retention_stream": [{"selector": '{env="dev"}', "period": "72h", "priority": 1}],
    }


@pytest.mark.parametrize(
    ("period", "streams", "words"),
    [
        ("12h", [], "loki_retention_time: 12h is less than a day"),
        ("744h", [{"selector": '{a="b"}', "period": "1h"}], "loki_retention_streams: 1h is less"),
        ("744h", [{"period": "72h"}], "item 1 has no selector"),
        ("", [{"selector": '{a="b"}', "period": "72h"}], "nothing is deleted"),
    ],
)
def test_retention_refused(period: str, streams: list[t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        loki_retention(period, streams)


def test_ruler_tells_and_writes() -> None:
    found = loki_ruler(
        {"urls": ["https://a:9093", "https://b:9093"], "username": "u", "password": "pw", "ca": "files/ca.pem"},
        [{"name": "prometheus", "url": "http://p/api/v1/write", "write_relabel_configs": [{"action": "drop"}]}],
        {"site": "berlin"},
    )
    config = found["config"]
    assert config["alertmanager_url"] == "https://a:9093,https://b:9093"
    assert config["alertmanager_client"] == {
        "tls_ca_path": "/etc/loki/tls/alertmanager_ca.pem",
        "type": "Basic",
        "credentials_file": "/etc/loki/secrets/alertmanager_basic",
    }
    assert base64.b64decode(found["secrets"][0]["content"]) == b"u:pw" and len(found["secrets"]) == 1
    client = config["remote_write"]["clients"]["prometheus"]
    assert client["write_relabel_configs"] == [{"target_label": "site", "replacement": "berlin"}, {"action": "drop"}]
    assert config["external_labels"] == {"site": "berlin"}


def test_ruler_alone_says_nothing() -> None:
    assert loki_ruler({}, [], {}) == {"config": {}, "files": [], "secrets": []}
    token = loki_ruler({"urls": ["http://a"], "bearer_token": "t"}, [], {})
    assert token["config"]["alertmanager_client"]["credentials_file"] == "/etc/loki/" + token["secrets"][0]["path"]
    with pytest.raises(StackError, match="it has no urls"):
        loki_ruler({"username": "u"}, [], {})


def test_rules_by_tenant() -> None:
    assert [item["path"] for item in loki_rule_files([{"src": "a/x.yml"}, {"src": "a/b", "tenant": "t1"}])] == [
        "rules/fake/x.yml",
        "rules/t1",
    ]
    for bad in ("a", {"tenant": "x"}, {"src": "a", "tenant": "../x"}):
        with pytest.raises(StackError):
            loki_rule_files([bad])


@pytest.mark.parametrize(
    ("limit", "value"), [("2G", str((2 << 30) * 9 // 10)), ("100", "90"), ("512M", str((512 << 20) * 9 // 10))]
)
def test_memory_limit(limit: str, value: str) -> None:
    assert go_memory_limit(limit) == {"GOMEMLIMIT": value}


@pytest.mark.parametrize("limit", ["", "50%", "infinity"])
def test_no_memory_limit(limit: str) -> None:
    assert go_memory_limit(limit) == {}
