# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the smoke test. The work is in module_utils/_smoke.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.filter.estate import Once
from ansible_collections.obs.stack.plugins.module_utils import (
    _estate,
    _estate_endpoints,
    _expected,
    _findings,
    _smoke,
    _smoke_signals,
)
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.plugin_utils import _reports
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained
from ansible_collections.obs.stack.plugins.plugin_utils._pem import pem_text

Groups = t.Mapping[str, t.Sequence[str]]
HostVars = t.Mapping[str, t.Mapping[str, t.Any]]
# What the playbook registers, phase by phase.
REGISTERED = {phase: "smoke_test_" + phase for phase in ("write", "read", "remove")}


class Site:
    """The part of a site that takes part: which of its hosts write and read which signal."""

    def __init__(self, groups: Groups, hostvars: HostVars, host: str, hosts: Sequence[str], wanted: str) -> None:
        self.groups, self.hostvars, self.wanted = groups, hostvars, wanted
        site = _estate_endpoints.site_of(hostvars[host])
        self.hosts = [name for name in hosts if _estate_endpoints.site_of(hostvars[name]) == site]

    def of(self, *components: str) -> list[str]:
        """Hosts that run one of some components."""
        wanted = [_estate_endpoints.BY_NAME[name] for name in components]
        return [
            name
            for name in self.hosts
            if any(_estate_endpoints.runs(component, name, self.groups, self.hostvars) for component in wanted)
        ]

    def readable(self) -> list[str]:
        """Signals that some host reads."""
        return [signal for signal, readers in _smoke.READERS.items() if self.of(*readers)]

    def sources(self) -> dict[str, list[str]]:
        """By signal, the hosts that write it; none where nobody would look."""
        sample = _smoke.writer(self.of("node_exporter"), self.of("prometheus"), self.wanted)
        found = {"sample": [sample] if sample else [], "log": [], "trace": []}
        readers = self.of("loki")
        if readers:
            # A host that has no Loki is better: its line crosses the network.
            agents = self.of(*_smoke_signals.AGENTS)
            found["log"] = sorted(agents, key=lambda name: (name != self.wanted, name in readers, name))[:1]
        if self.of("tempo"):
            found["trace"] = self.of("otelcol")
        return found

    def written(self, sources: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Those of the sources that wrote."""
        return {signal: [name for name in names if self._wrote(name, signal)] for signal, names in sources.items()}

    def _wrote(self, host: str, signal: str) -> bool:
        found = _reports.found_in(_results(self.hostvars, host, "write"))
        return any(finding.check == signal and finding.state in (_findings.OK, _findings.SKIPPED) for finding in found)


def health_of(groups: Groups, hostvars: HostVars, host: str) -> list[dict[str, t.Any]]:
    """How the components of a host are asked."""
    return _expected.complete(_estate.derive(groups, hostvars, host)["health"], Ways(groups, hostvars, host))


def _check_wanted(groups: Groups, hosts: Sequence[str], wanted: str) -> None:
    everywhere = set(groups.get(_estate_endpoints.group_of("node_exporter")) or []) & set(hosts)
    if wanted and wanted not in everywhere:
        raise StackError(
            "Could not write a sample on '{0}'".format(wanted),
            why="no host of that name with node_exporter takes part",
            hint="Give -e smoke_host= one of the hosts named, or leave it out.",
        )


def _results(hostvars: HostVars, host: str, phase: str) -> list[Mapping[str, t.Any]]:
    return list((hostvars[host].get(REGISTERED[phase]) or {}).get("results") or [])


def smoke_steps(
    groups: Groups, hostvars: HostVars, host: str, hosts: Sequence[str], phase: str, wanted: str = ""
) -> list[dict[str, t.Any]]:
    """The steps a host does in one phase of the smoke test."""
    _check_wanted(groups, hosts, wanted)
    hostvars = Once(hostvars)
    site = Site(groups, hostvars, host, hosts, wanted)
    sources = site.sources()
    health = health_of(groups, hostvars, host)
    writes = [signal for signal, names in sources.items() if host in names]
    steps = _smoke.plan(health, phase, writes=writes, written=site.written(sources))
    for step in steps:
        if step["step"] == "trace_write":
            step.update(_smoke_signals.otlp(Ways(groups, hostvars, host)))
            step["ca"] = pem_text(step["ca"], doc="smoke-test")
        step["source"] = step["source"] or next(iter(sources["sample"] if phase != "write" else [host]), "")
    return steps


def smoke_report(
    groups: Groups, hostvars: HostVars, hosts: Sequence[str], wanted: str = "", strict: bool = False
) -> dict[str, t.Any]:
    """Lay out what the steps of all phases found."""
    _check_wanted(groups, hosts, wanted)
    hostvars = Once(hostvars)
    found: dict[str, list[_findings.Finding]] = {}
    looked = False
    for host in hosts:
        looked = looked or bool(_results(hostvars, host, "read"))
        found[host] = [f for phase in REGISTERED for f in _reports.found_in(_results(hostvars, host, phase))]
        site = Site(groups, hostvars, host, hosts, wanted)
        sources = site.sources()
        health = health_of(groups, hostvars, host)
        found[host] += _smoke.unread(health, sources, site.written(sources))
        found[host] += _smoke.unsent(health, site.readable())
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
