# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Small shapes the roles' wiring needs: listen addresses, PEM sources, rule sources, discovery jobs, limits.

Everything here is pure.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

_ANY = ("", "0.0.0.0", "::", "*")  # noqa: S104  compared, not bound
_PERCENT = re.compile(r"^([1-9][0-9]?)\s*%$")
LIVE_FILE_SD = "/etc/obs/prometheus/live/file_sd"
RULE_KINDS = ("alerts", "recording")


class Listen(t.NamedTuple):
    """A listen address: ``host`` is empty for all interfaces."""

    host: str
    port: int

    @property
    def local(self) -> str:
        """The address at which the host itself reaches it."""
        if self.host in _ANY:
            return "127.0.0.1"
        return self.host

    @property
    def loopback(self) -> bool:
        """True when no other host can reach it."""
        return self.host == "::1" or self.host == "localhost" or self.host.startswith("127.")


def parse_listen(address: str, name: str = "listen address") -> Listen:
    """Split ``host:port``, ``:port`` or ``[v6]:port``.

    Args:
        address: what the service is told to listen on.
        name: the variable it came from, for the error.

    Raises:
        StackError: there is no port, or it is not 1 to 65535.
    """
    host, colon, port = str(address).rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise StackError(
            f"Could not read {name} '{address}'",
            why="no port from 1 to 65535 behind the last colon",
            hint="Write it as 0.0.0.0:9090, :9090 or [::]:9090.",
        )
    return Listen(host.strip("[]"), int(port))


