# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the inventory says to each role that stores, carries or shows a signal. Pure.

Every function takes the ways of one host and returns what ``playbooks/vars/<role>.yml`` hands to the role.
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.obs.stack.plugins.module_utils import _estate_logs
from ansible_collections.obs.stack.plugins.module_utils import _estate_storage as _storage
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    BY_NAME,
    COMPONENTS,
    Access,
    Endpoint,
    address_of,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_gateway import gateway
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import access_files, client
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import (
    Way,
    Ways,
    external,
    first_served,
    otlp_url,
    receiver,
    tempo_otlp,
)
from ansible_collections.obs.stack.plugins.module_utils._wiring import (
    join_host_port,
    parse_listen,
    pem_source,
)

# Ports by which the components of Thanos ask each other; the sidecar's, the store's and so on.
GRPC_PORTS = {"thanos-sidecar": 10901, "thanos-store": 10905, "thanos-rule": 10907, "thanos-receive": 10915}
MEMBERLIST = 7946
WRITE = "/api/v1/write"
OTLP_METRICS = "/api/v1/otlp"
# A sidecar uploads whole blocks: Prometheus must not compact them before.
BLOCK = "2h"


def prometheus_flags(ways: Ways, *, receives: bool) -> dict[str, t.Any]:
    """Flags that follow from what is beside it: equal block lengths for a sidecar's uploads, OTLP for the gateway."""
    flags: dict[str, t.Any] = {}
    if ways.own("thanos-sidecar") and _storage.thanos_objstore(ways.variables, alone=ways.alone):
        flags.update({"storage.tsdb.min-block-duration": BLOCK, "storage.tsdb.max-block-duration": BLOCK})
    if receives and ways.members("otelcol"):
        flags["web.enable-otlp-receiver"] = True
    return flags


def tracing(ways: Ways) -> str:
    """Where services send their own spans, by OTLP over gRPC: the collector beside them, if it is open to the host."""
    if not ways.own("otelcol"):
        return ""
    address, loopback = receiver("otelcol_otlp_grpc_listen_address", 4317, ways.variables, enclosed=ways.enclosed)
    return address if loopback else ""


def thanos(ways: Ways) -> dict[str, t.Any]:
    """The components of this host, and what each has to know."""
    here = [c for c in COMPONENTS if c.installer == "thanos" and ways.own(c.name)]
    own = ways.own("prometheus")
    queries = ways.members("thanos-query")
    local = ways.own("thanos-query")
    return {
        "components": [c.prefix.split("_", 1)[1] for c in here],
        "objstore": _storage.thanos_objstore(ways.variables, alone=ways.alone),
        # Without a sidecar it says nothing, but the role wants a URL.
        "sidecar_prometheus": _reached(own, ways) if own else {"url": "http://127.0.0.1:9090"},
        "query_endpoints": [] if ways.alone else _stores(ways),
        "query_frontend_downstream": {} if local or not queries else _without_login(_reached(queries[0], ways)),
        "compact_hosts": _same_bucket(ways),
        "rule_queries": [_reached(end, ways) for end in queries],
        "rule_alertmanagers": [way.options("ca", "username", "password") for way in ways.each("alertmanager")],
        "rule_labels": {"site": ways.site},
        "otlp_address": tracing(ways),
        "replica_labels": _replica_labels(ways),
    }


def _replica_labels(ways: Ways) -> list[str]:
    """The external labels in which replicas differ: query leaves them out, or one series would be two."""
    return ["replica", "zone"] if any(end.zone for end in ways.members("prometheus")) else ["replica"]


def _reached(end: Endpoint, ways: Ways) -> dict[str, t.Any]:
    found = Way(url=end.url, ca=end.ca if end.scheme == "https" else "", username=end.username, password=end.password)
    told = found.options("ca", "username", "password")
    if end.host == ways.host and end.scheme == "https":
        told["server_name"] = address_of(end.host, ways.variables)
    return told


def _without_login(way: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: value for key, value in way.items() if key not in ("username", "password")}


def _stores(ways: Ways) -> list[str]:
    """gRPC addresses of all that answer for samples."""
    found = []
    for service, port in GRPC_PORTS.items():
        for end in ways.members(service):
            there = ways.hostvars[end.host]
            variable = f"{BY_NAME[service].prefix}_grpc_address"
            listen, loopback = receiver(variable, port, there, enclosed=ways.enclosed)
            parts = parse_listen(listen, variable)
            address = parts.host if loopback else address_of(end.host, there)
            if not loopback or end.host == ways.host:
                found.append(join_host_port(address, parts.port))
    return found


