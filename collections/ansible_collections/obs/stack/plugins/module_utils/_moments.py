# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Moments, as people give them and as servers write them. Pure."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

# Larger numbers are milliseconds already.
_MILLISECONDS_FROM = 100_000_000_000


def milliseconds(text: t.Any, option: str) -> int | None:
    """A time in milliseconds of the epoch.

    Args:
        text: seconds or milliseconds of the epoch, or ISO 8601; without a zone it is UTC.
        option: what it is called in the error.

    Raises:
        StackError: it is none of these.
    """
    if text in (None, ""):
        return None
    if re.match(r"^\d+(\.\d+)?$", str(text)):
        number = float(text)
        return int(number if number >= _MILLISECONDS_FROM else number * 1000)
    try:
        found = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise StackError(
            "Could not use '{0}' as {1}".format(text, option),
            why="it is no time",
            hint="Write it as in 2026-11-22T20:15:00+01:00, or as seconds of the epoch.",
            step="input",
            doc="input",
        ) from error
    return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def stamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def seconds_at(text: str) -> float:
    """The opposite of :func:`stamp`, to the millisecond; servers write more digits, and other zones.

    Raises:
        ValueError: it is no RFC 3339.
    """
    found = re.fullmatch(r"(.+T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text.strip())
    if found is None:
        raise ValueError("{0!r} is no time of RFC 3339".format(text))
    moment = datetime.fromisoformat(found.group(1) + found.group(3).replace("Z", "+00:00"))
    return moment.timestamp() + int((found.group(2) or "0")[:3].ljust(3, "0")) / 1000
