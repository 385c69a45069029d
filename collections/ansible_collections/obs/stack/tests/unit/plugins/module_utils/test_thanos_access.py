# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""module_utils/_thanos_access.py: who reaches a component of Thanos, and how."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _thanos_access as access
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

TLS = {"certificate": "/pki/c.crt", "private_key": "/pki/c.key", "ca": "/pki/ca.pem"}
WEB = {"tls": {}, "web_config": {}, "username": "", "password": "", "server_name": "h"}


def test_pages_are_protected_below_the_folder_of_the_component():
    found = access.web(
        "0.0.0.0:10914", service="thanos-query-frontend", component="query_frontend", **{**WEB, "tls": TLS}
    )
    assert found["config_file"] == "/etc/thanos-query-frontend/web.yml"
    assert found["probe"]["scheme"] == "https"


@pytest.mark.parametrize(
    ("listen", "changes", "variable"),
    [
        ("10914", {}, "thanos_query_frontend_listen_address"),
        (":1", {"tls": {"certificate": "x"}}, "thanos_tls"),
        (":1", {"web_config": {"basic_auth_users": {"a": "b"}}}, "thanos_basic_auth_username"),
    ],
)
def test_errors_of_pages_name_the_variables_of_the_role(listen, changes, variable):
    with pytest.raises(StackError) as caught:
        access.web(listen, service="thanos-query-frontend", component="query_frontend", **dict(WEB, **changes))
    assert variable in str(caught.value)
    assert "thanos-query-frontend_" not in str(caught.value)


def test_open_component_is_open_on_loopback_only():
    options = {"service": "thanos-query", "component": "query", "open_components": ["query"], **dict(WEB, tls=TLS)}
    assert access.web("127.0.0.1:10904", **options)["scheme"] == "http"
    with pytest.raises(StackError, match="thanos_open_components"):
        access.web("0.0.0.0:10904", **options)


def test_frontend_is_not_put_before_a_query_that_it_cannot_ask():
    one = {"url": "http://a:1", "username": "u", "password": "canary"}
    with pytest.raises(StackError, match="never ready"):
        access.clients([one], service="thanos-query-frontend", label="query", variable="x", passwords=False)


def test_grpc_in_clear_is_an_address():
    found = access.grpc("0.0.0.0:10901", service="thanos-sidecar", component="sidecar", tls={})
    assert found == {"flags": {"grpc-address": "0.0.0.0:10901"}, "files": [], "secrets": [], "client": {}}


def test_grpc_with_an_authority_asks_both_sides_for_a_certificate():
    found = access.grpc(":10901", service="thanos-sidecar", component="sidecar", tls=TLS)
    assert found["flags"]["grpc-server-tls-client-ca"] == "/etc/thanos-sidecar/grpc/ca.pem"
    assert found["client"]["cert_file"] == "/etc/thanos-sidecar/grpc/tls.crt"
    assert [item["path"] for item in found["secrets"]] == ["grpc/tls.key"]
    changes = {item["path"]: item["on_change"] for item in found["files"] + found["secrets"]}
    assert changes == {"grpc/tls.crt": "none", "grpc/tls.key": "none", "grpc/ca.pem": "restart"}


def test_who_only_asks_has_no_server_and_who_trusts_the_host_shows_nothing():
    own = {"certificate": "a", "private_key": "b"}
    found = access.grpc("", service="thanos-query-frontend", component="query_frontend", tls=own)
    assert found["flags"] == {} and found["client"] == {"enabled": True}
    assert "grpc-server-tls-client-ca" not in access.grpc(":1", service="s", component="rule", tls=own)["flags"]


@pytest.mark.parametrize("tls", [{"certificate": "a"}, {"private_key": "a"}, {"ca": "a"}])
def test_half_a_certificate_is_refused(tls):
    with pytest.raises(StackError, match="thanos_grpc_tls"):
        access.grpc(":1", service="thanos-store", component="store", tls=tls)


def endpoints(wanted, client=None, **more):
    options = {"local": {"sidecar": "0.0.0.0:10901", "store": "[::1]:10905"}, "components": ["store", "query"]}
    return access.endpoints(wanted, **dict(options, client=client or {}, **more))


