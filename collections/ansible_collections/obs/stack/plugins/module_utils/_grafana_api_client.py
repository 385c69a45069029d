# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The one HTTP client of the Grafana modules: credentials, organisation, TLS, retries where safe, errors as text."""

from __future__ import annotations

import base64
import errno
import http.client
import json
import os
import re
import socket
import ssl
import time
import typing as t
import urllib.error
from dataclasses import dataclass, replace
from html import unescape
from urllib.parse import urlencode

from ansible.module_utils import urls

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import (
    Errand,
    GrafanaError,
    Refusal,
)
from ansible_collections.obs.stack.plugins.module_utils._masking import Masker

ATTEMPTS = 4
PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A question may be asked again after these. What writes is sent again only when it was not taken in at all.
BUSY = (429, 502, 503, 504)
NOT_TAKEN_IN = (429,)
SAID_AT_MOST = 300
AGENT = "obs.stack"

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Access:
    """Where Grafana is and who asks.

    Attributes:
        url: without ``/api`` and without a slash at the end.
        username, password: basic authentication, or "".
        token: of a service account, or "".
        org_id: organisation to act in, named with each request; 0 for the caller's own.
        ca_path, client_cert, client_key: PEM files, or "".
        timeout: seconds to wait for an answer.
    """

    url: str
    username: str = ""
    password: str = ""
    token: str = ""
    org_id: int = 0
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    validate_certs: bool = True
    timeout: float = 30.0
    use_proxy: bool = True

    def headers(self) -> dict[str, str]:
        """What each request carries."""
        found = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.token:
            found["Authorization"] = "Bearer " + self.token
        elif self.username:
            pair = "{0}:{1}".format(self.username, self.password).encode()
            found["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        if self.org_id:
            found["X-Grafana-Org-Id"] = str(self.org_id)
        return found


class Answer(t.NamedTuple):
    """Status, headers (lower case) and body of one answer, whatever it says."""

    status: int
    headers: dict[str, str]
    body: bytes


Send = t.Callable[[str, str, t.Optional[bytes]], Answer]


class Client:
    """Asks one Grafana.

    Args:
        access: where and who.
        send: sends one request; tests put their own in its place.
        sleep: waits between attempts.
    """

    def __init__(
        self, access: Access, *, send: Send | None = None, sleep: t.Callable[[float], None] | None = None
    ) -> None:
        self.access = access
        self._send = send or _Sender(access)
        self._custom = send
        self._sleep = sleep or time.sleep
        self._masker = Masker([access.password, access.token])
        self._org = access.org_id

    def in_org(self, org_id: int) -> Client:
        """The same client, acting in another organisation."""
        return self.like(replace(self.access, org_id=org_id))

    def like(self, access: Access) -> Client:
        """The same client with other access."""
        return Client(access, send=self._custom, sleep=self._sleep)

    def org_id(self) -> int:
        """The organisation that requests act in."""
        if not self._org:
            answer = self.get("/api/org", Errand("ask for", "the organisation"))
            self._org = int(answer["id"])
        return self._org

    def get(self, path: str, errand: Errand, *, query: t.Any = None, absent: t.Sequence[int] = ()) -> t.Any:
        """Ask.

        Args:
            path: below the URL, its parts quoted.
            errand: for the error.
            query: pairs or a dictionary.
            absent: statuses that mean there is none, answered with None.

        Raises:
            Refusal: Grafana answered with another error.
            GrafanaError: nothing answered, or not Grafana.
        """
        return self._request("GET", path, errand, query=query, absent=absent)

    def post(self, path: str, body: t.Any, errand: Errand) -> t.Any:
        """Make something. Raises as :meth:`get`."""
        return self._request("POST", path, errand, body=body)

    def put(self, path: str, body: t.Any, errand: Errand) -> t.Any:
        """Replace something. Raises as :meth:`get`."""
        return self._request("PUT", path, errand, body=body)

    def patch(self, path: str, body: t.Any, errand: Errand) -> t.Any:
        """Change a part of something. Raises as :meth:`get`."""
        return self._request("PATCH", path, errand, body=body)

    def delete(self, path: str, errand: Errand, *, query: t.Any = None) -> t.Any:
        """Remove something; None when it is gone already. Raises as :meth:`get`."""
        return self._request("DELETE", path, errand, query=query, absent=(404,))

    def _request(
        self,
        method: str,
        path: str,
        errand: Errand,
        *,
        body: t.Any = None,
        query: t.Any = None,
        absent: t.Sequence[int] = (),
    ) -> t.Any:
        data = None if body is None else json.dumps(body).encode()
        target = self.access.url + path + ("?" + urlencode(query) if query else "")
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._send(method, target, data)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if last or not may_repeat(method, error):
                    raise self._unreached(errand, error) from error
                self._sleep(PAUSE * 2 ** (attempt - 1))
                continue
            if last or answer.status not in (BUSY if method == "GET" else NOT_TAKEN_IN):
                break
            self._sleep(_pause(answer, attempt))
        return self._read(answer, errand, absent)

    def _read(self, answer: Answer, errand: Errand, absent: t.Sequence[int]) -> t.Any:
        document = _parsed(answer.body)
        if 200 <= answer.status < 300:
            if document is not None or not answer.body.strip():
                return document
            raise GrafanaError(errand, self.access.url, *self._no_json(answer))
        if answer.status in absent and document is not None:
            return None
        said, slug = _told(document)
        if document is None:
            said = _page(answer)
        raise Refusal(errand, self.access.url, answer.status, self._masker.mask(said)[:SAID_AT_MOST], slug)

    def _no_json(self, answer: Answer) -> tuple[str, str]:
        page = answer.body.lstrip()[:1]
        if page == b"<":
            why = "HTTP {0} with an HTML page instead of JSON{1}".format(answer.status, _titled(answer.body))
            return self._masker.mask(why), "Something before Grafana answered, or url leads to another page of it."
        why = "HTTP {0} with a body that is no JSON".format(answer.status)
        return why, "The answer was cut off, or url does not lead to Grafana."

    def _unreached(self, errand: Errand, error: Exception) -> GrafanaError:
        why, hint = unreached(error, self.access.timeout)
        return GrafanaError(errand, self.access.url, self._masker.mask(why), hint)


def may_repeat(method: str, error: Exception) -> bool:
    """Whether a request that got no answer may be sent again.

    A question may, unless waiting for it again would help nobody. What writes may only when nothing was listening:
    otherwise it could have been taken in.
    """
    cause = getattr(error, "reason", error)
    if getattr(cause, "errno", None) == errno.ECONNREFUSED:
        return True
    if method != "GET" or isinstance(cause, (ssl.SSLError, socket.timeout, socket.gaierror, ValueError)):
        return False
    return isinstance(cause, (ConnectionError, http.client.HTTPException))


def unreached(error: Exception, timeout: float) -> tuple[str, str]:
    """Why nothing answered, and what to do."""
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            "its certificate is not trusted: {0}".format(cause.verify_message),
            "Give the authority as ca_path, or name the host in url as the certificate does.",
        )
    if isinstance(cause, ssl.SSLError):
        why = "TLS failed: {0}".format(getattr(cause, "reason", "") or cause.strerror)
        return why, "Look at the scheme of url, client_cert and client_key."
    if isinstance(cause, socket.gaierror):
        return "the name does not resolve: {0}".format(cause.strerror), "Look at url."
    if isinstance(cause, socket.timeout):
        return "no answer in {0:g} s".format(timeout), "Look at its log; raise timeout if it is just slow."
    if isinstance(cause, http.client.IncompleteRead):
        return "the answer was cut off after {0} bytes".format(len(cause.partial)), "Run again."
    if isinstance(cause, (http.client.HTTPException, ConnectionResetError)):
        return "the connection was closed without an answer", "Look at the scheme of url and at Grafana's log."
    if getattr(cause, "errno", None) == errno.ECONNREFUSED:
        return "refused: nothing listens there", "Is Grafana running? Look at url."
    if isinstance(cause, FileNotFoundError) and cause.filename:
        return "{0} is not there".format(cause.filename), "ca_path, client_cert and client_key are files on the host."
    return str(getattr(cause, "strerror", None) or cause), "Look at url."


