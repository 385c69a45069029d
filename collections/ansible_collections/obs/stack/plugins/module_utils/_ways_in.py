# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Try what must not work: a write without credentials. The requests here change nothing where they are let in. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._health_page import Finding, some
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port

CHECK = "guarded"
GRPC = "GRPC"
# What is sent, by the end of the path: nothing to store, or nothing that can be read. Other JSON is an empty object.
BODIES = {
    "/loki/api/v1/push": b'{"streams":[]}',
    "/api/v2/alerts": b"[]",
    "/api/v2/spans": b"[]",
    "/api/v1/write": b"not snappy",
    "/api/v1/receive": b"not snappy",
    "/api/traces": b"not thrift",
    "/api/v1/admin/tsdb/delete_series": b"",
    "/metrics/job/obs-verify": b"no metric",
}
UNIMPLEMENTED, UNAVAILABLE = 12, 14
REFUSED_GRPC = {7: "PERMISSION_DENIED", 16: "UNAUTHENTICATED"}


class Way(t.NamedTuple):
    """One way in.

    Attributes:
        what: for people.
        scheme, address, port, path, method, content_type: the request; method ``GRPC`` is a call of ``path``.
        warning: tell only that it is open. For what many run open on purpose, in a network of their own.
    """

    what: str
    address: str
    port: int
    path: str
    scheme: str = "http"
    method: str = "POST"
    content_type: str = "application/json"
    warning: bool = False

    @property
    def place(self) -> str:
        """``what at address:port``."""
        return "{0} at {1}".format(self.what, join_host_port(self.address, self.port))


class Attempt(t.NamedTuple):
    """How it ended.

    Attributes:
        kind: ``http`` and ``grpc``: answered with ``status``; ``tls``: refused in the handshake or cut off behind it;
            ``silent``: it could not be tried.
        words: the answer, or why there is none.
    """

    kind: str
    status: int = 0
    words: str = ""


def way_of(item: Mapping[str, t.Any]) -> Way:
    """A way in as the estate names it; keys that are empty are left to their defaults."""
    return Way(**{key: item[key] for key in Way._fields if item.get(key) not in (None, "")})


def body_of(way: Way) -> bytes:
    """What is sent."""
    for end, body in BODIES.items():
        if way.path.endswith(end):
            return body
    return b"{}" if way.content_type == "application/json" else b""


def judge_one(way: Way, attempt: Attempt) -> tuple[str, str]:
    """``refused``, ``open`` or ``unknown``, and why.

    An answer about the content says that nobody was asked for credentials: the next one with better content is taken.
    """
    if attempt.kind == "tls":
        return "refused", "TLS handshake refused"
    if attempt.kind == "silent":
        return "unknown", attempt.words
    if attempt.kind == "grpc":
        if attempt.status in REFUSED_GRPC:
            return "refused", REFUSED_GRPC[attempt.status]
        if attempt.status == UNIMPLEMENTED:
            return "refused", "no such call"
        state = "unknown" if attempt.status == UNAVAILABLE else "open"
        return state, "gRPC status {0}".format(attempt.status)
    detail = "HTTP {0}".format(attempt.status)
    if attempt.status in (401, 403, 407) or 300 <= attempt.status < 400:
        return "refused", detail
    if attempt.status in (404, 405, 501) or "admin APIs disabled" in attempt.words:
        return "refused", "{0}: there is none".format(detail)
    return ("unknown" if attempt.status >= 500 else "open"), detail


def judge(ways: Sequence[Way], attempts: Sequence[Attempt], *, strict: bool) -> list[Finding]:
    """Judge all ways into a service.

    Args:
        ways: what was tried.
        attempts: how each ended, in the same order.
        strict: whether warnings count as wrong.

    Returns:
        One finding; two where some are open and of others it is not known.
    """
    wrong: list[str] = []
    told: list[str] = []
    good: list[str] = []
    for way, attempt in zip(ways, attempts):
        state, why = judge_one(way, attempt)
        if state == "refused":
            good.append("{0} ({1})".format(way.what, why))
        elif state == "unknown":
            told.append("{0} could not be tried: {1}".format(way.place, why))
        else:
            (told if way.warning else wrong).append("{0} takes writes from anybody ({1})".format(way.place, why))
    found = []
    if wrong:
        hint = "set credentials or a client CA, or let it listen on 127.0.0.1"
        found.append(Finding(CHECK, False, "{0}; {1}".format(some(wrong), hint)))
    if told:
        found.append(Finding(CHECK, not strict, some(told), warning=True))
    if good and not found:
        found.append(Finding(CHECK, True, "refused without credentials: {0}".format(some(good))))
    return found