def test_endpoints_are_those_of_the_host_unless_named():
    assert endpoints([]) == {"endpoints": [{"address": "[::1]:10905"}]}
    assert endpoints(["a:1", {"address": "dnssrv+_grpc._tcp.b", "group": True}]) == {
        "endpoints": [{"address": "a:1"}, {"address": "dnssrv+_grpc._tcp.b", "group": True}]
    }


def test_endpoints_behind_tls_are_asked_with_it_and_by_their_name():
    client = {"enabled": True, "ca_file": "/ca"}
    found = endpoints([], client, server_name="host")
    assert found["default_client_config"] == {"tls_config": client}
    assert found["endpoints"] == [{"address": "[::1]:10905", "client_config": {"server_name": "host"}}]
    named = endpoints([{"address": "a:1", "server_name": "b", "client_config": {"compression": "snappy"}}])
    assert named["endpoints"][0]["client_config"] == {"server_name": "b", "compression": "snappy"}


@pytest.mark.parametrize("item", ["a", "", {"adress": "a:1"}, {"strict": True}])
def test_endpoint_that_thanos_would_pass_over_is_refused(item):
    with pytest.raises(StackError, match="item 2 of thanos_query_endpoints"):
        endpoints(["a:1", item])


def clients(*accesses):
    return access.clients(accesses, service="thanos-rule", label="query", variable="thanos_rule_queries")


def test_who_is_asked_becomes_upstreams_client_and_files():
    found = clients(
        {"url": "http://a:10904/"},
        {"url": "https://b:1/x/", "ca": "/ca", "server_name": "n", "username": "u", "password": "canary"},
    )
    assert found["urls"] == ["http://a:10904", "https://b:1/x"]
    assert found["configs"][0] == {"static_configs": ["a:10904"], "scheme": "http"}
    assert found["configs"][1] == {
        "static_configs": ["b:1"],
        "scheme": "https",
        "path_prefix": "/x",
        "http_config": {
            "tls_config": {"ca_file": "/etc/thanos-rule/clients/query-2-ca.pem", "server_name": "n"},
            "basic_auth": {"username": "u", "password_file": "/etc/thanos-rule/clients/query-2-password"},
        },
    }
    assert [item["content"] for item in found["secrets"]] == ["canary"]
    assert "canary" not in str(found["configs"]) + str(found["files"])


@pytest.mark.parametrize(
    "one", [{"url": "a:1"}, {"url": "http://u:canary@a:1"}, {"url": "http://a:1", "username": "u"}, {}]
)
def test_who_cannot_be_asked_is_refused(one):
    with pytest.raises(StackError) as caught:
        clients(one)
    assert "item 1 of thanos_rule_queries" in str(caught.value)
    assert "canary" not in str(caught.value)


def write(listen="127.0.0.1:10917", tls=None, grpc_listen="127.0.0.1:10915", grpc_ca=""):
    return access.receive_write(listen, tls=tls or {}, grpc_listen=grpc_listen, grpc_ca=grpc_ca)


def test_remote_write_on_loopback_needs_nothing():
    assert write() == {"flags": {"remote-write.address": "127.0.0.1:10917"}, "files": [], "secrets": []}


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        ({"listen": "0.0.0.0:10917"}, "thanos_receive_remote_write_address"),
        ({"listen": ":10917", "tls": {"certificate": "a", "private_key": "b"}}, "thanos_receive_remote_write_address"),
        ({"grpc_listen": "10.0.0.1:10915"}, "thanos_receive_grpc_address"),
        ({"tls": {"certificate": "a"}}, "thanos_receive_remote_write_tls"),
    ],
)
def test_nobody_writes_from_elsewhere_without_a_certificate(options, variable):
    with pytest.raises(StackError, match=variable):
        write(**options)


def test_remote_write_with_certificates_is_open():
    tls = {"certificate": "/a", "private_key": "/b", "client_ca": "/c"}
    found = write("0.0.0.0:10917", tls, "0.0.0.0:10915", "/ca")
    assert found["flags"]["remote-write.server-tls-client-ca"] == "/etc/thanos-receive/remote-write/client-ca.pem"
    assert [item["path"] for item in found["secrets"]] == ["remote-write/tls.key"]
