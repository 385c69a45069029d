# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Derive a site's wiring from the inventory alone: scrape targets, Alertmanager peers, labels, credentials.

Reads the names of hosts and groups and inventory variables, never gathered facts, and always the whole inventory, so
``--limit`` and ``--tags`` change nothing of what is rendered. Pure: no file is read and nothing is changed.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate_deploys,
    _estate_ec2,
    _estate_probes,
    _estate_routing,
    _estate_scrape,
    _estate_signals,
    _estate_sites,
    _estate_slos,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    BY_NAME,
    COMPONENTS,
    DEFAULT_LISTEN,
    Endpoint,
    Groups,
    HostVars,
    address_of,
    listen_default,
    services_of,
    text,
    zone_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import (
    alertmanager_config,
    client_files,
    scrape_config,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._wiring import is_ip, join_host_port, parse_listen

GOSSIP_PORT = 9094
# Services that evaluate rules, or tell of what they find.
LINKED = {"prometheus", "thanos-rule", "loki", "alertmanager"}


def derive(groups: Groups, hostvars: HostVars, host: str) -> dict[str, t.Any]:
    """What the inventory says about one host.

    Args:
        groups: names of all hosts by group (Ansible's ``groups``).
        hostvars: inventory variables of every host (Ansible's ``hostvars``).
        host: inventory name of the host to derive for.

    Returns:
        ``address``, ``site``, ``zone``, ``listen`` (the address a service listens on unless told otherwise, by its
        name, and under ``private`` that of its parts which only the estate asks), ``urls`` of its own services,
        ``health`` (how each is asked and what the inventory expects of it), ``runs`` (what is installed, in order),
        ``deploy`` (whom a change of them is told, as :mod:`_estate_deploys` says), ``links`` (of alerts),
        and per component it runs what its role takes: ``prometheus`` (external_labels, scrape_configs, alertmanagers,
        rules, files, secrets, live, flags, remote_write_receiver, replicas), ``alertmanager`` (peers,
        advertise_address, members, links), the others as :mod:`_estate_signals` says; ``slos`` where rules are
        evaluated, as :mod:`_estate_slos` says.

    Raises:
        StackError: a listen address of the site is malformed, or an application or probe cannot become a target.
    """
    variables = hostvars[host]
    ways = Ways(groups, hostvars, host)
    own = services_of(host, groups, hostvars)
    ends = {c.name: t.cast("Endpoint", ways.own(c.name)) for c in own}
    result: dict[str, t.Any] = {
        "address": address_of(host, variables),
        "site": ways.site,
        "zone": zone_of(variables),
        "listen": {
            **{c.name: listen_default(c, variables, enclosed=ways.enclosed) for c in COMPONENTS},
            "private": listen_default(BY_NAME["loki"], variables, enclosed=ways.enclosed),
        },
        "urls": {name: end.url for name, end in ends.items()},
        "runs": list(dict.fromkeys(c.run for c in own)),
        "deploy": _estate_deploys.deploys(ways),
        "links": _estate_routing.links(ways) if LINKED & set(ends) else {},
    }
    expected: dict[str, t.Any] = {}
    if "prometheus" in ends:
        applications = _estate_scrape.applications(groups, hostvars, ways.site)
        probes = _estate_probes.probes(groups, hostvars, ways.site)
        result["prometheus"] = _prometheus(ways, applications, probes)
        expected["prometheus"] = {
            "targets": [[end.component, end.instance] for c in COMPONENTS for end in ways.members(c.name)],
            "applications": [
                *([one.job, one.instance] for one in applications),
                *([one.name, one.target] for one in probes),
            ],
            "jobs": result["prometheus"]["components"],
            "alertmanagers": len(ways.members("alertmanager")),
        }
    if "alertmanager" in ends:
        result["alertmanager"] = _alertmanager(ways.members("alertmanager"), hostvars, host)
        result["alertmanager"]["links"] = result["links"]
        expected["alertmanager"] = {
            "members": len(ways.members("alertmanager")),
            "alerts": bool(ways.members("prometheus")),
        }
    for name, derived in _estate_signals.DERIVED.items():
        if name in result["runs"]:
            result[name.replace("-", "_")] = derived(ways)
    if set(_estate_slos.EVALUATORS) & set(ends):
        result["slos"] = _estate_slos.slos(ways)
    result["health"] = [_asked(end, expected.get(name, {})) for name, end in ends.items()]
    return result


def _asked(end: Endpoint, expected: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """How a service is asked on its own host. Without the password: what is looped over is shown."""
    return {
        "component": end.component,
        "address": end.local,
        "port": end.port,
        "scheme": end.scheme,
        "prefix": end.prefix,
        "ca_path": "/etc/{0}/tls/ca.pem".format(end.component) if end.ca else "",
        "username": end.username,
        "expected": dict(expected),
    }


def _prometheus(
    ways: Ways, applications: Sequence[_estate_scrape.Application], probes: Sequence[_estate_probes.Probe]
) -> dict[str, t.Any]:
    found = [ways.members(c.name) for c in COMPONENTS]
    jobs = [ends for ends in found if ends]
    variables = ways.variables
    labels = {"site": ways.site, "replica": ways.host}
    zone = zone_of(variables)
    if zone:
        labels["zone"] = zone
    told = ways.members("alertmanager")
    receives = _estate_signals.site_sends_samples(ways.groups, ways.hostvars, ways.site)
    result: dict[str, t.Any] = {
        "external_labels": labels,
        "scrape_configs": [scrape_config(ends) for ends in jobs],
        "alertmanagers": alertmanager_config(told) if told else [],
        "components": [ends[0].component for ends in jobs],
        "remote_write_receiver": receives,
        "flags": _estate_signals.prometheus_flags(ways, receives=receives),
        "replicas": len(ways.members("prometheus")),
        "otlp_address": _estate_signals.tracing(ways),
        "live": [],
        "remote_write": [],
        **client_files(jobs),
    }
    for more in (
        _estate_signals.prometheus_elsewhere(ways),
        _estate_scrape.derived(applications),
        _estate_probes.derived(probes, ways),
        _estate_sites.derived(ways),
        _estate_ec2.discoveries(variables, ways.site, ways.host),
    ):
        for key, items in more.items():
            result[key] = result[key] + items
    return result


def _alertmanager(ends: Sequence[Endpoint], hostvars: HostVars, host: str) -> dict[str, t.Any]:
    peers = []
    advertise = ""
    for end in ends:
        listen = parse_listen(
            text(
                hostvars[end.host],
                "alertmanager_cluster_listen_address",
                join_host_port(DEFAULT_LISTEN, GOSSIP_PORT),
            ),
            "alertmanager_cluster_listen_address",
        )
        address = join_host_port(address_of(end.host, hostvars[end.host]), listen.port)
        if end.host != host:
            peers.append(address)
        elif is_ip(address_of(host, hostvars[host])):
            # Gossip advertises an IP address only; by a name Alertmanager finds its private address itself.
            advertise = address
    return {"peers": peers, "advertise_address": advertise if peers else "", "members": len(ends)}
