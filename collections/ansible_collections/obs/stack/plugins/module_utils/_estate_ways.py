# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How one service of the estate reaches another: straight, by the balancer of the site, or by what is the user's own.

One place for the decision. In this order: ``obs_external`` (the user's own service takes the place of a group),
``obs_endpoints`` (the user's own balancer before a group), the site's group ``gateway``, the hosts themselves. Pure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_balanced import BALANCED, OTLP, gateway_port
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    BY_NAME,
    DEFAULT_LISTEN,
    WHOLE_LOOPBACK,
    Endpoint,
    Groups,
    HostVars,
    address_of,
    is_enclosed,
    members,
    site_hosts,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen

# What may be the user's own, and what of it is asked where.
EXTERNAL = ("loki", "tempo", "prometheus", "alertmanager", "grafana", "remote_write")
TEMPO_OTLP_HTTP = 4328


class Way(t.NamedTuple):
    """How a service is reached. ``ca``, ``certificate`` and ``private_key`` are PEM text or paths on the controller."""

    url: str
    ca: str = ""
    username: str = ""
    password: str = ""
    bearer_token: str = ""
    certificate: str = ""
    private_key: str = ""

    def options(self, *keys: str, path: str = "") -> dict[str, t.Any]:
        """What is set, as roles take it; with ``keys`` only these besides the URL.

        Args:
            keys: options the role knows; all when none is given.
            path: what comes behind the URL.
        """
        found = {key: value for key, value in self._asdict().items() if value and (not keys or key in ("url", *keys))}
        return {**found, "url": self.url + path}


def straight(end: Endpoint, caller: Mapping[str, t.Any]) -> Way:
    """The way to one member.

    Args:
        end: the member.
        caller: variables of the host that asks; it shows its own certificate where one is demanded.
    """
    own = (caller.get("obs_tls") or {}) if end.client_auth else {}
    return Way(
        url=end.url,
        ca=end.ca if end.scheme == "https" else "",
        username=end.username,
        password=end.password,
        certificate=str(own.get("certificate") or ""),
        private_key=str(own.get("private_key") or ""),
    )


def external(service: str, variables: Mapping[str, t.Any]) -> list[tuple[Way, Mapping[str, t.Any]]]:
    """The user's own services of a name in ``obs_external``, each with its item."""
    found = []
    for item in variables.get("obs_external") or []:
        if item.get("service") == service:
            keys = ("ca", "username", "password", "bearer_token")
            way = Way(url=str(item["url"]).rstrip("/"), **{key: text(item, key) for key in keys})
            found.append((way, item))
    return found


class Ways:
    """The ways from one host to the services of its site."""

    def __init__(self, groups: Groups, hostvars: HostVars, host: str) -> None:
        self.groups = groups
        self.hostvars = hostvars
        self.host = host
        self.variables = hostvars[host]
        self.site = site_of(self.variables)
        self._members: dict[str, list[Endpoint]] = {}

    @property
    def alone(self) -> bool:
        """Whether no other host of the site has a service."""
        return len(site_hosts(self.groups, self.hostvars, self.site)) == 1

    @property
    def enclosed(self) -> bool:
        """Whether what only the site itself asks stays on loopback."""
        return is_enclosed(self.groups, self.hostvars, self.site)

    def members(self, service: str) -> list[Endpoint]:
        """The endpoints of a service in the site, sorted by host name."""
        if service not in self._members:
            self._members[service] = members(BY_NAME[service], self.groups, self.hostvars, self.site)
        return self._members[service]

    def own(self, service: str) -> Endpoint | None:
        """The endpoint of a service on this host."""
        return next((end for end in self.members(service) if end.host == self.host), None)

    def each(self, service: str) -> list[Way]:
        """The way to every member by itself, such as to both of a pair; or to what is the user's own."""
        theirs = [way for way, _item in external(service, self.variables)]
        return theirs or [straight(end, self.variables) for end in self.members(service)]

    def one(self, service: str) -> Way | None:
        """One address for a service: the user's own, his balancer, the gateway, or a member, this host's first."""
        theirs = external(service, self.variables)
        if theirs:
            return theirs[0][0]
        balancer = (self.variables.get("obs_endpoints") or {}).get(service)
        if balancer:
            return self._balancer(service, balancer)
        own = self.own(service)
        gateway = self._gateway(service) if not own or not self.alone else None
        if gateway:
            return gateway
        ends = self.members(service)
        if not ends:
            return None
        return straight(own or ends[0], self.variables)

    def _balancer(self, service: str, url: t.Any) -> Way:
        """The user's own load balancer; members' credentials are passed through it."""
        ends = self.members(service)
        shown = straight(ends[0], self.variables) if ends else Way(url="")
        return shown._replace(url=str(url).rstrip("/"), ca=text(self.variables, "obs_endpoints_ca"))

    def _gateway(self, service: str) -> Way | None:
        """The site's gateway, where it has that service behind it."""
        ends = self.members("gateway")
        balanced = next((row for row in BALANCED if row.name == service), None)
        if not ends or balanced is None or not self.members(balanced.component):
            return None
        there = self.hostvars[ends[0].host]
        tls = there.get("gateway_tls", there.get("obs_tls")) or {}
        address = text(self.variables, "obs_gateway_address") or address_of(ends[0].host, there)
        client = self.variables.get("obs_gateway_client") or {}
        behind = self.members(balanced.component)[0]
        return Way(
            url="{}://{}{}".format(
                "https" if tls.get("certificate") else "http",
                join_host_port(address, gateway_port(balanced, there)),
                behind.prefix if balanced.component == service else "",
            ),
            ca=str(tls.get("ca") or ""),
            username=text(client, "username") if balanced.authenticate else "",
            password=text(client, "password") if balanced.authenticate else "",
        )

    def otlp(self) -> Way | None:
        """Where applications send OTLP over HTTP."""
        way = self.one_of("otlp-http")
        if way:
            return way
        ends = self.members("otelcol")
        if not ends:
            return None
        end = next((end for end in ends if end.host == self.host), ends[0])
        return Way(url=otlp_url(end.host, self.hostvars[end.host], enclosed=self.enclosed))

    def one_of(self, name: str) -> Way | None:
        """The way of a row of ``BALANCED`` by the user's balancer or the gateway, for what is no service of its own."""
        balancer = (self.variables.get("obs_endpoints") or {}).get(name)
        if balancer:
            return Way(url=str(balancer).rstrip("/"), ca=text(self.variables, "obs_endpoints_ca"))
        return None if self.alone else self._gateway(name)


def receiver(variable: str, port: int, variables: Mapping[str, t.Any], *, enclosed: bool) -> tuple[str, bool]:
    """``host:port`` a receiver listens on, and whether that is loopback only.

    Args:
        variable: its own variable.
        port: its own port.
        variables: of its host.
        enclosed: whether nothing of the site leaves its one host.
    """
    default = WHOLE_LOOPBACK if enclosed else text(variables, "obs_listen_address", DEFAULT_LISTEN)
    address = text(variables, variable, join_host_port(default, port))
    return address, parse_listen(address, variable).loopback


def otlp_url(host: str, variables: Mapping[str, t.Any], *, enclosed: bool) -> str:
    """Where the collector of a host takes OTLP over HTTP."""
    listen, loopback = receiver("otelcol_otlp_http_listen_address", OTLP["http"], variables, enclosed=enclosed)
    parts = parse_listen(listen)
    tls = variables.get("otelcol_tls", variables.get("obs_tls")) or {}
    address = parts.host if loopback else address_of(host, variables)
    return "{}://{}".format("https" if tls.get("certificate") else "http", join_host_port(address, parts.port))


def tempo_otlp(ways: Ways) -> Way | None:
    """Where the gateway collector sends traces: Tempo's receiver, or the user's own."""
    theirs = external("tempo", ways.variables)
    if theirs:
        way, item = theirs[0]
        return way._replace(url=text(item, "otlp_url", way.url).rstrip("/"))
    ends = ways.members("tempo")
    if not ends:
        return None
    end = ends[0]
    there = ways.hostvars[end.host]
    variable = "tempo_otlp_http_listen_address"
    listen, loopback = receiver(variable, TEMPO_OTLP_HTTP, there, enclosed=ways.enclosed)
    parts = parse_listen(listen, variable)
    tls = there.get("tempo_tls", there.get("obs_tls")) or {}
    own = ways.variables.get("obs_tls") or {}
    guarded = bool(tls.get("certificate"))
    return Way(
        url="{}://{}".format(
            "https" if guarded else "http",
            join_host_port(parts.host if loopback else address_of(end.host, there), parts.port),
        ),
        ca=str(tls.get("ca") or "") if guarded else "",
        certificate=str(own.get("certificate") or "") if guarded else "",
        private_key=str(own.get("private_key") or "") if guarded else "",
    )


def first_served(ways: Ways, services: Sequence[str]) -> tuple[str, Way] | None:
    """The first of some services that there is a way to, with its name."""
    for service in services:
        way = ways.one(service)
        if way:
            return service, way
    return None
