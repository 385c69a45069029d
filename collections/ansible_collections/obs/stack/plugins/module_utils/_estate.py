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

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import (
    join_host_port,
    parse_listen,
    pem_source,
    url_prefix,
)

DEFAULT_SITE = "default"
DEFAULT_LISTEN = "0.0.0.0"  # noqa: S104  what is told to a service, not bound here
GOSSIP_PORT = 9094
# Groups whose hosts send samples by remote write to the Prometheus of their site.
REMOTE_WRITE_SENDERS = ("tempo", "otelcol")

Groups = t.Mapping[str, t.Sequence[str]]
HostVars = t.Mapping[str, t.Mapping[str, t.Any]]


class Component(t.NamedTuple):
    """A service of the estate: its job name, the group it runs on, its port, whether replicas share its work."""

    name: str
    group: str
    port: int
    redundant: bool


COMPONENTS = (
    Component("prometheus", "prometheus", 9090, True),
    Component("alertmanager", "alertmanager", 9093, True),
    Component("node_exporter", "monitored", 9100, False),
)


class Endpoint(t.NamedTuple):
    """Where and how one service of one host is reached by the others."""

    component: str
    host: str
    site: str
    zone: str
    address: str
    local: str
    port: int
    scheme: str
    prefix: str
    ca: str
    username: str
    password: str

    @property
    def target(self) -> str:
        """``address:port`` to connect to."""
        return join_host_port(self.address, self.port)

    @property
    def instance(self) -> str:
        """``host:port`` by inventory name: stable when the address changes."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Base URL without a slash at the end."""
        return "{}://{}{}".format(self.scheme, self.target, self.prefix)

    @property
    def access(self) -> tuple[str, str, str, str]:
        """What one scrape job can have only one of."""
        return (self.prefix, self.ca, self.username, self.password)


def _text(variables: t.Mapping[str, t.Any], name: str, default: str = "") -> str:
    value = variables.get(name)
    return default if value is None or value == "" else str(value)


def group_of(service: str) -> str:
    """The group whose hosts run a service.

    Raises:
        StackError: the stack does not know the service.
    """
    for component in COMPONENTS:
        if component.name == service:
            return component.group
    raise StackError(
        "Could not find the service '{0}'".format(service),
        why="the stack does not know it",
        hint="Give -e service= one of {0}.".format(", ".join(component.name for component in COMPONENTS)),
    )


def site_of(variables: t.Mapping[str, t.Any]) -> str:
    """The site of a host: ``obs_site``, or ``default``."""
    return _text(variables, "obs_site", DEFAULT_SITE)


def zone_of(variables: t.Mapping[str, t.Any]) -> str:
    """The failure domain of a host within its site: ``obs_zone``, or nothing."""
    return _text(variables, "obs_zone")


def address_of(host: str, variables: t.Mapping[str, t.Any]) -> str:
    """How other hosts reach it: ``obs_address``, ``ansible_host`` or its name."""
    return _text(variables, "obs_address") or _text(variables, "ansible_host") or host


def endpoint(component: Component, host: str, variables: t.Mapping[str, t.Any]) -> Endpoint:
    """The endpoint of a component on a host, from its inventory variables.

    Raises:
        StackError: its listen address has no port.
    """
    name = component.name
    shared = _text(variables, "obs_listen_address", DEFAULT_LISTEN)
    variable = f"{name}_listen_address"
    listen = parse_listen(_text(variables, variable, join_host_port(shared, component.port)), variable)
    web_config = variables.get(f"{name}_web_config") or {}
    tls = variables.get(f"{name}_tls") or {}
    flags = variables.get(f"{name}_flags") or {}
    return Endpoint(
        component=name,
        host=host,
        site=site_of(variables),
        zone=zone_of(variables),
        address=listen.host if listen.loopback else address_of(host, variables),
        local=listen.local,
        port=listen.port,
        scheme="https" if tls.get("certificate") or web_config.get("tls_server_config") else "http",
        prefix=url_prefix(flags, _text(variables, f"{name}_external_url")),
        ca=str(tls.get("ca") or ""),
        username=_text(variables, f"{name}_basic_auth_username"),
        password=_text(variables, f"{name}_basic_auth_password"),
    )


