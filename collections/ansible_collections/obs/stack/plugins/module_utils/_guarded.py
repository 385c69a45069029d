# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.
"""Which ways into a service of the estate take writes, where they listen beyond loopback. Pure."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import text
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
    "thanos-receive": (Entry("remote_write", "remote write", "/api/v1/receive", content_type=PROTOBUF),),
    # The balancer hands on to services: a listener is named after the service that is behind it.
    "gateway": (
        *_OTLP,
        *(entry._replace(listener="loki") for entry in _LOKI),
        *(entry._replace(listener="prometheus") for entry in _PROMETHEUS),
        _ALERTS._replace(listener="alertmanager"),
        _GRAFANA._replace(listener="grafana"),
    ),
}
# Listeners besides a service's main one: the variable, its default, and the variable of its certificate.
LISTENERS: dict[str, dict[str, tuple[str, str, str]]] = {
    "otelcol": {
        "otlp_grpc": ("otelcol_otlp_grpc_listen_address", "127.0.0.1:4317", "otelcol_tls"),
        "otlp_http": ("otelcol_otlp_http_listen_address", "127.0.0.1:4318", "otelcol_tls"),
        "zipkin": ("otelcol_zipkin_endpoint", "", "otelcol_tls"),
        "jaeger_thrift_http": ("otelcol_jaeger_thrift_http_endpoint", "", "otelcol_tls"),
    },
    "tempo": {
        "otlp_grpc": ("tempo_otlp_grpc_listen_address", "127.0.0.1:4327", "tempo_tls"),
        "otlp_http": ("tempo_otlp_http_listen_address", "127.0.0.1:4328", "tempo_tls"),
    },
    "thanos-receive": {
        "remote_write": (
            "thanos_receive_remote_write_address",
            "127.0.0.1:10917",
            "thanos_receive_remote_write_tls",
        ),
    },
}


class Listener(t.NamedTuple):
    """Where others reach a listener. ``login``: whether it is meant to ask for one."""

    address: str
    port: int
    scheme: str = "http"
    prefix: str = ""
    login: bool = False


def listeners(component: str, variables: Mapping[str, t.Any], main: Listener) -> dict[str, Listener]:
    """All listeners of a service.

    Args:
        component: its name.
        variables: what its role is told (``<role>_*``); the role's defaults count for the rest.
        main: how others reach its main listener; its address is the host's, for the other listeners too.

    Raises:
        StackError: a listen address has no port.
    """
    found = {MAIN: main}
    for name, (variable, default, certificate) in LISTENERS.get(component, {}).items():
        given = text(variables, variable, default)
        if not given:
            continue
        listen = parse_listen(given, variable)
        tls = variables.get(certificate) or {}
        found[name] = Listener(
            listen.host if listen.loopback else main.address,
            listen.port,
            "https" if tls.get("certificate") else "http",
        )
    return found


def guarded(component: str, found: Mapping[str, Listener]) -> list[dict[str, t.Any]]:
    """What must refuse a write without credentials: items of ``expected.guarded`` of the module health_check.

    Args:
        component: a service of the estate.
        found: its listeners by name; of the gateway by the service behind. What listens on loopback is left out.
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
