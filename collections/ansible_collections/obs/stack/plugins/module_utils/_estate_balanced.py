# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The services that the gateway of a site has an address for. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

OTLP = {"grpc": 4317, "http": 4318}


class Balanced(t.NamedTuple):
    """A service that the gateway of a site has an address for.

    ``port``: where the gateway takes it, unless ``gateway_ports`` says otherwise, and where members do.
    ``health``: page that says it is ready, at the members' metrics port; "" for a mere connection.
    ``authenticate``: the gateway asks for a user, and shows members their own; otherwise the service itself asks.
    ``repeatable``, ``push_paths``, ``deny_paths``: as in the role's ``gateway_services``.
    """

    name: str
    component: str
    port: int
    health: str
    authenticate: bool = True
    protocol: str = "http"
    listen: str = ""
    sticky: bool = False
    repeatable: bool = False
    push_paths: tuple[str, ...] = ()
    deny_paths: tuple[str, ...] = ()


BALANCED = (
    Balanced(
        "loki",
        "loki",
        3100,
        "/ready",
        # The same line at the same time is one line, so a push may be repeated.
        push_paths=("/loki/api/v1/push", "/otlp/"),
        deny_paths=("/flush", "/ingester/"),
    ),
    Balanced("thanos-query-frontend", "thanos-query-frontend", 10914, "/-/ready", repeatable=True),
    Balanced("thanos-query", "thanos-query", 10904, "/-/ready", repeatable=True),
    # What is written here by turns would be in one replica or the other: who writes, writes to each.
    Balanced(
        "prometheus",
        "prometheus",
        9090,
        "/-/ready",
        repeatable=True,
        deny_paths=("/api/v1/write", "/api/v1/otlp/"),
    ),
    Balanced("alertmanager", "alertmanager", 9093, "/-/ready"),
    Balanced("tempo", "tempo", 3200, "/ready", deny_paths=("/flush", "/shutdown")),
    Balanced("grafana", "grafana", 3000, "/api/health", authenticate=False),
    Balanced(
        "otlp-grpc",
        "otelcol",
        OTLP["grpc"],
        "",
        authenticate=False,
        protocol="grpc",
        listen="otelcol_otlp_grpc_listen_address",
        sticky=True,
    ),
    Balanced(
        "otlp-http",
        "otelcol",
        OTLP["http"],
        "",
        authenticate=False,
        listen="otelcol_otlp_http_listen_address",
        sticky=True,
    ),
)


def gateway_port(row: Balanced, variables: Mapping[str, t.Any]) -> int:
    """The port at which a gateway takes a service."""
    return int((variables.get("gateway_ports") or {}).get(row.name) or row.port)
