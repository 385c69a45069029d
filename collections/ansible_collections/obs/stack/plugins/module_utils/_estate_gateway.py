# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the balancer of a site has behind it, as the role ``gateway`` takes it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._estate_balanced import BALANCED, Balanced, gateway_port
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Endpoint, address_of, text
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways, receiver
from ansible_collections.obs.stack.plugins.module_utils._wiring import is_ip, parse_listen


def gateway(ways: Ways) -> dict[str, t.Any]:
    """What the balancer of the site has behind it."""
    served = []
    for row in BALANCED:
        ends = ways.members(row.component)
        if ends:
            served.append(_balanced(row, ends, ways))
    client = ways.variables.get("obs_gateway_client") or {}
    users = {text(client, "username"): text(client, "password")} if client.get("username") else {}
    return {"services": served, "users": users}


def _balanced(row: Balanced, ends: list[Endpoint], ways: Ways) -> dict[str, t.Any]:
    members = []
    tls = ends[0].scheme == "https"
    for end in ends:
        there = ways.hostvars[end.host]
        port, address = end.port, end.address
        if row.listen:
            listen, loopback = receiver(row.listen, row.port, there, enclosed=ways.enclosed)
            parts = parse_listen(listen, row.listen)
            port, address = parts.port, parts.host if loopback else address_of(end.host, there)
            tls = bool((there.get("otelcol_tls", there.get("obs_tls")) or {}).get("certificate"))
        # HAProxy holds a certificate against names only, never against an address.
        name = end.host if is_ip(address) else address
        members.append({"name": end.host, "address": address, "port": port, "server_name": name})
    service: dict[str, t.Any] = {
        "name": row.name,
        "port": gateway_port(row, ways.variables),
        "protocol": row.protocol,
        "members": members,
        "tls": tls,
        "authenticate": row.authenticate,
        "sticky": row.sticky,
        "repeatable": row.repeatable,
        "push_paths": [ends[0].prefix + path for path in row.push_paths],
        "deny_paths": [ends[0].prefix + path for path in row.deny_paths],
    }
    if row.health:
        service["health"] = ends[0].prefix + row.health
    if row.authenticate and ends[0].username:
        service.update(username=ends[0].username, password=ends[0].password)
    return service
