# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is asked from outside, as ``obs_probes`` of hosts tells it: one scrape job per name of a probe. Pure.

What differs between targets stands in the job's live file, so that a target that comes or goes needs no reload.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    Endpoint,
    Groups,
    HostVars,
    hosts_of,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_items import (
    job_name,
    labels_of,
    listed,
    refusal,
    times_of,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_jobs import client
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.module_utils._wiring import LIVE_FILE_SD

PROBES = "obs_probes"
PROBER = "blackbox_exporter"
# The modules that the role brings (its vars/main/modules.yml; a test holds both together), and what brings the others.
MODULES = ("http_2xx", "https_2xx", "tcp_connect", "tcp_tls")
OPTIONAL_MODULES = {
    "dns_udp": "blackbox_exporter_dns_query_name",
    "dns_tcp": "blackbox_exporter_dns_query_name",
    "icmp": "blackbox_exporter_icmp",
}
_WITH_PORT = ("tcp_connect", "tcp_tls")


class Probe(t.NamedTuple):
    """One target of a probe. ``where`` names the variable it came from; times are Prometheus' durations or ""."""

    name: str
    module: str
    target: str
    labels: tuple[tuple[str, str], ...]
    interval: str
    timeout: str
    host: str
    where: str

    @property
    def way(self) -> tuple[t.Any, ...]:
        """How it is asked and told apart: targets that have this in common are one group."""
        return (self.module, self.labels, self.interval, self.timeout)


def probe(host: str, item: t.Any, where: str) -> list[Probe]:
    """The targets of one item of ``obs_probes``.

    Raises:
        StackError: it cannot become a scrape job.
    """
    if not isinstance(item, Mapping):
        raise refusal(where, "it is not a dictionary", "Write {name: shop, module: http_2xx, targets: [https://…]}.")
    name = text(item, "name")
    if not name:
        raise refusal(where, "it has no name", "The name becomes the job.")
    module = text(item, "module")
    if not module:
        raise refusal(where, "it has no module", "Set module, such as http_2xx.")
    labels = labels_of(item.get("labels"), where)
    if "module" in labels:
        raise refusal(where, "the label 'module' is set by the stack", "Give it another name.")
    interval, timeout = times_of(item, where)
    targets = item.get("targets")
    if not isinstance(targets, (list, tuple)) or not targets:
        raise refusal(where, "it has no list of targets", "Write targets: [https://shop.example.com].")
    return [
        Probe(
            name=job_name(name, where),
            module=module,
            target=_target(target, module, where),
            labels=tuple(sorted(labels.items())),
            interval=interval,
            timeout=timeout,
            host=host,
            where=where,
        )
        for target in targets
    ]


def _target(given: t.Any, module: str, where: str) -> str:
    target = str(given) if isinstance(given, (str, int)) and not isinstance(given, bool) else ""
    if not target or target.split() != [target]:
        raise refusal(where, f"'{given}' is no target", "Write an address or a URL.")
    scheme, slashes, rest = target.rpartition("://")
    if slashes and "@" in rest.partition("/")[0]:
        raise refusal(
            where,
            "a target has a user in its URL, which would become a label",
            "Put basic_auth with password_file into a module of its own.",
        )
    if module == "https_2xx" and scheme != "https":
        raise refusal(where, f"'{target}' is not asked by https", "Begin it with https://, or take http_2xx.")
    if module in _WITH_PORT and (slashes or not target.rpartition(":")[2].isdigit() or ":" not in target):
        raise refusal(where, f"'{target}' is not an address with a port", "Write it as db.example.com:5432.")
    return target


def items_of(host: str, variables: t.Mapping[str, t.Any]) -> list[tuple[str, t.Any]]:
    """Every item of ``obs_probes`` and ``obs_probes_<anything>`` of a host, with the variable and number it has there.

    Raises:
        StackError: a variable is not a list.
    """
    return listed(PROBES, host, variables, "Write a list of {name, module, targets}.")


def probes(groups: Groups, hostvars: HostVars, site: str) -> list[Probe]:
    """The probes of a site, in the same order whatever that of the inventory.

    Raises:
        StackError: one cannot become a scrape job.
    """
    found = []
    for host in hosts_of(groups):
        if site_of(hostvars[host]) == site:
            for place, item in items_of(host, hostvars[host]):
                found += probe(host, item, f"{place} of {host}")
    return once(found)


def once(found: Iterable[Probe]) -> list[Probe]:
    """Probes sorted, those that several hosts of a group tell alike once."""
    kept: dict[t.Any, Probe] = {}
    for one in sorted(found):
        kept.setdefault((one.name, one.target, one.way), one)
    return list(kept.values())


def modules_of(variables: t.Mapping[str, t.Any]) -> set[str]:
    """The modules that the blackbox_exporter of a host has, by its inventory variables."""
    known = {*MODULES, *(name for name, variable in OPTIONAL_MODULES.items() if variables.get(variable))}
    told = (variables.get("blackbox_exporter_config") or {}).get("modules") or {}
    return (known | {str(name) for name in told}) - {name for name, module in told.items() if module is None}


def prober(ways: Ways) -> Endpoint | None:
    """The blackbox_exporter that the Prometheus of a host asks: on its own host, in its zone, else by turns.

    Replicas have different ones where they can, so that the loss of one blinds one of them only.
    """
    ends = ways.members(PROBER)
    if not ends:
        return None
    own = ways.own("prometheus")
    replicas = [end.host for end in ways.members("prometheus")]
    turn = replicas.index(ways.host) if ways.host in replicas else 0
    chosen = (
        [end for end in ends if end.host == ways.host]
        or [end for end in ends if own and own.zone and end.zone == own.zone]
        or [end for end in ends if end.host not in replicas]
        or ends
    )
    return chosen[turn % len(chosen)]


def derived(found: Sequence[Probe], ways: Ways) -> dict[str, list[dict[str, t.Any]]]:
    """What the Prometheus of a host takes: ``scrape_configs`` and ``live`` files."""
    end = prober(ways)
    result: dict[str, list[dict[str, t.Any]]] = {"scrape_configs": [], "live": []}
    for name in sorted({one.name for one in found}) if end else []:
        of_name = [one for one in found if one.name == name]
        result["scrape_configs"].append(_scrape_config(name, t.cast("Endpoint", end)))
        result["live"].append({"path": f"file_sd/{name}.yml", "data": _groups(of_name, ways.site), "variable": PROBES})
    return result


def _scrape_config(name: str, end: Endpoint) -> dict[str, t.Any]:
    config: dict[str, t.Any] = {"job_name": name, "metrics_path": f"{end.prefix}/probe"}
    if end.scheme == "https":
        config["scheme"] = "https"
    return {
        **config,
        # Its CA and password are files of the job that scrapes the blackbox_exporter itself.
        **client(PROBER, end.access, tls=end.scheme == "https"),
        "file_sd_configs": [{"files": [f"{LIVE_FILE_SD}/{name}.yml"]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__address__"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": end.target},
        ],
    }


def _groups(found: Sequence[Probe], site: str) -> list[dict[str, t.Any]]:
    """Probes of one name as upstream's target groups."""
    result = []
    for way in sorted({one.way for one in found}):
        module, labels, interval, timeout = way
        special = {"__param_module": module, "__scrape_interval__": interval, "__scrape_timeout__": timeout}
        result.append(
            {
                "targets": sorted({one.target for one in found if one.way == way}),
                "labels": {
                    "site": site,
                    "module": module,
                    **dict(labels),
                    **{key: value for key, value in special.items() if value},
                },
            }
        )
    return result
