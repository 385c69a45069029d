# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the smoke test. The work is in module_utils/_smoke.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _estate, _estate_endpoints, _findings, _smoke
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils import _reports
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

Groups = t.Mapping[str, t.Sequence[str]]
HostVars = t.Mapping[str, t.Mapping[str, t.Any]]
# What the playbook registers, phase by phase.
REGISTERED = {phase: "smoke_test_" + phase for phase in ("write", "read", "remove")}


def _writer(groups: Groups, hostvars: HostVars, host: str, hosts: Sequence[str], wanted: str) -> str:
    """The host that writes the sample of this host's site."""
    everywhere = set(groups.get(_estate_endpoints.group_of("node_exporter")) or []) & set(hosts)
    if wanted and wanted not in everywhere:
        raise StackError(
            "Could not write a sample on '{0}'".format(wanted),
            why="no host of that name with node_exporter takes part",
            hint="Give -e smoke_host= one of the hosts named, or leave it out.",
        )
    site = _estate_endpoints.site_of(hostvars[host])
    in_site = [name for name in hosts if _estate_endpoints.site_of(hostvars[name]) == site]
    monitored, watchers = (
        [name for name in in_site if name in (groups.get(_estate_endpoints.group_of(service)) or [])]
        for service in ("node_exporter", "prometheus")
    )
    return _smoke.writer(monitored, watchers, wanted)


def _results(hostvars: HostVars, host: str, phase: str) -> list[Mapping[str, t.Any]]:
    return list((hostvars[host].get(REGISTERED[phase]) or {}).get("results") or [])


def _written(hostvars: HostVars, host: str) -> bool:
    found = _reports.found_in(_results(hostvars, host, "write")) if host else []
    return any(finding.state in (_findings.OK, _findings.SKIPPED) for finding in found)


def smoke_steps(
    groups: Groups, hostvars: HostVars, host: str, hosts: Sequence[str], phase: str, wanted: str = ""
) -> list[dict[str, t.Any]]:
    """The steps a host does in one phase of the smoke test."""
    source = _writer(groups, hostvars, host, hosts, wanted)
    health = _estate.derive(groups, hostvars, host)["health"]
    steps = _smoke.plan(health, phase, writes=host == source, written=_written(hostvars, source))
    return [{**step, "source": source} for step in steps]


def smoke_report(
    groups: Groups, hostvars: HostVars, hosts: Sequence[str], wanted: str = "", strict: bool = False
) -> dict[str, t.Any]:
    """Lay out what the steps of all phases found."""
    found: dict[str, list[_findings.Finding]] = {}
    looked = False
    for host in hosts:
        looked = looked or bool(_results(hostvars, host, "read"))
        found[host] = [f for phase in REGISTERED for f in _reports.found_in(_results(hostvars, host, phase))]
        source = _writer(groups, hostvars, host, hosts, wanted)
        if not _written(hostvars, source):
            found[host] += _smoke.unread(_estate.derive(groups, hostvars, host)["health"], source)
    result = _reports.report(found, strict=strict)
    if not looked and not result["wrong"]:
        result["wrong"].append("Could not test anything: no Prometheus and no Alertmanager takes part.")
    return result


class FilterModule:
    """The smoke test."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "smoke_report": explained(smoke_report),
            "smoke_steps": explained(smoke_steps),
        }