def members(component: Component, groups: Groups, hostvars: HostVars, site: str) -> list[Endpoint]:
    """Endpoints of a component in a site, sorted by host name."""
    hosts = sorted(set(groups.get(component.group) or []))
    return [endpoint(component, host, hostvars[host]) for host in hosts if site_of(hostvars[host]) == site]


def scrape_config(ends: Sequence[Endpoint]) -> dict[str, t.Any]:
    """One scrape job, named as the service, with a target per host."""
    name = ends[0].component
    config: dict[str, t.Any] = {"job_name": name}
    if ends[0].prefix:
        config["metrics_path"] = f"{ends[0].prefix}/metrics"
    config.update(_client(ends, name))
    mixed = len({end.scheme for end in ends}) > 1
    config["static_configs"] = []
    for end in ends:
        labels = {"instance": end.instance, "host": end.host, "site": end.site}
        if end.zone:
            # Not `zone`: that is an external label and is dropped from alerts.
            labels["host_zone"] = end.zone
        if mixed:
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
        entry.update(_client(same, "alertmanager"))
        result.append(entry)
    return result


def _client(ends: Sequence[Endpoint], name: str) -> dict[str, t.Any]:
    """Scheme, CA and credentials with which Prometheus reaches a component; see :func:`client_files`."""
    config: dict[str, t.Any] = {}
    schemes = {end.scheme for end in ends}
    if schemes == {"https"}:
        config["scheme"] = "https"
    if "https" in schemes and ends[0].ca:
        config["tls_config"] = {"ca_file": f"/etc/prometheus/ca/{name}.pem"}
    if ends[0].username:
        config["basic_auth"] = {
            "username": ends[0].username,
            "password_file": f"/etc/prometheus/secrets/scrape_{name}_password",
        }
    return config


def client_files(jobs: Sequence[Sequence[Endpoint]]) -> dict[str, list[dict[str, str]]]:
    """CAs (``files``) and passwords (``secrets``) that the jobs' configuration names."""
    files = []
    secrets = []
    for ends in jobs:
        first = ends[0]
        if first.ca and any(end.scheme == "https" for end in ends):
            files.append(dict(path=f"ca/{first.component}.pem", **pem_source(first.ca)))
        if first.username:
            secrets.append({"path": f"secrets/scrape_{first.component}_password", "content": first.password})
    return {"files": files, "secrets": secrets}


def derive(groups: Groups, hostvars: HostVars, host: str) -> dict[str, t.Any]:
    """What the inventory says about one host.

    Args:
        groups: names of all hosts by group (Ansible's ``groups``).
        hostvars: inventory variables of every host (Ansible's ``hostvars``).
        host: inventory name of the host to derive for.

    Returns:
        ``address``, ``site``, ``zone``, ``urls`` of its own services, ``health`` (how each is asked and what the
        inventory expects of it), and per component it runs what its role takes:
        ``prometheus`` (external_labels, scrape_configs, alertmanagers, rules, files, secrets,
        remote_write_receiver, replicas), ``alertmanager`` (peers, advertise_address, members).

    Raises:
        StackError: a listen address of the site is malformed.
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
            result["prometheus"] = _prometheus(site_members, groups, hostvars, host, site)
            expected["prometheus"] = {
                "targets": [[end.component, end.instance] for ends in site_members.values() for end in ends],
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
    site_members: Mapping[str, list[Endpoint]], groups: Groups, hostvars: HostVars, host: str, site: str
) -> dict[str, t.Any]:
    jobs = [site_members[c.name] for c in COMPONENTS if site_members[c.name]]
    labels = {"site": site, "replica": host}
    zone = zone_of(hostvars[host])
    if zone:
        labels["zone"] = zone
    senders = {name for group in REMOTE_WRITE_SENDERS for name in groups.get(group) or []}
    return {
        "external_labels": labels,
        "scrape_configs": [scrape_config(ends) for ends in jobs],
        "alertmanagers": alertmanager_config(site_members["alertmanager"]) if site_members["alertmanager"] else [],
        "components": [ends[0].component for ends in jobs],
        "remote_write_receiver": any(site_of(hostvars[name]) == site for name in senders),
        "replicas": len(site_members["prometheus"]),
        **client_files(jobs),
    }


def _alertmanager(ends: Sequence[Endpoint], hostvars: HostVars, host: str) -> dict[str, t.Any]:
    peers = []
    advertise = ""
    for end in ends:
        listen = parse_listen(
            _text(
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
