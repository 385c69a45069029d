# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Find what of the users' own applications Prometheus could not watch, before anything changes. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _estate_probe_problems
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_ec2 import discoveries
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Groups, HostVars, hosts_of, site_of
from ansible_collections.obs.stack.plugins.module_utils._estate_items import read_all
from ansible_collections.obs.stack.plugins.module_utils._estate_scrape import (
    DISCOVERIES,
    Application,
    application,
    by_job,
    items_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_spec import some


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """What is wrong with ``obs_scrape`` and ``obs_scrape_ec2``, in words for their owner; empty when sound."""
    known, found = read_all(groups, hostvars, items_of, _applications)
    probes, _refused = _estate_probe_problems.read(groups, hostvars)
    watching = set(groups.get("prometheus") or [])
    for site in sorted({site_of(hostvars[host]) for host in hosts_of(groups)}):
        here = [host for host in hosts_of(groups) if site_of(hostvars[host]) == site]
        replicas = [host for host in here if host in watching]
        jobs = by_job(one for one in known if one.site == site)
        if not replicas:
            found += _nobody_watches(jobs, site) + _nobody_discovers(hostvars, here, site)
            continue
        for job in sorted(jobs):
            found += _one_access(job, jobs[job])
            found += _twice(job, jobs[job])
        names = {one.name for one in probes if site_of(hostvars[one.host]) == site}
        found += _discoveries(hostvars, replicas, site, [*jobs, *names])
    return found


def _applications(host: str, variables: Mapping[str, t.Any], item: t.Any, where: str) -> list[Application]:
    return [application(host, variables, item, where)]


def _nobody_watches(jobs: Mapping[str, Sequence[Application]], site: str) -> list[str]:
    hosts = sorted({one.host for ones in jobs.values() for one in ones})
    return [_no_prometheus("obs_scrape", hosts, site)] if hosts else []


def _nobody_discovers(hostvars: HostVars, here: Sequence[str], site: str) -> list[str]:
    hosts = [host for host in here if hostvars[host].get(DISCOVERIES)]
    return [_no_prometheus(DISCOVERIES, hosts, site)] if hosts else []


def _no_prometheus(variable: str, hosts: Sequence[str], site: str) -> str:
    return (
        f"{variable} of {some(hosts)} is read by nobody: site {site} has no Prometheus. "
        "Put one of its hosts into the group prometheus, or correct obs_site."
    )


def _one_access(job: str, ones: Sequence[Application]) -> list[str]:
    for one in ones[1:]:
        if one.access != ones[0].access:
            return [
                f"{ones[0].host} and {one.host} differ in CA or credentials of the job {job}: one job has one of each. "
                "Give one of them another job."
            ]
    return []


def _twice(job: str, ones: Sequence[Application]) -> Iterator[str]:
    """Targets that are one, or whose samples could not be told apart."""
    pages: dict[t.Any, Application] = {}
    series: dict[t.Any, Application] = {}
    for one in ones:
        page = (one.target, one.path, sorted(one.params.items()))
        other = pages.setdefault(str(page), one)
        if other is not one:
            yield (
                f"The job {job} has {one.target}{one.path} twice, by {other.host} and {one.host}. "
                "Take one away, or set obs_address of each."
            )
            continue
        other = series.setdefault(str((one.instance, sorted(one.labels.items()))), one)
        if other is not one:
            yield (
                f"The job {job} has two targets {one.instance} with equal labels, so nobody could tell them apart. "
                "Give them labels or jobs of their own."
            )


def _discoveries(hostvars: HostVars, replicas: Sequence[str], site: str, jobs: Sequence[str]) -> Iterator[str]:
    first = replicas[0]
    for host in replicas[1:]:
        if list(hostvars[host].get(DISCOVERIES) or []) != list(hostvars[first].get(DISCOVERIES) or []):
            yield (
                f"{DISCOVERIES} of {first} and {host} differ: the replicas of site {site} must watch the same. "
                "Set it in group_vars/prometheus."
            )
            return
    variables = hostvars[first]
    try:
        found = [config["job_name"] for config in discoveries(variables, site, first)["scrape_configs"]]
    except StackError as error:
        yield str(error)
        return
    others = [*(variables.get("prometheus_file_sd") or {})]
    others += [str(item.get("job_name")) for item in variables.get("prometheus_ec2_sd") or []]
    names = [*jobs, *found, *others]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield (
            f"The job {name} of site {site} is named twice among obs_scrape, obs_probes, {DISCOVERIES}, "
            "prometheus_file_sd and prometheus_ec2_sd. Give one of them another name."
        )
