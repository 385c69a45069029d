# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Try one way in without credentials: the edge to sockets. What the answer means is in _ways_in."""

from __future__ import annotations

import socket
import ssl

from ansible_collections.obs.stack.plugins.module_utils import _grpc
from ansible_collections.obs.stack.plugins.module_utils._http import Endpoint
from ansible_collections.obs.stack.plugins.module_utils._ways_in import GRPC, Attempt, Way, body_of
from ansible_collections.obs.stack.plugins.module_utils._wiring import join_host_port

TIMEOUT = 5.0
MAXIMUM_FRAMES = 64
# How a client notices that the other side does not speak TLS at all.
NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNEXPECTED_MESSAGE",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
)
NOT_PLAIN = "HTTP request to an HTTPS server"
# A refusal may be overtaken by the end of its connection; nobody behind a balancer stays nobody.
CUT_OFF = "it ends the TLS handshake without a word"
TRIES = 4


def attempt(way: Way, timeout: float = TIMEOUT) -> Attempt:
    """Try it, once more the other way where it speaks TLS unlike the inventory says, or does not."""
    found = _attempt(way, timeout)
    if way.scheme == "https" and found.kind == "not tls":
        found = _attempt(way._replace(scheme="http"), timeout)
    elif way.scheme == "http" and NOT_PLAIN in found.words:
        found = _attempt(way._replace(scheme="https"), timeout)
    return found._replace(kind="silent") if found.kind == "not tls" else found


def _attempt(way: Way, timeout: float) -> Attempt:
    for _try in range(TRIES):
        found = _once(way, timeout)
        if found.words != CUT_OFF:
            break
    return found


def _once(way: Way, timeout: float) -> Attempt:
    try:
        return _grpc_attempt(way, timeout) if way.method == GRPC else _http_attempt(way, timeout)
    except ssl.SSLEOFError:
        # No alert: a balancer with nobody behind does the same.
        return Attempt("silent", words=CUT_OFF)
    except ssl.SSLError as error:
        # Whose certificate it is does not matter to somebody who wants in; so the other side has refused.
        reason = str(getattr(error, "reason", "") or error)
        return Attempt("not tls" if any(word in reason for word in NOT_TLS) else "tls", words=reason)
    except (ConnectionResetError, BrokenPipeError) as error:
        # With TLS 1.3 a client without certificate is cut off after the handshake.
        return Attempt("tls" if way.scheme == "https" else "silent", words=str(error))
    except OSError as error:
        return Attempt("silent", words=error.strerror or str(error) or type(error).__name__)


def _http_attempt(way: Way, timeout: float) -> Attempt:
    endpoint = Endpoint(way.address, way.port, scheme=way.scheme, validate_certs=False)
    status, body = endpoint.request(
        way.method, way.path, body=body_of(way), content_type=way.content_type, timeout=timeout
    )
    return Attempt("http", status, body[:200].decode("utf-8", "replace"))


def _grpc_attempt(way: Way, timeout: float) -> Attempt:
    with socket.create_connection((way.address, way.port), timeout) as plain:
        if way.scheme != "https":
            return _call(plain, way)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(plain, server_hostname=way.address) as wrapped:
            return _call(wrapped, way)


def _call(connection: socket.socket, way: Way) -> Attempt:
    connection.sendall(_grpc.call(way.path, join_host_port(way.address, way.port), way.scheme))
    block = b""
    for _turn in range(MAXIMUM_FRAMES):
        length, kind, flags, stream = _grpc.head(_exactly(connection, _grpc.HEAD))
        payload = _exactly(connection, length) if length <= 1 << 20 else b""
        if kind == _grpc.SETTINGS and not flags & _grpc.ACK:
            connection.sendall(_grpc.frame(_grpc.SETTINGS, _grpc.ACK, 0))
        elif kind in (_grpc.GOAWAY, _grpc.RESET):
            return Attempt("silent", words="it ends the call without an answer")
        elif kind in (_grpc.HEADERS, _grpc.CONTINUATION) and stream == _grpc.STREAM:
            block += payload
            status = _grpc.grpc_status(block)
            if status is not None:
                return Attempt("grpc", status)
            answered = _grpc.http_status(block)
            if answered not in (None, 200):
                return Attempt("http", answered or 0)
            if kind == _grpc.HEADERS and flags & _grpc.END_STREAM:
                break
    return Attempt("silent", words="not an answer of gRPC")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionResetError("it closed the connection")
        data += more
    return data
