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
PROTOCOLS = ("http", "grpc")
TCP = "tcp"
DEFAULTS: dict[str, t.Any] = {
    "protocol": "http",
    "health": TCP,
    "tls": False,
    "authenticate": True,
    "own_authentication": False,
    "allow_unauthenticated": False,
    "repeatable": False,
    "sticky": False,
    "username": "",
    "password": "",
    "server_name": "",
    "timeout": "",
    "push_paths": (),
    "deny_paths": (),
    "frontend_options": (),
    "backend_options": (),
}
REQUIRED = {"name", "port", "members"}
MEMBER_KEYS = {"name", "address", "port", "server_name"}
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
Service = Mapping[str, t.Any]


def gateway_haproxy(
    services: Sequence[Service],
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
    wanted = [_complete(one, number) for number, one in enumerate(services, 1)]
    metrics = parse_listen(metrics_listen, "gateway_metrics_listen_address")
    _complain_about_clashes(wanted, metrics)
    _complain_about_tls(tls)
    local = Listen(address.strip("[]"), 1).loopback
    for one in wanted:
        _complain_about_access(
            one, local=local, tls=bool(tls.get("certificate")), plain=allow_plain, users=bool(hashes)
        )
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


def _complete(service: Service, number: int) -> dict[str, t.Any]:
    """A service with every key, its values held against what each may be."""
    where = "service {}".format(service.get("name") or f"{number} of gateway_services")
    unknown, missing = sorted(set(service) - REQUIRED - set(DEFAULTS)), sorted(REQUIRED - set(service))
    if unknown or missing or not service["members"]:
        why = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing or ['a member'])}"
        raise StackError(f"Could not use {where} of the gateway", why=why, doc="input")
    given = {key: value for key, value in service.items() if value is not None}
    one = {**DEFAULTS, **given, "port": _haproxy.checked_port(service["port"], where)}
    checked("service", one["name"], f"the name of {where}")
    if one["protocol"] not in PROTOCOLS:
        raise StackError(
            f"Could not use {one['protocol']!r} as the protocol of {where}",
            why="it is none of {}".format(", ".join(PROTOCOLS)),
            doc="input",
        )
    if one["health"] != TCP:
        checked("path", one["health"], f"the health of {where}")
    for key in ("push_paths", "deny_paths"):
        for path in one[key]:
            checked("path", path, f"one of the {key} of {where}")
    if one["timeout"]:
        checked("time", one["timeout"], f"the timeout of {where}")
    one["members"] = [_member(member, one, where) for member in one["members"]]
    names = [member["name"] for member in one["members"]]
    if len(set(names)) != len(names):
        raise StackError(f"Could not use the members of {where}", why="two of them have one name", doc="input")
    return one


