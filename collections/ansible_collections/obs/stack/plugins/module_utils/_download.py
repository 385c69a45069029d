# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""One HTTP (or file) transfer: redirects, proxies, own CA, truncation. Knows nothing of caches or digests."""

from __future__ import annotations

import base64
import functools
import http.client
import os
import re
import socket
import ssl
import string
import time
import typing as t
import urllib.error
import urllib.request
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from ._errors import StackError

CHUNK = 1 << 20
MAX_REDIRECTS = 10
BACKOFF = 0.5  # seconds before the second try, doubled for each further one
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_T = t.TypeVar("_T")


class FetchError(StackError):
    """A file could not be fetched, or is not the one that was asked for.

    Args:
        transient: whether the same request may succeed a moment later.
    """

    def __init__(
        self, what: str, *, why: str = "", hint: str = "", doc: str = "fetch", transient: bool = False
    ) -> None:
        super().__init__(what, why=why, hint=hint, step="stage", doc=doc)
        self.transient = transient


class Source(t.NamedTuple):
    """Where a file comes from and how to get there."""

    url: str
    proxy: str
    ca_path: str
    headers: dict[str, str]
    timeout: float
    tries: int

    def error(self, why: str, hint: str = "", *, doc: str = "fetch", transient: bool = False) -> FetchError:
        return FetchError(f"Could not fetch {masked(self.url)}", why=why, hint=hint, doc=doc, transient=transient)


def mirrored(url: str, mirror: str) -> str:
    """Rewrite an upstream URL to <mirror>/<upstream host>/<upstream path>. File URLs are left as they are."""
    parts = urlsplit(url)
    if not mirror or parts.scheme == "file":
        return url
    base = urlsplit(mirror)
    if base.scheme not in ("http", "https", "file") or not (base.netloc or base.scheme == "file"):
        raise FetchError(
            f"Could not use the mirror '{masked(mirror)}'",
            why="it is not a URL",
            hint="Set obs_mirror to http://…, https://… or file:///….",
        )
    host = parts.netloc.rpartition("@")[2].lower()
    path = "{}/{}/{}".format(base.path.rstrip("/"), host, parts.path.lstrip("/"))
    # Files have no query; a mirror behind HTTP may tell contents apart by it, or need its own.
    query = "" if base.scheme == "file" else "&".join(filter(None, (base.query, parts.query)))
    return urlunsplit((base.scheme, base.netloc, path, query, ""))


