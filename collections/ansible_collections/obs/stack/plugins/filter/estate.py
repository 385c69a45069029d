# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that read the whole inventory. The work is in module_utils/_estate.py, the documentation in <filter>.yml."""

from __future__ import annotations

import functools
import pathlib
import typing as t
from collections.abc import Mapping, Sequence

import yaml

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate,
    _estate_endpoints,
    _estate_problems,
    _estate_spec,
    _expected,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.plugin_utils import _alert_sources, _health_report
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained, once_per_task

COLLECTION = pathlib.Path(__file__).resolve().parents[2]
ROLES = COLLECTION / "roles"
SPEC = COLLECTION / "playbooks" / "vars" / "inventory_spec.yml"


class Once(dict[str, Mapping[str, t.Any]]):
    """Variables of hosts, each host's put together once for a derivation that looks at them many times."""

    def __init__(self, hostvars: Mapping[str, Mapping[str, t.Any]]) -> None:
        super().__init__()
        self._hostvars = hostvars

    def __missing__(self, host: str) -> Mapping[str, t.Any]:
        self[host] = self._hostvars[host]
        return self[host]


@functools.cache
def spec() -> _estate_spec.Options:
    """What ``obs_*`` variables may be, read once."""
    with open(SPEC, encoding="utf-8") as handle:
        return _estate_spec.options_of(yaml.safe_load(handle)["inventory_spec"])


def estate(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, t.Any]], host: str
) -> dict[str, t.Any]:
    """What the inventory says about one host, with the rules of the components its site runs."""
    hostvars = Once(hostvars)
    result = _estate.derive(groups, hostvars, host)
    result["health"] = _expected.complete(result["health"], Ways(groups, hostvars, host))
    if "prometheus" in result:
        roles = dict.fromkeys(_estate_endpoints.role_of(name) for name in result["prometheus"]["components"])
        folders = [ROLES / name / "files" / "rules" for name in roles]
        # Prometheus' own come with its role.
        result["prometheus"]["rules"] = [
            {"src": str(folder)} for folder in folders if folder.is_dir() and folder.parts[-3] != "prometheus"
        ]
    return result


def host_variables(hostvars: Mapping[str, Mapping[str, t.Any]], host: str) -> Mapping[str, t.Any]:
    """Variables of a host as its inventory has them."""
    return hostvars[host]


def estate_problems(groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, t.Any]]) -> list[str]:
    """What in an inventory cannot become a working estate, its ``obs_*`` variables held against their specification."""
    hostvars = Once(hostvars)
    found = _estate_problems.problems(groups, hostvars, spec())
    return found or _alert_sources.problems(groups.get("prometheus") or [], hostvars)


def health_report(hostvars: Mapping[str, Mapping[str, t.Any]], hosts: Sequence[str]) -> dict[str, t.Any]:
    """Lay out what ``health_check`` registered as ``obs_health`` on hosts."""
    found = {}
    for host in hosts:
        registered = hostvars[host].get("obs_health") or {}
        results = registered.get("results") or []
        if registered.get("skipped") and not results:
            continue  # it runs no service
        found[host] = [finding for result in results for finding in result.get("findings") or [_broken(result)]]
    return _health_report.report(found)


def _broken(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"component": "-", "check": "-", "healthy": False, "detail": causes_of(result, "")[0]}


class FilterModule:
    """The estate."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "estate": explained(once_per_task(estate)),
            "estate_problems": explained(estate_problems),
            "health_report": explained(health_report),
            "host_variables": explained(once_per_task(host_variables)),
            "service_group": explained(_estate_endpoints.group_of),
            "service_role": explained(_estate_endpoints.role_of),
        }
