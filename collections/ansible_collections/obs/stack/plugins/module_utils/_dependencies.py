# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Derive from the inventory what an estate depends on, and which host has to ask for it.

Each check says what it is about (``check``, ``target``), how it is asked (``kind``) and with what. Reads names and
inventory variables, never gathered facts. Pure.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from ansible_collections.obs.stack.plugins.module_utils import _service_dependencies
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    COMPONENTS,
    Component,
    Endpoint,
    Groups,
    HostVars,
    address_of,
    members,
    services_of,
    site_of,
    text,
    tls_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_routing import receivers_of
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._own_dependencies import own
from ansible_collections.obs.stack.plugins.module_utils._receivers import Server, remotes, servers
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen

CONTROLLER = "controller"
_NAMED = re.compile(r"\{\{\s*(\w+)\s*\}\}")
AREAS = (
    "mirror",
    "dns",
    "clock",
    "certificate",
    "disk",
    "peer",
    "receiver",
    "remote",
    "bucket",
    "database",
    "external",
    "endpoint",
    "dependency",
)
# Whom a service calls at the addresses of the estate; whom the others call is in _service_dependencies.
CALLS = {"prometheus": tuple(component.name for component in COMPONENTS), "alertmanager": ("gossip",)}
GOSSIP = "0.0.0.0:9094"
# obs_dependency_limits: below warn it is told, below (a clock: above) fail it is wrong.
LIMITS: dict[str, float] = {
    "certificate_warn_days": 30,
    "certificate_fail_days": 7,
    "clock_warn_seconds": 1,
    "clock_fail_seconds": 10,
    "disk_warn_percent": 15,
    "disk_fail_percent": 5,
}
Check = t.Dict[str, t.Any]  # noqa: UP006  evaluated: sanity imports this with Python 3.8


def checks(groups: Groups, hostvars: HostVars, host: str, defaults: Mapping[str, t.Any]) -> list[Check]:
    """What one host has to ask for.

    Args:
        groups: names of all hosts by group.
        hostvars: inventory variables of every host.
        host: inventory name.
        defaults: defaults of all roles, as they stand there.

    Raises:
        StackError: an item of ``obs_dependencies`` cannot be used.
    """
    variables = hostvars[host]
    mine = services_of(host, groups, hostvars)
    found = own(groups, hostvars, host, _limits(variables, "certificate"))
    if not mine:
        return found
    ways = Ways(groups, hostvars, host)
    called = _called(mine, groups, hostvars, host)
    known = {(address, port) for _name, address, port in called}
    for call in _service_dependencies.calls(mine, ways):
        if call.area == "peer" and (call.address, call.port) not in known:
            called.append((call.name, call.address, call.port))
    result = _mirror(mine, variables, defaults, "host")
    result += _dns(called, groups, hostvars, host)
    result.append({"check": "clock", "target": "system clock", "kind": "clock", **_limits(variables, "clock")})
    result += _certificates(mine, variables)
    result += _disks(mine, variables, defaults)
    result += [
        {"check": "peer", "target": name, "kind": "tcp", "address": address, "port": port}
        for name, address, port in called
    ]
    names = {component.name for component in mine}
    if "alertmanager" in names:
        result += _servers("receiver", servers(receivers_of(variables)))
    if "prometheus" in names:
        result += _servers("remote", remotes(variables.get("prometheus_config") or {}))
    return result + _service_dependencies.checks(mine, ways, _limits(variables, "certificate")) + found


def controller_checks(groups: Groups, hostvars: HostVars, defaults: Mapping[str, t.Any]) -> list[Check]:
    """What the controller has to ask for: the releases of all hosts whose archives it fetches, each once."""
    found: dict[str, Check] = {}
    hosts = sorted({host for component in COMPONENTS for host in groups.get(component.group) or []})
    services = {host: services_of(host, groups, hostvars) for host in hosts}
    for component in COMPONENTS:
        for host in hosts:
            if component in services[host]:
                for check in _mirror([component], hostvars[host], defaults, CONTROLLER):
                    found.setdefault(str(sorted(check.items())), check)
    return list(found.values())


def chosen(found: Iterable[Check], only: Sequence[str] = (), skip: Sequence[str] = ()) -> list[Check]:
    """The checks of the areas somebody named, without those to be skipped."""
    return [check for check in found if (not only or check["check"] in only) and check["check"] not in skip]


def _limits(variables: Mapping[str, t.Any], what: str) -> Check:
    limits = {**LIMITS, **(variables.get("obs_dependency_limits") or {})}
    return {
        key.split("_")[1]: float(value) for key, value in limits.items() if key in LIMITS and key.startswith(what + "_")
    }


def _mirror(
    mine: Iterable[Component], variables: Mapping[str, t.Any], defaults: Mapping[str, t.Any], origin: str
) -> list[Check]:
    result = []
    for name in dict.fromkeys(component.installer for component in mine):
        fetch = variables.get(name + "_fetch") or {
            "from": variables.get("obs_fetch"),
            "mirror": variables.get("obs_mirror"),
            "proxy": variables.get("obs_proxy"),
            "ca_path": variables.get("obs_ca_path"),
            "headers": variables.get("obs_fetch_headers"),
        }
        if (fetch.get("from") or CONTROLLER) != origin:
            continue
        wanted = {key: _own(variables, defaults, name + key) for key in ("_version", "_release_checksums_url")}
        # The file of checksums is small and beside the archive; who pins digests may have a mirror without it.
        url = wanted["_release_checksums_url"] or _own(variables, defaults, name + "_release_url")
        if not url:
            continue
        url = _filled(url, variables, defaults).replace("{version}", wanted["_version"]).replace("{arch}", "amd64")
        mirror, mirror_user, mirror_query = apart(str(fetch.get("mirror") or ""))
        url, user, query = apart(url)
        check = {
            "check": "mirror",
            "target": "{0} {1}".format(name, wanted["_version"]),
            "kind": "fetch",
            "url": url,
            "mirror": mirror,
            "userinfo": mirror_user if mirror else user,
            "query": mirror_query if mirror else query,
            "proxy": fetch.get("proxy"),
            "ca_path": fetch.get("ca_path"),
            "headers": fetch.get("headers"),
        }
        result.append({key: value for key, value in check.items() if value})
    return result


