# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Hold alerts back while a change restarts what they are about.

A deploy neither fails nor waits long for an Alertmanager: what it does not take is one warning. A silence ends by
itself when a run is cut off, and soon after the change otherwise.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from . import _silence
from ._alertmanager import Alertmanager
from ._by_url import Refused, Server, Unreached, endpoint_at
from ._errors import StackError
from ._moments import stamp

TIMEOUT = 3.0
"""Seconds to wait for an Alertmanager."""

LINGER = 60
"""Seconds for which a silence outlives the change.

The alert is over only when the target was scraped and the rule evaluated anew, and Alertmanager was told: with the
usual 15 s each, half a minute. Only then an alert without ``for`` cannot page. What the change has broken is told one
minute later at most, and the alerts that ship wait longer than that by themselves.
"""

MARGIN = 600
"""Seconds for what a change does besides waiting for readiness: stopping, saving data, installing plugins."""

CREATED_BY = "obs.stack"


def longest(ready_timeout: float) -> int:
    """Seconds that a change takes at most, going back included."""
    return int(2 * ready_timeout) + MARGIN


@contextmanager
def quiet(
    deploy: Mapping[str, Any], *, service: str, lasts: int, why: str, warn: Callable[[str], None]
) -> Iterator[None]:
    """Silence what a restart raises, as long as the body runs and a little longer.

    Args:
        deploy: ``host``, ``alertmanagers`` and ``silences``, as the option has them.
        service: what restarts.
        lasts: seconds after which the silence ends if nobody lifts it.
        why: what is done, for people who see the silence.
        warn: takes what did not work.
    """
    silences = (deploy.get("silences") or {}).get(service) or []
    if not silences or not deploy.get("alertmanagers"):
        yield
        return
    with ExitStack() as stack:
        held = _Held(f"deploy-{service}-{deploy.get('host')}")
        try:
            servers = [_server(one, stack) for one in deploy["alertmanagers"]]
            held.hold(servers, silences, lasts=lasts, why=why)
        except (StackError, OSError) as error:
            warn(f"Alerts of {service} are not held back while it restarts. {_line(error)}")
        try:
            yield
        finally:
            try:
                held.lift()
            except (StackError, OSError) as error:
                warn(f"The silence {held.name} could not be lifted and ends at {held.ends}. {_line(error)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _server(options: Mapping[str, Any], stack: ExitStack) -> Server:
    """An Alertmanager; what its client certificate needs as files is there until the stack ends."""
    files = {}
    for key, name in (("client_cert", "certificate"), ("client_key", "private_key")):
        if options.get(name):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="obs-quiet-", dir="/run"))
            files[key] = os.path.join(folder, name)
            with open(files[key], "w", encoding="ascii") as handle:
                handle.write(options[name])
    given = {key: str(options.get(key) or "") for key in ("ca", "username", "password", "bearer_token")}
    endpoint, prefix = endpoint_at(str(options["url"]), "the URL of an Alertmanager", _silence.DOC, **given, **files)
    return Server(endpoint, prefix, _silence.DOC, TIMEOUT)


class _Held:
    """The silences of one change."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ends = ""
        self._servers: list[Server] = []
        self._silences: list[Mapping[str, Any]] = []

    def hold(self, servers: Sequence[Server], silences: Sequence[Any], *, lasts: int, why: str) -> None:
        """Make them, or those of a run that was cut off last again. Raises StackError."""
        cluster = Alertmanager(servers)
        there = cluster.silences()
        self._servers = [cluster.server, *(one for one in servers if one is not cluster.server)]
        now = time.time()
        self.ends = stamp(now + lasts)
        for number, matchers in enumerate(silences):
            name = self.name if not number else f"{self.name}-{number + 1}"
            wish = _silence.Wish(
                present=True,
                name=name,
                matchers=tuple(matchers),
                comment=f"{why} [obs:{name}]",
                created_by=CREATED_BY,
                duration=lasts,
                renew_before=lasts,
            )
            current = next(iter(_silence.living(there, wish)), None)
            wanted = _silence.desired(current, wish, now)
            if wanted is not None:
                self._silences.append(cluster.put(_silence.posted(wanted, current, now), name))

    def lift(self) -> None:
        """Let each end soon. Raises StackError."""
        for silence in self._silences:
            self._end(silence)

    def _end(self, silence: Mapping[str, Any]) -> None:
        keys = ("id", "matchers", "startsAt", "comment", "createdBy")
        body = {**{key: silence[key] for key in keys}, "endsAt": stamp(time.time() + LINGER)}
        for number, server in enumerate(self._servers, 1):
            member = Alertmanager([server])
            try:
                member.put(body, self.name)
                return
            except Refused:
                # The clocks of the two differ by more than that: at once, then.
                member.expire(silence, self.name)
                return
            except Unreached:
                if number == len(self._servers):
                    raise
