# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which ways into a service of the estate take writes, where they listen beyond loopback. Pure."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._estate_balanced import BALANCED, gateway_port
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import address_of, text
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import (
    OTLP,
    TEMPO_OTLP_HTTP,
    Ways,
    receiver,
)
from ansible_collections.obs.stack.plugins.module_utils._ways_in import GRPC
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen

JSON, PROTOBUF = "application/json", "application/x-protobuf"
MAIN = "main"
_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Entry(t.NamedTuple):
    """A request that writes: through which listener, what it is, and whether an open one is a warning only.

    ``lenient``: many run it without a login in a network of their own; with one, open is wrong all the same.
    """

    listener: str
    what: str
    path: str
    method: str = "POST"
    content_type: str = JSON
    lenient: bool = False


_OTLP = (Entry("otlp_grpc", "OTLP over gRPC", _TRACES, GRPC), Entry("otlp_http", "OTLP over HTTP", "/v1/traces"))
_LOKI = (
    Entry(MAIN, "Loki push", "/loki/api/v1/push"),
    Entry(MAIN, "Loki OTLP", "/otlp/v1/logs"),
)
_PROMETHEUS = (
    Entry(MAIN, "remote write", "/api/v1/write", content_type=PROTOBUF),
    Entry(MAIN, "Prometheus OTLP", "/api/v1/otlp/v1/metrics", content_type=PROTOBUF),
)
_ALERTS = Entry(MAIN, "Alertmanager API", "/api/v2/alerts", lenient=True)
_PUSHED = Entry(MAIN, "Pushgateway", "/metrics/job/obs-verify", content_type="text/plain")
_GRAFANA = Entry(MAIN, "Grafana API", "/api/folders")
ENTRIES: dict[str, tuple[Entry, ...]] = {
    "otelcol": (
        *_OTLP,
        Entry("zipkin", "Zipkin", "/api/v2/spans"),
        Entry("jaeger_thrift_http", "Jaeger", "/api/traces", content_type="application/x-thrift"),
    ),
    "tempo": _OTLP,
    "loki": _LOKI,
    # Deleting without saying what is refused for that, or because the API is off: either way nothing is deleted.
    "prometheus": (*_PROMETHEUS, Entry(MAIN, "admin API", "/api/v1/admin/tsdb/delete_series", lenient=True)),
    "alertmanager": (_ALERTS,),
    "grafana": (_GRAFANA,),
    "pushgateway": (_PUSHED,),
    "thanos-receive": (Entry("remote_write", "remote write", "/api/v1/receive", content_type=PROTOBUF),),
    # The balancer hands on to services: a listener is named after the row of BALANCED behind it.
    "gateway": (
        _OTLP[0]._replace(listener="otlp-grpc"),
        _OTLP[1]._replace(listener="otlp-http"),
        *(entry._replace(listener="loki") for entry in _LOKI),
        *(entry._replace(listener="prometheus") for entry in _PROMETHEUS),
        _ALERTS._replace(listener="alertmanager"),
        _GRAFANA._replace(listener="grafana"),
    ),
}
# Listeners besides a service's main one: variable, port (0: none unless it is set), variable of its certificate.
LISTENERS: dict[str, dict[str, tuple[str, int, str]]] = {
    "otelcol": {
        "otlp_grpc": ("otelcol_otlp_grpc_listen_address", OTLP["grpc"], "otelcol_tls"),
        "otlp_http": ("otelcol_otlp_http_listen_address", OTLP["http"], "otelcol_tls"),
        "zipkin": ("otelcol_zipkin_endpoint", 0, "otelcol_tls"),
        "jaeger_thrift_http": ("otelcol_jaeger_thrift_http_endpoint", 0, "otelcol_tls"),
    },
    "tempo": {
        "otlp_grpc": ("tempo_otlp_grpc_listen_address", 4327, "tempo_tls"),
        "otlp_http": ("tempo_otlp_http_listen_address", TEMPO_OTLP_HTTP, "tempo_tls"),
    },
    # Without a variable of the inventory it listens on loopback.
    "thanos-receive": {
        "remote_write": ("thanos_receive_remote_write_address", 0, "thanos_receive_remote_write_tls"),
    },
}


class Listener(t.NamedTuple):
    """Where others reach a listener. ``login``: whether it is meant to ask for one."""

    address: str
    port: int
    scheme: str = "http"
    prefix: str = ""
    login: bool = False


def listeners(component: str, ways: Ways) -> dict[str, Listener]:
    """All listeners of a service on the host of the ways, ``main`` and by the names of ``LISTENERS``.

    Raises:
        StackError: a listen address has no port.
    """
    if component == "gateway":
        return _balanced(ways)
    end = ways.own(component)
    if end is None:
        return {}
    login = bool(end.username or end.client_auth)
    found = {MAIN: Listener(end.address, end.port, end.scheme, end.prefix, login)}
    variables = ways.variables
    for name, (variable, port, certificate) in LISTENERS.get(component, {}).items():
        if not port and not text(variables, variable):
            continue
        told, loopback = receiver(variable, port, variables, enclosed=ways.enclosed)
        listen = parse_listen(told, variable)
        tls = variables.get(certificate, variables.get("obs_tls")) or {}
        found[name] = Listener(
            listen.host if loopback else address_of(ways.host, variables),
            listen.port,
            "https" if tls.get("certificate") else "http",
        )
    return found


def _balanced(ways: Ways) -> dict[str, Listener]:
    """The gateway's own addresses on this host, a floating one may be on another."""
    variables = ways.variables
    tls = variables.get("gateway_tls", variables.get("obs_tls")) or {}
    scheme = "https" if tls.get("certificate") else "http"
    bound = text(variables, "gateway_address", text(variables, "obs_listen_address"))
    address = bound if bound and _loopback(bound) else address_of(ways.host, variables)
    found = {}
    for row in BALANCED:
        behind = ways.members(row.component)
        if behind:
            prefix = behind[0].prefix if row.name == row.component else ""
            found[row.name] = Listener(address, gateway_port(row, variables), scheme, prefix, row.authenticate)
    return found


def guarded(component: str, found: Mapping[str, Listener]) -> list[dict[str, t.Any]]:
    """What must refuse a write without credentials: items of ``expected.guarded`` of the module health_check.

    Args:
        component: a service of the estate.
        found: its listeners by name. What listens on loopback is left out.
    """
    result = []
    for entry in ENTRIES.get(component, ()):
        listener = found.get(entry.listener)
        if listener is None or _loopback(listener.address):
            continue
        prefix = "" if entry.method == GRPC else listener.prefix
        result.append(
            {
                "what": entry.what,
                "scheme": listener.scheme,
                "address": listener.address,
                "port": listener.port,
                "path": prefix + entry.path,
                "method": entry.method,
                "content_type": entry.content_type,
                "warning": entry.lenient and not listener.login,
            }
        )
    return result


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
