# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the tempo role's wiring needs: listeners and their protection, storage, and what may not be asked for. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import version_key
from ansible_collections.obs.stack.plugins.module_utils._wiring import Listen, join_host_port, parse_listen, pem_source

FIRST = "3.0.0"

# Keys of 2.x, dotted, and what took their place. Tempo itself only says that it does not know them.
REMOVED = {
    "ingester": "live_store",
    "ingester_client": "live_store_client",
    "compactor": "backend_worker.compaction, for the retention the variable tempo_retention",
    "metrics_generator.traces_storage": "nothing: the live-store answers for recent traces",
    "metrics_generator.processor.local_blocks": "nothing: the live-store answers for recent traces",
    "query_frontend.search.query_ingesters_until": "nothing",
    "querier.query_live_store": "nothing",
    "partition_ring_live_store": "nothing",
}
SCOPES = {"defaults", "per_tenant_override_config", "per_tenant_override_period", "user_configurable_overrides"}
SCOPES |= {"enable_legacy_overrides"}
_DAYS = re.compile(r"^([0-9]+)(d|w)$")


def tempo_config(config: Mapping[str, t.Any], *, version: str, instances: int = 1) -> dict[str, t.Any]:
    """The configuration as it is, when this Tempo may run on it.

    Args:
        config: the whole configuration.
        version: the release that will read it.
        instances: how many work on the same storage.

    Raises:
        StackError: a release before 3.0, a key that is gone since 2.x, or a second instance.
    """
    try:
        too_old = version_key(version) < version_key(FIRST)
    except StackError:
        too_old = False  # what is no version is refused by release_service, with its variable
    if too_old:
        raise StackError(
            f"Could not use Tempo {version}",
            why="this role runs 3.0 and newer",
            hint=f"Set tempo_version to {FIRST} or newer; tempo_former_wals tells the way from 2.x.",
        )
    if int(instances) > 1:
        raise StackError(
            f"Could not run {instances} Tempo on one storage",
            why="each is whole (target all), and a second one would compact and delete the blocks of the first",
            hint="Leave one host, or give every Tempo a bucket or prefix of its own.",
        )
    for path, instead in REMOVED.items():
        if _at(config, path) is not None:
            raise _removed(path, instead)
    overrides = config.get("overrides") or {}
    flat = sorted(set(overrides) - SCOPES)
    if flat and not overrides.get("enable_legacy_overrides"):
        raise _removed(f"overrides.{flat[0]}", "overrides.defaults in its scoped form")
    processors = _at(config, "overrides.defaults.metrics_generator.processors") or []
    if "local-blocks" in processors:
        raise _removed("processor local-blocks", "nothing: the live-store answers for recent traces")
    return dict(config)


def _at(config: t.Any, path: str) -> t.Any:
    for step in path.split("."):
        config = config.get(step) if isinstance(config, Mapping) else None
    return config


def _removed(path: str, instead: str) -> StackError:
    return StackError(
        f"Could not use '{path}' of tempo_config",
        why="Tempo 3.0 has it no more",
        hint=f"In its place: {instead}.",
    )


def go_duration(text: str) -> str:
    """A duration as Go reads it: ``14d`` is ``336h``; what has no days or weeks stays as it is."""
    match = _DAYS.match(str(text).strip())
    if not match:
        return str(text).strip()
    return f"{int(match.group(1)) * (24 if match.group(2) == 'd' else 168)}h"


def tempo_storage(s3: Mapping[str, t.Any], data_dir: str) -> dict[str, t.Any]:
    """Where traces are kept.

    Args:
        s3: ``bucket``, ``endpoint`` and the rest of the role's ``tempo_s3``; empty for a local folder.
        data_dir: Tempo's folder.

    Returns:
        ``trace`` (upstream's ``storage.trace``), ``files``, ``secrets`` and ``environment`` for release_service.

    Raises:
        StackError: bucket or endpoint is missing, the endpoint has a scheme, or only one of the keys is there.
    """
    wal = {"path": f"{data_dir}/wal"}
    if not s3:
        local = {"backend": "local", "local": {"path": f"{data_dir}/blocks"}, "wal": wal}
        return {"trace": local, "files": [], "secrets": [], "environment": {}}
    _complain_about_s3(s3)
    names = {"bucket": "bucket", "endpoint": "endpoint", "region": "region", "prefix": "prefix"}
    names.update(insecure="insecure", path_style="forcepathstyle")
    there = {upstream: s3[ours] for ours, upstream in names.items() if s3.get(ours) not in (None, "")}
    files: list[dict[str, t.Any]] = []
    secrets: list[dict[str, t.Any]] = []
    environment = {}
    if s3.get("ca"):
        there["tls_ca_path"] = "/etc/tempo/tls/s3-ca.pem"
        files.append(dict(path="tls/s3-ca.pem", variable="tempo_s3", **pem_source(str(s3["ca"]))))
    if s3.get("access_key"):
        # The client reads it as the SDKs do. A colon is as good as an equals sign to it, and to what masks secrets.
        text = "[default]\naws_access_key_id: {access_key}\naws_secret_access_key: {secret_key}\n".format(**s3)
        secrets.append({"path": "secrets/s3", "content": text, "variable": "tempo_s3"})
        environment["AWS_SHARED_CREDENTIALS_FILE"] = "/etc/tempo/secrets/s3"
    trace = {"backend": "s3", "s3": there, "wal": wal}
    return {"trace": trace, "files": files, "secrets": secrets, "environment": environment}