def join_host_port(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_ip(address: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def pem_source(value: str) -> dict[str, str]:
    """``{'content': …}`` for PEM text, ``{'src': …}`` for a path on the controller."""
    return {"content": value} if "-----BEGIN" in value else {"src": value}


def retention_size(size: str, form: str = "config") -> dict[str, t.Any]:
    """The size limit of the data: a share of the file system or a number of bytes, in the form the release knows.

    Args:
        size: ``80%``, or bytes with upstream's unit such as ``200GB``; empty for no limit.
        form: ``config`` gives ``percentage`` or ``size`` of the configuration file (Prometheus 3.11 and newer),
            ``flag`` gives ``size`` with the token that release_service replaces by a share of the file system.

    Raises:
        StackError: the share is not 1% to 99%.
    """
    if not size:
        return {}
    if not str(size).endswith("%"):
        return {"size": str(size)}
    share = _PERCENT.match(str(size))
    if share is None:
        raise StackError(
            f"Could not use the retention size '{size}'",
            why="a share must be 1% to 99% of the data file system",
            hint="Set prometheus_retention_size to e.g. 80% or 200GB.",
        )
    if form == "config":
        return {"percentage": int(share.group(1))}
    return {"size": f"@data_filesystem_{share.group(1)}_percent@"}


def rule_files(sources: Sequence[t.Any]) -> list[dict[str, str]]:
    """Place rule sources: with a ``kind`` below ``rules/<kind>``, without one the folder holds alerts/ and recording/.

    Raises:
        StackError: an item is no dictionary with ``src``, or its kind is neither ``alerts`` nor ``recording``.
    """
    result = []
    for number, item in enumerate(sources, 1):
        if not isinstance(item, Mapping) or not item.get("src"):
            raise StackError(
                f"Could not use item {number} of the rules", why="it has no src", hint="Write {src: path}."
            )
        kind = item.get("kind")
        if kind and kind not in RULE_KINDS:
            raise StackError(
                "Could not use the rules '{}'".format(item["src"]),
                why=f"kind is '{kind}'",
                hint="kind is alerts or recording; leave it out for a folder that holds alerts/ and recording/.",
            )
        src = str(item["src"])
        path = f"rules/{kind}" if kind else "rules"
        if kind and src.rsplit(".", 1)[-1] in ("yml", "yaml"):
            path = "{}/{}".format(path, src.rsplit("/", 1)[-1])
        result.append({"path": path, "src": src, "variable": "prometheus_rules"})
    return result


def refuse_unloaded_rules(placed: Mapping[str, str], files: Sequence[str]) -> None:
    """Refuse a folder of rules with files that ``rule_files`` of the configuration would pass over in silence.

    Prometheus takes a wildcard in the last part of a path only, so nothing in a folder below is loaded.

    Args:
        placed: an item of :func:`rule_files`.
        files: paths of the folder's files, relative to it.

    Raises:
        StackError: naming the first such file.
    """
    homes = ["{0}/".format(kind) for kind in RULE_KINDS] if placed["path"] == "rules" else [""]
    for file in files:
        folder, _slash, name = file.rpartition("/")
        if name.startswith(".") or not name.endswith((".yml", ".yaml", ".rules")):
            continue
        if name.endswith(".rules"):
            hint = "Name it *.yml."
        elif (folder + "/" if folder else "") not in homes:
            hint = "Put it directly into {0}.".format(" or ".join(placed["src"] + "/" + home for home in homes))
        else:
            continue
        raise StackError(
            "Could not use the rules '{0}/{1}'".format(placed["src"], file),
            why="Prometheus would not load it from there",
            hint=hint,
        )


def template_files(sources: Sequence[str]) -> list[dict[str, str]]:
    """Place notification templates, files or folders, below ``templates/``."""
    return [
        {"path": "templates/{}".format(src.rsplit("/", 1)[-1]) if src.endswith(".tmpl") else "templates", "src": src}
        for src in sources
    ]


def file_sd_jobs(groups: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """One scrape job per file of targets that changes between runs; the job has the file's name."""
    return [
        {"job_name": name, "file_sd_configs": [{"files": [f"{LIVE_FILE_SD}/{name}.yml"]}]} for name in sorted(groups)
    ]


def file_sd_files(groups: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The live files of those jobs.

    Raises:
        StackError: a name is not fit for a file.
    """
    for name in groups:
        if not re.match(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", name):
            raise StackError(
                f"Could not use the file_sd name '{name}'",
                why="it becomes a file and a job name",
                hint="Use letters, digits, '_', '-' and '.'.",
            )
    return [
        {"path": f"file_sd/{name}.yml", "data": groups[name], "variable": "prometheus_file_sd"}
        for name in sorted(groups)
    ]


def ec2_jobs(discoveries: Sequence[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """One scrape job per EC2 discovery, seeing running instances only.

    Args:
        discoveries: upstream's ``ec2_sd_config`` keys and ``job_name``; ``region`` is required (without it the
            checker asks the instance metadata service), ``port`` is 9100 unless given; ``relabel_configs`` are added
            after ours, which set ``instance``, ``host`` and ``host_zone``.

    Raises:
        StackError: ``job_name`` or ``region`` is missing.
    """
    return [
        ec2_job(discovery, "EC2 discovery {}".format(discovery.get("job_name") or number))
        for number, discovery in enumerate(discoveries, 1)
    ]


def ec2_job(discovery: Mapping[str, t.Any], where: str, first: Sequence[Mapping[str, t.Any]] = ()) -> dict[str, t.Any]:
    """The scrape job of one EC2 discovery; see :func:`ec2_jobs`.

    Args:
        discovery: as an item there.
        where: what it is, for the error.
        first: relabelling before ours, such as what sets the address.

    Raises:
        StackError: ``job_name`` or ``region`` is missing.
    """
    for key in ("job_name", "region"):
        if not discovery.get(key):
            raise StackError(f"Could not use {where}", why=f"no {key}", hint=f"Set {key} in prometheus_ec2_sd.")
    filters = [dict(item) for item in discovery.get("filters") or []]
    if not any(item.get("name") == "instance-state-name" for item in filters):
        # Stopped instances keep their private address and would be targets that are down for ever.
        filters.insert(0, {"name": "instance-state-name", "values": ["running"]})
    passed = {
        key: value
        for key, value in discovery.items()
        if key not in ("job_name", "relabel_configs") and value is not None
    }
    return {
        "job_name": str(discovery["job_name"]),
        "ec2_sd_configs": [dict(passed, port=int(discovery.get("port") or 9100), filters=filters)],
        "relabel_configs": [
            *(dict(item) for item in first),
            {"source_labels": ["__meta_ec2_instance_id"], "target_label": "host"},
            {
                "source_labels": ["__meta_ec2_tag_Name"],
                "regex": "(.+)",
                "target_label": "host",
            },
            {
                "source_labels": ["host", "__address__"],
                "regex": r"(.+);.+:(\d+)",
                "target_label": "instance",
                "replacement": "${1}:${2}",
            },
            {"source_labels": ["__meta_ec2_availability_zone"], "target_label": "host_zone"},
            *(dict(item) for item in discovery.get("relabel_configs") or []),
        ],
    }


def url_prefix(flags: Mapping[str, t.Any], external_url: str) -> str:
    """Path prefix of all pages: ``web.route-prefix`` of the flags, else the path of the external URL."""
    prefix = flags.get("web.route-prefix")
    if prefix is None:
        prefix = str(external_url or "").split("://", 1)[-1].partition("/")[2]
    prefix = str(prefix).strip("/")
    return f"/{prefix}" if prefix else ""
