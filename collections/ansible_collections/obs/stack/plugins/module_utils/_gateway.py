# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""From the services behind the gateway to what HAProxy reads: listeners, members, who may ask. Pure."""

from __future__ import annotations

import base64
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _haproxy
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._gateway_services import (
    TCP,
    complete,
    refuse_clashes,
    refuse_open_ways,
)
from ansible_collections.obs.stack.plugins.module_utils._haproxy import checked, section
from ansible_collections.obs.stack.plugins.module_utils._wiring import Listen, parse_listen, pem_source

ETC = "/etc/gateway"
CONFIG = f"{ETC}/haproxy.cfg"
USERS = "secrets/users.cfg"
# Service to what the gateway says to its members: the configuration itself so has no secret and is shown in diffs.
CREDENTIALS = "secrets/authorization.map"
CERTIFICATES = {"certificate": "tls/server.crt", "client_certificate": "tls/client.crt", "ca": "tls/ca.pem"}
# HAProxy looks for the key of a certificate under its name with .key behind.
KEYS = {"private_key": "tls/server.crt.key", "client_private_key": "tls/client.crt.key"}
# A request is sent again only where its body is there as a whole when it is sent first; a stream's never is.
WHOLE = "option http-buffer-request"
# How long the rest of a request that is refused may take to come.
REFUSED_BODY = "1s"
BASE_TIMEOUTS = {
    "connect": "5s",
    "queue": "10s",
    "http-request": "15s",
    "http-keep-alive": "75s",
    "check": "5s",
    # A query may take five minutes, and its sender is silent as long.
    "client": "330s",
    "server": "330s",
    "client-fin": "30s",
    # WebSockets, such as Loki's tail and Grafana Live.
    "tunnel": "1h",
}


def gateway_haproxy(
    services: Sequence[Mapping[str, t.Any]],
    *,
    address: str,
    metrics_listen: str,
    tls: Mapping[str, t.Any],
    hashes: Mapping[str, str],
    allow_plain: bool = False,
    timeouts: Mapping[str, t.Any] | None = None,
    push_timeout: str = "20s",
    stop_after: str = "5m",
    max_connections: int = 4000,
    log_requests: bool = False,
    config: Mapping[str, Sequence[str]] | None = None,
    more_config: str = "",
) -> dict[str, t.Any]:
    """Everything that follows from the services behind the gateway.

    Args:
        services: as ``gateway_services`` of the role.
        address: where all of them are offered, without a port.
        metrics_listen: address and port of metrics and readiness.
        tls: ``certificate``, ``private_key`` and ``ca``, each PEM text or a path on the controller. The pair is the
            listeners' and what the gateway shows to members; members are held against ``ca``.
        hashes: user to the hash of the password.
        allow_plain: offer services, and send credentials to members, without TLS beyond loopback.
        timeouts: over the ones here, by HAProxy's names.
        push_timeout: how long a member may take to answer what goes to one of a service's ``push_paths``.
        stop_after: how long connections may outlive a reload.
        config: lines of the user's own in ``global`` and ``defaults``.
        more_config: sections of the user's own.

    Returns:
        ``files``, ``secrets``, ``arguments`` and ``probe`` for release_service, and ``low_port``: whether a port below
        1024 is wanted.

    Raises:
        StackError: what cannot be rendered as it is, what would be open to anyone, two services on one port.
    """
    wanted = [complete(one, number) for number, one in enumerate(services, 1)]
    metrics = parse_listen(metrics_listen, "gateway_metrics_listen_address")
    refuse_clashes(wanted, metrics)
    _complain_about_tls(tls)
    local = Listen(address.strip("[]"), 1).loopback
    for one in wanted:
        refuse_open_ways(one, local=local, tls=bool(tls.get("certificate")), plain=allow_plain, users=bool(hashes))
    own = {key: list((config or {}).get(key) or ()) for key in ("global", "defaults")}
    sections = [
        _haproxy.global_section(max_connections=max_connections, stop_after=stop_after, more=own["global"]),
        _haproxy.defaults_section(
            timeouts={**BASE_TIMEOUTS, **(timeouts or {})}, log_requests=log_requests, more=own["defaults"]
        ),
        _haproxy.metrics_section(_bind(metrics.host, metrics.port, "the metrics")),
    ]
    for one in wanted:
        sections += _sections(one, address, tls, push_timeout)
    files = [
        {"path": "haproxy.cfg", "content": _haproxy.document(sections, more_config), "variable": "gateway_services"}
    ]
    files += [
        dict(path=path, variable="gateway_tls", **pem_source(str(tls[key])))
        for key, path in CERTIFICATES.items()
        if tls.get(key)
    ]
    return {
        "files": files,
        "secrets": _secrets(wanted, tls, hashes),
        "arguments": ["-W", "-f", CONFIG] + (["-f", f"{ETC}/{USERS}"] if hashes else []),
        "probe": {"scheme": "http", "address": metrics.local, "port": metrics.port, "path": "/ready"},
        "low_port": any(port < 1024 for port in [metrics.port, *(one["port"] for one in wanted)]),
    }


