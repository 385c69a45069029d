# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _otelcol
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

LOCAL = {"otlp_grpc_listen_address": "127.0.0.1:4317", "otlp_http_listen_address": "127.0.0.1:4318"}
WIDE = {"otlp_http_listen_address": "0.0.0.0:4318"}
PAIR = {"certificate": "/c/g.crt", "private_key": "/c/g.key"}
TOKEN = "0123456789abcdef0123"
HASH = "$2y$10$abcdefghijklmnopqrstuv"


def receivers(listeners, **changes):
    return _otelcol.otelcol_receivers(
        listeners, **dict({"name": "gw", "tls": {}, "tokens": [], "users": {}}, **changes)
    )


def test_loopback_needs_no_credentials():
    found = receivers(dict(LOCAL, zipkin_endpoint="", jaeger_grpc_endpoint="127.0.0.1:14250"))
    assert found["receivers"] == {
        "otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:4317"}, "http": {"endpoint": "127.0.0.1:4318"}}},
        "jaeger": {"protocols": {"grpc": {"endpoint": "127.0.0.1:14250"}}},
    }
    assert found["names"] == ["jaeger", "otlp"]
    assert not found["extensions"] and not found["files"] and not found["secrets"]


def test_tokens_become_a_file_every_receiver_asks_for():
    found = receivers(dict(WIDE, zipkin_endpoint=":9411"), tokens=[TOKEN, TOKEN + "2"])
    auth = {"authenticator": "bearertokenauth/senders"}
    assert found["receivers"]["otlp"]["protocols"]["http"]["auth"] == auth
    assert found["receivers"]["zipkin"] == {"auth": auth, "endpoint": "0.0.0.0:9411"}
    assert found["extensions"] == {"bearertokenauth/senders": {"filename": "/etc/gw/secrets/tokens"}}
    assert found["secrets"][0]["content"] == f"{TOKEN}\n{TOKEN}2\n"
    assert TOKEN not in str([found["receivers"], found["extensions"]])


def test_users_become_an_htpasswd_file():
    found = receivers(WIDE, users={"shop": HASH})
    assert found["extensions"] == {"basicauth/senders": {"htpasswd": {"file": "/etc/gw/secrets/htpasswd"}}}
    assert found["secrets"][0]["content"] == f"shop:{HASH}\n"


def test_client_certificates_are_credentials_too():
    found = receivers(WIDE, tls=dict(PAIR, client_ca="/c/ca.pem"))
    assert found["receivers"]["otlp"]["protocols"]["http"]["tls"]["client_ca_file"] == "/etc/gw/tls/client-ca.pem"
    assert [item["path"] for item in found["secrets"]] == ["tls/server.key"]
    assert {item["on_change"] for item in found["files"] + found["secrets"]} == {"none"}


@pytest.mark.parametrize(
    "listeners,changes",
    [
        (WIDE, {}),
        (WIDE, {"tls": PAIR}),
        ({"zipkin_endpoint": "10.1.2.3:9411"}, {}),
        (LOCAL, {"tls": {"certificate": "/c"}}),
        (LOCAL, {"tls": {"client_ca": "/c"}}),
        (LOCAL, {"tokens": [TOKEN], "users": {"a": HASH}}),
        (LOCAL, {"tokens": ["short"]}),
        (LOCAL, {"tokens": [TOKEN + " x"]}),
        (LOCAL, {"users": {"a": "clear"}}),
        ({"otlp_http_listen_address": "nowhere"}, {}),
    ],
)
def test_what_anyone_could_send_to_is_refused(listeners, changes):
    with pytest.raises(StackError):
        receivers(listeners, **changes)


def test_exporters_queue_on_disk_and_never_give_up():
    found = _otelcol.otelcol_exporters(
        {"traces": {"url": "http://t:4328/"}, "metrics-1": {"url": "http://p:9090/api/v1/otlp"}},
        name="gw",
        ordered=["metrics-1"],
    )
    traces, metrics = found["exporters"]["otlp_http/traces"], found["exporters"]["otlp_http/metrics-1"]
    assert traces["endpoint"] == "http://t:4328"
    assert traces["sending_queue"]["storage"] == "file_storage"
    assert traces["retry_on_failure"]["max_elapsed_time"] == "0s"
    assert "num_consumers" not in traces["sending_queue"] and metrics["sending_queue"]["num_consumers"] == 1
    assert not found["secrets"] and not found["extensions"]


def test_credentials_of_an_exporter_are_files():
    endpoints = {
        "logs": {
            "url": "https://l/otlp",
            "username": "u",
            "password": "canary-1",
            "ca": "/c/ca.pem",
            "server_name": "l",
        },
        "traces": dict(PAIR, url="https://t", bearer_token="canary-2"),
    }
    found = _otelcol.otelcol_exporters(endpoints, name="gw", block=True)
    logs, traces = found["exporters"]["otlp_http/logs"], found["exporters"]["otlp_http/traces"]
    assert logs["auth"] == {"authenticator": "basicauth/logs"} and logs["sending_queue"]["block_on_overflow"] is True
    assert logs["tls"]["server_name_override"] == "l" and logs["tls"]["ca_file"] == "/etc/gw/tls/logs-ca.pem"
    assert traces["tls"]["key_file"] == "/etc/gw/tls/traces.key"
    assert found["extensions"]["basicauth/logs"]["client_auth"]["password_file"] == "/etc/gw/secrets/logs_password"
    assert "canary" not in str([found["exporters"], found["extensions"], found["files"]])
    assert {item["path"] for item in found["secrets"]} == {
        "secrets/logs_password",
        "secrets/traces_token",
        "tls/traces.key",
    }


@pytest.mark.parametrize(
    "endpoint",
    [
        {},
        {"url": "loki:3100"},
        {"url": "http://l", "user": "u"},
        {"url": "http://l", "username": "u"},
        {"url": "http://l", "username": "u", "password": "p", "bearer_token": "t"},
        {"url": "http://l", "certificate": "/c"},
    ],
)
def test_half_an_endpoint_is_refused(endpoint):
    with pytest.raises(StackError, match="endpoint 'logs'"):
        _otelcol.otelcol_exporters({"logs": endpoint}, name="gw")


def test_otelcol_insert_quotes_the_value():
    assert _otelcol.otelcol_insert({"key": "site", "value": 'a"b'}) == (
        'set(resource.attributes["site"], "a\\"b") where resource.attributes["site"] == nil'
    )
    with pytest.raises(StackError):
        _otelcol.otelcol_insert({"key": 'a"]', "value": "x"})
