# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Find what in an inventory cannot become a working estate, before anything changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate_probe_problems,
    _estate_routing,
    _estate_signal_problems,
    _estate_sites,
    _estate_spec,
)
from ansible_collections.obs.stack.plugins.module_utils import _estate_scrape_problems as _scrape_problems
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    COMPONENTS,
    Component,
    Endpoint,
    Groups,
    HostVars,
    hosts_of,
    members,
    site_of,
    zone_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_spec import Options
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen


def problems(groups: Groups, hostvars: HostVars, spec: Options | None = None) -> list[str]:
    """Everything in the inventory that cannot become a working estate, in words for its owner; empty when sound.

    Args:
        groups: names of all hosts by group.
        hostvars: inventory variables of every host.
        spec: what ``obs_*`` variables may be. Where one does not fit, only that is told: the rest builds on it.
    """
    return _estate_spec.check(hostvars, hosts_of(groups), spec or {}) or (
        _wiring_problems(groups, hostvars)
        or [
            *_scrape_problems.problems(groups, hostvars),
            *_estate_probe_problems.problems(groups, hostvars),
            *_estate_signal_problems.problems(groups, hostvars),
            *_estate_routing.problems(groups, hostvars),
            *_estate_sites.problems(groups, hostvars),
        ]
    )


def _wiring_problems(groups: Groups, hostvars: HostVars) -> list[str]:
    found: list[str] = []
    hosts = sorted({name for c in COMPONENTS for name in groups.get(c.group) or []})
    for site in sorted({site_of(hostvars[host]) for host in hosts}):
        in_site = [host for host in hosts if site_of(hostvars[host]) == site]
        zones = sorted({zone_of(hostvars[host]) for host in in_site} - {""})
        for component in COMPONENTS:
            try:
                ends = members(component, groups, hostvars, site)
            except StackError as error:
                found.append(str(error))
                continue
            found += _same_access(component, ends) + _same_address(component, ends)
            found += _unreachable(component, ends, in_site)
            if component.redundant and len(ends) > 1 and len(zones) > 1:
                found += _spread(component, ends, zones, site)
    return found


def _same_access(component: Component, ends: Sequence[Endpoint]) -> list[str]:
    for end in ends[1:]:
        if (end.prefix, end.access) != (ends[0].prefix, ends[0].access):
            return [
                f"{ends[0].host} and {end.host} differ in path prefix, CA or credentials of {component.name}: "
                f"one job has one of each. Set {component.prefix}_external_url, {component.installer}_tls and "
                f"{component.installer}_basic_auth_* in group_vars/{component.group}."
            ]
    return []


def _same_address(component: Component, ends: Sequence[Endpoint]) -> list[str]:
    seen: dict[str, str] = {}
    found = []
    for end in ends:
        other = seen.setdefault(end.target, end.host)
        if other != end.host:
            found.append(
                f"{other} and {end.host} have the same {component.name} address {end.target}. Set obs_address of each."
            )
    return found


def _unreachable(component: Component, ends: Sequence[Endpoint], in_site: Sequence[str]) -> list[str]:
    loopback = [end.host for end in ends if parse_listen(end.target).loopback]
    if len(in_site) < 2 or not loopback or component.local:
        return []
    return [
        "{0} of {1} is reached at a loopback address, but the site has {2} hosts. Set obs_address, "
        "{0}_listen_address or obs_listen_address to one the others reach.".format(
            component.prefix, ", ".join(loopback), len(in_site)
        )
    ]


def _spread(component: Component, ends: Sequence[Endpoint], zones: Sequence[str], site: str) -> list[str]:
    unset = [end.host for end in ends if not end.zone]
    if unset:
        return ["{} has no obs_zone, but site {} has zones {}. Set it.".format(unset[0], site, ", ".join(zones))]
    used: dict[str, list[str]] = {}
    for end in ends:
        used.setdefault(end.zone, []).append(end.host)
    free = [zone for zone in zones if zone not in used]
    crowded = [zone for zone in sorted(used) if len(used[zone]) > 1]
    if not free or not crowded:
        return []
    return [
        "{} on {} are all in zone {} while zone {} of site {} has none: the loss of one zone would take them "
        "together. Move one, or correct obs_zone.".format(
            component.name, " and ".join(used[crowded[0]]), crowded[0], free[0], site
        )
    ]