class _Sender:
    """Sends by ansible.module_utils.urls; TLS is set up once."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._context: t.Any = None

    def __call__(self, method: str, target: str, data: bytes | None) -> Answer:
        access = self._access
        if self._context is None and access.url.startswith("http:"):
            # Not used, but without one each request would read all the authorities of the host.
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._context is None:
            for path in (access.ca_path, access.client_cert, access.client_key):
                # ssl would not say which one.
                if path and not os.path.isfile(path):
                    raise FileNotFoundError(errno.ENOENT, "No such file", path)
            self._context = urls.make_context(
                cafile=access.ca_path or None,
                validate_certs=access.validate_certs,
                client_cert=access.client_cert or None,
                client_key=access.client_key or None,
            )
            # Python 3.13 asks more of certificates than Go's servers and clients do.
            self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            answer = urls.Request().open(
                method,
                target,
                data=data,
                headers=access.headers(),
                use_proxy=access.use_proxy,
                timeout=access.timeout,
                http_agent=AGENT,
                follow_redirects="none",
                use_netrc=False,
                context=self._context,
            )
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            found = {key.lower(): value for key, value in answer.headers.items()}
            return Answer(int(answer.status or answer.code), found, answer.read())


def _pause(answer: Answer, attempt: int) -> float:
    """Seconds to wait: what the server says, in reason, else a doubling pause."""
    wish = answer.headers.get("retry-after", "")
    return min(float(wish), LONGEST_PAUSE) if wish.isdigit() else PAUSE * 2 ** (attempt - 1)


def _parsed(body: bytes) -> t.Any:
    """The JSON of a body, or None."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _told(document: t.Any) -> tuple[str, str]:
    """Message and name of an error, in any of the shapes Grafana has for it."""
    if not isinstance(document, dict):
        return "", ""
    slug = document.get("messageId") or document.get("reason") or document.get("status") or ""
    said = document.get("message") or document.get("title") or ""
    return " ".join(str(said).split()), slug if isinstance(slug, str) else ""


def _page(answer: Answer) -> str:
    """What an error that is no JSON says."""
    place = answer.headers.get("location")
    if place and 300 <= answer.status < 400:
        return "it leads to {0}".format(place.split("?")[0])
    if answer.body.lstrip()[:1] == b"<":
        return "with an HTML page{0}".format(_titled(answer.body))
    return " ".join(answer.body.decode("utf-8", "replace").split())[:80]


def _titled(body: bytes) -> str:
    """The title of an HTML page, for a message."""
    match = _TITLE.search(body[:4096].decode("utf-8", "replace"))
    return " ({0})".format(" ".join(unescape(match.group(1)).split())[:80]) if match else ""
