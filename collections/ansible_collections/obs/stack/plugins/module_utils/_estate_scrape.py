# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The users' own applications, as ``obs_scrape`` of their hosts tells them: one scrape job per name over a site. Pure.

What differs between targets stands in the job's live file, so that a target that moves is seen without a reload.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    Access,
    Groups,
    HostVars,
    address_of,
    hosts_of,
    site_of,
    text,
    zone_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_items import (
    access_of,
    job_name,
    labels_of,
    listed,
    params_of,
    port_of,
    refusal,
    scheme_of,
    times_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import access_files, client
from ansible_collections.obs.stack.plugins.module_utils._wiring import LIVE_FILE_SD, join_host_port

APPLICATIONS = "obs_scrape"
DISCOVERIES = "obs_scrape_ec2"


class Application(t.NamedTuple):
    """One target of a user's job. ``where`` names the variable it came from; times are Prometheus' durations or ""."""

    job: str
    host: str
    site: str
    zone: str
    address: str
    port: int
    path: str
    scheme: str
    labels: dict[str, str]
    interval: str
    timeout: str
    params: dict[str, str]
    access: Access
    where: str

    @property
    def target(self) -> str:
        """``address:port`` to connect to."""
        return join_host_port(self.address, self.port)

    @property
    def instance(self) -> str:
        """``host:port`` by inventory name: stable when the address changes."""
        return f"{self.host}:{self.port}"


def application(host: str, variables: t.Mapping[str, t.Any], item: t.Any, where: str) -> Application:
    """One item of ``obs_scrape``.

    Raises:
        StackError: it cannot become a target.
    """
    if not isinstance(item, Mapping):
        raise refusal(where, "it is not a dictionary", "Write {job: shop, port: 8080}.")
    path = text(item, "path", "/metrics")
    if not path.startswith("/") or "?" in path:
        raise refusal(where, f"the path '{path}' is not a plain path", "Begin it with '/'; a query goes into params.")
    interval, timeout = times_of(item, where)
    return Application(
        job=job_name(text(item, "job"), where),
        host=host,
        site=site_of(variables),
        zone=zone_of(variables),
        address=text(item, "address") or address_of(host, variables),
        port=port_of(item, where),
        path=path,
        scheme=scheme_of(item, where),
        labels=labels_of(item.get("labels"), where),
        interval=interval,
        timeout=timeout,
        params=params_of(item.get("params"), where),
        access=access_of(item, where),
        where=where,
    )


def items_of(host: str, variables: t.Mapping[str, t.Any]) -> list[tuple[str, t.Any]]:
    """Every item of ``obs_scrape`` and ``obs_scrape_<anything>`` of a host, with the variable and number it has there.

    Raises:
        StackError: a variable is not a list.
    """
    return listed(APPLICATIONS, host, variables, "Write a list of {job, port}.", DISCOVERIES)


def applications(groups: Groups, hostvars: HostVars, site: str) -> list[Application]:
    """The applications of a site, in the same order whatever that of the inventory.

    Raises:
        StackError: one cannot become a target.
    """
    found = []
    for host in hosts_of(groups):
        variables = hostvars[host]
        if site_of(variables) == site:
            found += [
                application(host, variables, item, f"{place} of {host}") for place, item in items_of(host, variables)
            ]
    return sorted(found, key=lambda one: (one.job, one.host, one.port, one.path, sorted(one.labels.items())))


def by_job(found: Iterable[Application]) -> dict[str, list[Application]]:
    """Applications by the name of their job."""
    jobs: dict[str, list[Application]] = {}
    for one in found:
        jobs.setdefault(one.job, []).append(one)
    return jobs


def target_group(one: Application) -> dict[str, t.Any]:
    """An application as upstream's target group."""
    labels = {"instance": one.instance, "host": one.host, "site": one.site}
    if one.zone:
        labels["host_zone"] = one.zone
    labels.update(sorted(one.labels.items()))
    special = {
        "__scheme__": one.scheme if one.scheme != "http" else "",
        "__metrics_path__": one.path if one.path != "/metrics" else "",
        "__scrape_interval__": one.interval,
        "__scrape_timeout__": one.timeout,
        **{f"__param_{name}": value for name, value in sorted(one.params.items())},
    }
    labels.update({name: value for name, value in special.items() if value})
    return {"targets": [one.target], "labels": labels}


def derived(found: Sequence[Application]) -> dict[str, list[dict[str, t.Any]]]:
    """What the Prometheus of a site takes: ``scrape_configs``, ``live`` files, ``files`` and ``secrets``."""
    result: dict[str, list[dict[str, t.Any]]] = {"scrape_configs": [], "live": [], "files": [], "secrets": []}
    for job, ones in sorted(by_job(found).items()):
        access = ones[0].access
        result["scrape_configs"].append(
            {
                "job_name": job,
                **client(job, access, tls=True),
                "file_sd_configs": [{"files": [f"{LIVE_FILE_SD}/{job}.yml"]}],
            }
        )
        result["live"].append(
            {"path": f"file_sd/{job}.yml", "data": [target_group(one) for one in ones], "variable": APPLICATIONS}
        )
        for key, items in access_files(job, access, tls=True).items():
            result[key] += items
    return result
