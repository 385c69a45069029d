# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Logs in the collector: where an agent reads them, what it takes from a line, which ones a gateway keeps. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

FILE_KEYS = {"name", "include", "exclude", "service", "json", "keep", "attributes", "options", "operators"}
# Lines of a JSON log as structlog, zap, logback and the like write them: which keys may hold what.
TIME_KEYS = ("timestamp", "time", "ts", "@timestamp")
LEVEL_KEYS = ("level", "severity", "levelname", "log.level")
ISO = "2006-01-02T15:04:05.999999999Z07:00"
# Where parsed keys stay until the wanted ones are taken: the line itself is shipped as it was written.
PARSED = "attributes.parsed"
PRIORITIES = {"fatal": ["0", "1", "2"], "error": ["3"], "warn": ["4"], "info": ["5", "6"], "debug": ["7"]}
ZERO_TRACE = "0" * 32


def _has(key: str) -> str:
    """expr-lang: the parsed line has that key."""
    return f'attributes.parsed?.["{key}"] != nil'


def json_operators(keep: Sequence[str]) -> list[dict[str, t.Any]]:
    """Operators that read time, level, trace and span of a JSON line; other lines pass as they are.

    Args:
        keep: further keys of the line that become structured metadata.
    """
    operators: list[dict[str, t.Any]] = [
        {
            "type": "json_parser",
            "if": 'type(body) == "string" and body matches "^\\\\s*\\\\{.*\\\\}\\\\s*$"',
            "parse_to": PARSED,
            "on_error": "send_quiet",
        }
    ]
    for key in TIME_KEYS:
        operators.append(
            {
                "type": "time_parser",
                "if": f'{_has(key)} and type(attributes.parsed["{key}"]) == "string"',
                "parse_from": f'attributes.parsed["{key}"]',
                "layout_type": "gotime",
                "layout": ISO,
                "on_error": "send_quiet",
            }
        )
    for key in LEVEL_KEYS:
        operators.append(
            {
                "type": "severity_parser",
                "if": _has(key),
                "parse_from": f'attributes.parsed["{key}"]',
                "on_error": "send_quiet",
            }
        )
    operators.append(
        {
            "type": "trace_parser",
            "if": _has("trace_id"),
            "trace_id": {"parse_from": f"{PARSED}.trace_id"},
            "span_id": {"parse_from": f"{PARSED}.span_id"},
            "on_error": "send_quiet",
        }
    )
    # A line may say itself whose it is; several services then share a file or unit.
    operators.append(
        {"type": "move", "if": _has("service"), "from": f"{PARSED}.service", "to": 'resource["service.name"]'}
    )
    for key in keep:
        operators.append({"type": "move", "if": _has(key), "from": f'{PARSED}["{key}"]', "to": f'attributes["{key}"]'})
    operators.append({"type": "remove", "if": "attributes.parsed != nil", "field": PARSED})
    return operators


def otelcol_log_sources(
    files: Sequence[Mapping[str, t.Any]], *, journal: Mapping[str, t.Any] | None, keep: Sequence[str] = ()
) -> dict[str, t.Any]:
    """Receivers of a log agent. Positions are on disk, and reading waits while nothing can be sent.

    Args:
        files: ``name``, ``include`` and any of ``exclude``, ``service`` (``name`` unless given), ``json`` (true unless
            given), ``keep``, ``attributes`` (of the resource), ``operators`` (upstream's, before ours) and ``options``
            (upstream's keys of the receiver, over ours).
        journal: upstream's keys of the journald receiver over ours; ``None`` for no journal.
        keep: keys of JSON lines that become structured metadata, from every source.

    Returns:
        ``receivers`` and ``names``.

    Raises:
        StackError: an item without name or include, with a name that is not fit or there twice, or an unknown key.
    """
    receivers: dict[str, t.Any] = {}
    for number, item in enumerate(files, 1):
        _complain_about_file(number, item, receivers)
        operators = [dict(operator) for operator in item.get("operators") or []]
        if item.get("json", True):
            operators += json_operators([*keep, *(item.get("keep") or [])])
        resource = dict(item.get("attributes") or {})
        resource["service.name"] = str(item.get("service") or item["name"])
        receiver: dict[str, t.Any] = {
            "include": list(item["include"]),
            # The first run reads what is there; later ones go on where the last one ended.
            "start_at": "beginning",
            "storage": "file_storage",
            "include_file_name": False,
            "include_file_path": True,
            "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
            "resource": resource,
            "operators": operators,
        }
        if item.get("exclude"):
            receiver["exclude"] = list(item["exclude"])
        receivers[f"file_log/{item['name']}"] = dict(receiver, **(item.get("options") or {}))
    if journal is not None:
        receivers["journald"] = dict(_journal(keep), **journal)
    return {"receivers": receivers, "names": sorted(receivers)}


