# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has deployed, for whom is told at its end. Documentation in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.filter.estate import Once
from ansible_collections.obs.stack.plugins.module_utils._estate_deploys import grafana
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import site_of
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_notes import noted
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


def deploys_told(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, t.Any]]
) -> dict[str, dict[str, t.Any]]:
    """By site, what of this run its Grafana is told, and how."""
    found: dict[str, dict[str, t.Any]] = {}
    deploys = noted()
    known = Once(hostvars) if deploys else {}
    for deploy in deploys:
        host = deploy["host"]
        site = site_of(known[host])
        if site not in found:
            found[site] = {**grafana(Ways(groups, known, host)), "deploys": []}
        found[site]["deploys"].append(deploy)
    return {site: told for site, told in found.items() if told.get("url")}


class FilterModule:
    """What a run has deployed."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {"deploys_told": explained(deploys_told)}
