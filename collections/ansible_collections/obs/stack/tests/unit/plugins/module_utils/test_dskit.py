# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners of Loki and Promtail: never open to anyone by accident."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._dskit import server_access
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"
TLS = {"certificate": PEM, "private_key": "files/a.key", "ca": "files/ca.pem"}


def access(listen: str, tls: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {"name": "loki", "server_name": "log-a", "writes": True}
    return server_access(listen, tls=tls, **dict(options, **more))


def test_loopback_needs_nothing() -> None:
    found = access("127.0.0.1:3100", {}, grpc_listen="127.0.0.1:9096")
    assert found["server"] == {
        "http_listen_address": "127.0.0.1",
        "http_listen_port": 3100,
        "grpc_listen_address": "127.0.0.1",
        "grpc_listen_port": 9096,
    }
    assert found["probe"] == {"scheme": "http", "address": "127.0.0.1", "port": 3100}
    assert not found["files"] and not found["secrets"] and not found["internal"]


@pytest.mark.parametrize(("listen", "grpc"), [("0.0.0.0:3100", ""), (":3100", ""), ("127.0.0.1:3100", "10.0.0.5:9096")])
def test_open_listener_is_refused(listen: str, grpc: str) -> None:
    with pytest.raises(StackError, match="asks for no client certificate"):
        access(listen, {}, grpc_listen=grpc)
    with pytest.raises(StackError, match="asks for no client certificate"):
        access(listen, {key: TLS[key] for key in ("certificate", "private_key")}, grpc_listen=grpc)
    assert access(listen, {}, grpc_listen=grpc, unauthenticated=True)
    assert access(listen, {}, grpc_listen=grpc, writes=False)


def test_clients_show_certificates() -> None:
    found = access("0.0.0.0:3100", TLS, grpc_listen="0.0.0.0:9096")
    for block in ("http_tls_config", "grpc_tls_config"):
        assert found["server"][block] == {
            "cert_file": "/etc/loki/tls/server.crt",
            "key_file": "/etc/loki/tls/server.key",
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": "/etc/loki/tls/ca.pem",
        }
    assert found["probe"]["client_cert"] == "tls/server.crt" and found["probe"]["server_name"] == "log-a"
    assert found["internal"]["tls_cert_path"] == "/etc/loki/tls/server.crt"
    assert [item["path"] for item in found["secrets"]] == ["tls/server.key"]
    assert {item["path"]: item.get("content", item.get("src")) for item in found["files"]} == {
        "tls/server.crt": PEM,
        "tls/ca.pem": "files/ca.pem",
    }
    assert found["client"]["tls_config"]["cert_file"] == "/etc/loki/tls/server.crt"
    assert found["environment"] == {"OBS_WEB_SCHEME": "https"}


def test_own_pair_for_asking() -> None:
    found = access("0.0.0.0:3100", dict(TLS, client_certificate=PEM, client_private_key="files/client.key"))
    assert found["probe"]["client_key"] == "tls/client.key"
    assert found["internal"]["tls_key_path"] == "/etc/loki/tls/client.key"
    assert [item["path"] for item in found["secrets"]] == ["tls/server.key", "tls/client.key"]


def test_tls_without_an_authority_asks_nobody() -> None:
    found = access("127.0.0.1:3100", {key: TLS[key] for key in ("certificate", "private_key")})
    assert "client_auth_type" not in found["server"]["http_tls_config"]
    assert "client_cert" not in found["probe"] and "ca_path" not in found["probe"]


@pytest.mark.parametrize("lonely", ["certificate", "private_key", "client_certificate", "client_private_key"])
def test_half_a_pair_is_refused(lonely: str) -> None:
    with pytest.raises(StackError, match="only one of"):
        access("127.0.0.1:3100", {lonely: PEM})