def _complain_about_file(number: int, item: Mapping[str, t.Any], receivers: Mapping[str, t.Any]) -> None:
    name = str(item.get("name") or "")
    unknown = sorted(set(item) - FILE_KEYS)
    if not re.match(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", name):
        why = f"its name '{name}' is not of letters, digits, '_', '-' and '.'"
    elif unknown:
        why = f"unknown key {unknown[0]}"
    elif not item.get("include") or isinstance(item["include"], str):
        why = "include is no list of paths"
    elif f"file_log/{name}" in receivers:
        why = "the name is there twice"
    else:
        return
    raise StackError(
        f"Could not read item {number} ({name or 'unnamed'}) of otelcol_log_files",
        why=why,
        hint="Write it as {name: shop, include: [/var/log/shop/*.log]}.",
    )


def _journal(keep: Sequence[str]) -> dict[str, t.Any]:
    """The journald receiver: a record is a map of the journal's fields, of which the message becomes the line."""
    unit = 'body["_SYSTEMD_UNIT"]'
    service = f'trimSuffix({unit} ?? body["SYSLOG_IDENTIFIER"] ?? "journal", ".service")'
    return {
        "storage": "file_storage",
        "start_at": "beginning",
        "convert_message_bytes": True,
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "operators": [
            {"type": "add", "field": 'resource["service.name"]', "value": f"EXPR({service})"},
            {
                "type": "severity_parser",
                "if": 'body["PRIORITY"] != nil',
                "parse_from": "body.PRIORITY",
                "mapping": {level: list(codes) for level, codes in PRIORITIES.items()},
                "preset": "none",
                "overwrite_text": True,
                "on_error": "send_quiet",
            },
            {"type": "copy", "if": f"{unit} != nil", "from": "body._SYSTEMD_UNIT", "to": "attributes.unit"},
            {"type": "move", "if": 'body["MESSAGE"] != nil', "from": "body.MESSAGE", "to": "body"},
            *json_operators(keep),
        ],
    }


def share(percentage: float, what: str) -> str:
    """The first four hexadecimal digits that are no longer within a share of all: 10 % is ``1999``.

    Raises:
        StackError: not 0 to 100.
    """
    try:
        value = float(percentage)
    except (TypeError, ValueError):
        value = -1
    if not 0 <= value <= 100:
        raise StackError(f"Could not use {percentage!r} as {what}", why="it is not a percentage", hint="Give 0 to 100.")
    # Behind every digit for 100 %: "g" sorts after "f".
    return "g" if value == 100 else format(int(value * 65536 / 100), "04x")


def kept_trace(percentage: float) -> str:
    """OTTL: the trace is within the share. Traces and lines ask the same, so that kept traces keep their lines."""
    return f'Substring(trace_id.string, 28, 4) < "{share(percentage, "otelcol_trace_percentage")}"'


def otelcol_log_sampling(rates: Mapping[str, float], *, trace_percentage: float = 0) -> dict[str, t.Any]:
    """Processors that thin out the lines of single services, one per service so that each counts its own drops.

    Warnings and worse always pass. A line of a trace is decided by its trace id, in the very way traces are, the
    others by a digest of text and time: a line sent twice is decided the same.

    Args:
        rates: service name to percentage of its other lines that is kept.
        trace_percentage: share of traces that is kept whatever happened in them; their lines are kept too.

    Returns:
        ``processors`` and ``names``, in order.

    Raises:
        StackError: a rate that is none, or a name that cannot be one of a service.
    """
    processors: dict[str, t.Any] = {}
    least = share(trace_percentage, "otelcol_trace_percentage")
    for service in sorted(rates):
        if not re.match(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", str(service)):
            raise StackError(
                f"Could not thin out the lines of '{service}'",
                why="a service is named by letters, digits, '_', '-' and '.'",
                hint="Correct otelcol_log_sampling.",
            )
        where = f"the rate of {service} in otelcol_log_sampling"
        of_traces = max(share(rates[service], where), least)
        mine = f'resource.attributes["service.name"] == "{service}" and severity_number < SEVERITY_NUMBER_WARN'
        digest = 'Substring(SHA256(Concat([String(body), String(time_unix_nano)], " ")), 0, 4)'
        traced = f'trace_id.string != "" and trace_id.string != "{ZERO_TRACE}"'
        processors[f"filter/log_sampling_{service}"] = {
            "error_mode": "ignore",
            "logs": {
                "log_record": [
                    f'{mine} and {traced} and Substring(trace_id.string, 28, 4) >= "{of_traces}"',
                    f'{mine} and not ({traced}) and {digest} >= "{share(rates[service], where)}"',
                ]
            },
        }
    return {"processors": processors, "names": list(processors)}
