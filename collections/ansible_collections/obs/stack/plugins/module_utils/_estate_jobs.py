# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How Prometheus reaches what it watches and whom it alerts: scrape jobs, Alertmanagers, CAs and credentials. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import BY_NAME, Access, Endpoint
from ansible_collections.obs.stack.plugins.module_utils._wiring import pem_source


def scrape_config(ends: Sequence[Endpoint]) -> dict[str, t.Any]:
    """One scrape job, named as the service, with a target per host."""
    name = ends[0].component
    config: dict[str, t.Any] = {"job_name": name}
    if ends[0].prefix:
        config["metrics_path"] = f"{ends[0].prefix}/metrics"
    if BY_NAME[name].honoured:
        config["honor_labels"] = True
    schemes = {end.scheme for end in ends}
    if schemes == {"https"}:
        config["scheme"] = "https"
    config.update(client(name, ends[0].access, tls=_tls(ends)))
    config["static_configs"] = []
    for end in ends:
        labels = {"instance": end.instance, "host": end.host, "site": end.site}
        if end.zone:
            # Not `zone`: that is an external label and is dropped from alerts.
            labels["host_zone"] = end.zone
        if len(schemes) > 1:
            labels["__scheme__"] = end.scheme
        config["static_configs"].append({"targets": [end.target], "labels": labels})
    return config


def alertmanager_config(ends: Sequence[Endpoint]) -> list[dict[str, t.Any]]:
    """Where Prometheus sends alerts: every Alertmanager of the site, one entry per scheme."""
    result = []
    for scheme in sorted({end.scheme for end in ends}):
        same = [end for end in ends if end.scheme == scheme]
        entry: dict[str, t.Any] = {"static_configs": [{"targets": [end.target for end in same]}]}
        if same[0].prefix:
            entry["path_prefix"] = same[0].prefix
        if scheme == "https":
            entry["scheme"] = scheme
        entry.update(client("alertmanager", same[0].access, tls=_tls(same)))
        result.append(entry)
    return result


def client(name: str, access: Access, *, tls: bool) -> dict[str, t.Any]:
    """CA and credentials of a job, in upstream's keys; secrets by the files of :func:`access_files`.

    Args:
        name: the job, which names the files.
        access: how Prometheus is let in.
        tls: whether any target is asked by https.
    """
    config: dict[str, t.Any] = {}
    verify: dict[str, str] = {}
    if tls and access.ca:
        verify["ca_file"] = f"/etc/prometheus/ca/{name}.pem"
    if tls and access.own_certificate:
        verify.update(cert_file="/etc/prometheus/tls/server.crt", key_file="/etc/prometheus/tls/server.key")
    if verify:
        config["tls_config"] = verify
    if access.username:
        config["basic_auth"] = {
            "username": access.username,
            "password_file": f"/etc/prometheus/secrets/scrape_{name}_password",
        }
    if access.bearer_token:
        config["authorization"] = {"credentials_file": f"/etc/prometheus/secrets/scrape_{name}_token"}
    return config


def access_files(name: str, access: Access, *, tls: bool) -> dict[str, list[dict[str, str]]]:
    """The CA (``files``), password and token (``secrets``) that :func:`client` names."""
    files = []
    secrets = []
    if tls and access.ca:
        files.append(dict(path=f"ca/{name}.pem", **pem_source(access.ca)))
    if access.username:
        secrets.append({"path": f"secrets/scrape_{name}_password", "content": access.password})
    if access.bearer_token:
        secrets.append({"path": f"secrets/scrape_{name}_token", "content": access.bearer_token})
    return {"files": files, "secrets": secrets}


def client_files(jobs: Sequence[Sequence[Endpoint]]) -> dict[str, list[dict[str, str]]]:
    """CAs (``files``) and passwords (``secrets``) that the components' jobs name."""
    found: dict[str, list[dict[str, str]]] = {"files": [], "secrets": []}
    for ends in jobs:
        for key, items in access_files(ends[0].component, ends[0].access, tls=_tls(ends)).items():
            found[key] += items
    return found


def _tls(ends: Sequence[Endpoint]) -> bool:
    return any(end.scheme == "https" for end in ends)
