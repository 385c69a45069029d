# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A server that a task names by its URL: which URLs are taken, who asks, its answers, its refusals in one line."""

from __future__ import annotations

import json
import typing as t
import urllib.parse
from dataclasses import dataclass

from ._errors import StackError
from ._http import Endpoint

SAID_AT_MOST = 300

# How a module asks a server by its URL; documented in doc_fragments/by_url.py.
URL_OPTIONS: dict[str, t.Any] = {
    "url_username": {"type": "str", "default": ""},
    "url_password": {"type": "str", "default": "", "no_log": True},
    "bearer_token": {"type": "str", "default": "", "no_log": True},
    "ca_path": {"type": "path", "default": ""},
    "client_cert": {"type": "path", "default": ""},
    "client_key": {"type": "path", "default": ""},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 10},
}
URL_EXCLUSIVE = [["url_username", "bearer_token"]]


def endpoint_at(url: str, option: str, doc: str, **how: t.Any) -> tuple[Endpoint, str]:
    """Endpoint and path prefix of a URL.

    Args:
        url: as it was given.
        option: the option that holds it, for the error.
        doc: section of docs/troubleshooting.md.
        how: what else the Endpoint has.

    Raises:
        StackError: it is no URL of a server.
    """
    parts = urllib.parse.urlsplit(url.strip())
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        port = 0
    if not port or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise StackError(
            "Could not use {0}".format(option),
            why="it is not of the form http://host:9090/prefix",
            hint="A user name and a password have options of their own.",
            step="input",
            doc=doc,
        )
    return Endpoint(address=parts.hostname, port=port, scheme=parts.scheme, **how), parts.path.rstrip("/")


class Unreached(StackError):
    """Nothing answered, or what answered was not well: another server may do."""


class Refused(StackError):
    """The server, or something before it, said no.

    Attributes:
        status: of HTTP; 0 where the answer was none that could be used.
    """

    status = 0


@dataclass(frozen=True)
class Server:
    """One server that is asked.

    Attributes:
        endpoint, prefix: where it is.
        doc: section of docs/troubleshooting.md that explains its errors.
        timeout: seconds to wait for an answer.
    """

    endpoint: Endpoint
    prefix: str
    doc: str
    timeout: float = 10.0

    @property
    def url(self) -> str:
        """Its address, with the prefix."""
        return self.endpoint.url(self.prefix)

    def text(self, method: str, path: str, what: str, **sent: t.Any) -> str:
        """The answer's text.

        Args:
            method, path: of the request.
            what: what could not be done, for the error ("make silence 'x'").
            sent: body or headers, as :meth:`Endpoint.request` takes them.

        Raises:
            Unreached: no answer, or an error of the server itself.
            Refused: it said no.
        """
        failed = "Could not {0} at {1}".format(what, self.url)
        try:
            status, body = self.endpoint.request(method, self.prefix + path, timeout=self.timeout, **sent)
        except FileNotFoundError as error:
            # ca_path and the like: no other server would do better.
            why = "{0} is not there".format(error.filename)
            raise Refused(failed, why=why, hint="It is a file on the host that asks.", doc=self.doc) from error
        except OSError as error:
            raise Unreached(failed, why=str(error), doc=self.doc) from error
        if 200 <= status < 300:
            return body.decode("utf-8", "replace")
        why = "HTTP {0} {1}".format(status, _said(body)).strip()
        if status >= 500:
            raise Unreached(failed, why=why, doc=self.doc)
        hint = ""
        if status in (401, 403):
            hint = "Look at the user name and password, or the token, of this task."
        elif status < 400 or status == 404:
            hint = "Look at the URL: its prefix, and what stands before the server."
        refusal = Refused(failed, why=why, hint=hint, doc=self.doc)
        refusal.status = status
        raise refusal

    def json(self, method: str, path: str, what: str, body: t.Any = None) -> t.Any:
        """The answer, parsed. Raises as :meth:`text`, and for what is no JSON."""
        text = self.text(method, path, what, json=None if body is None else json.dumps(body).encode())
        try:
            return json.loads(text)
        except ValueError as error:
            raise Refused(
                "Could not {0} at {1}".format(what, self.url),
                why="the answer is no JSON",
                hint="Look at the URL: its prefix, and what stands before the server.",
                doc=self.doc,
            ) from error


def _said(body: bytes) -> str:
    """What an error says, on one line: the text, or the string that JSON holds; nothing of an HTML page."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    if isinstance(found, dict):
        found = found.get("message") or found.get("error") or text
    text = " ".join(str(found).split())
    return "with an HTML page" if text[:1] == "<" else text[:SAID_AT_MOST]


def server_at(url: str, option: str, doc: str, params: t.Mapping[str, t.Any]) -> Server:
    """The server of a URL, asked as a module's URL_OPTIONS say. Raises as :func:`endpoint_at`."""
    endpoint, prefix = endpoint_at(
        url,
        option,
        doc,
        ca_path=params["ca_path"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        username=params["url_username"],
        password=params["url_password"],
        bearer_token=params["bearer_token"],
        validate_certs=params["validate_certs"],
    )
    return Server(endpoint, prefix, doc, float(params["timeout"]))