def _same_bucket(ways: Ways) -> list[str]:
    """Hosts of all sites that compact the bucket of this host."""
    mine = _storage.bucket(ways.variables, "thanos") or f"folder of {ways.host}"
    hosts = sorted(set(ways.groups.get("thanos_compact") or []))
    return [host for host in hosts if (_storage.bucket(ways.hostvars[host], "thanos") or f"folder of {host}") == mine]


def loki(ways: Ways) -> dict[str, t.Any]:
    """Ring, store and where its rules' results go."""
    ends = ways.members("loki")
    ring = []
    for end in ends if len(ends) > 1 else []:
        there = ways.hostvars[end.host]
        variable = "loki_memberlist_listen_address"
        port = parse_listen(text(there, variable, f"0.0.0.0:{MEMBERLIST}"), variable).port
        ring.append(join_host_port(address_of(end.host, there), port))
    alertmanagers = ways.each("alertmanager")
    told = alertmanagers[0].options("ca", "username", "password", "bearer_token") if alertmanagers else {}
    told.pop("url", None)
    return {
        "members": ring,
        "advertise_address": address_of(ways.host, ways.variables) if ring else "",
        "s3": _storage.loki_s3(ways.variables),
        "alertmanagers": {"urls": [way.url for way in alertmanagers], **told} if alertmanagers else {},
        "remote_write": [
            {"name": name, **way.options("ca", "username", "password", "bearer_token")} for name, way in writes(ways)
        ],
        "external_labels": {"site": ways.site},
    }


def writes(ways: Ways) -> list[tuple[str, Way]]:
    """Where samples are written: to every Prometheus of the site, or to the user's own instead of them."""
    ends = ways.members("prometheus")
    if ends:
        straight = ways.each("prometheus") if not external("prometheus", ways.variables) else []
        named = [(end.host, way) for end, way in zip(ends, straight)]
        if named:
            return [(name, way._replace(url=way.url + WRITE)) for name, way in named]
    theirs = external("remote_write", ways.variables)
    return [(f"external-{number}", way) for number, (way, _item) in enumerate(theirs, 1)]


def remote_write(service: str, targets: t.Sequence[Way]) -> dict[str, list[dict[str, t.Any]]]:
    """Where a service writes samples: ``remote_write`` in Prometheus' keys, ``files`` and ``secrets`` that it names."""
    remote, files, secrets = [], [], []
    for number, way in enumerate(targets, 1):
        item: dict[str, t.Any] = {"url": way.url}
        path = f"secrets/write-{number}"
        if way.ca:
            files.append({"path": f"tls/write-{number}-ca.pem", **pem_source(way.ca)})
            item["tls_config"] = {"ca_file": f"/etc/{service}/tls/write-{number}-ca.pem"}
        if way.username:
            item["basic_auth"] = {"username": way.username, "password_file": f"/etc/{service}/{path}"}
        elif way.bearer_token:
            item["authorization"] = {"credentials_file": f"/etc/{service}/{path}"}
        if way.username or way.bearer_token:
            secrets.append({"path": path, "content": way.password or way.bearer_token})
        remote.append(item)
    return {"remote_write": remote, "files": files, "secrets": secrets}


def prometheus_elsewhere(ways: Ways) -> dict[str, t.Any]:
    """What Prometheus writes to and alerts besides the site's own: ``remote_write``, ``alertmanagers``, files."""
    named = remote_write("prometheus", [way for way, _item in external("remote_write", ways.variables)])
    for number, item in enumerate(named["remote_write"], 1):
        item["name"] = f"external-{number}"
    told = []
    for number, (way, _item) in enumerate(external("alertmanager", ways.variables), 1):
        parts = urlsplit(way.url)
        entry: dict[str, t.Any] = {"scheme": parts.scheme}
        if parts.path:
            entry["path_prefix"] = parts.path
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        entry["static_configs"] = [{"targets": [join_host_port(str(parts.hostname), port)]}]
        access = Access(ca=way.ca, username=way.username, password=way.password, bearer_token=way.bearer_token)
        name = f"alertmanager-{number}"
        entry.update(client(name, access, tls=parts.scheme == "https"))
        told.append(entry)
        for key, items in access_files(name, access, tls=parts.scheme == "https").items():
            named[key] += items
    return {**named, "alertmanagers": told}


