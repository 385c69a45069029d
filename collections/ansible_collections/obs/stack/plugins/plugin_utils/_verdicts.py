# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the roles found out on the controller, host by host. Pure: results in, tables and lists out."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.plugin_utils._tables import lay_out

HEADER = ("HOST", "SERVICE", "VERSION", "CONFIGURATION", "")
REFUSALS = "__refusals"  # noted by playbooks/tasks/service.yml, like
RESULTS = "__results"
PROBLEMS = "__problems"

_WRAPPING = re.compile(r"^(?:(?:Task|Module|Action) failed: )+")

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]


class Result(t.NamedTuple):
    """What one role returned or failed with on one host; ``refusal`` is empty unless it failed."""

    host: str
    service: str
    returned: Mapping[str, t.Any]
    refusal: str


def results(hostvars: HostVars, hosts: Sequence[str], services: Sequence[str]) -> Iterator[Result]:
    """Results of every service of every host that has any, by host."""
    for host in sorted(hosts):
        refusals = hostvars[host].get(REFUSALS) or {}
        for service in services:
            registered = (hostvars[host].get(RESULTS) or {}).get(service)
            if service in refusals:
                yield Result(host, service, {}, one_line(str(refusals[service])))
            elif isinstance(registered, Mapping):
                for returned in registered.get("results") or [registered]:
                    yield Result(host, str(returned.get("service") or service), returned, "")


def validation(hostvars: HostVars, hosts: Sequence[str], services: Sequence[str]) -> dict[str, t.Any]:
    """Lay out what mode validate found.

    Returns:
        ``table`` (lines of text), ``wrong`` and ``unjudged`` (one line for each cause), ``lint`` (one for each thing
        that rules work in spite of, on however many hosts they are).
    """
    lint: dict[str, None] = {}
    wrong = [one_line(str(problem)) for host in sorted(hosts) for problem in hostvars[host].get(PROBLEMS) or []]
    unjudged: list[str] = []
    rows = []
    for host, service, returned, refusal in results(hostvars, hosts, services):
        version = str(returned.get("version") or "-")
        lint.update(dict.fromkeys(returned.get("rule_findings") or []))
        if refusal:
            # Our own messages name the host, Ansible's do not.
            wrong.append(refusal if host in refusal else f"{host} {service}: {refusal}")
            rows.append((host, service, "-", "REFUSED", "see below"))
        elif returned.get("validated"):
            absent = len(returned.get("not_judged") or [])
            note = "{} file{} only the host has".format(absent, "" if absent == 1 else "s") if absent else ""
            rows.append((host, service, version, "ok", note))
        else:
            reason = one_line(str(returned.get("not_validated_because") or "no reason was given"))
            unjudged.append(f"Could not judge {service} of {host}: {reason}")
            rows.append((host, service, version, "not judged", "see below"))
    return {"table": lay_out(HEADER, rows), "wrong": wrong, "unjudged": unjudged, "lint": list(lint)}


def wanted_releases(hostvars: HostVars, hosts: Sequence[str], services: Sequence[str]) -> dict[str, t.Any]:
    """What mode mirror found.

    Returns:
        ``releases`` (for release_mirror, each once) and ``wrong`` (one line for each role that failed).
    """
    releases: list[dict[str, t.Any]] = []
    wrong = []
    for host, service, returned, refusal in results(hostvars, hosts, services):
        if refusal:
            wrong.append(refusal if host in refusal else f"{host} {service}: {refusal}")
        elif returned.get("release"):
            release = {"service": service, **returned["release"]}
            for one in [release, *_additions(release)]:
                if one not in releases:
                    releases.append(one)
    return {"releases": releases, "wrong": wrong}


def _additions(release: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The additions of a release, taken out of it, as releases of their own."""
    found = []
    for item in release.pop("additions", None) or []:
        arches = release["arch_names"].values()
        digests = {arch: item["sha256"].get(arch) or item["sha256"].get("any", "") for arch in arches}
        own = {key: release[key] for key in ("service", "version", "arch_names")}
        found.append({**own, "url": item["url"], "checksums_url": "", "sha256": digests})
    return found


def one_line(text: str) -> str:
    """A message of several lines as one, without what Ansible puts before ours."""
    return _WRAPPING.sub("", " ".join(line.strip() for line in text.splitlines() if line.strip()))
