# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The users' own logs, as ``obs_log_paths`` of their hosts tells them, in the words of either log agent. Pure.

An item may say only what both agents can do, so that a host's agent can be changed at any time.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    Groups,
    HostVars,
    hosts_of,
    site_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_items import Refusals, listed, refusal
from ansible_collections.obs.stack.plugins.module_utils._estate_spec import some

LOGS = "obs_log_paths"
AGENTS = ("otelcol", "promtail")
FORMATS = ("plain", "json", "logfmt")
# Set by the agents and the estate on every stream.
_RESERVED = (
    "service service_name service_namespace job host site instance level filename unit trace_id span_id detected_level"
)
RESERVED_LABELS = frozenset(_RESERVED.split())
# The units of both agents have these for themselves or not at all: a log there would be read by nobody.
HIDDEN = {
    "/home": ("ProtectHome", "home folders"),
    "/root": ("ProtectHome", "home folders"),
    "/run/user": ("ProtectHome", "home folders"),
    "/tmp": ("PrivateTmp", "a /tmp of its own"),  # noqa: S108
    "/var/tmp": ("PrivateTmp", "a /var/tmp of its own"),  # noqa: S108
}
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
_LABEL = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_COMPRESSED = re.compile(r"\.(gz|zst|bz2|xz|zip)$")
_SECONDS = re.compile(r"^[1-9][0-9]*(ms|s|m)$")


class Log(t.NamedTuple):
    """One item. ``first_line`` is the pattern a record of several lines begins with, or ""."""

    name: str
    service: str
    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    form: str
    labels: dict[str, str]
    keep: tuple[str, ...]
    first_line: str
    where: str


def agent_of(variables: t.Mapping[str, t.Any]) -> str:
    """Which agent a host runs: ``otelcol`` or ``promtail``."""
    return text(variables, "obs_log_agent", AGENTS[0])


def log_files(variables: t.Mapping[str, t.Any], host: str = "") -> list[Log]:
    """Every log of ``obs_log_paths`` and ``obs_log_paths_<anything>`` of a host, by name.

    Raises:
        StackError: one cannot be read, or a name is there twice.
    """
    found = [log(item, place, variables) for place, item in items_of(variables, host)]
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise refusal(one.where, f"the name '{one.name}' is there twice", "Give each log of a host its own.")
    return sorted(found, key=lambda one: one.name)


def items_of(variables: t.Mapping[str, t.Any], host: str) -> Iterator[tuple[str, t.Any]]:
    """Every item with the variable, number and host it came from.

    Raises:
        StackError: a variable is not a list.
    """
    of_host = f" of {host}" if host else ""
    for place, item in listed(LOGS, host, variables, "Write a list of {name, paths}."):
        yield f"{place}{of_host}", item


def log(item: t.Any, where: str, variables: t.Mapping[str, t.Any]) -> Log:
    """One item, checked.

    Raises:
        StackError: it cannot be read, or not by both agents.
    """
    if not isinstance(item, Mapping):
        raise refusal(where, "it is not a dictionary", "Write {name: shop, paths: [/var/log/shop/*.log]}.")
    name, form = text(item, "name"), text(item, "format", "plain")
    if not _NAME.match(name) or name == "journal":
        raise refusal(
            where,
            f"the name '{name}' is {'the' if name == 'journal' else 'not that of a'} log" if name else "it has no name",
            "Use letters, digits, '_', '-' and '.'; 'journal' is the journal's.",
        )
    if form not in FORMATS:
        raise refusal(where, f"the format is '{form}'", "It is one of {}.".format(", ".join(FORMATS)))
    paths = _patterns(item, "paths", where)
    if not paths:
        raise refusal(where, "it has no paths", "Write paths: [/var/log/shop/*.log].")
    for path in paths:
        _complain_about_path(path, where, variables)
    keep = tuple(str(key) for key in _list(item, "keep", where))
    if form == "plain" and keep:
        raise refusal(where, "keep names keys, and plain lines have none", "Set format: json or logfmt.")
    bad = next((key for key in keep if not _LABEL.match(key)), "")
    if bad:
        raise refusal(where, f"keep names '{bad}'", "Both agents take keys of letters, digits and '_'.")
    return Log(
        name=name,
        service=text(item, "service", name),
        paths=paths,
        exclude=_patterns(item, "exclude", where),
        form=form,
        labels=_labels(item, where),
        keep=keep,
        first_line=_first_line(item, form, where),
        where=where,
    )


def _list(item: Mapping[str, t.Any], key: str, where: str) -> Sequence[t.Any]:
    value = item.get(key) or []
    if not isinstance(value, (list, tuple)):
        raise refusal(where, f"{key} is not a list", f"Write {key}: [...].")
    return value


def _patterns(item: Mapping[str, t.Any], key: str, where: str) -> tuple[str, ...]:
    found = tuple(str(path) for path in _list(item, key, where))
    for path in found:
        if not path.startswith("/") or path.endswith("/") or "/../" in path:
            raise refusal(where, f"'{path}' of {key} is not the absolute path of files", "Write /var/log/shop/*.log.")
        if key == "exclude" and re.search(r"[{},]", path):
            raise refusal(where, f"'{path}' of exclude has braces or a comma", "Write one pattern for each.")
    return found


