# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Configurations by which a log agent begins in place of another one, and ends when another takes its own. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

# Both spellings: upstream takes the older ones as well.
READERS = ("file_log", "filelog", "journald")
NOTHING_TO_READ = "file_log/nothing"


def otelcol_log_paths(config: Mapping[str, t.Any]) -> dict[str, list[dict[str, t.Any]]]:
    """What files a whole configuration reads: ``files``, each with ``path`` and ``exclude``."""
    return {
        "files": [
            {"path": str(path), "exclude": [str(one) for one in (body or {}).get("exclude") or []]}
            for name, body in sorted((config.get("receivers") or {}).items())
            if name.split("/")[0] in READERS
            for path in (body or {}).get("include") or []
        ]
    }


def otelcol_handover(config: Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Two whole configurations, made from the agent's own.

    Returns:
        ``begin``: every reader at the present end of what it reads, and what it reads meanwhile goes nowhere.
        ``finish``: reads nothing and sends what waits in the queues of log exporters.
    """
    receivers = {
        name: {**{key: value for key, value in (body or {}).items() if key != "operators"}, "start_at": "end"}
        for name, body in (config.get("receivers") or {}).items()
        if name.split("/")[0] in READERS
    }
    service = config.get("service") or {}
    pipelines = service.get("pipelines") or {}
    of_logs = [body for name, body in pipelines.items() if name.split("/")[0] == "logs"]
    used = {exporter for body in of_logs for exporter in body["exporters"]}
    exporters = {
        name: body
        for name, body in (config.get("exporters") or {}).items()
        if name in used and (body or {}).get("sending_queue", {}).get("storage")
    }
    extensions = config.get("extensions") or {}
    health = [name for name in service.get("extensions") or [] if name.split("/")[0] == "health_check"]
    storages = [name for name in extensions if name.split("/")[0] == "file_storage"]
    return {
        "begin": {
            "extensions": {name: extensions[name] for name in storages},
            "receivers": receivers,
            "exporters": {"debug": {"verbosity": "basic"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
                "extensions": storages,
                "pipelines": {"logs/begin": {"receivers": sorted(receivers), "exporters": ["debug"]}},
            },
        },
        "finish": {
            "extensions": {name: body for name, body in extensions.items() if name not in health},
            "receivers": {NOTHING_TO_READ: {"include": ["/nonexistent"]}},
            "exporters": exporters,
            "service": {
                "telemetry": service.get("telemetry") or {},
                "extensions": [name for name in service.get("extensions") or [] if name not in health],
                "pipelines": {"logs/finish": {"receivers": [NOTHING_TO_READ], "exporters": sorted(exporters)}},
            },
        },
    }
