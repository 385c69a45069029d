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
    """A service of the estate.

    ``name`` is its unit and its scrape job, ``group`` whose hosts run it, ``port`` where its metrics are. ``redundant``
    ones share its work. ``role`` installs it (its name unless given). ``private``: only the estate's own services
    ask it, so it listens on loopback where the site is one host. ``listen`` names the variable of its address and
    ``login`` what those of its user begin with, where they are not ``<name>_listen_address`` and ``<role>_basic_auth``.
    ``plain``: its metrics are without TLS, whatever the role's certificates. ``local``: it listens on loopback unless
    told otherwise. ``honoured``: its samples are of others, whose labels win over those of the target.
    """

    name: str
    group: str
    port: int
    redundant: bool = False
    role: str = ""
    private: bool = False
    listen: str = ""
    login: str = ""
    plain: bool = False
    local: bool = False
    honoured: bool = False

    @property
    def installer(self) -> str:
        """The role that installs it."""
        return self.role or self.name

    @property
    def prefix(self) -> str:
        """What its own variables begin with."""
        return self.name.replace("-", "_")

    @property
    def run(self) -> str:
        """What installs it, as tags and plays name it: the role, and of the collector's two deployments which."""
        return "otelcol-agent" if self.name == "otelcol-agent" else self.installer


def _thanos(part: str, group: str, port: int, *, redundant: bool = True) -> Component:
    return Component(f"thanos-{part}", group, port, redundant, role="thanos", private=True)


# In the order in which they are installed: who is written to or asked comes before who writes or asks.
COMPONENTS = (
    Component("prometheus", "prometheus", 9090, redundant=True),
    Component("alertmanager", "alertmanager", 9093, redundant=True),
    Component("node_exporter", "monitored", 9100),
    Component("blackbox_exporter", "blackbox_exporter", 9115, private=True),
    Component("pushgateway", "pushgateway", 9091, private=True, honoured=True),
    _thanos("sidecar", "prometheus", 10902, redundant=False),
    _thanos("store", "thanos_store", 10906),
    _thanos("compact", "thanos_compact", 10910, redundant=False),
    _thanos("receive", "thanos_receive", 10916),
    _thanos("rule", "thanos_rule", 10908),
    _thanos("query", "thanos_query", 10904),
    _thanos("query-frontend", "thanos_query_frontend", 10914),
    Component("loki", "loki", 3100, redundant=True, private=True),
    Component("tempo", "tempo", 3200, private=True),
    Component(
        "otelcol", "otelcol", 8889, redundant=True, private=True, listen="otelcol_metrics_listen_address", plain=True
    ),
    Component("gateway", "gateway", 8405, redundant=True, listen="gateway_metrics_listen_address", plain=True),
    Component(
        "otelcol-agent",
        "monitored",
        8887,
        role="otelcol",
        private=True,
        listen="otelcol_agent_metrics_listen_address",
        plain=True,
    ),
    Component("promtail", "monitored", 9080, private=True),
    Component("exporter", "exporter", 9920, private=True),
    Component("grafana", "grafana", 3000, redundant=False, login="grafana_metrics"),
    Component("demo", "demo", 8000, plain=True, local=True),
)
BY_NAME = {component.name: component for component in COMPONENTS}
LOG_AGENTS = {"otelcol": "otelcol-agent", "promtail": "promtail"}
THANOS_GROUPS = tuple(c.group for c in COMPONENTS if c.group.startswith("thanos_"))
WHOLE_LOOPBACK = "127.0.0.1"


class Access(t.NamedTuple):
    """How Prometheus is let in: one scrape job can have only one of each. ``ca`` is PEM text or a path.

    ``own_certificate``: it shows its own certificate.
    """

    ca: str = ""
    username: str = ""
    password: str = ""
    bearer_token: str = ""
    own_certificate: bool = False


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
    client_auth: bool = False

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
        return Access(ca=self.ca, username=self.username, password=self.password, own_certificate=self.client_auth)


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


# Plays of site.yml that bring something to services of others.
SLO = "slo"
WITHOUT_SERVICE = (SLO,)


def role_of(service: str) -> str:
    """The role that installs a service, or what a play of site.yml installs.

    Raises:
        StackError: the stack does not know the service.
    """
    for component in COMPONENTS:
        if service in (component.name, component.run, component.installer):
            return component.installer
    return service if service in WITHOUT_SERVICE else group_of(service)


def site_of(variables: t.Mapping[str, t.Any]) -> str:
    """The site of a host: ``obs_site``, or ``default``."""
    return text(variables, "obs_site", DEFAULT_SITE)


def zone_of(variables: t.Mapping[str, t.Any]) -> str:
    """The failure domain of a host within its site: ``obs_zone``, or nothing."""
    return text(variables, "obs_zone")


def address_of(host: str, variables: t.Mapping[str, t.Any]) -> str:
    """How other hosts reach it: ``obs_address``, ``ansible_host`` or its name."""
    return text(variables, "obs_address") or text(variables, "ansible_host") or host


