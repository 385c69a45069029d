# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the otelcol role's wiring needs: receivers and who may send, exporters and their queues. Pure.

Every function returns upstream's ``receivers``, ``exporters`` and ``extensions`` beside ``files`` and ``secrets`` for
release_service. What is read from disk stands below ``/etc/<unit>``.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen, pem_source

# Variable of the role (without its prefix) -> where the listener stands among the receivers.
LISTENERS = {
    "otlp_grpc_listen_address": ("otlp", "protocols", "grpc"),
    "otlp_http_listen_address": ("otlp", "protocols", "http"),
    "jaeger_grpc_endpoint": ("jaeger", "protocols", "grpc"),
    "jaeger_thrift_http_endpoint": ("jaeger", "protocols", "thrift_http"),
    "zipkin_endpoint": ("zipkin",),
}
ENDPOINT_KEYS = {
    "url",
    "ca",
    "server_name",
    "certificate",
    "private_key",
    "username",
    "password",
    "bearer_token",
    "headers",
}
# What is given up is lost: never. The queue on disk bounds what may wait.
RETRY = {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": "0s"}


def otelcol_receivers(
    listeners: Mapping[str, str],
    *,
    name: str,
    tls: Mapping[str, t.Any],
    tokens: Sequence[str],
    users: Mapping[str, str],
) -> dict[str, t.Any]:
    """Receivers, and who may send to them.

    Args:
        listeners: address per listener (a key of LISTENERS); empty for none.
        name: the unit.
        tls: ``certificate``, ``private_key`` and ``client_ca``, each PEM text or a path on the controller.
        tokens: bearer tokens, any of which lets a sender in.
        users: user to bcrypt hash of the password.

    Returns:
        ``receivers``, ``names`` (of the receivers), ``extensions``, ``files`` and ``secrets``.

    Raises:
        StackError: a listener that anyone could send to, two kinds of credentials, half a pair of certificate and key.
    """
    wanted = {key: parse_listen(address, f"otelcol_{key}") for key, address in listeners.items() if address}
    _complain_about_senders({key: place.loopback for key, place in wanted.items()}, tls, tokens, users)
    settings: dict[str, t.Any] = {}
    extensions: dict[str, t.Any] = {}
    files, secrets = _certificates(tls, "otelcol_tls", {"certificate": "server.crt", "client_ca": "client-ca.pem"})
    if tls.get("certificate"):
        settings["tls"] = {
            "cert_file": f"/etc/{name}/tls/server.crt",
            "key_file": f"/etc/{name}/tls/server.key",
            "reload_interval": "1m",
        }
        if tls.get("client_ca"):
            settings["tls"]["client_ca_file"] = f"/etc/{name}/tls/client-ca.pem"
    if tokens:
        settings["auth"] = {"authenticator": "bearertokenauth/senders"}
        extensions["bearertokenauth/senders"] = {"filename": f"/etc/{name}/secrets/tokens"}
        secrets.append(_secret("tokens", "".join(f"{token}\n" for token in tokens), "otelcol_tokens"))
    if users:
        settings["auth"] = {"authenticator": "basicauth/senders"}
        extensions["basicauth/senders"] = {"htpasswd": {"file": f"/etc/{name}/secrets/htpasswd"}}
        lines = "".join(f"{user}:{digest}\n" for user, digest in sorted(users.items()))
        secrets.append(_secret("htpasswd", lines, "otelcol_users"))
    receivers: dict[str, t.Any] = {}
    for key, place in wanted.items():
        here = receivers
        for step in LISTENERS[key][:-1]:
            here = here.setdefault(step, {})
        endpoint = join_host_port(place.host or "0.0.0.0", place.port)  # noqa: S104  ':4317' means all
        here[LISTENERS[key][-1]] = dict(settings, endpoint=endpoint)
    return {
        "receivers": receivers,
        "names": sorted(receivers),
        "extensions": extensions,
        "files": files,
        "secrets": secrets,
    }


def _complain_about_senders(
    loopback: Mapping[str, bool], tls: Mapping[str, t.Any], tokens: Sequence[str], users: Mapping[str, str]
) -> None:
    open_ones = [key for key, alone in loopback.items() if not alone]
    bad_user = next((user for user, digest in users.items() if not re.match(r"^\$2[aby]\$", str(digest))), "")
    hint = "Set otelcol_tls with a client_ca, otelcol_tokens or otelcol_users; or let it listen on 127.0.0.1."
    if bool(tls.get("certificate")) != bool(tls.get("private_key")):
        what, why = "protect the receivers", "otelcol_tls has only one of certificate and private_key"
        hint = "Set both."
    elif tls.get("client_ca") and not tls.get("certificate"):
        what, why = "demand client certificates", "otelcol_tls has a client_ca and no certificate"
        hint = "Set certificate and private_key too."
    elif tokens and users:
        what, why = "protect the receivers", "both otelcol_tokens and otelcol_users are set"
        hint = "A receiver asks for one kind of credentials: leave one of them."
    elif bad_user:
        what, why = f"let '{bad_user}' of otelcol_users in", "its value is no bcrypt hash"
        hint = "Make one, for example with htpasswd -nB, and keep it in a vault."
    elif any(len(str(token)) < 16 or re.search(r"\s", str(token)) for token in tokens):
        what, why = "use otelcol_tokens", "a token is shorter than 16 characters or holds a blank"
        hint = "Make one with 'openssl rand -hex 32'."
    elif open_ones and not (tokens or users or (tls.get("client_ca"))):
        what, why = f"open otelcol_{open_ones[0]}", "beyond loopback anyone who reaches it could send"
    else:
        return
    raise StackError(f"Could not {what}", why=why, hint=hint)


def otelcol_exporters(
    endpoints: Mapping[str, Mapping[str, t.Any]],
    *,
    name: str,
    queue_size: int = 5000,
    block: bool = False,
    ordered: Sequence[str] = (),
) -> dict[str, t.Any]:
    """Exporters by OTLP over HTTP, each with a queue on disk that survives restarts and never gives up.

    Args:
        endpoints: exporter (``tempo``, ``loki``, …) to where and how: ``url`` without the signal's path, and any of
            ``ca``, ``server_name``, ``certificate``, ``private_key``, ``username``, ``password``, ``bearer_token``,
            ``headers``.
        name: the unit.
        queue_size: how many batches may wait.
        block: let the source wait while the queue is full, instead of refusing.
        ordered: exporters that send one batch after the other.

    Returns:
        ``exporters``, ``extensions``, ``files`` and ``secrets``.

    Raises:
        StackError: an endpoint without URL, with an unknown key, two kinds of credentials or half a pair.
    """
    result: dict[str, t.Any] = {"exporters": {}, "extensions": {}, "files": [], "secrets": []}
    for key, endpoint in endpoints.items():
        _complain_about_endpoint(key, endpoint)
        queue: dict[str, t.Any] = {
            "enabled": True,
            "storage": "file_storage",
            "queue_size": int(queue_size),
            # Batches are made behind the queue: what a sender was told to be taken is on disk.
            "batch": {"flush_timeout": "1s", "min_size": 8192},
        }
        if block:
            queue["block_on_overflow"] = True
        if key in ordered:
            queue["num_consumers"] = 1
        exporter: dict[str, t.Any] = {
            "endpoint": str(endpoint["url"]).rstrip("/"),
            "sending_queue": queue,
            "retry_on_failure": dict(RETRY),
        }
        if endpoint.get("headers"):
            exporter["headers"] = dict(endpoint["headers"])
        _protect_exporter(exporter, key, endpoint, name, result)
        result["exporters"][f"otlp_http/{key}"] = exporter
    return result


def _protect_exporter(
    exporter: dict[str, t.Any], key: str, endpoint: Mapping[str, t.Any], name: str, result: dict[str, t.Any]
) -> None:
    places = {"ca": f"{key}-ca.pem", "certificate": f"{key}.crt"}
    files, secrets = _certificates(endpoint, f"endpoint {key}", places, key_file=f"{key}.key")
    result["files"] += files
    result["secrets"] += secrets
    tls = {}
    if endpoint.get("ca"):
        tls["ca_file"] = f"/etc/{name}/tls/{key}-ca.pem"
    if endpoint.get("server_name"):
        tls["server_name_override"] = str(endpoint["server_name"])
    if endpoint.get("certificate"):
        tls.update(cert_file=f"/etc/{name}/tls/{key}.crt", key_file=f"/etc/{name}/tls/{key}.key")
    if tls:
        exporter["tls"] = dict(tls, reload_interval="1m")
    if endpoint.get("bearer_token"):
        extension = f"bearertokenauth/{key}"
        result["extensions"][extension] = {"filename": f"/etc/{name}/secrets/{key}_token"}
        result["secrets"].append(_secret(f"{key}_token", str(endpoint["bearer_token"]), f"endpoint {key}"))
    elif endpoint.get("username"):
        extension = f"basicauth/{key}"
        login = {"username": str(endpoint["username"]), "password_file": f"/etc/{name}/secrets/{key}_password"}
        result["extensions"][extension] = {"client_auth": login}
        result["secrets"].append(_secret(f"{key}_password", str(endpoint["password"]), f"endpoint {key}"))
    else:
        return
    exporter["auth"] = {"authenticator": extension}


def _complain_about_endpoint(key: str, endpoint: Mapping[str, t.Any]) -> None:
    unknown = sorted(set(endpoint) - ENDPOINT_KEYS)
    if unknown:
        why = f"unknown key {unknown[0]}"
    elif not re.match(r"^https?://[^/\s]+", str(endpoint.get("url") or "")):
        why = f"its url '{endpoint.get('url') or ''}' is not of the form http(s)://host:port/path"
    elif bool(endpoint.get("username")) != bool(endpoint.get("password")):
        why = "it has only one of username and password"
    elif endpoint.get("username") and endpoint.get("bearer_token"):
        why = "it has both a password and a bearer token"
    elif bool(endpoint.get("certificate")) != bool(endpoint.get("private_key")):
        why = "it has only one of certificate and private_key"
    else:
        return
    raise StackError(
        f"Could not use the endpoint '{key}' of otelcol",
        why=why,
        hint="Keys: {}.".format(", ".join(sorted(ENDPOINT_KEYS))),
    )


def otelcol_insert(item: Mapping[str, t.Any]) -> str:
    """OTTL: give a resource the attribute ``key`` with the value ``value`` unless it has one.

    Raises:
        StackError: the key cannot be one.
    """
    key = str(item["key"])
    if not re.match(r"^[A-Za-z_][A-Za-z0-9_.-]*$", key):
        raise StackError(
            f"Could not use '{key}' of otelcol_resource_attributes",
            why="an attribute is named by letters, digits, '_', '-' and '.'",
            hint="Write it like site or host.name.",
        )
    place = f'resource.attributes["{key}"]'
    return f"set({place}, {json.dumps(str(item['value']), ensure_ascii=False)}) where {place} == nil"


def _secret(file: str, content: str, variable: str) -> dict[str, t.Any]:
    return {"path": f"secrets/{file}", "content": content, "variable": variable}


def _certificates(
    source: Mapping[str, t.Any], variable: str, places: Mapping[str, str], key_file: str = "server.key"
) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """Certificates as files, the key as a secret. The collector reads them again by itself."""
    files = [
        dict(path=f"tls/{file}", on_change="none", variable=variable, **pem_source(str(source[key])))
        for key, file in places.items()
        if source.get(key)
    ]
    if not source.get("private_key"):
        return files, []
    private = pem_source(str(source["private_key"]))
    return files, [dict(path=f"tls/{key_file}", on_change="none", variable=variable, **private)]
