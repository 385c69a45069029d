"""Channels that speak each API, check what they are told and write it down, a JSON document a line.

    channel_server.py <folder of server.crt and server.key> <file to write>

HTTPS on port 9811 (schemas: channel_schemas.py), mail on 2525 with STARTTLS and a password. Runs on a host.
A path below /refused is answered with 403, as a channel that was given up does.
"""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from channel_schemas import CHANNELS, channel_of

HTTPS, SMTP = 9811, 2525
LOGIN = (b"alerts", b"canary-of-the-mail")
_written = threading.Lock()


def note(channel: str, path: str, sender: str, problems: list[str], body: Any) -> None:
    """Write down one notification and the verdict on it."""
    row = {"at": time.time(), "channel": channel, "path": path, "from": sender, "problems": problems, "body": body}
    with _written, Path(sys.argv[2]).open("a") as log:
        log.write(json.dumps(row) + "\n")


class Receiver(http.server.BaseHTTPRequestHandler):
    """The channels that are told by HTTP."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Judge, write down, answer as the channel does."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            body = raw.decode("utf-8", "replace")
        name = channel_of(self.path)
        if self.path.startswith("/refused/"):
            note("refused", self.path, self.client_address[0], [], body)
            self._answer(403, "channel is archived")
        elif not name:
            note("unknown", self.path, self.client_address[0], ["no API has this path"], body)
            self._answer(404, "not found")
        else:
            channel = CHANNELS[name]
            problems = list(channel.judge(body))
            if not self.headers.get("Content-Type", "").startswith("application/json"):
                problems.append("Content-Type is not application/json")
            note(name, self.path, self.client_address[0], problems, body)
            self._answer(*((400, channel.refuse(problems[0])) if problems else channel.accept(body)))

    def _answer(self, status: int, body: Any) -> None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments: Any) -> None:
        """The file is the log."""


class Mailbox:
    """What is delivered by mail."""

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        """Write down a mail, its parts apart."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        problems = [f"no {name}" for name in ("Subject", "From", "To", "Date", "Message-Id") if not message[name]]
        problems += [f"no part {kind}" for kind in ("text/html", "text/plain") if not parts.get(kind)]
        if session.ssl is None:
            problems.append("not by TLS")
        if not session.authenticated:
            problems.append("nobody logged in")
        body = {"headers": dict(message.items()), "parts": parts, "to": envelope.rcpt_tos, "from": envelope.mail_from}
        note("mail", "", session.peer[0], problems, body)
        return "250 Message accepted" if not problems else f"554 {problems[0]}"


def login(_server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    """Whether who sends may."""
    sound = isinstance(data, LoginPassword) and (data.login, data.password) == LOGIN
    if not sound:
        note("mail", "", session.peer[0], ["wrong password"], {})
    return AuthResult(success=sound)


def main() -> None:
    """Serve until the end."""
    folder = Path(sys.argv[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    Path(sys.argv[2]).touch()
    mail = Controller(
        Mailbox(),
        hostname="0.0.0.0",
        port=SMTP,
        tls_context=context,
        require_starttls=True,
        authenticator=login,
        auth_required=True,
        # Its words for the user's name and password are not those that Alertmanager knows.
        auth_exclude_mechanism=["LOGIN"],
        server_hostname="alerting-c",
    )
    mail.start()
    server = http.server.ThreadingHTTPServer(("0.0.0.0", HTTPS), Receiver)
    server.daemon_threads = True
    # A handshake in the thread of the request would be nicer; one that hangs would stop the others otherwise.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
