# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grpc and _trying: the bytes of a call, and attempts at listeners of this process."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _grpc, _trying
from ansible_collections.obs.stack.plugins.module_utils._ways_in import GRPC, Way

# As a collector sent them: status 200, content-type, and grpc-status in Huffman code.
CONTENT = b"\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64"
UNAUTHENTICATED = b"\x88" + CONTENT + b"\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x0216"


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (UNAUTHENTICATED, 16),
        (b"\x40\x0bgrpc-status\x010", 0),
        (b"\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x81\x07", 0),
        (b"\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x82\x0b\x9f", 16),
        (b"\x88" + CONTENT, None),
        (b"\x40\x0bgrpc-status", None),
    ],
)
def test_status_of_a_call(block: bytes, status: int) -> None:
    assert _grpc.grpc_status(block) == status


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"\x88", 200),
        (b"\x8d", 404),
        (b"\x48\x03401", 401),
        (b"\x20\x08\x03403", 403),
        (b"\x40\x01a", None),
        (b"", None),
    ],
)
def test_http_status_of_a_call(block: bytes, status: int) -> None:
    assert _grpc.http_status(block) == status


def test_frames_are_read_as_they_are_written() -> None:
    written = _grpc.frame(_grpc.HEADERS, _grpc.END_HEADERS, 1, b"x" * 300)
    assert _grpc.head(written[: _grpc.HEAD]) == (300, _grpc.HEADERS, _grpc.END_HEADERS, 1)


def listen(answer: t.Callable[[socket.socket], None]) -> int:
    """Serves one connection after the other; gives the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _address = server.accept()
            with connection:
                answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


def grpc_server(block: bytes, flags: int = 5) -> t.Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        sent = b""
        while b"\0" * 5 not in sent[-5:]:
            sent += connection.recv(4096)
        connection.sendall(_grpc.frame(_grpc.SETTINGS, 0, 0) + _grpc.frame(_grpc.HEADERS, flags, 1, block))
        # Read the acknowledgement, so that closing does not reset what was sent.
        connection.recv(4096)

    return answer


def call(port: int, scheme: str = "http") -> t.Any:
    return _trying.attempt(Way("x", "127.0.0.1", port, "/x.Y/Z", scheme=scheme, method=GRPC), 2)


def test_calls_and_their_answers() -> None:
    assert call(listen(grpc_server(UNAUTHENTICATED)))[:2] == ("grpc", 16)
    assert call(listen(grpc_server(b"\x48\x03401")))[:2] == ("http", 401)
    assert call(listen(grpc_server(b"\x88"))) == ("silent", 0, "not an answer of gRPC")
    assert call(listen(lambda connection: connection.sendall(_grpc.frame(_grpc.GOAWAY, 0, 0))))[0] == "silent"


def test_nothing_that_listens_is_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    assert call(port)[0] == "silent"
    assert _trying.attempt(Way("x", "127.0.0.1", port, "/", scheme="https"), 2)[0] == "silent"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 401, and notes what it was sent."""

    sent: t.ClassVar[list[tuple[str, str, bytes, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.sent.append((self.path, self.headers["Content-Type"], body, self.headers.get("Authorization", "")))
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_arguments: t.Any) -> None:
        pass


@pytest.fixture
def port() -> t.Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Handler.sent.clear()
        yield server.server_port
        server.shutdown()


def test_a_write_is_tried_without_credentials(port: int) -> None:
    way = Way("x", "127.0.0.1", port, "/api/v1/write", content_type="application/x-protobuf")
    assert _trying.attempt(way)[:2] == ("http", 401)
    assert Handler.sent == [("/api/v1/write", "application/x-protobuf", b"not snappy", "")]


def test_what_speaks_no_tls_is_asked_without_it(port: int) -> None:
    assert _trying.attempt(Way("x", "127.0.0.1", port, "/", scheme="https"))[:2] == ("http", 401)


def test_being_cut_off_in_tls_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way("x", "127.0.0.1", 1, "/", scheme="https")

    def raises(error: OSError) -> t.Any:
        def attempt(*_arguments: t.Any) -> t.NoReturn:
            raise error

        monkeypatch.setattr(_trying, "_http_attempt", attempt)
        return _trying.attempt(way).kind, _trying.attempt(way._replace(scheme="http")).kind

    alert = ssl.SSLError(1, "tlsv13 alert certificate required")
    assert raises(alert)[0] == "tls"
    assert raises(ssl.SSLEOFError(8, "EOF occurred"))[0] == "silent"
    assert raises(ConnectionResetError("reset")) == ("tls", "silent")
    assert raises(TimeoutError("timed out")) == ("silent", "silent")


def test_a_refusal_that_came_too_late_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [ssl.SSLEOFError(8, "EOF occurred"), ssl.SSLError(1, "tlsv13 alert certificate required")]

    def attempt(*_arguments: t.Any) -> t.NoReturn:
        raise errors.pop(0)

    monkeypatch.setattr(_trying, "_http_attempt", attempt)
    assert _trying.attempt(Way("x", "127.0.0.1", 1, "/", scheme="https")).kind == "tls"
    assert not errors
