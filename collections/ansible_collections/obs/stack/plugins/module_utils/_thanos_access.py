# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How the components of Thanos are reached, by people and by each other: HTTP, gRPC, remote write. Pure."""

from __future__ import annotations

import typing as t
import urllib.parse
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _web
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen, pem_source

_ENDPOINT_KEYS = {"address", "server_name", "strict", "group", "service_config", "client_config"}


def web(
    listen: str, *, service: str, component: str, open_components: Sequence[str] = (), **protection: t.Any
) -> dict[str, t.Any]:
    """``web_access`` of a component; its errors name the variables of the role.

    Args:
        listen: the HTTP listen address.
        service: name of the service, such as ``thanos-query-frontend``.
        component: name of the component in variables, such as ``query_frontend``.
        open_components: components that are reached on the host itself only, without protection.
        protection: as ``_web.web_access`` takes it.

    Raises:
        StackError: the protection is incomplete, or an open component can be reached by other hosts.
    """
    variable = f"thanos_{component}_listen_address"
    if component in open_components:
        if not parse_listen(listen, variable).loopback:
            raise StackError(
                f"Could not open {variable} {listen} to other hosts",
                why="thanos_open_components leaves it without TLS and password",
                hint="Listen on 127.0.0.1, or take it from thanos_open_components.",
            )
        protection = {"tls": {}, "web_config": {}, "username": "", "password": "", "server_name": ""}
    try:
        return _web.web_access(listen, name=service, **protection)
    except StackError as error:
        raise StackError(
            error.what.replace(f"{service}_listen_address", variable).replace(f"{service}_", "thanos_"),
            why=error.why.replace(f"{service}_", "thanos_"),
            hint=error.hint.replace(f"{service}_", "thanos_"),
        ) from error


