# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From services to haproxy.cfg: who is asked for what, who is let in, and what is refused."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._gateway import gateway_haproxy

MEMBER = {"name": "log-a", "address": "10.0.0.5", "port": 3100}
LOKI = {
    "name": "loki",
    "port": 3100,
    "health": "/ready",
    "members": [MEMBER, dict(MEMBER, name="log-b", address="log-b")],
}
TLS = {"certificate": "/x.crt", "private_key": "-----BEGIN KEY-----", "ca": "/ca.pem"}
HASHES = {"agent": "$6$abcdefgh$" + "x" * 20}
OPTIONS = {"address": "0.0.0.0", "metrics_listen": "0.0.0.0:8405", "tls": TLS, "hashes": HASHES}


def render(*services, **options):
    return gateway_haproxy(services, **{**OPTIONS, **options})


def part(text, head):
    """The lines of one section."""
    after = text.partition(f"\n{head}\n")[2]
    assert after, f"no section {head!r} in {text}"
    return [line.strip() for line in after.partition("\n\n")[0].splitlines()]


def config(*services, **options):
    return next(item["content"] for item in render(*services, **options)["files"] if item["path"] == "haproxy.cfg")


def test_service_over_tls_with_a_password():
    text = config(dict(LOKI, tls=True))
    front, back = part(text, "frontend loki"), part(text, "backend loki")
    assert front[0] == "bind 0.0.0.0:3100 ssl crt /etc/gateway/tls/server.crt alpn h2,http/1.1"
    assert front[1:5] == [
        "http-request set-var(txn.known) bool(true) if { http_auth(clients) }",
        "http-request wait-for-body time 1s unless { var(txn.known) -m bool }",
        "http-request auth realm obs unless { var(txn.known) -m bool }",
        "http-request del-header Authorization",
    ]
    assert "http-check send meth GET uri /ready ver HTTP/1.1 hdr Host loki" in back
    assert back[-2] == (
        "server log-a 10.0.0.5:3100 ssl verify required ca-file /etc/gateway/tls/ca.pem verifyhost log-a sni str(log-a)"
        " check-sni log-a crt /etc/gateway/tls/server.crt alpn http/1.1 check-alpn http/1.1 check"
    )


def test_member_is_never_unverified():
    back = part(config(dict(LOKI, tls=True), tls=dict(TLS, ca="")), "backend loki")
    assert "verify required ca-file /etc/ssl/certs/ca-certificates.crt" in back[-1]
    named = dict(LOKI, tls=True, server_name="loki.example.com")
    assert "verifyhost loki.example.com " in config(named)
    named["members"] = [dict(MEMBER, server_name="a.example.com")]
    assert "verifyhost a.example.com " in config(named)


def test_client_certificate_of_its_own():
    parts = render(dict(LOKI, tls=True), tls=dict(TLS, client_certificate="/c.crt", client_private_key="/c.key"))
    assert "crt /etc/gateway/tls/client.crt alpn" in parts["files"][0]["content"]
    assert {"tls/server.crt.key", "tls/client.crt.key"} <= {item["path"] for item in parts["secrets"]}


def test_grpc_is_http_2_all_the_way():
    otlp = {"name": "otlp-grpc", "port": 4317, "protocol": "grpc", "sticky": True, "members": [MEMBER]}
    text = config(otlp)
    assert part(text, "frontend otlp-grpc")[0].endswith(" alpn h2")
    back = part(text, "backend otlp-grpc")
    assert back[:3] == ["balance source", "hash-type consistent", "option tcp-check"]
    assert back[-1] == "server log-a 10.0.0.5:3100 proto h2 check"
    assert "alpn h2 check-alpn h2 check" in config(dict(otlp, tls=True))
    assert part(config(otlp, tls={}, allow_plain=True), "frontend otlp-grpc")[0] == "bind 0.0.0.0:4317 proto h2"


def test_pushes_have_members_and_a_timeout_of_their_own():
    text = config(dict(LOKI, push_paths=["/loki/api/v1/push", "/otlp/"]), push_timeout="7s")
    assert "use_backend loki.push if { path_beg /loki/api/v1/push /otlp/ }" in part(text, "frontend loki")
    push, back = part(text, "backend loki.push"), part(text, "backend loki")
    assert "timeout server 7s" in push and "retry-on conn-failure empty-response response-timeout 503" in push
    assert "option http-buffer-request" in push, "without the whole body nothing is sent again"
    assert push[-1] == "server log-b log-b:3100 track loki/log-b"
    assert "http-request disable-l7-retry unless METH_GET" in back and "response-timeout" not in " ".join(back)


def test_only_what_is_repeatable_is_repeated():
    back = part(config(dict(LOKI, repeatable=True)), "backend loki")
    assert "option http-buffer-request" in back and not any("disable-l7-retry" in line for line in back)


