# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The log line and the trace of a smoke test: what is written, where it is looked for. Pure."""

from __future__ import annotations

import hashlib
import typing as t
from urllib.parse import quote, urlencode

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import text
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._guarded import listeners

NAME = "obs-smoke-test"
AGENTS = ("otelcol-agent", "promtail")
ERROR, INTERNAL = 2, 1
_ANY = '{service_name=~".+"}'


def log_line(value: int) -> str:
    """The line, of which the number is found again."""
    return "Line of the smoke test of obs.stack, number {0}.".format(value)


def log_path(value: int) -> str:
    """Path at which Loki finds the line of the last hour."""
    query = "{0} |= `{1}`".format(_ANY, log_line(value))
    return "/loki/api/v1/query_range?" + urlencode({"query": query, "since": "1h", "limit": "20"})


def lines(answer: t.Any) -> int:
    """How many lines the answer to :func:`log_path` holds."""
    return sum(len(stream.get("values") or []) for stream in answer["data"]["result"])


def trace_id(value: int, host: str) -> str:
    """The trace of one run that one host sends: 32 hexadecimal digits."""
    return hashlib.sha256("{0} {1}".format(value, host).encode()).hexdigest()[:32]


def trace(value: int, host: str, now: float) -> dict[str, t.Any]:
    """One span, as OTLP's JSON.

    It ends in an error: that is what sampling keeps. Its service is its own, so no other counts it.
    """
    identity = trace_id(value, host)
    span = {
        "traceId": identity,
        "spanId": identity[:16],
        "name": "smoke test",
        "kind": INTERNAL,
        "startTimeUnixNano": str(int((now - 0.001) * 1e9)),
        "endTimeUnixNano": str(int(now * 1e9)),
        "status": {"code": ERROR, "message": "not an error: what sampling keeps"},
    }
    service = {"key": "service.name", "value": {"stringValue": NAME}}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span]}]}]}


def trace_path(value: int, host: str) -> str:
    """Path at which Tempo tells about the trace."""
    return "/api/traces/" + quote(trace_id(value, host))


def otlp(ways: Ways) -> dict[str, t.Any]:
    """How the gateway's OTLP port is asked on its own host, at the address that others use.

    Returns:
        Options of the module smoke_test, ``ca`` as PEM text or a path on the controller; without passwords and tokens.
    """
    variables = ways.variables
    found = listeners("otelcol", ways)["otlp_http"]
    tls = variables.get("otelcol_tls") or {}
    secured = found.scheme == "https"
    demanded = bool(tls.get("client_ca"))
    client = text(variables.get("obs_gateway_client") or {}, "username")
    return {
        "address": found.address,
        "port": found.port,
        "scheme": found.scheme,
        "prefix": "",
        "ca_path": "",
        # Who signs the senders' certificates is taken to have signed the gateway's own.
        "ca": str(tls.get("client_ca") or (variables.get("obs_tls") or {}).get("ca") or "") if secured else "",
        "client_cert": "/etc/otelcol/tls/server.crt" if demanded else "",
        "client_key": "/etc/otelcol/tls/server.key" if demanded else "",
        "username": client if client in (variables.get("otelcol_users") or {}) else "",
    }