def _member(member: Mapping[str, t.Any], service: Mapping[str, t.Any], where: str) -> dict[str, str]:
    if set(member) - MEMBER_KEYS or not {"name", "address", "port"} <= set(member):
        raise StackError(
            f"Could not use a member of {where}",
            why="it has {}, wanted name, address, port and perhaps server_name".format(", ".join(sorted(member))),
            doc="input",
        )
    name = checked("name", member["name"], f"the name of a member of {where}")
    address = str(member["address"]).strip("[]")
    return {
        "name": name,
        "address": address,
        "place": _haproxy.host_and_port(address, member["port"], f"{name} of {where}"),
        "server_name": checked(
            "name", member.get("server_name") or service["server_name"] or name, f"the server_name of {name} of {where}"
        ),
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
        front += ["http-request auth realm obs unless { http_auth(clients) }", "http-request del-header Authorization"]
    if one["deny_paths"]:
        front.append(
            "http-request deny deny_status 403 if {{ path,url_dec -m beg {} }}".format(" ".join(one["deny_paths"]))
        )
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


def _health(one: Mapping[str, t.Any]) -> list[str]:
    if one["health"] == TCP:
        return ["option tcp-check"]
    send = "http-check send meth GET uri {} ver HTTP/1.1 hdr Host {}".format(
        one["health"], one["server_name"] or one["name"]
    )
    if one["username"]:
        send += f" hdr Authorization {_credentials(one['name'])}"
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
    if own:
        line += f" crt {ETC}/{CERTIFICATES[own]}"
    return line + (" alpn h2 check-alpn h2" if grpc else " alpn http/1.1 check-alpn http/1.1")


def _bind(host: str, port: int, where: str) -> str:
    return _haproxy.host_and_port(host.strip("[]") or "0.0.0.0", port, f"the listener of {where}")  # noqa: S104


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
        if one["username"]:
            pair = base64.b64encode("{}:{}".format(one["username"], one["password"]).encode()).decode()
            lines.append("{} Basic {}\n".format(one["name"], pair))
    if lines:
        found.append({"path": CREDENTIALS, "content": "".join(lines), "variable": "gateway_services"})
    return found


def _complain_about_clashes(services: Sequence[Mapping[str, t.Any]], metrics: Listen) -> None:
    names = ["metrics", *(one["name"] for one in services)]
    ports = [metrics.port, *(one["port"] for one in services)]
    for values, word in ((names, "name"), (ports, "port")):
        twice = next((value for number, value in enumerate(values) if value in values[:number]), None)
        if twice is not None:
            raise StackError(f"Could not offer two services under the {word} {twice}", why="each needs its own")


def _complain_about_tls(tls: Mapping[str, t.Any]) -> None:
    for certificate, key in (("certificate", "private_key"), ("client_certificate", "client_private_key")):
        if bool(tls.get(certificate)) != bool(tls.get(key)):
            raise StackError(
                "Could not protect the gateway",
                why=f"gateway_tls has only one of {certificate} and {key}",
                hint="Set both.",
            )


def _complain_about_access(one: Mapping[str, t.Any], *, local: bool, tls: bool, plain: bool, users: bool) -> None:
    """Refuse what would be open to anyone, what would cross the network readable, and what contradicts itself."""
    name = one["name"]
    hint = ""
    if bool(one["username"]) != bool(one["password"]):
        why, hint = "it has only one of username and password", "Set both, or neither."
    elif ":" in str(one["username"]):
        why = "a user name of basic authentication has no colon"
    elif one["authenticate"] and not users:
        why = "it is to ask for a password and gateway_users is empty"
        hint = "Set gateway_users, or authenticate: false with own_authentication: true where the service asks itself."
    elif one["authenticate"] and one["own_authentication"]:
        why = "one Authorization header cannot be for the gateway and for the service"
        hint = "Set authenticate: false where the service asks itself."
    elif one["own_authentication"] and one["username"]:
        why = "the gateway's credentials would stand in place of the caller's"
        hint = "Leave username and password out where the service asks itself."
    elif not (local or one["authenticate"] or one["own_authentication"] or one["allow_unauthenticated"]):
        why = "anyone who reaches it could read and write"
        hint = (
            "Set authenticate: true, own_authentication: true where the service asks itself, or allow_unauthenticated:"
            " true where a firewall guards it."
        )
    elif not (local or tls or plain):
        why = "without TLS passwords and data would cross the network readable"
        hint = "Set certificate and private_key in gateway_tls, or gateway_allow_plain: true in a network of its own."
    elif one["username"] and not (one["tls"] or plain) and not _all_loopback(one):
        why = "the gateway's credentials would go to its members without TLS"
        hint = f"Set tls: true for {name}, or gateway_allow_plain: true in a network of its own."
    else:
        return
    raise StackError(f"Could not offer {name} at the gateway", why=why, hint=hint, doc="gateway")


def _all_loopback(one: Mapping[str, t.Any]) -> bool:
    return all(Listen(member["address"], 1).loopback for member in one["members"])