def tls_of(component: Component, variables: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The certificates of a service's own pages: the role's variable, else those of the host, ``obs_tls``."""
    if component.plain:
        return {}
    own = variables.get(f"{component.installer}_tls")
    return (variables.get("obs_tls") if own is None else own) or {}


def listen_default(component: Component, variables: t.Mapping[str, t.Any], *, enclosed: bool) -> str:
    """The address, without a port, at which a service listens unless its own variable says otherwise."""
    if component.local or (component.private and enclosed):
        return WHOLE_LOOPBACK
    return text(variables, "obs_listen_address", DEFAULT_LISTEN)


def endpoint(component: Component, host: str, variables: t.Mapping[str, t.Any], *, enclosed: bool = False) -> Endpoint:
    """The endpoint of a component on a host, from its inventory variables.

    Args:
        component: the service.
        host: inventory name.
        variables: of that host.
        enclosed: whether nothing of the site leaves its one host: private services then listen on loopback.

    Raises:
        StackError: its listen address has no port.
    """
    role = component.installer
    variable = component.listen or f"{component.prefix}_listen_address"
    default = join_host_port(listen_default(component, variables, enclosed=enclosed), component.port)
    listen = parse_listen(text(variables, variable, default), variable)
    web_config = (not component.plain and variables.get(f"{role}_web_config")) or {}
    tls = tls_of(component, variables)
    flags = variables.get(f"{component.prefix}_flags") or {}
    login = component.login or f"{role}_basic_auth"
    own = web_config.get("tls_server_config") or {}
    return Endpoint(
        component=component.name,
        host=host,
        site=site_of(variables),
        zone=zone_of(variables),
        address=listen.host if listen.loopback else address_of(host, variables),
        local=listen.local,
        port=listen.port,
        scheme="https" if tls.get("certificate") or own else "http",
        prefix=url_prefix(flags, text(variables, f"{component.prefix}_external_url")),
        ca=str(tls.get("ca") or ""),
        username="" if component.plain else text(variables, f"{login}_username"),
        password="" if component.plain else text(variables, f"{login}_password"),
        client_auth=_demands_certificates(component, tls, own, variables),
    )


def _demands_certificates(
    component: Component,
    tls: t.Mapping[str, t.Any],
    own: t.Mapping[str, t.Any],
    variables: t.Mapping[str, t.Any],
) -> bool:
    """Whether its pages are for those who show a certificate."""
    if component.name == "loki":
        return bool(tls.get("certificate") and tls.get("ca"))
    if component.name == "tempo":
        return bool(variables.get("tempo_api_client_auth"))
    return own.get("client_auth_type") == "RequireAndVerifyClientCert"


def runs(component: Component, host: str, groups: Groups, hostvars: HostVars) -> bool:
    """Whether a host runs a service: it is in its group, and the site has what the service is for."""
    if host not in (groups.get(component.group) or []):
        return False
    if component.name == "thanos-sidecar":
        return _site_has(THANOS_GROUPS, host, groups, hostvars)
    if component.name in LOG_AGENTS.values():
        chosen = LOG_AGENTS.get(text(hostvars[host], "obs_log_agent", "otelcol"))
        return component.name == chosen and (
            _site_has(("loki",), host, groups, hostvars) or has_elsewhere("loki", hostvars[host])
        )
    return True


def has_elsewhere(service: str, variables: t.Mapping[str, t.Any]) -> bool:
    """Whether the inventory names a service that is the user's own."""
    external = [item.get("service") for item in variables.get("obs_external") or [] if isinstance(item, dict)]
    return service in external or service in (variables.get("obs_endpoints") or {})


def _site_has(names: t.Iterable[str], host: str, groups: Groups, hostvars: HostVars) -> bool:
    site = site_of(hostvars[host])
    found = {name for group in names for name in groups.get(group) or []}
    return any(site_of(hostvars[name]) == site for name in found)


def services_of(host: str, groups: Groups, hostvars: HostVars) -> list[Component]:
    """The services of a host, in the order of their installation."""
    return [component for component in COMPONENTS if runs(component, host, groups, hostvars)]


def site_hosts(groups: Groups, hostvars: HostVars, site: str) -> list[str]:
    """Hosts of a site that are in a group of the stack, sorted."""
    found = {name for group in {c.group for c in COMPONENTS} for name in groups.get(group) or []}
    return sorted(name for name in found if site_of(hostvars[name]) == site)


def hosts_of(groups: Groups) -> list[str]:
    """Every host of the inventory, in a group of the stack or not, sorted."""
    return sorted({host for hosts in groups.values() for host in hosts})


def is_enclosed(groups: Groups, hostvars: HostVars, site: str) -> bool:
    """Whether a site is one host, and nothing has to leave it: certificates are for its address, not for loopback."""
    hosts = site_hosts(groups, hostvars, site)
    return len(hosts) == 1 and not (hostvars[hosts[0]].get("obs_tls") or {}).get("certificate")


def members(component: Component, groups: Groups, hostvars: HostVars, site: str) -> list[Endpoint]:
    """Endpoints of a component in a site, sorted by host name."""
    enclosed = is_enclosed(groups, hostvars, site)
    return [
        endpoint(component, host, hostvars[host], enclosed=enclosed)
        for host in sorted(set(groups.get(component.group) or []))
        if site_of(hostvars[host]) == site and runs(component, host, groups, hostvars)
    ]
