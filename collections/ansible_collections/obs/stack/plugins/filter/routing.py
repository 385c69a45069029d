# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for who is told of alerts. The work is in module_utils/_routing*.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils import _routing_wiring
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


def alertmanager_routing(
    base: Mapping[str, t.Any],
    config: Mapping[str, t.Any] | None = None,
    receivers: t.Any = (),
    routes: t.Any = (),
    time_intervals: t.Any = None,
    maintenance: t.Any = (),
    watchdog: t.Any = None,
    links: t.Any = None,
) -> dict[str, t.Any]:
    """The whole configuration, with the files, secrets and checks it needs."""
    return _routing_wiring.wiring(
        base,
        config=config,
        items=receivers,
        routes=routes,
        intervals=time_intervals,
        maintenance=maintenance,
        watchdog=watchdog,
        links=links,
    )


class FilterModule:
    """Who is told of alerts."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {"alertmanager_routing": explained(alertmanager_routing)}
