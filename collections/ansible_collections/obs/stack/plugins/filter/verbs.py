# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the verbs of day two: what was asked, and tables of the answers. Documentation is in <filter>.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _estate_endpoints
from ansible_collections.obs.stack.plugins.plugin_utils import _journal, _tables
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

Answers = t.Mapping[str, t.Mapping[str, t.Any]]
DEFAULT_ROOT = "/opt/obs"


def service_problem(groups: Mapping[str, Sequence[str]], service: str, hosts: Sequence[str]) -> str:
    """Why a service cannot be asked for on hosts, in one line; empty when it can."""
    known = {component.name: component.group for component in _estate_endpoints.COMPONENTS}
    names = ", ".join(known)
    if not service:
        return f"no service was named. Give SERVICE= (-e service=) one of {names}"
    if service not in known:
        return f"the stack does not know the service '{service}'. Give SERVICE= (-e service=) one of {names}"
    members = list(groups.get(known[service]) or [])
    if not members:
        return f"no host of the inventory is in the group {known[service]}, which runs {service}"
    if not set(members) & set(hosts):
        return "{} does not run on {}. It runs on {}".format(service, _some(hosts), _some(members))
    return ""


def _some(hosts: Sequence[str]) -> str:
    return ", ".join(sorted(hosts)[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")


def service_roots(variables: Mapping[str, t.Any]) -> list[str]:
    """The folders that hold services of a host: obs_root, and those of roles that have their own."""
    roots = [str(variables.get("obs_root") or DEFAULT_ROOT)]
    roots += [str(variables.get(f"{one.installer}_root") or roots[0]) for one in _estate_endpoints.COMPONENTS]
    return list(dict.fromkeys(roots))


def status_report(hostvars: Answers, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, t.Any]:
    """Lay out what ``release_service_info`` registered as ``obs_status`` on hosts."""
    found = {host: _services(hostvars[host].get("obs_status")) for host in hosts}
    wanted = {
        host: [component.name for component in _estate_endpoints.services_of(host, groups, hostvars)] for host in hosts
    }
    return {"table": _tables.status(found, wanted), "unasked": _unasked(found)}


def history_report(hostvars: Answers, hosts: Sequence[str], service: str) -> dict[str, t.Any]:
    """Lay out the generations of one service from what was registered as ``obs_status`` on hosts."""
    found = {host: _services(hostvars[host].get("obs_status")) for host in hosts}
    return {"table": _tables.history(found, service), "unasked": _unasked(found)}


def journal_report(hostvars: Answers, hosts: Sequence[str]) -> dict[str, t.Any]:
    """Lay out what ``journalctl`` registered as ``obs_journal`` on hosts."""
    found: dict[str, list[str] | str] = {}
    unasked = {}
    for host in hosts:
        answer = hostvars[host].get("obs_journal") or {}
        if answer.get("rc") == 0:
            found[host] = list(answer.get("stdout_lines") or [])
        else:
            unasked[host] = _reason(answer)
    for host in [host for host in found if not found[host]]:
        found[host] = "(no line)"
    return {"table": _tables.journal(found, hosts), "unasked": unasked}


def _services(registered: Mapping[str, t.Any] | None) -> list[Mapping[str, t.Any]] | str:
    """The services of a host from a loop over its roots, or why it could not be asked."""
    results = list((registered or {}).get("results") or [registered or {}])
    for result in results:
        if "services" not in result:
            return _reason(result)
    return [service for result in results for service in result["services"]]


def _reason(result: Mapping[str, t.Any]) -> str:
    return causes_of(result, "", unreachable=bool(result.get("unreachable")))[0] if result else "was not asked"


def _unasked(found: Mapping[str, t.Any]) -> dict[str, str]:
    return {host: answer for host, answer in found.items() if isinstance(answer, str)}


class FilterModule:
    """The verbs of day two."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "history_report": explained(history_report),
            "journal_command": explained(_journal.journal_command),
            "journal_report": explained(journal_report),
            "service_problem": explained(service_problem),
            "service_roots": explained(service_roots),
            "status_report": explained(status_report),
        }