def _sections(one: Mapping[str, t.Any], address: str, tls: Mapping[str, t.Any], push_timeout: str) -> list[str]:
    """Listener, members, and members again for what is pushed: another timeout, and what is safe to repeat."""
    name, pushes = one["name"], " ".join(one["push_paths"])
    bind = "bind " + _bind(address, one["port"], name)
    if tls.get("certificate"):
        bind += f" ssl crt {ETC}/{CERTIFICATES['certificate']} alpn " + (
            "h2" if one["protocol"] == "grpc" else "h2,http/1.1"
        )
    elif one["protocol"] == "grpc":
        bind += " proto h2"
    front = [bind]
    if one["timeout"]:
        front.append(f"timeout client {one['timeout']}")
    if one["authenticate"]:
        # Once for each request: a slow hash is meant to be slow.
        front.append("http-request set-var(txn.known) bool(true) if { http_auth(clients) }")
        front += _refusal("auth realm obs", "unless { var(txn.known) -m bool }")
        front.append("http-request del-header Authorization")
    if one["deny_paths"]:
        denied = " ".join(one["deny_paths"])
        front += _refusal("deny deny_status 403", f"if {{ path,url_dec -m beg {denied} }}")
    front.append("http-request set-header X-Forwarded-Proto {}".format("https" if tls.get("certificate") else "http"))
    front += list(one["frontend_options"])
    if pushes:
        front.append(f"use_backend {name}.push if {{ path_beg {pushes} }}")
    front.append(f"default_backend {name}")

    common = ["balance source", "hash-type consistent"] if one["sticky"] else ["balance roundrobin"]
    if one["username"]:
        common.append(f"http-request set-header Authorization {_credentials(name)}")
    back = [*common, *_health(one)]
    if one["timeout"]:
        back.append(f"timeout server {one['timeout']}")
    if one["repeatable"] and one["protocol"] != "grpc":
        back.append(WHOLE)
    if not one["repeatable"]:
        # What writes goes to another member only where the first was never reached.
        back.append("http-request disable-l7-retry unless METH_GET")
    back += ["retry-on conn-failure empty-response 503", *one["backend_options"]]
    back += [_server(member, one, tls) + " check" for member in one["members"]]
    found = [section("frontend", name, front), section("backend", name, back)]
    if pushes:
        again = [*common, "timeout server {}".format(checked("time", push_timeout, "gateway_push_timeout"))]
        again += [WHOLE, "retry-on conn-failure empty-response response-timeout 503", *one["backend_options"]]
        again += [_server(member, one, tls) + f" track {name}/{member['name']}" for member in one["members"]]
        found.append(section("backend", f"{name}.push", again))
    return found


def _refusal(action: str, condition: str) -> list[str]:
    """Refuse a request, its body read first: by HTTP/2 the client would else see a reset stream, not the answer."""
    return [f"http-request wait-for-body time {REFUSED_BODY} {condition}", f"http-request {action} {condition}"]


def _health(one: Mapping[str, t.Any]) -> list[str]:
    if one["health"] == TCP:
        return ["option tcp-check"]
    send = "http-check send meth GET uri {} ver HTTP/1.1 hdr Host {}".format(
        one["health"], one["server_name"] or one["name"]
    )
    if one["health_username"] or one["username"]:
        send += f" hdr Authorization {_credentials(_asking(one))}"
    return ["option httpchk", send, "http-check expect status 200"]


def _server(member: Mapping[str, str], one: Mapping[str, t.Any], tls: Mapping[str, t.Any]) -> str:
    line = f"server {member['name']} {member['place']}"
    grpc = one["protocol"] == "grpc"
    if not one["tls"]:
        return line + (" proto h2" if grpc else "")
    name = member["server_name"]
    ca = f"{ETC}/{CERTIFICATES['ca']}" if tls.get("ca") else _haproxy.SYSTEM_CA
    line += f" ssl verify required ca-file {ca} verifyhost {name} sni str({name}) check-sni {name}"
    own = next((key for key in ("client_certificate", "certificate") if tls.get(key)), "")
    # Its certificate speaks only for callers that it has asked who they are.
    if own and (one["authenticate"] or one["present_certificate"]):
        line += f" crt {ETC}/{CERTIFICATES[own]}"
    return line + (" alpn h2 check-alpn h2" if grpc else " alpn http/1.1 check-alpn http/1.1")


def _bind(host: str, port: int, where: str) -> str:
    return _haproxy.host_and_port(host.strip("[]") or "0.0.0.0", port, f"the listener of {where}")  # noqa: S104


def _asking(one: Mapping[str, t.Any]) -> str:
    """The key of the credentials for questions of readiness, a service's own where it has others for them."""
    return f"{one['name']}.health" if one["health_username"] else str(one["name"])


def _credentials(service: str) -> str:
    return f"%[str({service}),map_str({ETC}/{CREDENTIALS})]"


def _secrets(
    services: Sequence[Mapping[str, t.Any]], tls: Mapping[str, t.Any], hashes: Mapping[str, str]
) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = [
        dict(path=path, variable="gateway_tls", **pem_source(str(tls[key])))
        for key, path in KEYS.items()
        if tls.get(key)
    ]
    if hashes:
        found.append({"path": USERS, "content": _haproxy.userlist(hashes), "variable": "gateway_users"})
    lines = []
    for one in services:
        for name, prefix in ((one["name"], ""), (_asking(one), "health_")):
            if one[prefix + "username"]:
                pair = "{}:{}".format(one[prefix + "username"], one[prefix + "password"])
                lines.append(f"{name} Basic {base64.b64encode(pair.encode()).decode()}\n")
    if lines:
        found.append({"path": CREDENTIALS, "content": "".join(lines), "variable": "gateway_services"})
    return found


def _complain_about_tls(tls: Mapping[str, t.Any]) -> None:
    for certificate, key in (("certificate", "private_key"), ("client_certificate", "client_private_key")):
        if bool(tls.get(certificate)) != bool(tls.get(key)):
            raise StackError(
                "Could not protect the gateway",
                why=f"gateway_tls has only one of {certificate} and {key}",
                hint="Set both.",
            )
