# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the check of dependencies. Their work is in module_utils, their documentation in <filter>.yml."""

from __future__ import annotations

import functools
import pathlib
import typing as t
from collections.abc import Mapping, Sequence

import yaml

from ansible_collections.obs.stack.plugins.filter.estate import Once
from ansible_collections.obs.stack.plugins.module_utils import _dependencies
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils import _reports
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained
from ansible_collections.obs.stack.plugins.plugin_utils._pem import pem_text

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"
REGISTERED = "dependency_check_results"
CONTROLLER = "dependency_check_controller"


@functools.lru_cache(maxsize=1)
def _defaults() -> dict[str, t.Any]:
    """The defaults of all roles: what an inventory does not set, it leaves to them."""
    found: dict[str, t.Any] = {}
    for path in sorted(ROLES.glob("*/defaults/main.yml")):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return found


def _areas(given: t.Any) -> list[str]:
    words = given.replace(",", " ").split() if isinstance(given, str) else list(given or [])
    for word in words:
        if word not in _dependencies.AREAS:
            raise StackError(
                "Could not choose the checks '{0}'".format(word),
                why="there are none of that name",
                hint="Give -e only= or -e skip= some of {0}.".format(", ".join(_dependencies.AREAS)),
                doc="dependencies",
            )
    return words


def estate_dependencies(
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, t.Any]],
    host: str = "",
    only: t.Any = (),
    skip: t.Any = (),
) -> list[dict[str, t.Any]]:
    """What a host, or the controller, has to ask for."""
    hostvars = Once(hostvars)
    if host:
        found = _dependencies.checks(groups, hostvars, host, _defaults())
    else:
        found = _dependencies.controller_checks(groups, hostvars, _defaults())
    for check in found:
        if check.get("ca"):
            check["ca"] = pem_text(str(check["ca"]), doc="dependencies")
    return _dependencies.chosen(found, _areas(only), _areas(skip))


def dependency_report(
    hostvars: Mapping[str, Mapping[str, t.Any]], hosts: Sequence[str], strict: bool = False
) -> dict[str, t.Any]:
    """Lay out what the hosts and the controller found."""
    found = {host: _reports.found_in([hostvars[host].get(REGISTERED) or {}]) for host in hosts}
    for host in hosts:
        if CONTROLLER in hostvars[host]:
            found["controller"] = _reports.found_in([hostvars[host][CONTROLLER]])
            break
    return _reports.report(found, strict=strict)


class FilterModule:
    """What an estate depends on."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "dependency_report": explained(dependency_report),
            "estate_dependencies": explained(estate_dependencies),
        }
