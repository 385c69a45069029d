# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbooks that run roles on the controller only. Their documentation is in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils import _estate_endpoints, _estate_slos
from ansible_collections.obs.stack.plugins.plugin_utils import _verdicts
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

RUNS = tuple(dict.fromkeys(component.run for component in _estate_endpoints.COMPONENTS))


def host_services(
    groups: _estate_endpoints.Groups,
    hostvars: _estate_endpoints.HostVars,
    host: str,
    run_tags: Sequence[str] = ("all",),
    skip_tags: Sequence[str] = (),
    slos: bool = False,
) -> list[str]:
    """What a host has by the groups it is in, as far as tags ask for it: services, and objectives it evaluates."""
    found = [component.run for component in _estate_endpoints.services_of(host, groups, hostvars)]
    if slos and host in (groups.get(_estate_slos.group_of(hostvars[host])) or []):
        found.append(_estate_endpoints.SLO)
    return [run for run in dict.fromkeys(found) if ({"all", "always", run} & set(run_tags)) and run not in skip_tags]


def validation_report(hostvars: _verdicts.HostVars, hosts: Sequence[str]) -> dict[str, t.Any]:
    """Lay out what mode validate found on hosts."""
    return _verdicts.validation(hostvars, hosts, (*RUNS, _estate_endpoints.SLO))


def wanted_releases(hostvars: _verdicts.HostVars, hosts: Sequence[str]) -> dict[str, t.Any]:
    """The releases that hosts need, each once."""
    return _verdicts.wanted_releases(hostvars, hosts, RUNS)


class FilterModule:
    """What roles found out on the controller."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "host_services": explained(host_services),
            "validation_report": explained(validation_report),
            "wanted_releases": explained(wanted_releases),
        }
