# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What in an inventory cannot carry logs, traces and samples safely: shared stores, open ways in, lost ways. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate_logs,
    _estate_signals,
    _estate_slos,
    _estate_storage,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_balanced import BALANCED, gateway_port
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    COMPONENTS,
    LOG_AGENTS,
    Groups,
    HostVars,
    has_elsewhere,
    hosts_of,
    site_hosts,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways, external
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen

# One store has one of these: a second would delete what the first has written.
SINGLE = (("thanos_compact", "thanos", "compact"), ("tempo", "tempo", "run Tempo on"))


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """Everything of that kind, in words for its owner."""
    elsewhere = {site_of(hostvars[host]) for host in hosts_of(groups) if has_elsewhere("loki", hostvars[host])}
    found = [*_shared_stores(groups, hostvars), *_estate_logs.problems(groups, hostvars, elsewhere)]
    found += _estate_slos.problems(groups, hostvars)
    hosts = sorted({host for c in COMPONENTS for host in groups.get(c.group) or []})
    for site in sorted({site_of(hostvars[host]) for host in hosts}):
        in_site = site_hosts(groups, hostvars, site)
        ways = Ways(groups, hostvars, in_site[0])
        found += _open_receiver(ways)
        found += _open_pushgateway(ways)
        found += _without_bucket(ways)
        found += _unscrapable(ways)
        found += _gateway_problems(ways)
        found += _log_agents(in_site, hostvars)
    return found


def _shared_stores(groups: Groups, hostvars: HostVars) -> Iterator[str]:
    for group, owner, verb in SINGLE:
        seen: dict[str, list[str]] = {}
        for host in sorted(set(groups.get(group) or [])):
            store = _estate_storage.bucket(hostvars[host], owner)
            seen.setdefault(store or f"folder of {host}", []).append(host)
        for store, hosts in seen.items():
            if len(hosts) > 1:
                yield (
                    "{0} would {1} the same bucket {2}: each deletes what the other still needs. "
                    "Leave one of them in the group {3}, or give each a bucket of its own.".format(
                        " and ".join(hosts), verb, store, group
                    )
                )


def _open_receiver(ways: Ways) -> Iterator[str]:
    """Prometheus that takes samples from whoever reaches it."""
    senders = _estate_signals.site_sends_samples(ways.groups, ways.hostvars, ways.site)
    for end in ways.members("prometheus"):
        told = ways.hostvars[end.host].get("prometheus_remote_write_receiver")
        takes = senders if told is None else bool(told)
        if takes and not end.username and not end.client_auth and not parse_listen(end.target).loopback:
            yield (
                f"prometheus on {end.host} would take samples from anybody who reaches {end.target}. Set "
                "prometheus_basic_auth_username, prometheus_basic_auth_password and the user's hash in "
                "prometheus_web_config, or prometheus_listen_address: 127.0.0.1:9090 where the site is one host."
            )


def _open_pushgateway(ways: Ways) -> Iterator[str]:
    """A Pushgateway where whoever reaches it may push and delete."""
    for end in ways.members("pushgateway"):
        if end.username or end.client_auth or parse_listen(end.target).loopback:
            continue
        if not ways.hostvars[end.host].get("pushgateway_allow_unauthenticated"):
            yield (
                f"pushgateway on {end.host} would take metrics from anybody who reaches {end.target}. Set "
                "pushgateway_basic_auth_username, pushgateway_basic_auth_password and the user's hash in "
                "pushgateway_web_config, or pushgateway_listen_address: 127.0.0.1:9091 where only its host pushes."
            )


def _without_bucket(ways: Ways) -> Iterator[str]:
    """Services that work on one store from several hosts, and have none."""
    for owner, names in (("thanos", ("thanos-store", "thanos-compact")), ("loki", ("loki",))):
        ends = [end for name in names for end in ways.members(name)]
        needed = not ways.alone if owner == "thanos" else len(ends) > 1
        for end in ends if needed else []:
            if not _estate_storage.bucket(ways.hostvars[end.host], owner):
                yield (
                    f"{end.component} on {end.host} has no bucket, and the others of site {ways.site} cannot see its "
                    f"folder. Set obs_object_storage with buckets.{owner}, or {_estate_storage.OWNERS[owner]}."
                )


def _unscrapable(ways: Ways) -> Iterator[str]:
    """Services that demand a certificate, and a Prometheus that has none to show."""
    demanding = [end for c in COMPONENTS for end in ways.members(c.name) if end.client_auth]
    for end in ways.members("prometheus") if demanding else []:
        there = ways.hostvars[end.host]
        tls = there.get("prometheus_tls", there.get("obs_tls")) or {}
        if not tls.get("certificate"):
            yield (
                f"{demanding[0].component} on {demanding[0].host} demands a client certificate, and Prometheus on "
                f"{end.host} has none to show. Set obs_tls or prometheus_tls of {end.host}."
            )


def _gateway_problems(ways: Ways) -> Iterator[str]:
    """A gateway on a host that has the same port taken, and one without a user for the stack itself."""
    for end in ways.members("gateway"):
        there = ways.hostvars[end.host]
        for row in BALANCED:
            behind = ways.members(row.component)
            own = next((one for one in behind if one.host == end.host), None)
            if own and gateway_port(row, there) == (row.port if row.listen else own.port):
                yield (
                    f"gateway and {row.component} on {end.host} would both listen on port {row.port}. Set "
                    f"gateway_ports: {{{row.name}: {row.port + 10000}}} of the group gateway."
                )
        if not (there.get("obs_gateway_client") or {}).get("username"):
            yield (
                f"gateway on {end.host} knows no user as whom the stack itself asks. Set obs_gateway_client "
                "(username, password) for the whole site."
            )


def _log_agents(in_site: t.Sequence[str], hostvars: HostVars) -> Iterator[str]:
    for host in in_site:
        chosen = text(hostvars[host], "obs_log_agent", "otelcol")
        if chosen not in LOG_AGENTS:
            yield "obs_log_agent of {0} is '{1}'. Set it to one of {2}.".format(host, chosen, ", ".join(LOG_AGENTS))
        for way, _item in external("loki", hostvars[host]):
            if not way.url.startswith(("http://", "https://")):
                yield f"obs_external of {host}: '{way.url}' is no URL. Write it with http:// or https://."
