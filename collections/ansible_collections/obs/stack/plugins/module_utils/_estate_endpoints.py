# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which services an inventory has, on which hosts, and how each is reached.

Reads the names of hosts and groups and inventory variables, never gathered facts. Pure.
"""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen, url_prefix

DEFAULT_SITE = "default"
DEFAULT_LISTEN = "0.0.0.0"  # noqa: S104  what is told to a service, not bound here

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


class Access(t.NamedTuple):
    """How Prometheus is let in: one scrape job can have only one of each. ``ca`` is PEM text or a path."""

    ca: str = ""
    username: str = ""
    password: str = ""
    bearer_token: str = ""


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
    def access(self) -> Access:
        """How Prometheus is let in."""
        return Access(ca=self.ca, username=self.username, password=self.password)


def text(variables: t.Mapping[str, t.Any], name: str, default: str = "") -> str:
    """A variable as text; the default where it is not set, null or empty."""
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
    return text(variables, "obs_site", DEFAULT_SITE)


def zone_of(variables: t.Mapping[str, t.Any]) -> str:
    """The failure domain of a host within its site: ``obs_zone``, or nothing."""
    return text(variables, "obs_zone")


def address_of(host: str, variables: t.Mapping[str, t.Any]) -> str:
    """How other hosts reach it: ``obs_address``, ``ansible_host`` or its name."""
    return text(variables, "obs_address") or text(variables, "ansible_host") or host


def endpoint(component: Component, host: str, variables: t.Mapping[str, t.Any]) -> Endpoint:
    """The endpoint of a component on a host, from its inventory variables.

    Raises:
        StackError: its listen address has no port.
    """
    name = component.name
    shared = text(variables, "obs_listen_address", DEFAULT_LISTEN)
    variable = f"{name}_listen_address"
    listen = parse_listen(text(variables, variable, join_host_port(shared, component.port)), variable)
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
        prefix=url_prefix(flags, text(variables, f"{name}_external_url")),
        ca=str(tls.get("ca") or ""),
        username=text(variables, f"{name}_basic_auth_username"),
        password=text(variables, f"{name}_basic_auth_password"),
    )


def hosts_of(groups: Groups) -> list[str]:
    """Every host of the inventory, in a group of the stack or not, sorted."""
    return sorted({host for hosts in groups.values() for host in hosts})


def members(component: Component, groups: Groups, hostvars: HostVars, site: str) -> list[Endpoint]:
    """Endpoints of a component in a site, sorted by host name."""
    hosts = sorted(set(groups.get(component.group) or []))
    return [endpoint(component, host, hostvars[host]) for host in hosts if site_of(hostvars[host]) == site]