def grpc(listen: str, *, service: str, component: str, tls: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What follows from the gRPC listener of a component, and how it asks others.

    Args:
        listen: the gRPC listen address, empty for a component that only asks.
        service: name of the service.
        component: name of the component in variables.
        tls: ``certificate``, ``private_key``, ``ca``, each PEM text or a path on the controller. With ``ca`` both sides
            show a certificate; without it only the server does, and clients trust what the host trusts.

    Returns:
        ``flags`` of the server, ``files`` and ``secrets`` for release_service, and ``client``: upstream's tls_config of
        an endpoint, empty without TLS.

    Raises:
        StackError: certificate without key or the other way round, or an address without a port.
    """
    if listen:
        parse_listen(listen, f"thanos_{component}_grpc_address")
    if bool(tls.get("certificate")) != bool(tls.get("private_key")) or (tls.get("ca") and not tls.get("certificate")):
        raise StackError(
            f"Could not protect gRPC of {service}",
            why="certificate and private_key belong together, and ca needs both",
            hint="Set certificate and private_key in thanos_grpc_tls.",
        )
    if not tls.get("certificate"):
        return {"flags": {"grpc-address": listen} if listen else {}, "files": [], "secrets": [], "client": {}}
    folder = f"/etc/{service}/grpc"
    # Certificate and key are read again when they change, the authority only at start.
    files = [dict(path="grpc/tls.crt", on_change="none", **pem_source(str(tls["certificate"])))]
    secrets = [
        dict(path="grpc/tls.key", on_change="none", variable="thanos_grpc_tls", **pem_source(str(tls["private_key"])))
    ]
    flags = {"grpc-server-tls-cert": folder + "/tls.crt", "grpc-server-tls-key": folder + "/tls.key"}
    client: dict[str, t.Any] = {"enabled": True}
    if tls.get("ca"):
        files.append(dict(path="grpc/ca.pem", on_change="restart", **pem_source(str(tls["ca"]))))
        flags["grpc-server-tls-client-ca"] = folder + "/ca.pem"
        client.update(cert_file=folder + "/tls.crt", key_file=folder + "/tls.key", ca_file=folder + "/ca.pem")
    return {
        "flags": dict(flags, **{"grpc-address": listen}) if listen else {},
        "files": files,
        "secrets": secrets,
        "client": client,
    }


def endpoints(
    wanted: Sequence[t.Any],
    *,
    local: Mapping[str, str],
    components: Sequence[str],
    client: Mapping[str, t.Any],
    server_name: str = "",
) -> dict[str, t.Any]:
    """The file in which a query finds those it asks.

    Args:
        wanted: ``host:port`` or upstream's endpoint dictionaries, whose ``client_config.server_name`` may be written as
            ``server_name``. Empty: the components of this host.
        local: component to its gRPC listen address.
        components: the components of this host.
        client: upstream's tls_config, empty without TLS.
        server_name: the name in the certificates of this host's own components.

    Raises:
        StackError: an endpoint has an unknown key or no address with a port.
    """
    found = []
    items: list[t.Any] = list(wanted)
    if not items:
        for component, listen in local.items():
            if component in components:
                parts = parse_listen(listen, f"thanos_{component}_grpc_address")
                item = {"address": join_host_port(parts.local, parts.port)}
                items.append(dict(item, server_name=server_name) if client and server_name else item)
    for number, item in enumerate(items, 1):
        endpoint: dict[str, t.Any] = dict(item) if isinstance(item, Mapping) else {"address": str(item)}
        address = str(endpoint.get("address") or "")
        unknown = sorted(set(endpoint) - _ENDPOINT_KEYS)
        # dns+name:port and dnssrv+name are looked up by Thanos.
        if unknown or not address or (":" not in address and not address.startswith("dnssrv")):
            raise StackError(
                f"Could not use item {number} of thanos_query_endpoints",
                why=f"unknown key '{unknown[0]}'" if unknown else f"its address is '{address}'",
                hint="Write host:port, or upstream's keys with address: host:port.",
            )
        name = endpoint.pop("server_name", "")
        if name:
            endpoint["client_config"] = dict({"server_name": name}, **(endpoint.get("client_config") or {}))
        found.append(endpoint)
    return dict({"default_client_config": {"tls_config": dict(client)}} if client else {}, endpoints=found)


def clients(
    accesses: Sequence[Mapping[str, t.Any]], *, service: str, label: str, variable: str, passwords: bool = True
) -> dict[str, t.Any]:
    """How a component asks others by HTTP.

    Args:
        accesses: ``url``, and optionally ``ca`` (PEM text or a path on the controller), ``server_name``, ``username``
            and ``password`` of each.
        service: name of the service that asks.
        label: what they are, a part of file names.
        variable: the variable they came from, for errors.
        passwords: whether the service can ask with a password.

    Returns:
        ``urls``, ``configs`` (upstream's static_configs with scheme, path_prefix and http_config), ``files`` and
        ``secrets``.

    Raises:
        StackError: a URL is none, a user has no password, or the service cannot use one.
    """
    result: dict[str, list[t.Any]] = {"urls": [], "configs": [], "files": [], "secrets": []}
    for number, access in enumerate(accesses, 1):
        url = str(access.get("url") or "").rstrip("/")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StackError(
                f"Could not use item {number} of {variable}",
                why=f"its url is '{url}'",
                hint="Write it as http://host:port or https://host:port.",
            )
        if parts.username or parts.password:
            raise StackError(
                f"Could not use item {number} of {variable}",
                why="its url holds a user",
                hint="Set username and password beside url: they become a file.",
            )
        if bool(access.get("username")) != bool(access.get("password")):
            raise StackError(
                f"Could not use item {number} of {variable}",
                why="it has only one of username and password",
                hint="Set both or none.",
            )
        if access.get("username") and not passwords:
            raise StackError(
                f"Could not put {service} before {url}",
                why="it asks for readiness without credentials, so before a query with a password it is never ready",
                hint="Let that query listen on 127.0.0.1 and name it in thanos_open_components.",
            )
        http: dict[str, t.Any] = {}
        stem = f"clients/{label}-{number}"
        if access.get("ca"):
            result["files"].append(
                dict(path=f"{stem}-ca.pem", on_change="restart", variable=variable, **pem_source(str(access["ca"])))
            )
            http.setdefault("tls_config", {})["ca_file"] = f"/etc/{service}/{stem}-ca.pem"
        if access.get("server_name") and parts.scheme == "https":
            http.setdefault("tls_config", {})["server_name"] = str(access["server_name"])
        if access.get("username"):
            path = f"{stem}-password"
            result["secrets"].append(
                {"path": path, "content": str(access["password"]), "on_change": "none", "variable": variable}
            )
            http["basic_auth"] = {"username": str(access["username"]), "password_file": f"/etc/{service}/{path}"}
        config: dict[str, t.Any] = {"static_configs": [parts.netloc], "scheme": parts.scheme}
        if parts.path.strip("/"):
            config["path_prefix"] = "/" + parts.path.strip("/")
        if http:
            config["http_config"] = http
        result["urls"].append(url)
        result["configs"].append(config)
    return result


def receive_write(listen: str, *, tls: Mapping[str, t.Any], grpc_listen: str, grpc_ca: str) -> dict[str, t.Any]:
    """The remote write listener of a receiver, refused where anybody could write.

    Args:
        listen: its address.
        tls: ``certificate``, ``private_key`` and ``client_ca``: who may write has a certificate of that authority.
        grpc_listen: the gRPC address, by which receivers write to each other.
        grpc_ca: the authority of gRPC, empty where clients show no certificate.

    Returns:
        ``flags``, ``files`` and ``secrets``.

    Raises:
        StackError: it is open to other hosts without asking for a certificate, or its certificate is incomplete.
    """
    if bool(tls.get("certificate")) != bool(tls.get("private_key")) or (
        tls.get("client_ca") and not tls.get("certificate")
    ):
        raise StackError(
            "Could not protect remote write of thanos-receive",
            why="certificate and private_key belong together, and client_ca needs both",
            hint="Set them in thanos_receive_remote_write_tls.",
        )
    open_doors = [
        (address, variable, key)
        for address, variable, guard, key in (
            (listen, "thanos_receive_remote_write_address", tls.get("client_ca"), "thanos_receive_remote_write_tls"),
            (grpc_listen, "thanos_receive_grpc_address", grpc_ca, "thanos_grpc_tls"),
        )
        if not parse_listen(address, variable).loopback and not guard
    ]
    if open_doors:
        address, variable, key = open_doors[0]
        raise StackError(
            f"Could not open {variable} {address} to other hosts",
            why="without client certificates anybody could write",
            hint=f"Set {key} with its authority, or listen on 127.0.0.1.",
        )
    flags: dict[str, str] = {"remote-write.address": listen}
    files, secrets = [], []
    if tls.get("certificate"):
        folder = "/etc/thanos-receive/remote-write"
        files.append(dict(path="remote-write/tls.crt", on_change="none", **pem_source(str(tls["certificate"]))))
        source = pem_source(str(tls["private_key"]))
        secrets.append(dict(path="remote-write/tls.key", on_change="none", **source))
        flags["remote-write.server-tls-cert"] = folder + "/tls.crt"
        flags["remote-write.server-tls-key"] = folder + "/tls.key"
        if tls.get("client_ca"):
            source = pem_source(str(tls["client_ca"]))
            files.append(dict(path="remote-write/client-ca.pem", on_change="restart", **source))
            flags["remote-write.server-tls-client-ca"] = folder + "/client-ca.pem"
    return {"flags": flags, "files": files, "secrets": secrets}
