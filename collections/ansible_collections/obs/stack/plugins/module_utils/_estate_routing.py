# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Receivers and routes of an inventory: refused where they cannot work, and the addresses that links name. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _routing_wiring
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Groups, HostVars, site_of, text
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways, first_served
from ansible_collections.obs.stack.plugins.module_utils._routing import NOBODY

# Variables of an inventory, and what each is for the role.
VARIABLES = {
    "obs_receivers": "alertmanager_receivers",
    "obs_routes": "alertmanager_routes",
    "obs_time_intervals": "alertmanager_time_intervals",
    "obs_maintenance": "alertmanager_maintenance",
    "obs_watchdog": "alertmanager_watchdog",
    "obs_alert_links": "alertmanager_links",
}
WATCHDOG_URLS = tuple(key for key, _receiver in _routing_wiring.WATCHDOGS.values())
_BASE = {"receivers": [{"name": NOBODY}]}


def value(variables: Mapping[str, t.Any], name: str) -> t.Any:
    """What holds on a host: the role's own variable, or the one of all."""
    own = variables.get(VARIABLES[name])
    return variables.get(name) if own is None else own


def receivers_of(variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The configuration that a host's variables give, as far as it tells which servers receivers need."""
    config = _routing_wiring.whole(variables.get("alertmanager_config"), value(variables, "obs_receivers"))
    called = value(variables, "obs_watchdog")
    for key, receiver in _routing_wiring.WATCHDOGS.values():
        if isinstance(called, Mapping) and called.get(key):
            config["receivers"].append({"name": receiver, "webhook_configs": [{"url": called[key]}]})
    return config


def links(ways: Ways) -> dict[str, t.Any]:
    """Where links of notifications lead: the Grafana that people open, and its data sources."""
    found: dict[str, t.Any] = {}
    ends = ways.members("grafana")
    public = text(ways.hostvars[ends[0].host], "grafana_external_url") if ends else ""
    way = ways.one("grafana")
    if public or way:
        found["grafana_url"] = public or (way.url if way else "")
        # As the role grafana names them.
        if ways.one("loki"):
            found["logs_datasource"] = "loki"
        if first_served(ways, ("thanos-query-frontend", "thanos-query", "prometheus")):
            found["metrics_datasource"] = "prometheus"
    given = value(ways.variables, "obs_alert_links")
    return {**found, **given} if isinstance(given, Mapping) else found


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """What cannot work, in words for its owner, each once; empty when sound."""
    found: list[str] = []
    sound: list[str] = []
    for host in groups.get("alertmanager") or []:
        try:
            _judge(hostvars[host])
            sound.append(host)
        except StackError as error:
            found.append(str(error))
    return list(dict.fromkeys([*found, *_differences(sound, hostvars), *_shared_watchdogs(sound, hostvars)]))


def _judge(variables: Mapping[str, t.Any]) -> None:
    _routing_wiring.wiring(
        _BASE,
        config=variables.get("alertmanager_config"),
        items=value(variables, "obs_receivers"),
        routes=value(variables, "obs_routes"),
        intervals=value(variables, "obs_time_intervals"),
        maintenance=value(variables, "obs_maintenance"),
        watchdog=value(variables, "obs_watchdog"),
        links=value(variables, "obs_alert_links"),
    )


def _differences(hosts: Sequence[str], hostvars: HostVars) -> Iterator[str]:
    first: dict[str, str] = {}
    for host in hosts:
        site = site_of(hostvars[host])
        other = first.setdefault(site, host)
        for name in VARIABLES:
            if value(hostvars[host], name) != value(hostvars[other], name):
                yield (
                    f"{other} and {host} differ in {name}: who is told would depend on which Alertmanager of site "
                    f"{site} sends. Set it once, for the whole site."
                )


def _shared_watchdogs(hosts: Sequence[str], hostvars: HostVars) -> Iterator[str]:
    called: dict[str, str] = {}
    for host in hosts:
        site = site_of(hostvars[host])
        watchdog = value(hostvars[host], "obs_watchdog") or {}
        for url in {str(watchdog[key]) for key in WATCHDOG_URLS if watchdog.get(key)}:
            if called.setdefault(url, site) != site:
                yield (
                    f"sites {called[url]} and {site} call the same URL of obs_watchdog: one would hide that the other "
                    "is silent. Give each site its own."
                )
