# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log lines: one JSON object or one logfmt line each, with the ids of the span they belong to."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import Any

from obs_exporter.secrets import hide
from obs_exporter.tracing import current_ids

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warn", logging.ERROR: "error"}
LOG = logging.getLogger("obs_exporter")


def say(level: int, message: str, **fields: Any) -> None:
    """A log line with fields. Secrets are taken out of all of it."""
    if LOG.isEnabledFor(level):
        LOG.log(level, "%s", message, extra={"fields": fields})


class _Formatter(logging.Formatter):
    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        entry: dict[str, Any] = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _NAMES.get(record.levelno, "error"),
            "msg": hide(record.getMessage()),
        }
        entry.update({key: hide(str(value)) for key, value in getattr(record, "fields", {}).items()})
        entry.update(current_ids())
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = hide(f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}")
        if self._as_json:
            return json.dumps(entry)
        return " ".join(f"{key}={_quoted(str(value))}" for key, value in entry.items())


def _quoted(text: str) -> str:
    plain = text and all(char.isprintable() and char not in ' "=\\' for char in text)
    return text if plain else json.dumps(text)


def set_up(level: str, form: str) -> None:
    """Log to standard error from now on. level: debug, info, warn, error; form: logfmt or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form == "json"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    LOG.setLevel(LEVELS[level])
    # Libraries: what they say is about single requests and can hold what they were asked with.
    for name in ("aiohttp.access", "aiohttp.server", "sqlalchemy", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR if level != "debug" else logging.WARNING)