def _complain_about_s3(s3: Mapping[str, t.Any]) -> None:
    missing = [key for key in ("bucket", "endpoint") if not s3.get(key)]
    if missing:
        why = f"no {missing[0]}"
    elif "://" in str(s3["endpoint"]):
        why = f"the endpoint '{s3['endpoint']}' has a scheme"
    elif bool(s3.get("access_key")) != bool(s3.get("secret_key")):
        why = "it has only one of access_key and secret_key"
    else:
        return
    raise StackError(
        "Could not use tempo_s3",
        why=why,
        hint="Give bucket, endpoint (host and port) and both keys, or no key for the instance's role.",
    )


def tempo_access(
    listen: str,
    *,
    grpc: str,
    otlp_grpc: str,
    otlp_http: str,
    tls: Mapping[str, t.Any],
    server_name: str,
    api_client_auth: bool = False,
) -> dict[str, t.Any]:
    """Everything that follows from where Tempo listens and how that is protected.

    Args:
        listen: of the query API.
        grpc: of Tempo's own parts.
        otlp_grpc, otlp_http: of the receivers, empty for none.
        tls: ``certificate``, ``private_key``, ``ca``, ``client_ca``, ``client_certificate`` and ``client_private_key``,
            each PEM text or a path on the controller; any may be absent.
        server_name: the name in the certificate, for the probe at a local address.
        api_client_auth: whether the query API demands a client certificate too.

    Returns:
        ``server`` and ``receivers`` in upstream's keys, ``files``, ``secrets`` and ``probe`` for release_service.

    Raises:
        StackError: a receiver that anyone could write to, half a pair of certificate and key, or a demand without CA.
    """
    api, own = parse_listen(listen, "tempo_listen_address"), parse_listen(grpc, "tempo_grpc_listen_address")
    takers = {
        name: parse_listen(address, f"tempo_otlp_{name}_listen_address")
        for name, address in (("grpc", otlp_grpc), ("http", otlp_http))
        if address
    }
    _complain_about_access(takers, tls, api_client_auth)
    files, secrets = _certificates(tls)
    server: dict[str, t.Any] = {
        "http_listen_address": api.host,
        "http_listen_port": api.port,
        "grpc_listen_address": own.host,
        "grpc_listen_port": own.port,
    }
    probe: dict[str, t.Any] = {"scheme": "http", "address": api.local, "port": api.port}
    protection: dict[str, t.Any] = {}
    if tls.get("certificate"):
        pair = {"cert_file": "/etc/tempo/tls/server.crt", "key_file": "/etc/tempo/tls/server.key"}
        server["http_tls_config"] = dict(pair)
        protection = dict(pair, reload_interval="1m")
        probe.update(scheme="https", server_name=server_name)
        if tls.get("ca"):
            probe["ca_path"] = "tls/ca.pem"
        if tls.get("client_ca"):
            protection["client_ca_file"] = "/etc/tempo/tls/client-ca.pem"
    if api_client_auth:
        server["http_tls_config"].update(
            client_ca_file="/etc/tempo/tls/client-ca.pem", client_auth_type="RequireAndVerifyClientCert"
        )
        probe.update(client_cert="tls/client.crt", client_key="tls/client.key")
    receivers: dict[str, dict[str, t.Any]] = {}
    for name, taker in takers.items():
        receivers[name] = {"endpoint": join_host_port(taker.host or "0.0.0.0", taker.port)}  # noqa: S104  ':4327' means all
        if protection:
            receivers[name]["tls"] = dict(protection)
    return {
        "server": server,
        "receivers": {"otlp": {"protocols": receivers}} if receivers else {},
        "files": files,
        "secrets": secrets,
        "probe": probe,
    }


def _complain_about_access(takers: Mapping[str, Listen], tls: Mapping[str, t.Any], api_client_auth: bool) -> None:
    guarded = bool(tls.get("certificate") and tls.get("client_ca"))
    open_ones = [f"tempo_otlp_{name}_listen_address" for name, taker in takers.items() if not taker.loopback]
    hint = "Set certificate, private_key and client_ca in tempo_tls."
    if bool(tls.get("certificate")) != bool(tls.get("private_key")):
        what, why = "protect Tempo", "tempo_tls has only one of certificate and private_key"
    elif bool(tls.get("client_certificate")) != bool(tls.get("client_private_key")):
        what, why = "let the probe ask", "tempo_tls has only one of client_certificate and client_private_key"
        hint = "Set both."
    elif open_ones and not guarded:
        what, why = f"open {open_ones[0]}", "beyond loopback anyone who reaches it could write traces"
        hint += " Or let it listen on 127.0.0.1, behind the gateway of obs.stack.otelcol."
    elif api_client_auth and not (guarded and tls.get("client_certificate")):
        what, why = "demand client certificates", "tempo_tls lacks the client CA or the probe's own certificate"
        hint = "Set client_ca, client_certificate and client_private_key in tempo_tls."
    else:
        return
    raise StackError(f"Could not {what}", why=why, hint=hint)


def _certificates(tls: Mapping[str, t.Any]) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """Certificates as files and keys as secrets. Listeners read them again by themselves."""
    places = {"certificate": "server.crt", "ca": "ca.pem", "client_ca": "client-ca.pem"}
    places["client_certificate"] = "client.crt"
    keys = {"private_key": "server.key", "client_private_key": "client.key"}

    def placed(names: Mapping[str, str]) -> list[dict[str, t.Any]]:
        return [
            dict(path=f"tls/{file}", on_change="none", variable="tempo_tls", **pem_source(str(tls[key])))
            for key, file in names.items()
            if tls.get(key)
        ]

    return placed(places), placed(keys)
