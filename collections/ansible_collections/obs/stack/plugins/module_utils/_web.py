# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What follows from how a service's own web listener is protected: files, secrets, probe, client. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen, pem_source


def web_access(
    listen: str,
    *,
    name: str,
    tls: Mapping[str, t.Any],
    web_config: Mapping[str, t.Any],
    username: str,
    password: str,
    server_name: str,
    prefix: str = "",
    writes: bool = False,
    unauthenticated: bool = False,
) -> dict[str, t.Any]:
    """Everything that follows from how a service's own web listener is protected.

    Args:
        listen: the listen address.
        name: the service and prefix of its variables.
        tls: ``certificate``, ``private_key`` and ``ca``, each PEM text or a path on the controller; any may be absent.
        web_config: upstream's web configuration, laid over what ``tls`` gives.
        username: the user as whom probes ask; its bcrypt hash is in ``web_config``.
        password: its password.
        server_name: the name in the certificate, for probes at a local address.
        prefix: path prefix of all its pages, without a slash at the end.
        writes: the listener takes data, so beyond loopback it must know who asks.
        unauthenticated: take data from anyone all the same.

    Returns:
        ``scheme``, ``prefix``, ``target`` (for the host itself), ``web_config`` and ``config_file`` (``None`` when
        there is nothing to configure), ``files``, ``secrets``, ``environment`` and ``probe`` for release_service,
        and ``client``: upstream's HTTP client keys with which the service itself can be asked.

    Raises:
        StackError: certificate without key or the other way round, a user without password or hash, or a listener
            that takes data from anyone.
    """
    _complain_about_web(name, tls, web_config, username, password)
    config = dict(web_config)
    if tls.get("certificate"):
        paths = {"cert_file": f"/etc/{name}/tls/server.crt", "key_file": f"/etc/{name}/tls/server.key"}
        config["tls_server_config"] = dict(paths, **(config.get("tls_server_config") or {}))
    scheme = "https" if config.get("tls_server_config") else "http"
    parts = parse_listen(listen, f"{name}_listen_address")
    if writes and not unauthenticated and not parts.loopback:
        _complain_about_anyone(name, listen, config)
    files = [
        dict(path=f"tls/{file}", on_change="none", **pem_source(str(tls[key])))
        for key, file in (("certificate", "server.crt"), ("ca", "ca.pem"))
        if tls.get(key)
    ]
    secrets: list[dict[str, t.Any]] = []
    if tls.get("private_key"):
        source = pem_source(str(tls["private_key"]))
        secrets.append(dict(path="tls/server.key", on_change="none", variable=name + "_tls", **source))
    if config:
        # It holds password hashes; the listener reads it again at every request.
        secrets.append({"path": "web.yml", "data": config, "on_change": "none", "variable": name + "_web_config"})
    if username:
        secrets.append({"path": "secrets/web_password", "content": password, "on_change": "none"})
    probe: dict[str, t.Any] = {"scheme": scheme, "address": parts.local, "port": parts.port}
    client: dict[str, t.Any] = {"scheme": scheme}
    if scheme == "https":
        probe["server_name"] = server_name
        client["tls_config"] = {"server_name": server_name}
        if tls.get("ca"):
            probe["ca_path"] = "tls/ca.pem"
            client["tls_config"]["ca_file"] = f"/etc/{name}/tls/ca.pem"
    if username:
        probe.update(username=username, password_file="secrets/web_password")  # noqa: S106  a path
        client["basic_auth"] = {
            "username": username,
            "password_file": f"/etc/{name}/secrets/web_password",
        }
    return {
        "scheme": scheme,
        "prefix": prefix,
        "target": join_host_port(parts.local, parts.port),
        "web_config": config,
        "config_file": f"/etc/{name}/web.yml" if config else None,
        "files": files,
        "secrets": secrets,
        # Plain or TLS is decided when the process starts: the change must ask for a restart.
        "environment": {"OBS_WEB_SCHEME": scheme},
        "probe": probe,
        "client": client,
    }


def _complain_about_anyone(name: str, listen: str, config: Mapping[str, t.Any]) -> None:
    verified = (config.get("tls_server_config") or {}).get("client_auth_type") == "RequireAndVerifyClientCert"
    if not verified and not config.get("basic_auth_users"):
        raise StackError(
            f"Could not open {name} at {listen}",
            why="beyond loopback anyone who reaches it could write",
            hint=(
                f"Set basic_auth_users in {name}_web_config, and {name}_basic_auth_username and its password to one of "
                f"them, or {name}_listen_address: 127.0.0.1:{listen.rpartition(':')[2]}."
            ),
        )


def _complain_about_web(
    name: str, tls: Mapping[str, t.Any], web_config: Mapping[str, t.Any], username: str, password: str
) -> None:
    users = web_config.get("basic_auth_users") or {}
    own = web_config.get("tls_server_config") or {}
    if bool(tls.get("certificate")) != bool(tls.get("private_key")):
        why, hint = "it has only one of certificate and private_key", f"Set both in {name}_tls."
    elif own and not tls.get("certificate") and not (own.get("cert_file") and own.get("key_file")):
        why, hint = "tls_server_config has no certificate", f"Set {name}_tls or cert_file and key_file."
    elif users and username not in users:
        why = "it demands a password, and {} is none of its users".format(
            f"'{username}'" if username else f"no {name}_basic_auth_username"
        )
        hint = f"Set {name}_basic_auth_username and {name}_basic_auth_password to one of basic_auth_users."
    elif username and not users:
        why = f"{name}_basic_auth_username is set, but it demands no password"
        hint = f"Put the user's bcrypt hash into {name}_web_config.basic_auth_users."
    elif username and not password:
        why, hint = f"user '{username}' has no password", f"Set {name}_basic_auth_password."
    else:
        return
    raise StackError(f"Could not protect the web listener of {name}", why=why, hint=hint)
