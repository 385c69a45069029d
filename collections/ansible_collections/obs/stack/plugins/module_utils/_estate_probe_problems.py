# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Find what of ``obs_probes`` nobody could ask, before anything changes. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Groups, HostVars, site_of
from ansible_collections.obs.stack.plugins.module_utils._estate_items import read_all
from ansible_collections.obs.stack.plugins.module_utils._estate_probes import (
    OPTIONAL_MODULES,
    PROBER,
    PROBES,
    Probe,
    items_of,
    modules_of,
    once,
    probe,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_spec import some


def problems(groups: Groups, hostvars: HostVars) -> list[str]:
    """What is wrong with ``obs_probes``, in words for their owner; empty when sound."""
    known, found = read(groups, hostvars)
    for site in sorted({site_of(hostvars[one.host]) for one in known}):
        here = [one for one in known if site_of(hostvars[one.host]) == site]
        missing = [group for group in ("prometheus", PROBER) if not _of_site(group, site, groups, hostvars)]
        if missing:
            found.append(
                f"{PROBES} of {some(sorted({one.host for one in here}))} is asked by nobody: site {site} has no "
                f"{missing[0]}. Put one of its hosts into the group {missing[0]}, or correct obs_site."
            )
            continue
        probers = _of_site(PROBER, site, groups, hostvars)
        found += [*_unknown_modules(here, probers, hostvars), *_twice(once(here))]
    return found


def read(groups: Groups, hostvars: HostVars) -> tuple[list[Probe], list[str]]:
    """All probes that can be, and why the others cannot: each reason once, for all its hosts."""
    return read_all(groups, hostvars, items_of, lambda host, variables, item, where: probe(host, item, where))


def _of_site(group: str, site: str, groups: Groups, hostvars: HostVars) -> list[str]:
    return sorted({host for host in groups.get(group) or [] if site_of(hostvars[host]) == site})


def _unknown_modules(found: Sequence[Probe], probers: Sequence[str], hostvars: HostVars) -> Iterator[str]:
    for module in sorted({one.module for one in found}):
        without = [host for host in probers if module not in modules_of(hostvars[host])]
        if not without:
            continue
        names = sorted({one.name for one in found if one.module == module})
        hint = "Set {0} of the group {1}.".format(OPTIONAL_MODULES.get(module), PROBER)
        if module not in OPTIONAL_MODULES:
            hint = "Add it to modules in blackbox_exporter_config of the group {0}, or take one of {1}.".format(
                PROBER, ", ".join(sorted(modules_of(hostvars[without[0]])))
            )
        yield f"{PROBER} on {some(without)} has no module '{module}', which the probe {some(names)} names. {hint}"


def _twice(found: Sequence[Probe]) -> Iterator[str]:
    """One target under one name, asked by one module in two ways: nobody could tell which one is meant."""
    seen: dict[t.Any, Probe] = {}
    for one in found:
        other = seen.setdefault((one.name, one.module, one.target), one)
        if other is not one:
            yield (
                f"The probe {one.name} has {one.target} twice, by {other.host} and {one.host}, with other labels or "
                "times. Take one away, or give it another name."
            )