def masked(url: str) -> str:
    """The URL without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a malformed URL)"
    userinfo, at, host = parts.netloc.rpartition("@")
    return urlunsplit(
        (parts.scheme, "***@" + host if userinfo or at else host, parts.path, "***" if parts.query else "", "")
    )


def source_of(
    url: str, mirror: str, proxy: str, ca_path: str, headers: dict[str, str] | None, timeout: float, tries: int
) -> Source:
    """The source for a URL as upstream writes it, checked; FetchError names what is not well-formed."""
    try:
        source = Source(mirrored(url, mirror), proxy, ca_path, dict(headers or {}), timeout, max(1, tries))
        parts = urlsplit(source.url)
        known = parts.scheme == "file" or (parts.scheme in _PORTS and parts.hostname and parts.port != 0)
    except ValueError as error:
        raise FetchError(
            f"Could not fetch {masked(url)}",
            why="it is not a valid URL",
            hint="Correct the URL or obs_mirror.",
        ) from error
    if not known:
        raise source.error("only http, https and file URLs can be fetched", "Correct the URL.")
    for name, value in source.headers.items():
        # http.client would quote the value, a secret, in its own error.
        if re.search(r"[\r\n]", str(value)) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise source.error(f"the header '{name}' is not a valid HTTP header", "Correct the headers given.")
    if proxy and "//" in proxy and not proxy.startswith("http://"):
        raise source.error(f"the proxy {masked(proxy)} is not an http:// proxy", "Correct obs_proxy.")
    return source


def repeat(attempt: t.Callable[[], _T], source: Source) -> _T:
    """Call attempt until it succeeds, fails for good, or has failed source.tries times."""
    number = 1
    while True:
        try:
            return attempt()
        except FetchError as failure:
            if not failure.transient:
                raise
            if number >= source.tries:
                times = f" ({number} tries)" if number > 1 else ""
                raise source.error(failure.why + times, failure.hint) from None
        time.sleep(BACKOFF * 2 ** (number - 1))
        number += 1


def chunks(source: Source, limit: int) -> t.Iterator[bytes]:
    """Yield the content of one transfer.

    Raises:
        FetchError: it could not be had, is longer than limit bytes, or ended before it was complete.
    """
    if urlsplit(source.url).scheme == "file":
        yield from _bounded(_file_chunks(source), source, limit, None)
        return
    with _open(source) as answer:
        length = answer.headers.get("Content-Length", "")
        expected = int(length) if length.isdigit() and not answer.headers.get("Transfer-Encoding") else None
        yield from _bounded(_answer_chunks(source, answer), source, limit, expected)


def _bounded(stream: t.Iterator[bytes], source: Source, limit: int, expected: int | None) -> t.Iterator[bytes]:
    size = 0
    for chunk in stream:
        size += len(chunk)
        if size > limit:
            raise source.error(f"the answer is longer than {limit} bytes", "Check the URL.")
        yield chunk
    if expected is not None and size < expected:
        # http.client lets a connection that closes early pass as the end.
        why = f"the answer is truncated: {size} of {expected} bytes came"
        raise source.error(why, _ROUTE_HINT, transient=True)


def _file_chunks(source: Source) -> t.Iterator[bytes]:
    parts = urlsplit(source.url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        raise source.error("a file URL has no host: file:///…", "Correct obs_mirror.")
    try:
        with open(path, "rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except OSError as error:
        hint = "Put the file there, or correct obs_mirror or the version."
        raise source.error(f"{path}: {error.strerror or error}", hint) from error


_ROUTE_HINT = "Set obs_proxy if this machine needs a proxy, or obs_mirror if there is a mirror."


def _answer_chunks(source: Source, answer: t.Any) -> t.Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _broken(source, error) from error
        if not chunk:
            return
        yield chunk


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed in _open, which knows what may be sent where."""

    def http_error_302(self, *args: t.Any, **kwargs: t.Any) -> None:
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _open(source: Source) -> t.Any:
    opener = _opener(source)
    hop, headers = _without_user(source.url), {**source.headers, **_basic(source.url)}
    for _unused in range(MAX_REDIRECTS + 1):
        try:
            request = urllib.request.Request(hop, headers={"User-Agent": "obs.stack", **headers})  # noqa: S310 (checked)
            return opener.open(request, timeout=source.timeout)
        except urllib.error.HTTPError as error:
            with error:
                location = error.headers.get("Location") if error.code in _REDIRECTS else None
                if not location:
                    raise _status(source, hop, error.code, str(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _broken(source, error) from error
        try:
            target = _without_user(urljoin(hop, quote(location, safe=string.punctuation)))
            hop, headers = target, _kept(source, hop, target, headers)
        except ValueError as error:
            raise source.error("it redirects to a malformed URL", "Check the URL or obs_mirror.") from error
    raise source.error(f"more than {MAX_REDIRECTS} redirects", "Check the URL or obs_mirror.")


def _kept(source: Source, hop: str, target: str, headers: dict[str, str]) -> dict[str, str]:
    """The given headers that may go along from one URL to the next: all within one origin, none beyond."""
    before, after = urlsplit(hop), urlsplit(target)
    if after.scheme not in ("http", "https") or (before.scheme == "https" and after.scheme == "http"):
        why = f"it redirects to {masked(target)}, which is not protected by TLS as the first URL is"
        if after.scheme not in ("http", "https"):
            why = f"it redirects to {masked(target)}"
        raise source.error(why, "Correct the URL, or set obs_mirror.")
    return headers if _origin(before) == _origin(after) else {}


def _origin(parts: t.Any) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme]


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _basic(url: str) -> dict[str, str]:
    """user:password@ of a URL as the header that urllib does not make of it."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = "{}:{}".format(unquote(parts.username), unquote(parts.password or ""))
    return {"Authorization": "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")}


@functools.lru_cache(maxsize=8)
def _trust(ca_path: str) -> ssl.SSLContext:
    """The system's authorities and those of ca_path. Reading them takes longer than a small transfer."""
    context = ssl.create_default_context()
    if ca_path:
        kind = "capath" if os.path.isdir(ca_path) else "cafile"
        context.load_verify_locations(**{kind: ca_path})
    return context


def _opener(source: Source) -> urllib.request.OpenerDirector:
    try:
        context = _trust(source.ca_path)
    except OSError as error:  # ssl.SSLError is one
        why = "the CA certificates {0} cannot be read: {1}".format(source.ca_path, error.strerror or error)
        raise source.error(why, "Correct ca_path.") from error
    proxy = source.proxy if not source.proxy or "//" in source.proxy else "http://" + source.proxy
    proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    return urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=context), _NoRedirect())


def _status(source: Source, hop: str, code: int, reason: str) -> FetchError:
    why = f"HTTP {code} {reason}".strip()
    if hop != _without_user(source.url):
        why += f" from {masked(hop)}, where it redirects"
    hints = {
        401: "Check the headers given for it, or the user and password in obs_mirror.",
        403: "Check the headers given for it, or the user and password in obs_mirror.",
        404: "Check the version; a mirror (obs_mirror) must hold it as <mirror>/<upstream host>/<upstream path>.",
        407: "Give obs_proxy its user and password: http://user:password@host:port.",
    }
    return source.error(why, hints.get(code, _ROUTE_HINT), transient=code >= 500)


def _broken(source: Source, error: Exception) -> FetchError:
    """Tell a failed connection. A certificate or a malformed URL does not get better by trying again."""
    reason = error.reason if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted: {reason.verify_message}"
        return source.error(why, "Set ca_path to the CA that signed it.")
    if isinstance(reason, (http.client.InvalidURL, UnicodeError, ValueError)):
        return source.error("it is not a valid URL", "Correct the URL, obs_mirror or obs_proxy.")
    if isinstance(reason, socket.timeout):
        why = f"no answer within {source.timeout:g} s"
    elif isinstance(reason, http.client.IncompleteRead):
        why = "the answer is truncated"
    else:
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        if "failed: 407" in why:
            return _status(source, source.url, 407, "Proxy Authentication Required")
    if source.proxy:
        why += f" (through the proxy {masked(source.proxy)})"
    return source.error(why, _ROUTE_HINT, transient=True)
