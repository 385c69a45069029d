# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Whom the services of a host call inside the estate and outside, and which buckets and databases they need. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ansible_collections.obs.stack.plugins.module_utils import _estate_signals, _s3
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import BY_NAME, Component, address_of, text
from ansible_collections.obs.stack.plugins.module_utils._estate_storage import OWNERS, path_style, storage_of
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Way, Ways, external, tempo_otlp
from ansible_collections.obs.stack.plugins.module_utils._receivers import PORTS, address_and_port, url_address
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port, parse_listen

METRICS = ("thanos-query-frontend", "thanos-query", "prometheus")
LOKI_GRPC = 9096
DATABASES = {"postgres": 5432, "mysql": 3306}
# Who keeps things in which bucket.
BUCKETS = {
    **{"thanos-" + part: "thanos" for part in ("sidecar", "store", "compact", "rule", "receive")},
    "loki": "loki",
    "tempo": "tempo",
}
# Services asked at one address (the user's own, a balancer, a member), and at each member by itself.
ONE: dict[str, tuple[str, ...]] = {
    "otelcol-agent": ("loki",),
    "promtail": ("loki",),
    "otelcol": ("loki",),
    "grafana": ("loki", "tempo", "alertmanager"),
}
EACH: dict[str, tuple[str, ...]] = {
    "loki": ("alertmanager", "prometheus"),
    "tempo": ("prometheus",),
    "otelcol": ("prometheus",),
    "thanos-rule": ("thanos-query", "alertmanager"),
    "thanos-query-frontend": ("thanos-query",),
}
# What Prometheus calls outside of the estate.
OUTSIDE = {"prometheus": ("alertmanager", "remote_write")}


class Call(t.NamedTuple):
    """One address that is called. ``area``: peer, external or endpoint. ``ca``: of an https URL outside the estate."""

    area: str
    name: str
    address: str
    port: int
    tls: bool = False
    ca: str = ""


def calls(mine: Iterable[Component], ways: Ways) -> list[Call]:
    """Whom the services of a host call, each address once."""
    found: dict[tuple[str, int], Call] = {}
    for component in mine:
        for call in _calls(component.name, ways):
            found.setdefault((call.address, call.port), call)
    return list(found.values())


def _calls(component: str, ways: Ways) -> list[Call]:
    found = []
    for service in (*ONE.get(component, ()), *(_metrics(ways) if component == "grafana" else ())):
        found += _way(service, ways.one(service), ways)
    for service in (*EACH.get(component, ()), *OUTSIDE.get(component, ())):
        if component not in OUTSIDE or external(service, ways.variables):
            ended = (
                ways.each(service) if service in BY_NAME else [way for way, _item in external(service, ways.variables)]
            )
            for way in ended:
                found += _way(service, way, ways)
    if component == "otelcol":
        found += _way("tempo", tempo_otlp(ways), ways)
    elif component == "thanos-query":
        found += [_place("thanos endpoint", place) for place in _estate_signals.thanos(ways)["query_endpoints"]]
    elif component == "loki":
        found += _ring(ways)
    elif component == "gateway":
        for service in _estate_signals.gateway(ways)["services"]:
            found += [
                Call("peer", "{name} {0}".format(m["name"], **service), m["address"], m["port"])
                for m in service["members"]
            ]
    return found


def _metrics(ways: Ways) -> tuple[str, ...]:
    return tuple(service for service in METRICS if ways.one(service))[:1]


def _way(service: str, way: Way | None, ways: Ways) -> list[Call]:
    if way is None:
        return []
    address, port = url_address(way.url)
    if not address:
        return []
    if external(service, ways.variables):
        area = "external"
    elif (ways.variables.get("obs_endpoints") or {}).get(service):
        area = "endpoint"
    else:
        return [Call("peer", "{0} {1}".format(service, join_host_port(address, port)), address, port)]
    return [Call(area, service, address, port, way.url.startswith("https:"), way.ca)]


def _place(name: str, place: str) -> Call:
    listen = parse_listen(place)
    return Call("peer", "{0} {1}".format(name, place), listen.host, listen.port)


