# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The listener of the services built on dskit (Loki, Promtail): addresses, certificates, who may ask. Pure.

They know no passwords: who may ask is told by client certificates, or by what stands in front of them.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import (
    Listen,
    join_host_port,
    parse_listen,
    pem_source,
)

# Key of <role>_tls -> file below /etc/<role>, whether it is a secret.
PEM_FILES = {
    "certificate": ("tls/server.crt", False),
    "private_key": ("tls/server.key", True),
    "ca": ("tls/ca.pem", False),
    "client_certificate": ("tls/client.crt", False),
    "client_private_key": ("tls/client.key", True),
}


def server_access(
    listen: str,
    *,
    name: str,
    tls: Mapping[str, t.Any],
    server_name: str,
    grpc_listen: str = "",
    writes: bool = False,
    unauthenticated: bool = False,
) -> dict[str, t.Any]:
    """Everything that follows from where a service listens and how that is protected.

    Args:
        listen: HTTP listen address.
        name: the service and prefix of its variables.
        tls: ``certificate``, ``private_key``, ``ca``, ``client_certificate``, ``client_private_key``, each PEM text or
            a path on the controller; any may be absent. With a ``ca`` every client shows a certificate of it.
        server_name: the name in the certificate, for probes at a local address.
        grpc_listen: gRPC listen address, empty for none.
        writes: the listener takes data, so beyond loopback it must know who asks.
        unauthenticated: take data from anyone all the same.

    Returns:
        ``server`` (the block of the configuration), ``scheme``, ``target`` (for the host itself), ``files``,
        ``secrets``, ``environment`` and ``probe`` for release_service, ``internal`` (tls_* keys with which members ask
        each other, empty without TLS), and ``client``: HTTP client keys with which the service itself can be asked.

    Raises:
        StackError: an address without port, half a pair of certificate and key, or a listener open to anyone.
    """
    http = parse_listen(listen, f"{name}_listen_address")
    grpc = parse_listen(grpc_listen, f"{name}_grpc_listen_address") if grpc_listen else None
    guarded = bool(tls.get("certificate") and tls.get("ca"))
    _complain_about_pairs(name, tls)
    if writes and not guarded and not unauthenticated:
        _complain_about_open(name, http, grpc)
    server: dict[str, t.Any] = {"http_listen_address": http.host, "http_listen_port": http.port}
    if grpc:
        server.update(grpc_listen_address=grpc.host, grpc_listen_port=grpc.port)
    probe: dict[str, t.Any] = {"scheme": "http", "address": http.local, "port": http.port}
    client: dict[str, t.Any] = {"scheme": "http"}
    internal: dict[str, t.Any] = {}
    if tls.get("certificate"):
        listener = _listener(name, guarded)
        server["http_tls_config"] = listener
        if grpc:
            server["grpc_tls_config"] = dict(listener)
        probe.update(scheme="https", server_name=server_name)
        client = {"scheme": "https", "tls_config": {"server_name": server_name}}
        internal["tls_enabled"] = True
        _trust(name, tls, guarded, probe, client["tls_config"], internal)
    return {
        "server": server,
        "scheme": str(probe["scheme"]),
        "target": join_host_port(http.local, http.port),
        "files": _pem_items(name, tls, secret=False),
        "secrets": _pem_items(name, tls, secret=True),
        # Plain or TLS is decided when the process starts: the change must ask for a restart.
        "environment": {"OBS_WEB_SCHEME": str(probe["scheme"])},
        "probe": probe,
        "client": client,
        "internal": internal,
    }


def _listener(name: str, guarded: bool) -> dict[str, str]:
    listener = {"cert_file": f"/etc/{name}/tls/server.crt", "key_file": f"/etc/{name}/tls/server.key"}
    if guarded:
        listener.update(client_auth_type="RequireAndVerifyClientCert", client_ca_file=f"/etc/{name}/tls/ca.pem")
    return listener


def _trust(
    name: str,
    tls: Mapping[str, t.Any],
    guarded: bool,
    probe: dict[str, t.Any],
    client: dict[str, t.Any],
    internal: dict[str, t.Any],
) -> None:
    """What a client shows and whom it trusts: its own pair if there is one, else the server's."""
    if tls.get("ca"):
        probe["ca_path"] = "tls/ca.pem"
        client["ca_file"] = internal["tls_ca_path"] = f"/etc/{name}/tls/ca.pem"
    if guarded:
        pair = "client" if tls.get("client_certificate") else "server"
        probe.update(client_cert=f"tls/{pair}.crt", client_key=f"tls/{pair}.key")
        certificate, key = f"/etc/{name}/tls/{pair}.crt", f"/etc/{name}/tls/{pair}.key"
        client.update(cert_file=certificate, key_file=key)
        internal.update(tls_cert_path=certificate, tls_key_path=key)


def _pem_items(name: str, tls: Mapping[str, t.Any], *, secret: bool) -> list[dict[str, t.Any]]:
    # Read again at every connection, so a renewed one restarts nothing.
    return [
        dict(path=path, on_change="none", variable=name + "_tls", **pem_source(str(tls[key])))
        for key, (path, is_secret) in PEM_FILES.items()
        if tls.get(key) and is_secret is secret
    ]


def _complain_about_pairs(name: str, tls: Mapping[str, t.Any]) -> None:
    for certificate, key in (("certificate", "private_key"), ("client_certificate", "client_private_key")):
        if bool(tls.get(certificate)) != bool(tls.get(key)):
            raise StackError(
                f"Could not protect the listener of {name}",
                why=f"{name}_tls has only one of {certificate} and {key}",
                hint=f"Set both in {name}_tls.",
            )


def _complain_about_open(name: str, http: Listen, grpc: Listen | None) -> None:
    beyond = [one for one in (http, grpc) if one is not None and not one.loopback]
    if beyond:
        raise StackError(
            f"Could not let {name} listen on {join_host_port(beyond[0].host or '*', beyond[0].port)}",
            why="anyone who reaches it could write and read, since it asks for no client certificate",
            hint=f"Set certificate, private_key and ca in {name}_tls, listen on 127.0.0.1 behind the gateway, or set"
            f" {name}_allow_unauthenticated where a firewall guards it.",
        )
