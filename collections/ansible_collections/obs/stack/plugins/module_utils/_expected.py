# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the inventory expects of each service of a host, and how it is asked besides what the estate says. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import BY_NAME as COMPONENTS
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import text, tls_of
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._guarded import guarded, listeners
from ansible_collections.obs.stack.plugins.module_utils._service_dependencies import BUCKETS, bucket
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen

# Kinds of endpoints a query has, as its metrics name them, and who they are.
STORES = {"sidecar": "thanos-sidecar", "store": "thanos-store", "rule": "thanos-rule", "receive": "thanos-receive"}
HEALTH = {
    "otelcol": ("otelcol_health_listen_address", "127.0.0.1:13133"),
    "otelcol-agent": ("otelcol_agent_health_listen_address", "127.0.0.1:13134"),
}


def complete(health: Sequence[Mapping[str, t.Any]], ways: Ways) -> list[dict[str, t.Any]]:
    """The items of ``health`` with all that is expected, and with how each is asked.

    Args:
        health: as the estate derives it.
        ways: of the host.

    Returns:
        Each item with more in ``expected``, ``client_cert`` and ``client_key`` where the service demands a certificate.
    """
    return [
        {
            **item,
            **asked(str(item["component"]), ways),
            "expected": {**item.get("expected", {}), **expected(str(item["component"]), ways)},
        }
        for item in health
    ]


def asked(component: str, ways: Ways) -> dict[str, t.Any]:
    """What is shown to a service on its own host besides a user name."""
    found: dict[str, t.Any] = {}
    end = ways.own(component)
    if component == "grafana":
        found["username"] = ""  # that one is for its metrics; its health asks for none
    if end is not None and end.client_auth:
        pair = "client" if tls_of(COMPONENTS[component], ways.variables).get("client_certificate") else "server"
        found["client_cert"] = "/etc/{0}/tls/{1}.crt".format(component, pair)
        found["client_key"] = "/etc/{0}/tls/{1}.key".format(component, pair)
    return found


def expected(component: str, ways: Ways) -> dict[str, t.Any]:
    """What the inventory wants of a service: keys of ``expected`` of the module health_check."""
    found: dict[str, t.Any] = {}
    if component == "loki":
        found["members"] = len(ways.members("loki"))
        found["lines"] = bool(ways.members("otelcol-agent") or ways.members("promtail"))
    elif component == "tempo":
        # Nobody else of the stack sends spans by itself.
        found["spans"] = bool(ways.members("otelcol") and ways.members("demo"))
    elif component == "thanos-query" and "thanos_query_endpoints" not in ways.variables:
        counts = {kind: len(ways.members(service)) for kind, service in STORES.items()}
        found["stores"] = {kind: count for kind, count in counts.items() if count}
    elif component in HEALTH:
        variable, default = HEALTH[component]
        listen = parse_listen(text(ways.variables, variable, default), variable)
        found["health_port"], found["health_address"] = listen.port, listen.local
    if component in BUCKETS and bucket(ways.variables, BUCKETS[component]).get("access_key"):
        found["static_keys"] = True
    ways_in = guarded(component, listeners(component, ways))
    if ways_in:
        found["guarded"] = ways_in
    return found
