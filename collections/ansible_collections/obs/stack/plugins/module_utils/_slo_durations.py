# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Durations as Prometheus reads and writes them. Pure."""

from __future__ import annotations

import functools
import re

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3600, 86400, 604800, 31536000

_PARTS = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (YEAR, WEEK, DAY, HOUR, MINUTE, 1)


def seconds_of(text: object) -> int:
    """Whole seconds of a duration such as ``30d``, ``1h30m`` or ``4w``.

    Raises:
        ValueError: it is none, or it is zero.
    """
    match = _PARTS.fullmatch(str(text).strip())
    total = sum(int(part) * unit for part, unit in zip(match.groups(), _SECONDS) if part) if match else 0
    if not total:
        raise ValueError(f"{text!r} is not a duration such as 5m, 1h30m or 30d")
    return total


@functools.lru_cache(maxsize=1024)
def text_of(seconds: int) -> str:
    """A duration as Prometheus prints it: ``4w`` for 28 days and ``30d`` for 30, ``1d12h`` for 36 hours.

    Years and weeks are used only where nothing is left over.
    """
    for unit, letter in ((YEAR, "y"), (WEEK, "w")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    text = ""
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s")):
        count, seconds = divmod(seconds, unit)
        text += f"{count}{letter}" if count else ""
    return text or "0s"
