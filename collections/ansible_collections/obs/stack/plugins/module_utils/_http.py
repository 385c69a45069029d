# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A small HTTP client for asking a service on its own host: no redirects, no proxy, own CA, name and credentials."""

from __future__ import annotations

import base64
import errno
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAXIMUM_BODY = 16 << 20


class _NamedTLS(http.client.HTTPSConnection):
    """HTTPS to an address, with the certificate checked against another name."""

    def __init__(self, address: str, port: int, *, server_name: str, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(address, port, context=context, timeout=timeout)
        self._server_name = server_name
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._server_name)


# Of a module that asks a service on its own host; documented in doc_fragments/endpoint.py.
ENDPOINT_OPTIONS: dict[str, Any] = {
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
    "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
    "prefix": {"type": "str", "default": ""},
    "ca_path": {"type": "str", "default": ""},
    "ca": {"type": "str", "default": ""},
    "server_name": {"type": "str", "default": ""},
    "client_cert": {"type": "str", "default": ""},
    "client_key": {"type": "str", "default": "", "no_log": False},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "bearer_token": {"type": "str", "default": "", "no_log": True},
}


def endpoint_fields(params: Mapping[str, Any]) -> dict[str, Any]:
    """What an Endpoint takes of a module's ENDPOINT_OPTIONS: all but the path prefix, which is of pages."""
    return {key: params[key] for key in ENDPOINT_OPTIONS if key != "prefix"}


@dataclass(frozen=True)
class Endpoint:
    """Where and how a service answers.

    Attributes:
        address, port: TCP endpoint, an IP address or a name.
        scheme: http or https.
        server_name: name in the certificate, when it is not the address.
        ca_path, client_cert, client_key: PEM files, or "".
        ca: PEM text of the CA instead of its file, or "".
        username, password: basic authentication, or "".
        bearer_token: instead of them, or "".
    """

    address: str
    port: int
    scheme: str = "http"
    server_name: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    username: str = ""
    password: str = ""
    bearer_token: str = ""
    ca: str = ""
    validate_certs: bool = True

    def url(self, path: str) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return "{}://{}:{}{}".format(self.scheme, host, self.port, path)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.scheme != "https":
            return http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        for path in (self.ca_path, self.client_cert, self.client_key):
            if path and not os.path.exists(path):
                # ssl would not name it.
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        context = ssl.create_default_context(cafile=self.ca_path or None, cadata=self.ca or None)
        # Python 3.13 asks more of certificates than the Go clients of these services do.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert:
            context.load_cert_chain(self.client_cert, self.client_key or None)
        return _NamedTLS(
            self.address, self.port, server_name=self.server_name or self.address, context=context, timeout=timeout
        )

    def get(self, path: str, *, timeout: float = 5.0) -> tuple[int, bytes]:
        """GET a path; see :meth:`request`."""
        return self.request("GET", path, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: bytes | None = None,
        body: bytes | None = None,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> tuple[int, bytes]:
        """Ask for a path.

        Args:
            method, path: of the request.
            json: a JSON document as the body.
            body, content_type: a body of another kind.
            headers: further headers.
            timeout: seconds to wait for each part of the answer.

        Returns:
            HTTP status and body.

        Raises:
            OSError: nothing listens, TLS fails, or no answer came in time.
        """
        sent = {"Accept": "*/*", "Connection": "close", **(headers or {})}
        if json is not None:
            body, content_type = json, "application/json"
        if content_type:
            sent["Content-Type"] = content_type
        if self.bearer_token:
            sent["Authorization"] = f"Bearer {self.bearer_token}"
        elif self.username:
            pair = f"{self.username}:{self.password}".encode()
            sent["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read(MAXIMUM_BODY)
        except http.client.HTTPException as error:
            raise OSError(f"not an HTTP answer: {error!r}") from error
        finally:
            connection.close()


def endpoint_of(probe: Mapping[str, Any], etc: str) -> Endpoint:
    """The endpoint a generation's probe names; relative paths are below its etc folder."""

    def path(key: str) -> str:
        value = str(probe.get(key) or "")
        return value if not value or value.startswith("/") else f"{etc}/{value}"

    password = ""
    if probe.get("password_file"):
        with open(path("password_file"), encoding="utf-8") as handle:
            password = handle.read().rstrip("\r\n")
    return Endpoint(
        address=str(probe.get("address") or "127.0.0.1"),
        port=int(probe["port"]),
        scheme=str(probe.get("scheme") or "http"),
        server_name=str(probe.get("server_name") or ""),
        ca_path=path("ca_path"),
        client_cert=path("client_cert"),
        client_key=path("client_key"),
        username=str(probe.get("username") or ""),
        password=password,
        validate_certs=probe.get("validate_certs") is not False,
    )
