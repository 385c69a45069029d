# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""EC2 instances that ask by their tags to be scraped (``obs_scrape_ec2``), found by Prometheus itself. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import text
from ansible_collections.obs.stack.plugins.module_utils._estate_items import (
    access_of,
    job_name,
    labels_of,
    port_of,
    refusal,
    scheme_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import access_files, client
from ansible_collections.obs.stack.plugins.module_utils._estate_scrape import DISCOVERIES
from ansible_collections.obs.stack.plugins.module_utils._wiring import ec2_job

# Upstream's own default, for instances that do not tell a port.
DEFAULT_PORT = 80
# Prometheus makes label names of tags: whatever is no letter or digit becomes '_'.
TAG = "__meta_ec2_tag_prometheus_io_{0}"
# What is ours in an item; the rest is upstream's.
OWN_KEYS = ("job", "labels", "scheme", "ca", "username", "password", "bearer_token", "port", "region")

# Before host and instance, which tell the port.
_BY_TAGS: tuple[dict[str, t.Any], ...] = (
    # Dropped here and not by a filter: Service discovery in Prometheus' pages then shows what an instance lacks.
    {"source_labels": [TAG.format("scrape")], "regex": "true", "action": "keep"},
    {
        "source_labels": ["__address__", TAG.format("port")],
        "regex": r"(.+):\d+;(\d+)",
        "target_label": "__address__",
        "replacement": "${1}:${2}",
    },
    {"source_labels": [TAG.format("path")], "regex": "(.+)", "target_label": "__metrics_path__"},
    {"source_labels": [TAG.format("scheme")], "regex": "(https?)", "target_label": "__scheme__"},
    # One discovery finds many applications: without a job of their own they would be down only all together.
    {"source_labels": [TAG.format("job")], "regex": "(.+)", "target_label": "job"},
)


def discoveries(variables: t.Mapping[str, t.Any], site: str, host: str) -> dict[str, list[dict[str, t.Any]]]:
    """What a Prometheus takes for its ``obs_scrape_ec2``: ``scrape_configs``, ``files`` and ``secrets``.

    Args:
        variables: of a host with Prometheus.
        site: its site, a label of all targets.
        host: its name, for errors.

    Raises:
        StackError: an item cannot become a job.
    """
    result: dict[str, list[dict[str, t.Any]]] = {"scrape_configs": [], "files": [], "secrets": []}
    items = variables.get(DISCOVERIES) or []
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise refusal(f"{DISCOVERIES} of {host}", "it is not a list", "Write a list of {region}.")
    for number, item in enumerate(items, 1):
        where = f"{DISCOVERIES}[{number}] of {host}"
        if not isinstance(item, Mapping) or not item.get("region"):
            raise refusal(where, "it has no region", "Set region: it is never guessed.")
        name = job_name(text(item, "job", "ec2-{0}".format(item["region"])), where)
        access = access_of(item, where)
        job = _job(item, name, site, where)
        result["scrape_configs"].append({**job, **client(name, access, tls=True)})
        for key, found in access_files(name, access, tls=True).items():
            result[key] += found
    return result


def _job(item: Mapping[str, t.Any], name: str, site: str, where: str) -> dict[str, t.Any]:
    labels = {"site": site, **labels_of(item.get("labels"), where)}
    discovery = {key: value for key, value in item.items() if key not in OWN_KEYS}
    discovery.update(
        job_name=name,
        region=str(item["region"]),
        port=port_of({"port": item.get("port") or DEFAULT_PORT}, where),
        relabel_configs=[
            *({"target_label": label, "replacement": value} for label, value in labels.items()),
            *(item.get("relabel_configs") or []),
        ],
    )
    job = ec2_job(discovery, where, first=_BY_TAGS)
    if scheme_of(item, where) == "https":
        job["scheme"] = "https"
    return job