def _complain_about_path(path: str, where: str, variables: t.Mapping[str, t.Any]) -> None:
    if _COMPRESSED.search(path):
        raise refusal(where, f"'{path}' is compressed", "Name the log itself; agents read it while it is written.")
    # Never meant, and without an end: what the agent says of a line becomes a line.
    if path in ("/**", "/**/*", "/var/log/journal/**"):
        raise refusal(where, f"'{path}' is everything", "Name the folder of the log.")
    for folder, (directive, what) in HIDDEN.items():
        sandbox = variables.get(f"{agent_of(variables)}_sandbox") or {}
        if path.startswith(folder + "/") and directive not in sandbox:
            raise refusal(
                where,
                f"the agent does not see '{path}': its unit has {'no' if 'Home' in directive else ''} {what}".replace(
                    "  ", " "
                ),
                f"Write the log to /var/log, or set {directive} in {agent_of(variables)}_sandbox.",
            )


def _labels(item: Mapping[str, t.Any], where: str) -> dict[str, str]:
    given = item.get("labels") or {}
    if not isinstance(given, Mapping):
        raise refusal(where, "labels is not a dictionary", "Write labels: {team: shop}.")
    labels = {}
    for name, value in given.items():
        if name in RESERVED_LABELS or str(name).startswith("__"):
            raise refusal(where, f"the label '{name}' is set by the stack", "Give it another name.")
        if not _LABEL.match(str(name)):
            raise refusal(where, f"'{name}' is not a label name", "Use letters, digits and '_', no digit first.")
        if isinstance(value, (Mapping, list, tuple)) or value is None:
            raise refusal(where, f"the label '{name}' is not a single value", "Write one text or number.")
        labels[str(name)] = str(value).lower() if isinstance(value, bool) else str(value)
    return labels


def _first_line(item: Mapping[str, t.Any], form: str, where: str) -> str:
    pattern = text(item, "multiline")
    if not pattern:
        return ""
    if isinstance(item["multiline"], (Mapping, list, tuple)):
        raise refusal(where, "multiline is not a text", r"Write how a record begins: multiline: '^\d{4}-'.")
    if form != "plain":
        raise refusal(where, f"multiline does not go with {form}", "A record of that format is one line.")
    return pattern


def for_otelcol(logs: Sequence[Log]) -> list[dict[str, t.Any]]:
    """Logs as entries of ``otelcol_log_files``."""
    found = []
    for one in logs:
        entry: dict[str, t.Any] = {"name": one.name, "include": list(one.paths), "json": one.form != "plain"}
        if one.service != one.name:
            entry["service"] = one.service
        if one.exclude:
            entry["exclude"] = list(one.exclude)
        if one.labels:
            entry["attributes"] = dict(one.labels)
        if one.keep:
            entry["keep"] = list(one.keep)
        if one.form == "logfmt":
            # Into the place from which the role takes time, level and ids of a parsed line.
            entry["operators"] = [
                {
                    "type": "key_value_parser",
                    "if": 'type(body) == "string" and body matches "(^|\\\\s)\\\\w+="',
                    "parse_to": "attributes.parsed",
                    "on_error": "send_quiet",
                }
            ]
        if one.first_line:
            entry["options"] = {"multiline": {"line_start_pattern": one.first_line}}
        found.append(entry)
    return found


def for_promtail(logs: Sequence[Log]) -> list[dict[str, t.Any]]:
    """Logs as entries of ``promtail_logs``."""
    found = []
    for one in logs:
        entry: dict[str, t.Any] = {
            "name": one.name,
            "paths": list(one.paths),
            "format": one.form,
            "labels": {"service": one.service, **one.labels},
        }
        if one.exclude:
            entry["exclude"] = one.exclude[0] if len(one.exclude) == 1 else "{{{}}}".format(",".join(one.exclude))
        stages: list[dict[str, t.Any]] = []
        if one.first_line:
            stages.append({"multiline": {"firstline": one.first_line}})
        if one.keep:
            names = {key: key for key in one.keep}
            parse = {"json": {"expressions": names}} if one.form == "json" else {"logfmt": {"mapping": names}}
            stages += [parse, {"structured_metadata": dict(names)}]
        if stages:
            entry["pipeline_stages"] = stages
        found.append(entry)
    return found


def problems(groups: Groups, hostvars: HostVars, elsewhere: Collection[str] = ()) -> list[str]:
    """What is wrong with ``obs_log_paths``, in words for its owner, each once for all its hosts; empty when sound.

    Args:
        groups: names of all hosts by group.
        hostvars: inventory variables of every host.
        elsewhere: sites whose Loki is not in the inventory but the user's own.
    """
    refused = Refusals()
    nobody: dict[str, list[str]] = {}
    shipping = {site_of(hostvars[host]) for host in groups.get("loki") or []} | set(elsewhere)
    for host in hosts_of(groups):
        variables = hostvars[host]
        try:
            logs = log_files(variables, Refusals.HERE)
        except StackError as error:
            refused.add(error, host)
            continue
        if logs and host not in (groups.get("monitored") or []):
            nobody.setdefault("they are not in the group monitored, whose hosts have a log agent", []).append(host)
        elif logs and site_of(variables) not in shipping:
            nobody.setdefault(f"site {site_of(variables)} has no Loki", []).append(host)
    return refused.words() + [
        f"{LOGS} of {some(hosts)} is read by nobody: {why}. Correct the groups, or take it away."
        for why, hosts in nobody.items()
    ]
