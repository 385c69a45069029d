# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Other sites that a Prometheus watches from outside, as ``obs_watched_sites`` names them: a scrape job for each. Pure.

A site that is lost cannot tell it. That its Prometheus is not reached from another site is what that one can see, and
the alert SiteDown is raised of.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    BY_NAME,
    Endpoint,
    Groups,
    HostVars,
    members,
    site_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import access_files, client
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen

WATCHED = "obs_watched_sites"
# The label that keeps these targets out of the alerts about single targets and jobs: their own site has those.
LABEL = {"watched": "site"}


def watched(variables: t.Mapping[str, t.Any]) -> list[str]:
    """The sites that a host names, each once, sorted."""
    return sorted({str(site) for site in variables.get(WATCHED) or []})


def derived(ways: Ways) -> dict[str, list[dict[str, t.Any]]]:
    """What the Prometheus of a host takes: ``scrape_configs``, ``files`` and ``secrets``."""
    result: dict[str, list[dict[str, t.Any]]] = {"scrape_configs": [], "files": [], "secrets": []}
    for site in watched(ways.variables):
        ends = members(BY_NAME["prometheus"], ways.groups, ways.hostvars, site)
        if not ends or site == ways.site:
            continue
        name = "site-" + re.sub(r"[^A-Za-z0-9_.-]", "-", site)
        tls = any(end.scheme == "https" for end in ends)
        result["scrape_configs"].append(_scrape_config(name, site, ends, tls=tls))
        for key, items in access_files(name, ends[0].access, tls=tls).items():
            result[key] += items
    return result


def _scrape_config(name: str, site: str, ends: t.Sequence[Endpoint], *, tls: bool) -> dict[str, t.Any]:
    return {
        "job_name": name,
        "metrics_path": f"{ends[0].prefix}/metrics",
        **client(name, ends[0].access, tls=tls),
        "static_configs": [
            {
                "targets": [end.target],
                "labels": {"instance": end.instance, "site": site, **LABEL, "__scheme__": end.scheme},
            }
            for end in ends
        ],
        # Whether it answers is all that is asked: its samples are its own site's.
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": "prometheus_build_info", "action": "keep"},
        ],
    }


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """What cannot be watched, in words for its owner, each once."""
    found = []
    sites = {site_of(hostvars[host]) for host in groups.get("prometheus") or []}
    for host in groups.get("prometheus") or []:
        own = site_of(hostvars[host])
        for site in watched(hostvars[host]):
            if site == own:
                found.append(f"{WATCHED} of {host} names its own site: who is lost cannot tell it. Name others.")
            elif site not in sites:
                found.append(
                    f"{WATCHED} of {host} names {site}, where no Prometheus is. There are: {', '.join(sorted(sites))}."
                )
            else:
                ends = members(BY_NAME["prometheus"], groups, hostvars, site)
                found += [
                    f"{WATCHED} of {host}: Prometheus of {end.host} listens on loopback. Set prometheus_listen_address."
                    for end in ends
                    if parse_listen(end.target).loopback
                ]
    return list(dict.fromkeys(found))