def _ring(ways: Ways) -> list[Call]:
    """Gossip and queries between the members of Loki's ring."""
    here = address_of(ways.host, ways.variables)
    found = [_place("loki ring", place) for place in _estate_signals.loki(ways)["members"]]
    for end in ways.members("loki") if len(ways.members("loki")) > 1 else []:
        there = ways.hostvars[end.host]
        variable = "loki_grpc_listen_address"
        port = parse_listen(text(there, variable, "0.0.0.0:{0}".format(LOKI_GRPC)), variable).port
        found.append(Call("peer", "loki gRPC {0}".format(end.host), address_of(end.host, there), port))
    return [call for call in found if call.address != here]


def checks(mine: Iterable[Component], ways: Ways, limits: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """What a host needs from outside of the estate: buckets, a database, services of the user's own.

    Args:
        mine: the services of the host.
        ways: of the host.
        limits: ``warn`` and ``fail``, days a certificate must be valid.
    """
    names = {component.name for component in mine}
    found = _buckets(names, ways.variables)
    if "grafana" in names:
        found += _database(ways.variables)
    for call in calls([BY_NAME[name] for name in BY_NAME if name in names], ways):
        if call.area != "peer":
            check: dict[str, t.Any] = {"check": call.area, "target": call.name, "kind": "tcp"}
            if call.tls:
                check.update(kind="tls", **limits)
            if call.tls and call.ca:
                check["ca"] = call.ca
            found.append({**check, "address": call.address, "port": call.port})
    return found


def _buckets(names: Iterable[str], variables: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    found = []
    for owner in dict.fromkeys(BUCKETS[name] for name in BUCKETS if name in names):
        store = bucket(variables, owner)
        if not store:
            continue
        address, port = address_and_port(str(store["endpoint"]))
        port = port or PORTS["http" if store["insecure"] else "https"]
        check = {
            "check": "bucket",
            "target": "{0} {1}".format(owner, store["bucket"]),
            "kind": "s3",
            "address": address,
            "scheme": "http" if store["insecure"] else "https",
            "bucket": store["bucket"],
            "region": _s3.region_of(address, str(store["region"])),
            "path_style": store["path_style"],
            "username": store["access_key"],
            "password": store["secret_key"],
            "ca_path": store["ca_path"],
        }
        found.append({**{key: value for key, value in check.items() if value not in ("", None)}, "port": port})
    return found


def bucket(variables: Mapping[str, t.Any], owner: str) -> dict[str, t.Any]:
    """The bucket of a role, its own settings before those of all: bucket, endpoint, region, keys; empty without one."""
    own = variables.get(OWNERS[owner])
    if own:
        found: dict[str, t.Any] = dict(_s3.stores(own))
        config = own.get("config", own) or {}
        tls = config.get("http_config") or {}
        path = tls.get("ca_file") or (tls.get("tls_config") or {}).get("ca_file") or ""
    else:
        config = storage_of(variables)
        name = text(config.get("buckets") or {}, owner)
        keys = ("endpoint", "region", "access_key", "secret_key")
        found = {"bucket": name, **{key: text(config, key) for key in keys}} if name and config.get("endpoint") else {}
        path = text(config, "ca_path")
    if not found:
        return {}
    asked = {"endpoint": found["endpoint"].partition(":")[0], "path_style": config.get("path_style")}
    return {
        **found,
        "insecure": bool(config.get("insecure")),
        "ca_path": str(path),
        "path_style": path_style(asked),
    }


def _database(variables: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Where Grafana's database listens, if that is another program."""
    config = (variables.get("grafana_config") or {}).get("database") or {}
    parts = urlsplit(str(config.get("url") or ""))
    kind = str(config.get("type") or parts.scheme or "").replace("postgresql", "postgres")
    if kind not in DATABASES:
        return []
    place = parts.netloc.rpartition("@")[2] or str(config.get("host") or "127.0.0.1")
    if place.startswith("/"):
        return []  # a socket of this host
    address, port = address_and_port(place, DATABASES[kind])
    if not address:
        return [
            {"check": "database", "target": "grafana " + kind, "kind": "none", "reason": "its address cannot be read"}
        ]
    return [{"check": "database", "target": "grafana " + kind, "kind": "tcp", "address": address, "port": port}]
