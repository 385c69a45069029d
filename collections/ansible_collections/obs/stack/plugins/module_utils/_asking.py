# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Ask for one dependency from where this runs: the edges to names, sockets, files. Judged by _judgements."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
import typing as t
from urllib.parse import quote

from ansible_collections.obs.stack.plugins.module_utils import _judgements, _s3
from ansible_collections.obs.stack.plugins.module_utils._download import chunks, masked, source_of
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG, Finding
from ansible_collections.obs.stack.plugins.module_utils._http import Endpoint
from ansible_collections.obs.stack.plugins.module_utils._receivers import PORTS, url_address
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port

Check = t.Mapping[str, t.Any]
NOT_DEPLOYED = "not there; obs.stack.site brings it"


def ask(check: Check, timeout: float) -> Finding:
    """Ask for one dependency.

    Args:
        check: what _dependencies derives; ``kind`` is a key of ``KINDS``.
        timeout: seconds to wait for an answer.
    """
    started = time.monotonic()
    try:
        state, detail = KINDS[check["kind"]](check, timeout)
    except OSError as error:
        place, why = _place(check), reason(error, timeout)
        state, detail = WRONG, why if place in check["target"] else "{0}: {1}".format(place, why)
    except StackError as error:
        state, detail = WRONG, error.why or error.what
    return Finding(check["check"], check["target"], state, detail, time.monotonic() - started)


def _place(check: Check) -> str:
    """Where a check looks, without what may be secret."""
    address = str(check.get("address") or "")
    if address and check.get("port"):
        return join_host_port(address, int(check["port"]))
    return address or str(check.get("file") or check.get("url_file") or check["target"])


