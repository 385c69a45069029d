# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Derive a site's wiring from the inventory alone: scrape targets, Alertmanager peers, labels, credentials.

Reads the names of hosts and groups and inventory variables, never gathered facts, and always the whole inventory, so
``--limit`` and ``--tags`` change nothing of what is rendered. Pure: no file is read and nothing is changed.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _estate_ec2, _estate_scrape
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    COMPONENTS,
    DEFAULT_LISTEN,
    Endpoint,
    Groups,
    HostVars,
    address_of,
    endpoint,
    members,
    site_of,
    text,
    zone_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import (
    alertmanager_config,
    client_files,
    scrape_config,
)
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen

GOSSIP_PORT = 9094
# Groups whose hosts send samples by remote write to the Prometheus of their site.
REMOTE_WRITE_SENDERS = ("tempo", "otelcol")


def derive(groups: Groups, hostvars: HostVars, host: str) -> dict[str, t.Any]:
    """What the inventory says about one host.

    Args:
        groups: names of all hosts by group (Ansible's ``groups``).
        hostvars: inventory variables of every host (Ansible's ``hostvars``).
        host: inventory name of the host to derive for.

    Returns:
        ``address``, ``site``, ``zone``, ``urls`` of its own services, ``health`` (how each is asked and what the
        inventory expects of it), and per component it runs what its role takes:
        ``prometheus`` (external_labels, scrape_configs, alertmanagers, rules, files, secrets, live,
        remote_write_receiver, replicas), ``alertmanager`` (peers, advertise_address, members).

    Raises:
        StackError: a listen address of the site is malformed, or an application cannot become a target.
    """
    variables = hostvars[host]
    site = site_of(variables)
    own = [c for c in COMPONENTS if host in (groups.get(c.group) or [])]
    result: dict[str, t.Any] = {
        "address": address_of(host, variables),
        "site": site,
        "zone": zone_of(variables),
        "urls": {c.name: endpoint(c, host, variables).url for c in own},
    }
    names = {c.name for c in own}
    expected: dict[str, t.Any] = {}
    if names & {"prometheus", "alertmanager"}:
        site_members = {c.name: members(c, groups, hostvars, site) for c in COMPONENTS}
        if "prometheus" in names:
            applications = _estate_scrape.applications(groups, hostvars, site)
            result["prometheus"] = _prometheus(site_members, applications, groups, hostvars, host)
            expected["prometheus"] = {
                "targets": [[end.component, end.instance] for ends in site_members.values() for end in ends],
                "applications": [[one.job, one.instance] for one in applications],
                "jobs": result["prometheus"]["components"],
                "alertmanagers": len(site_members["alertmanager"]),
            }
        if "alertmanager" in names:
            result["alertmanager"] = _alertmanager(site_members["alertmanager"], hostvars, host)
            expected["alertmanager"] = {
                "members": len(site_members["alertmanager"]),
                "alerts": bool(site_members["prometheus"]),
            }
    result["health"] = [_asked(endpoint(c, host, variables), variables, expected.get(c.name, {})) for c in own]
    return result


def _asked(end: Endpoint, variables: t.Mapping[str, t.Any], expected: Mapping[str, t.Any]) -> dict[str, t.Any]:
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
    site_members: Mapping[str, list[Endpoint]],
    applications: Sequence[_estate_scrape.Application],
    groups: Groups,
    hostvars: HostVars,
    host: str,
) -> dict[str, t.Any]:
    jobs = [site_members[c.name] for c in COMPONENTS if site_members[c.name]]
    site = site_of(hostvars[host])
    labels = {"site": site, "replica": host}
    zone = zone_of(hostvars[host])
    if zone:
        labels["zone"] = zone
    senders = {name for group in REMOTE_WRITE_SENDERS for name in groups.get(group) or []}
    result: dict[str, t.Any] = {
        "external_labels": labels,
        "scrape_configs": [scrape_config(ends) for ends in jobs],
        "alertmanagers": alertmanager_config(site_members["alertmanager"]) if site_members["alertmanager"] else [],
        "components": [ends[0].component for ends in jobs],
        "remote_write_receiver": any(site_of(hostvars[name]) == site for name in senders),
        "replicas": len(site_members["prometheus"]),
        "live": [],
        **client_files(jobs),
    }
    for found in (_estate_scrape.derived(applications), _estate_ec2.discoveries(hostvars[host], site, host)):
        for key, items in found.items():
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
        elif _is_ip(address_of(host, hostvars[host])):
            # Gossip advertises an IP address only; by a name Alertmanager finds its private address itself.
            advertise = address
    return {"peers": peers, "advertise_address": advertise if peers else "", "members": len(ends)}


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
