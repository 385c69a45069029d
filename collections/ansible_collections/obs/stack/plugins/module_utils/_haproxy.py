# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""HAProxy's configuration as text. Pure.

Its format is lines of words (docs.haproxy.org, configuration.txt section 2), in which a blank, a quote or a line break
makes something else of a value. So values are not quoted but held against what each may be: what is not is refused.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
FORMS = {
    "service": (re.compile(r"[a-z][a-z0-9_-]{0,62}"), "lower-case letters, digits, '-' and '_'"),
    "name": (re.compile(_NAME), "letters, digits, '-', '_' and '.'"),
    "user": (re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}"), "letters, digits and '-', '_', '.', '@'"),
    "host": (re.compile(_NAME), "an address, or a name of letters, digits, '-' and '.'"),
    "path": (re.compile(r"/[A-Za-z0-9._~/+@:,=&?-]*"), "a path such as /ready, without blanks, quotes and '%'"),
    "time": (re.compile(r"[1-9][0-9]{0,9}(us|ms|s|m|h|d)"), "a time such as 30s"),
    "hash": (re.compile(r"\$[0-9a-z]{1,2}\$[A-Za-z0-9./=,$]{8,160}"), "a hash of crypt(3) such as $6$…"),
    # A line of the user's own, in HAProxy's words: it stays one line.
    "line": (re.compile(r"[^\x00-\x1f\x7f]+"), "one line"),
}
# Certificates of members that are not signed by a CA of one's own, as Debian and Ubuntu have them.
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"


def checked(form: str, value: t.Any, where: str) -> str:
    """The value as text, where it is of a form (a key of FORMS).

    Raises:
        StackError: it is not; ``where`` tells whose it is.
    """
    text = str(value)
    pattern, words = FORMS[form]
    if not pattern.fullmatch(text):
        shown = text if form not in ("hash",) else "it"
        raise StackError(f"Could not use {shown!r} as {where}", why=f"it has to be {words}", doc="input")
    return text


def host_and_port(host: str, port: t.Any, where: str) -> str:
    """``host:port`` for a bind or server line, with brackets around an IPv6 address.

    Raises:
        StackError: neither address nor name, or no port.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        checked("host", host, f"the address of {where}")
    return join_host_port(host, checked_port(port, where))


def checked_port(port: t.Any, where: str) -> int:
    """A port as a number.

    Raises:
        StackError: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,5}", str(port)) or not 0 < int(port) < 65536:
        raise StackError(f"Could not use {port!r} as the port of {where}", why="it has to be 1 to 65535", doc="input")
    return int(port)


def section(kind: str, name: str, lines: Sequence[str]) -> str:
    """One section: its keyword, and its lines below.

    Raises:
        StackError: a line that would be more than one.
    """
    head = f"{kind} {name}".strip()
    return head + "\n" + "".join(f"    {checked('line', line, 'a line of ' + head)}\n" for line in lines)


def document(sections: Sequence[str], more: str = "") -> str:
    """The whole file, with sections of the user's own behind ours."""
    own = ["# gateway_more_config\n" + more.strip("\n") + "\n"] if more.strip() else []
    return "\n".join(["# Written by obs.stack from the variables gateway_*.\n", *sections, *own])


def global_section(*, max_connections: int, stop_after: str, more: Sequence[str]) -> str:
    """What holds for the whole process. Logs go to the journal; there is no socket for administration."""
    return section(
        "global",
        "",
        [
            "log stdout format raw daemon info",
            f"maxconn {int(max_connections)}",
            # Connections that outlive a reload, such as a tail, keep the worker before alive that long at most.
            "hard-stop-after {}".format(checked("time", stop_after, "gateway_stop_after")),
            "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
            "ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
            "ssl-default-server-options ssl-min-ver TLSv1.2",
            "ssl-server-verify required",
            *more,
        ],
    )


def defaults_section(*, timeouts: Mapping[str, str], log_requests: bool, more: Sequence[str]) -> str:
    """What holds for every service. Members are looked at every 2 s, and out after two answers that are not right."""
    lines = [
        "mode http",
        "log global",
        "option httplog",
        "option forwardfor",
        "option http-keep-alive",
        "option redispatch 1",
        "retries 3",
        # A member whose name is not known when the gateway starts must not keep the others from working.
        "default-server init-addr last,libc,none inter 2s fastinter 1s fall 2 rise 2 on-marked-down shutdown-sessions",
    ]
    if not log_requests:
        lines.append("option dontlog-normal")
    lines += [
        "timeout {} {}".format(
            checked("name", name, "a name of gateway_timeouts"), checked("time", value, f"the timeout {name}")
        )
        for name, value in sorted(timeouts.items())
        if value is not None
    ]
    return section("defaults", "", [*lines, *more])


def metrics_section(bind: str) -> str:
    """Metrics and readiness of the gateway itself, and nothing else."""
    return section(
        "frontend",
        "metrics",
        [
            f"bind {bind}",
            "monitor-uri /ready",
            "http-request set-log-level silent",
            "http-request use-service prometheus-exporter if { path /metrics }",
            "http-request return status 404",
        ],
    )


def userlist(hashes: Mapping[str, str]) -> str:
    """Who may ask, as a file of its own: name to hash of the password.

    Raises:
        StackError: a name or hash that is none.
    """
    lines = [
        "user {} password {}".format(
            checked("user", user, "a user of gateway_users"), checked("hash", digest, f"the hash of {user}")
        )
        for user, digest in sorted(hashes.items())
    ]
    return section("userlist", "clients", lines)