def reason(error: OSError, timeout: float) -> str:
    """Why an address could not be reached, and what that means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted: {0}".format(error.verify_message)
    if isinstance(error, socket.gaierror):
        return "the name does not resolve: {0}".format(error.strerror)
    if isinstance(error, socket.timeout):
        return "no answer in {0:g} s: is a firewall between?".format(timeout)
    if error.errno == errno.ECONNREFUSED:
        return "refused: nothing listens there"
    return error.strerror or str(error) or type(error).__name__


def dns(check: Check, timeout: float) -> tuple[str, str]:
    """Whether the host resolves a name."""
    found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(check["address"], None)})
    return OK, ", ".join(found)


def tcp(check: Check, timeout: float) -> tuple[str, str]:
    """Whether somebody listens. Nothing is sent."""
    if check.get("url_file"):
        return _tcp_of_file(check, timeout)
    with socket.create_connection((check["address"], int(check["port"])), timeout):
        return OK, "{0} is reached".format(_place(check))


def _tcp_of_file(check: Check, timeout: float) -> tuple[str, str]:
    """The same for the server of a URL that only a file on the host holds; its path may be a secret and is not told."""
    try:
        with open(check["url_file"], encoding="utf-8") as stream:
            address, port = url_address(stream.read(1 << 16))
    except FileNotFoundError:
        return WARNING, "{0} is {1}".format(check["url_file"], NOT_DEPLOYED)
    if not address:
        return WRONG, "{0} holds no http:// or https:// URL".format(check["url_file"])
    found = ask({**check, "url_file": "", "address": address, "port": port}, timeout)
    return found.state, found.detail


def tls(check: Check, timeout: float) -> tuple[str, str]:
    """Whether TLS works out, and how long the certificate is valid."""
    context = ssl.create_default_context(cafile=check.get("ca_path") or None, cadata=check.get("ca") or None)
    # Python 3.13 asks more of certificates than the Go clients of the stack do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    name = check.get("server_name") or check["address"]
    plain = socket.create_connection((check["address"], int(check["port"])), timeout)
    with plain, context.wrap_socket(plain, server_hostname=name) as wrapped:
        der = wrapped.getpeercert(binary_form=True) or b""
    return _judgements.certificate([_judgements.not_after(der)], time.time(), check["warn"], check["fail"])


def http(check: Check, timeout: float) -> tuple[str, str]:
    """Whether a URL answers as it should. Redirects are answers."""
    keys = ("address", "scheme", "server_name", "ca_path", "username", "password")
    endpoint = Endpoint(port=int(check["port"]), **{key: check[key] for key in keys if check.get(key)})
    path = check.get("path") or "/"
    status, _body = endpoint.get(
        quote(path, safe="/%:@!$&'()*+,;=~") + ("?" + check["query"] if check.get("query") else ""), timeout=timeout
    )
    state, detail = _judgements.http_status(status, check.get("status") or [])
    return state, "{0} from {1}".format(detail, endpoint.url(path))


def s3(check: Check, timeout: float) -> tuple[str, str]:
    """Whether a bucket answers, and lets the keys list it."""
    scheme, port = check.get("scheme") or "https", int(check["port"])
    place = check["address"] if port == PORTS[scheme] else join_host_port(check["address"], port)
    key, path_style = check.get("username") or "", check.get("path_style") is not False
    asked = _s3.request(
        place,
        check["bucket"],
        check.get("region") or _s3.DEFAULT_REGION,
        key,
        check.get("password") or "",
        time.time(),
        path_style=path_style,
    )
    address = check["address"] if path_style else "{0}.{1}".format(check["bucket"], check["address"])
    endpoint = Endpoint(address=address, port=port, scheme=scheme, ca_path=check.get("ca_path") or "")
    status, body = endpoint.request("GET", asked.path, headers=asked.headers, timeout=timeout)
    state, detail = _s3.judge(status, body.decode("utf-8", "replace"), check["bucket"], signed=bool(key))
    return state, "{0}: {1}".format(endpoint.url(""), detail)


def fetch(check: Check, timeout: float) -> tuple[str, str]:
    """Whether a file of a release can be fetched, on the way releases are: mirror, proxy, authority, headers."""
    base = "mirror" if check.get("mirror") else "url"
    scheme, _colon, place = str(check[base]).partition("://")
    user = "{0}@".format(check["userinfo"]) if check.get("userinfo") else ""
    secret = {base: "{0}://{1}{2}{3}".format(scheme, user, place, "?" + check["query"] if check.get("query") else "")}
    where = {"url": check["url"], "mirror": check.get("mirror") or "", **secret}
    source = source_of(
        where["url"],
        where["mirror"],
        check.get("proxy") or "",
        check.get("ca_path") or "",
        check.get("headers"),
        timeout,
        1,
    )
    # The beginning is enough: that it is there and that we are let in.
    next(chunks(source, 1 << 40), b"")
    return OK, "{0} answers".format(masked(source.url))


def certificate(check: Check, timeout: float) -> tuple[str, str]:
    """How long the certificates of a file are valid."""
    try:
        with open(check["file"], "rb") as stream:
            found = _judgements.certificates(stream.read(1 << 20))
        expires = [_judgements.not_after(der) for der in found]
    except FileNotFoundError:
        return WARNING, NOT_DEPLOYED
    except ValueError as error:
        return WRONG, str(error)
    return _judgements.certificate(expires, time.time(), check["warn"], check["fail"])


def disk(check: Check, timeout: float) -> tuple[str, str]:
    """How much room the file system of a folder has."""
    path = os.path.abspath(check["file"])
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return _judgements.disk(
        found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, check["warn"], check["fail"]
    )


def none(check: Check, timeout: float) -> tuple[str, str]:
    """What cannot be asked is said to be so."""
    return SKIPPED, str(check.get("reason") or "not asked")


KINDS: dict[str, t.Callable[[Check, float], tuple[str, str]]] = {
    "certificate": certificate,
    "disk": disk,
    "dns": dns,
    "fetch": fetch,
    "http": http,
    "none": none,
    "s3": s3,
    "tcp": tcp,
    "tls": tls,
}
