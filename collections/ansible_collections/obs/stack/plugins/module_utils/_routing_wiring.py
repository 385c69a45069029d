# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Alertmanager's whole configuration from receivers, routes and times, with the files and checks it needs. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils import (
    _routing,
    _routing_checks,
    _routing_links,
    _routing_times,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_items import milliseconds
from ansible_collections.obs.stack.plugins.module_utils._merge import config_merge, is_list
from ansible_collections.obs.stack.plugins.module_utils._routing import NOBODY, refusal
from ansible_collections.obs.stack.plugins.module_utils._routing_receivers import ETC, WATCHDOG, receivers

# Alerts that always fire, the key of their URL and the receiver each has.
WATCHDOGS = {
    "Watchdog": ("url", WATCHDOG),
    "ThanosRuleWatchdog": ("thanos_rule_url", f"{WATCHDOG}-thanos-rule"),
}
WATCHDOG_KEYS = (*(key for key, _receiver in WATCHDOGS.values()), "interval")
WATCHDOG_INTERVAL = "1m"
_LEAST_INTERVAL = 5_000


def wiring(
    base: t.Mapping[str, t.Any],
    *,
    config: t.Mapping[str, t.Any] | None = None,
    items: t.Any = (),
    routes: t.Any = (),
    intervals: t.Any = None,
    maintenance: t.Any = (),
    watchdog: t.Any = None,
    links: t.Any = None,
) -> dict[str, t.Any]:
    """Everything that says who is told, how, and how that is tried before.

    Args:
        base: the configuration to start from.
        config: the user's own, in upstream's keys, laid over all of it.
        items: receivers, as :func:`_routing_receivers.receivers` takes them.
        routes: as :func:`_routing.routes` takes them.
        intervals: as :func:`_routing_times.time_intervals` takes them.
        maintenance: windows in which alerts that fit stay silent.
        watchdog: ``url`` and ``thanos_rule_url`` that are called every ``interval`` while alerting works.
        links: as :func:`_routing_links.link_templates` takes them.

    Returns:
        ``config``, ``files``, ``secrets`` and ``checks`` for release_service.

    Raises:
        StackError: something names what is not there, or would tell nobody.
    """
    own = config or {}
    told = receivers(items, own.get("global"))
    times = _routing_times.time_intervals(intervals)
    watched = _watchdog(watchdog)
    known = [str(one.get("name")) for part in (base, own) for one in part.get("receivers") or []]
    made = _routing.routes(
        routes,
        receivers=[*known, *(str(one["name"]) for one in told.receivers)],
        intervals=[
            *(str(one["name"]) for one in times),
            *(str(one.get("name")) for one in own.get("time_intervals") or []),
        ],
        maintenance=maintenance,
    )
    # Without routes of the inventory's own, all goes where the root says.
    tree = [*watched["routes"], *made] if made or watched["receivers"] else []
    if tree and (own.get("route") or {}).get("routes"):
        raise refusal(
            "alertmanager_config.route.routes",
            "it would replace what obs_routes and obs_watchdog say",
            "Say all of it in one of them.",
        )
    derived: dict[str, t.Any] = {"receivers": [*told.receivers, *watched["receivers"]]}
    if tree:
        derived["route"] = {"routes": tree}
    if times:
        derived["time_intervals"] = times
    result = config_merge(base, derived, own)
    return {
        "config": result,
        "files": [
            {
                "path": "templates/obs_urls.tmpl",
                "content": _routing_links.link_templates(_routing_links.checked(links)),
                "variable": "alertmanager_links",
            },
            *_routing_checks.files(result),
        ],
        "secrets": [*told.secrets, *watched["secrets"]],
        "checks": _routing_checks.checks(result),
    }


def _watchdog(watchdog: t.Any) -> dict[str, list[dict[str, t.Any]]]:
    """Routes, receivers and secrets of what is called while alerting works.

    A call comes with every flush of the group: what repeats sooner than the group is looked at again repeats each time.
    Where nothing is called, what always fires is for nobody.
    """
    found: dict[str, list[dict[str, t.Any]]] = {"routes": [], "receivers": [], "secrets": []}
    watchdog = watchdog or {}
    if not isinstance(watchdog, Mapping):
        raise refusal("obs_watchdog", "it is not a dictionary", "Write {url: https://…}.")
    for key in watchdog:
        if key not in WATCHDOG_KEYS:
            raise refusal("obs_watchdog", f"it has no key '{key}'", "It takes {}.".format(", ".join(WATCHDOG_KEYS)))
    interval = str(watchdog.get("interval") or WATCHDOG_INTERVAL)
    length = milliseconds(interval)
    if length < _LEAST_INTERVAL:
        raise refusal(f"interval '{interval}' of obs_watchdog", "it is not a duration of 5s or more", "Write 1m.")
    for alert, (key, receiver) in WATCHDOGS.items():
        url = str(watchdog.get(key) or "")
        matching = [f"alertname={_routing.quoted(alert)}"]
        if not url:
            found["routes"].append({"receiver": NOBODY, "matchers": matching})
            continue
        if not url.startswith(("https://", "http://")):
            raise refusal(f"{key} of obs_watchdog", "it is no URL", "Write https://host/path.")
        path = f"secrets/{receiver}_url"
        found["secrets"].append({"path": path, "content": url, "variable": "alertmanager_watchdog"})
        channel = {"url_file": f"{ETC}/{path}", "send_resolved": False}
        found["receivers"].append({"name": receiver, "webhook_configs": [channel]})
        found["routes"].append(
            {
                "receiver": receiver,
                "matchers": matching,
                "group_by": ["alertname", "site"],
                "group_wait": "0s",
                "group_interval": interval,
                "repeat_interval": f"{length * 9 // 10}ms",
            }
        )
    return found


def whole(config: t.Any, items: t.Any) -> dict[str, t.Any]:
    """The user's configuration with the inventory's receivers as they stand in it, for asking for their servers."""
    merged: dict[str, t.Any] = dict(config) if isinstance(config, Mapping) else {}
    named = [one for one in items if isinstance(one, Mapping)] if is_list(items) else []
    return {**merged, "receivers": [*named, *(merged.get("receivers") or [])]}