def tempo(ways: Ways) -> dict[str, t.Any]:
    """Store and where metrics of spans go, in upstream's keys with credentials as files."""
    return {
        **remote_write("tempo", [way for _name, way in writes(ways)]),
        "external_labels": {"site": ways.site},
        "s3": _storage.tempo_s3(ways.variables),
        "instances": len(same_store(ways)),
    }


def same_store(ways: Ways) -> list[str]:
    """Hosts that run Tempo on the store of this host."""
    mine = _storage.bucket(ways.variables, "tempo") or f"folder of {ways.host}"
    hosts = sorted(set(ways.groups.get("tempo") or []))
    return [host for host in hosts if (_storage.bucket(ways.hostvars[host], "tempo") or f"folder of {host}") == mine]


def logs_way(ways: Ways) -> Way | None:
    """Where log lines go."""
    return ways.one("loki")


def otelcol(ways: Ways) -> dict[str, t.Any]:
    """Where the gateway collector sends each signal, and what it says of all of them."""
    traces, logs = tempo_otlp(ways), logs_way(ways)
    metrics = ways.each("prometheus")
    return {
        "traces_endpoint": traces.options() if traces else {},
        "logs_endpoint": logs.options(path="/otlp") if logs else {},
        "metrics_endpoints": [way.options(path=OTLP_METRICS) for way in metrics],
        "resource_attributes": {"site": ways.site},
    }


def otelcol_agent(ways: Ways) -> dict[str, t.Any]:
    """Where the log agent sends lines, and what it says of them."""
    logs = logs_way(ways)
    return {
        "logs_endpoint": logs.options(path="/otlp") if logs else {},
        "resource_attributes": {"site": ways.site, "host": ways.host, "instance": ways.host},
        "log_files": _estate_logs.for_otelcol(_estate_logs.log_files(ways.variables, ways.host)),
        "replaces": ["promtail"],
    }


def promtail(ways: Ways) -> dict[str, t.Any]:
    """Where Promtail sends lines, and their labels."""
    logs = logs_way(ways)
    return {
        "clients": [{"name": "loki", **logs.options(path="/loki/api/v1/push")}] if logs else [],
        "labels": {"site": ways.site, "host": ways.host, "instance": ways.host},
        "logs": _estate_logs.for_promtail(_estate_logs.log_files(ways.variables, ways.host)),
        "replaces": ["otelcol-agent"],
    }


def grafana(ways: Ways) -> dict[str, t.Any]:
    """The data sources of the site."""
    found = []
    metrics = first_served(ways, ("thanos-query-frontend", "thanos-query", "prometheus"))
    if metrics:
        service, way = metrics
        found.append({"name": "Prometheus", "type": "prometheus", "thanos": service != "prometheus", **way.options()})
    for name in ("loki", "tempo", "alertmanager"):
        served = ways.one(name)
        if served:
            found.append({"name": name.capitalize(), "type": name, **served.options()})
    return {"endpoints": found, "otlp_address": tracing(ways)}


def spans_beside(ways: Ways) -> dict[str, t.Any]:
    """Where exporter and demo application send their spans: to the collector beside them, without credentials."""
    if not ways.own("otelcol"):
        return {"otlp_endpoint": ""}
    listen, loopback = receiver("otelcol_otlp_http_listen_address", 4318, ways.variables, enclosed=ways.enclosed)
    del listen
    return {"otlp_endpoint": otlp_url(ways.host, ways.variables, enclosed=ways.enclosed) if loopback else ""}


DERIVED: dict[str, t.Callable[[Ways], dict[str, t.Any]]] = {
    "thanos": thanos,
    "loki": loki,
    "tempo": tempo,
    "otelcol": otelcol,
    "otelcol-agent": otelcol_agent,
    "promtail": promtail,
    "grafana": grafana,
    "gateway": gateway,
    "exporter": spans_beside,
    "demo": spans_beside,
}


def site_sends_samples(groups: t.Mapping[str, t.Sequence[str]], hostvars: t.Any, site: str) -> bool:
    """Whether anything of a site does so."""
    hosts = {name for group in ("loki", "tempo", "otelcol") for name in groups.get(group) or []}
    return any(site_of(hostvars[name]) == site for name in hosts)