def test_credentials_for_members_are_in_a_file_of_their_own():
    parts = render(dict(LOKI, tls=True, username="gate", password="pass word"))
    text = parts["files"][0]["content"]
    assert "%[str(loki),map_str(/etc/gateway/secrets/authorization.map)]" in text
    secret = next(item["content"] for item in parts["secrets"] if item["path"] == "secrets/authorization.map")
    assert secret == "loki Basic {}\n".format(base64.b64encode(b"gate:pass word").decode())
    assert not any("mode" in item for item in parts["secrets"]), "0640, as release_service has it"
    assert "pass word" not in text and HASHES["agent"] not in text


def test_readiness_may_ask_with_a_password_that_callers_do_not_get():
    service = dict(LOKI, tls=True, authenticate=False, health_username="h", health_password="pw")
    parts = render(service)
    back = part(parts["files"][0]["content"], "backend loki")
    assert not any(line.startswith("http-request set-header Authorization") for line in back)
    assert any("hdr Authorization %[str(loki.health)," in line for line in back)
    secret = next(item["content"] for item in parts["secrets"] if item["path"] == "secrets/authorization.map")
    assert secret == "loki.health Basic {}\n".format(base64.b64encode(b"h:pw").decode())


def test_certificate_of_the_gateway_speaks_only_for_callers_it_asked():
    member = " crt /etc/gateway/tls/server.crt"
    asked, passed = dict(LOKI, tls=True), dict(LOKI, tls=True, authenticate=False)
    assert member in part(config(asked), "backend loki")[-1]
    assert member not in part(config(passed), "backend loki")[-1]
    assert member in part(config(dict(passed, present_certificate=True)), "backend loki")[-1]


def test_header_passes_where_the_service_asks_itself():
    front = part(config(dict(LOKI, authenticate=False)), "frontend loki")
    assert not any("Authorization" in line or "http_auth" in line for line in front)


def test_paths_are_denied_decoded():
    front = part(config(dict(LOKI, deny_paths=["/flush", "/ingester/"])), "frontend loki")
    denied = front.index("http-request deny deny_status 403 if { path,url_dec -m beg /flush /ingester/ }")
    assert front[denied - 1] == "http-request wait-for-body time 1s if { path,url_dec -m beg /flush /ingester/ }"


def test_users_are_a_second_file():
    parts = render(LOKI)
    assert parts["arguments"] == ["-W", "-f", "/etc/gateway/haproxy.cfg", "-f", "/etc/gateway/secrets/users.cfg"]
    users = next(item["content"] for item in parts["secrets"] if item["path"] == "secrets/users.cfg")
    assert users == "userlist clients\n    user agent password {}\n".format(HASHES["agent"])
    alone = render(dict(LOKI, authenticate=False), hashes={})
    assert alone["arguments"] == ["-W", "-f", "/etc/gateway/haproxy.cfg"]


def test_metrics_and_probe():
    parts = render(LOKI, metrics_listen="[::1]:8405")
    assert parts["probe"] == {"scheme": "http", "address": "::1", "port": 8405, "path": "/ready"}
    assert "bind [::1]:8405" in part(parts["files"][0]["content"], "frontend metrics")
    assert not parts["low_port"] and render(dict(LOKI, port=443))["low_port"]


def test_timeouts_and_lines_of_the_user():
    text = config(
        dict(LOKI, timeout="600s", backend_options=["option abortonclose"]),
        timeouts={"tunnel": "2h", "queue": None},
        config={"global": ["nbthread 2"], "defaults": []},
        more_config="frontend own\n    bind 127.0.0.1:9999\n",
    )
    assert "timeout tunnel 2h" in text and "timeout queue" not in text and "    nbthread 2\n" in text
    assert text.endswith("# gateway_more_config\nfrontend own\n    bind 127.0.0.1:9999\n")
    assert "timeout server 600s" in part(text, "backend loki") and "timeout client 600s" in part(text, "frontend loki")
    assert "option abortonclose" in part(text, "backend loki")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"tls": {}}, "without TLS"),
        ({"tls": {"certificate": "/x"}}, "only one of certificate"),
        ({"tls": dict(TLS, client_private_key="/x")}, "only one of client_certificate"),
        ({"hashes": {}}, "gateway_users is empty"),
        ({"hashes": {"a b": "$6$abcdefghij"}}, "letters"),
        ({"hashes": {"a": "clear"}}, "hash of crypt"),
        ({"address": "0.0.0.0 ssl"}, "address"),
        ({"metrics_listen": "0.0.0.0"}, "no port"),
        ({"timeouts": {"server": "1 h"}}, "time"),
        ({"push_timeout": "soon"}, "time"),
        ({"config": {"global": ["a\nb"]}}, "one line"),
    ],
)
def test_gateway_that_is_refused(options, word):
    with pytest.raises(StackError, match=word):
        render(dict(LOKI, push_paths=["/p"]), **options)


def test_a_hash_is_not_told():
    with pytest.raises(StackError) as told:
        render(LOKI, hashes={"a": "secret-by-mistake"})
    assert "secret-by-mistake" not in str(told.value)


def test_loopback_needs_neither_tls_nor_password():
    open_one = dict(LOKI, authenticate=False)
    for address in ("127.0.0.1", "::1"):
        assert config(open_one, address=address, tls={}, hashes={})
    assert config(dict(LOKI), tls={}, allow_plain=True)