def _own(variables: Mapping[str, t.Any], defaults: Mapping[str, t.Any], name: str) -> str:
    return text(variables, name, str(defaults.get(name) or ""))


def _filled(value: str, variables: Mapping[str, t.Any], defaults: Mapping[str, t.Any]) -> str:
    """A default in which others are named, filled in; twice, since those may name others again."""
    for _turn in range(2):
        value = _NAMED.sub(lambda found: _own(variables, defaults, found.group(1)), value)
    return value


def apart(url: str) -> tuple[str, str, str]:
    """A URL without what may be secret in it, and that: ``user:password``, and the query."""
    parts = urlsplit(url)
    user, _at, place = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, place, parts.path, "", "")), user, parts.query


def _called(mine: Iterable[Component], groups: Groups, hostvars: HostVars, host: str) -> list[tuple[str, str, int]]:
    """Name, address and port of every service of the estate that this host calls."""
    site = site_of(hostvars[host])
    by_name = {component.name: members(component, groups, hostvars, site) for component in COMPONENTS}
    found = []
    for component in mine:
        for name in CALLS.get(component.name, ()):
            if name == "gossip":
                found += [_gossip(end, hostvars) for end in by_name["alertmanager"] if end.host != host]
            else:
                found += [("{0} {1}".format(name, end.instance), end.address, end.port) for end in by_name[name]]
    return found


def _gossip(end: Endpoint, hostvars: HostVars) -> tuple[str, str, int]:
    variable = "alertmanager_cluster_listen_address"
    port = parse_listen(text(hostvars[end.host], variable, GOSSIP), variable).port
    return "alertmanager cluster {0}:{1}".format(end.host, port), address_of(end.host, hostvars[end.host]), port


def _dns(called: Iterable[tuple[str, str, int]], groups: Groups, hostvars: HostVars, host: str) -> list[Check]:
    """Names of the hosts it calls, and of those every host of a site has to do with: its redundant services."""
    site = site_of(hostvars[host])
    addresses = {address for _name, address, _port in called}
    for component in COMPONENTS:
        if component.redundant:
            addresses |= {end.address for end in members(component, groups, hostvars, site)}
    return [
        {"check": "dns", "target": address, "kind": "dns", "address": address}
        for address in sorted(addresses)
        if not _is_ip(address)
    ]


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _certificates(mine: Iterable[Component], variables: Mapping[str, t.Any]) -> list[Check]:
    limits = _limits(variables, "certificate")
    result = []
    for component in mine:
        name = component.name
        tls = tls_of(component, variables)
        web = (variables.get(component.installer + "_web_config") or {}).get("tls_server_config") or {}
        paths = []
        if tls.get("certificate") or web.get("cert_file"):
            paths.append(str(web.get("cert_file") or "/etc/{0}/tls/server.crt".format(name)))
        if tls.get("ca"):
            paths.append("/etc/{0}/tls/ca.pem".format(name))
        result += [
            {"check": "certificate", "target": path, "kind": "certificate", "file": path, **limits} for path in paths
        ]
    return result


def _disks(mine: Iterable[Component], variables: Mapping[str, t.Any], defaults: Mapping[str, t.Any]) -> list[Check]:
    """Where releases and data are. A folder that is not there yet counts as the one above it."""
    paths = [text(variables, "obs_root", str(defaults.get("prometheus_root") or "/opt/obs"))]
    for component in mine:
        # thanos_store_data_dir, or loki_data_dir; the collector's is named after the service.
        path = _own(variables, defaults, component.prefix + "_data_dir")
        path = path or _own(variables, defaults, component.installer + "_data_dir")
        paths.append("/var/lib/" + component.name if "{{" in path else path)
    limits = _limits(variables, "disk")
    return [
        {"check": "disk", "target": path, "kind": "disk", "file": path, **limits}
        for path in dict.fromkeys(paths)
        if path
    ]


def _servers(check: str, found: Iterable[Server]) -> list[Check]:
    """One check for each server, named after all who need it."""
    result: dict[tuple[str, int, str], Check] = {}
    for server in found:
        asked: Check = {"kind": "none", "reason": "the configuration does not tell its address"}
        place = server.receiver
        if server.url_file:
            asked, place = {"kind": "tcp", "url_file": server.url_file}, server.url_file
        elif not server.unknown:
            asked = {"kind": "tcp", "address": server.address, "port": server.port}
            place = join_host_port(server.address, server.port)
        known = result.setdefault((server.address, server.port, place), {"check": check, "target": "", **asked})
        names = [name for name in known["target"].split(", ") if name]
        if server.receiver not in names:
            known["target"] = ", ".join([*names, server.receiver])
    return list(result.values())
