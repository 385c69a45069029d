# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The rules that ship with the roles, read on the controller, and what an inventory changes in them."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._alert_overrides import alerts_of, check_overrides, overridden
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._red_rules import red_rules
from ansible_collections.obs.stack.plugins.plugin_utils._payload import parse_yaml, plain
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import to_yaml

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"
OVERRIDES = "obs_alert_overrides"
METRICS = "obs_red_metrics"


def _load(path: pathlib.Path) -> Any:
    return parse_yaml(path.read_text(encoding="utf-8"), what=f"the rules {path}", hint="They ship with the collection.")


@functools.cache
def shipped_alerts() -> Mapping[str, Mapping[str, Any]]:
    """Every alert for Prometheus that ships with any role, by its name: of components a site does not run, too."""
    return alerts_of(_load(path) for path in sorted(ROLES.glob("*/files/rules/alerts/*.yml")))


def adjusted(placed: Sequence[Mapping[str, str]], overrides: Mapping[str, Any]) -> list[dict[str, str]]:
    """Placed rule sources of roles, with the files that overrides change written out.

    Args:
        placed: items of ``rule_files``, their sources absolute.
        overrides: name of an alert to what is changed in it.

    Raises:
        StackError: an override of what does not ship, or one that cannot be made.
    """
    overrides = plain(overrides or {})
    check_overrides(overrides, shipped_alerts())
    if not overrides:
        return [dict(item) for item in placed]
    return [file for item in placed for file in _files(item, overrides)]


def _files(item: Mapping[str, str], overrides: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    source = pathlib.Path(item["src"])
    for path in [source] if source.is_file() else sorted(source.glob("*/*.yml")):
        inside = path.relative_to(source).as_posix() if path != source else ""
        place = "/".join(filter(None, (item["path"], inside)))
        document = _load(path)
        if overrides.keys().isdisjoint(alerts_of([document])):
            yield {**item, "path": place, "src": str(path)}
            continue
        changed = overridden(document, overrides)
        if changed is not None:
            yield {"path": place, "content": to_yaml(changed), "variable": "prometheus_alert_overrides"}


def problems(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What in an inventory's variables about alerts cannot be done, each said once.

    Args:
        hosts: those that evaluate rules.
    """
    found: dict[str, None] = {}
    for host in hosts:
        try:
            check_overrides(plain(hostvars[host].get(OVERRIDES) or {}), shipped_alerts())
            red_rules(plain(hostvars[host].get(METRICS) or []))
        except StackError as error:
            found[str(error)] = None
    return list(found)
