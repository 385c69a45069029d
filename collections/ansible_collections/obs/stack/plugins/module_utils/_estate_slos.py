# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which service level objectives a site has, and which service evaluates them, as its hosts' ``obs_slos`` say. Pure."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    Groups,
    HostVars,
    hosts_of,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_items import listed, refusal
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways

SLOS = "obs_slos"
EVALUATOR = "obs_slo_evaluator"
# The services that can, and the group each runs on.
EVALUATORS = {"prometheus": "prometheus", "thanos-rule": "thanos_rule"}
# What ships for a service where a site has it.
STARTERS = ("prometheus", "alertmanager", "thanos-query", "loki", "tempo", "otelcol", "demo")


def group_of(variables: Mapping[str, t.Any]) -> str:
    """The group whose hosts evaluate the objectives of a host's site."""
    return EVALUATORS[text(variables, EVALUATOR, "prometheus")]


def slos(ways: Ways) -> dict[str, dict[str, list[str]]]:
    """What the role slo takes for each service that could evaluate.

    Returns:
        ``src`` (paths on the controller) and ``starters`` by service. Empty for the one that is not chosen, so that
        its rules go.

    Raises:
        StackError: a variable is not a list of paths.
    """
    chosen = text(ways.variables, EVALUATOR, "prometheus")
    wanted = {
        "src": sources(ways.groups, ways.hostvars, ways.site),
        "starters": [name for name in STARTERS if ways.members(name)] if _starters(ways.variables) else [],
    }
    return {service: wanted if service == chosen else {"src": [], "starters": []} for service in EVALUATORS}


def sources(groups: Groups, hostvars: HostVars, site: str) -> list[str]:
    """Every path that a host of a site names in ``obs_slos`` or ``obs_slos_<anything>``, once.

    Raises:
        StackError: a variable is not a list of paths.
    """
    found: set[str] = set()
    for host in hosts_of(groups):
        if site_of(hostvars[host]) == site:
            found.update(_paths(hostvars[host], host))
    return sorted(found)


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """What cannot work, in words for its owner."""
    found: list[str] = []
    for site in sorted({site_of(hostvars[host]) for host in hosts_of(groups)}):
        in_site = [host for host in hosts_of(groups) if site_of(hostvars[host]) == site]
        try:
            named = sources(groups, hostvars, site)
        except StackError as error:
            found.append(str(error))
            continue
        chosen = sorted({text(hostvars[host], EVALUATOR, "prometheus") for host in in_site})
        if len(chosen) > 1:
            found.append(
                f"{EVALUATOR} of site {site} is both {' and '.join(chosen)}: rules would be evaluated twice. "
                "Set it once, for the whole site."
            )
            continue
        group = EVALUATORS.get(chosen[0])
        wanted = named or chosen[0] != "prometheus"
        if group and wanted and not set(groups.get(group) or []) & set(in_site):
            found.append(
                f"nobody in site {site} evaluates service level objectives: no host is in the group {group}. "
                f"Add one to it, or choose another {EVALUATOR}."
            )
    return found


def _starters(variables: Mapping[str, t.Any]) -> bool:
    return bool(variables.get("obs_slo_starters", True))


def _paths(variables: Mapping[str, t.Any], host: str) -> Iterator[str]:
    base = text(variables, "inventory_dir")
    hint = "Write [slos/shop.yml], beside the inventory."
    for place, item in listed(SLOS, host, variables, hint):
        if not isinstance(item, str) or not item:
            raise refusal(f"{place} of {host}", "it is not a path", hint)
        yield posixpath.join(base, item)
