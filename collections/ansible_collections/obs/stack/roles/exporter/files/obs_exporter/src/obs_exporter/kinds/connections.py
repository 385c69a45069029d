# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active connections: of nginx's stub_status page, or of a local port."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp

from obs_exporter.config.logs import Connections
from obs_exporter.errors import CollectError

ESTABLISHED = "01"
_ACTIVE = re.compile(rb"^Active connections: (\d+)", re.MULTILINE)


async def active(config: Connections, timeout: float) -> float:
    """How many there are.

    Raises:
        CollectError: nobody can tell.
    """
    if config.port is not None:
        return float(of_port(config.port))
    try:
        limits = aiohttp.ClientTimeout(total=timeout)
        session = aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar())
        async with session, session.get(config.url or "", allow_redirects=False) as answer:
            found = _ACTIVE.search(await answer.content.read(4096))
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError):
        raise CollectError("upstream", "the page of stub_status does not answer") from None
    if not found:
        raise CollectError("malformed", "the page is none of stub_status")
    # The question is a connection, too.
    return float(max(0, int(found[1]) - 1))


def of_port(port: int, root: Path = Path("/proc/self/net")) -> int:
    """Established connections to a local TCP port, of both address families."""
    count = 0
    for name in ("tcp", "tcp6"):
        try:
            lines = (root / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 3 and words[3] == ESTABLISHED and int(words[1].rpartition(":")[2], 16) == port:
                count += 1
    return count
