"""Listens: what is answered without signing in, and the way of everything else to its handler."""

from __future__ import annotations

import http.server
import json
import secrets
import signal
import socket
import sqlite3
import ssl
import sys
import threading
import time
import typing as t
from pathlib import Path

from . import faults, provisioning
from .api import load_all
from .authentication import check_password, identify
from .database import Database
from .errors import Refusal, bad_request, plain
from .profile import Profile
from .routing import Call, Site, dispatch
from .settings import Settings

LARGEST = 16 * 1024 * 1024


def log(level: str, message: str, **fields: t.Any) -> None:
    """One line in upstream's text format."""
    more = "".join(f" {key}={json.dumps(str(value))}" for key, value in fields.items())
    print(f"t={time.strftime('%FT%TZ', time.gmtime())} level={level} msg={json.dumps(message)}{more}", flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    site: Site
    faults: faults.Faults
    kept_body: bytes
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Grafana", ""
    # The last part of an answer waits for nothing.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *arguments: t.Any) -> None:  # noqa: A002
        """Upstream logs no request by default either."""

    def answer(self, status: int, body: t.Any, **headers: str) -> None:
        """Send; a text as text, everything else as JSON."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        data = b"" if status == 204 else data
        kind = "text/plain" if isinstance(body, str) else "application/json"
        self.send(status, data, {"Content-Type": f"{kind}; charset=UTF-8", **headers})

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """Send bytes."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), "Cache-Control": "no-store", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def serve(self) -> None:
        """Answer one request, whatever its method."""
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size <= LARGEST else b""
        self.kept_body = body
        path, _mark, query = self.path.partition("?")
        prefix = self.site.settings.sub_path if self.site.settings.on("server", "serve_from_sub_path") else ""
        if prefix and path.startswith(prefix + "/"):
            path = path[len(prefix) :]
        path = path.rstrip("/") or "/"
        if self.faults.meet(self, path):
            return
        try:
            if size > LARGEST:
                self.close_connection = True
                raise plain(413, f"Dashboard is too large, max is {LARGEST >> 20} MB")
            self._answer(path, query, body)
        except Refusal as refusal:
            self.answer(refusal.status, refusal.body)
        except sqlite3.Error as error:
            log("error", "Request failed", path=path, error=error)
            self.answer(500, {"message": "Internal Server Error", "traceID": ""})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def _answer(self, path: str, query: str, body: bytes) -> None:
        if path == "/api/health":
            self._health()
        elif path == "/healthz":
            self.answer(200, "Ok")
        elif path == "/metrics":
            self._metrics()
        elif path == "/login" and self.command == "POST":
            self._login(body)
        elif path.startswith(("/api/", "/apis/")) or path in ("/api", "/apis"):
            who = identify(self.site, self.headers)
            method = "GET" if self.command == "HEAD" else self.command
            call = Call(self.site, who, method, path, query, self.headers, body)
            self.answer(*dispatch(call))
        else:
            self.answer(200, f"Grafana {self.site.profile.version} (stand-in)")

    def _health(self) -> None:
        settings, profile = self.site.settings, self.site.profile
        shown = {} if settings.on("auth.anonymous", "hide_version") else {"version": profile.version}
        if shown:
            shown["commit"] = "stand-in"
        try:
            if self.faults.database_down:
                raise sqlite3.OperationalError("the database is said to be down")
            self.site.database.ask("SELECT 1 FROM org")
        except sqlite3.Error:
            state, status = "failing", 503
        else:
            state, status = "ok", 200
        text = json.dumps({"database": state, **shown}, indent=2)
        self.send(status, text.encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _metrics(self) -> None:
        settings, database = self.site.settings, self.site.database
        wanted = settings.get("metrics", "basic_auth_username"), settings.get("metrics", "basic_auth_password")
        if any(wanted) and self.headers.get("Authorization") != faults.basic(*wanted):
            self.answer(401, "Unauthorized")
            return
        counts = {
            "users": "user WHERE is_service_account = 0",
            "orgs": "org",
            "datasources": "data_source",
            "dashboards": "dashboard WHERE is_folder = 0",
            "folders": "dashboard WHERE is_folder = 1",
        }
        lines = [f'grafana_build_info{{version="{self.site.profile.version}",edition="oss"}} 1']
        for name, table in counts.items():
            lines.append(f"grafana_stat_total_{name} {database.ask(f'SELECT count(*) AS n FROM {table}')[0]['n']}")
        self.answer(200, "\n".join(lines) + "\n")

    def _login(self, body: bytes) -> None:
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            raise bad_request() from None
        user = check_password(self.site, str(given.get("user") or ""), str(given.get("password") or ""))
        session = secrets.token_hex(16)
        self.site.sessions[session] = user["id"]
        secure = "; Secure" if self.site.settings.on("security", "cookie_secure") else ""
        cookie = f"grafana_session={session}; Path=/; HttpOnly{secure}; SameSite=Lax"
        self.answer(200, {"message": "Logged in", "redirectUrl": "/"}, Set_Cookie=cookie)


class Listener(http.server.ThreadingHTTPServer):
    """Takes connections; one that ends badly is no matter for the log."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        kind = sys.exc_info()[0]
        if kind is None or not issubclass(kind, (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


def prepare(settings: Settings, profile: Profile) -> Site:
    """Change the database and provision, before anything listens."""
    for key in ("data", "logs"):
        Path(settings.get("paths", key)).mkdir(parents=True, exist_ok=True)
    load_all()
    site = Site(settings, Database(settings, profile), profile)
    site.reload = lambda kind: provisioning.provision(site, kind)
    site.reload("datasources")
    site.reload("dashboards")
    provisioning.plugins(settings, log)
    return site


def listen(site: Site, with_faults: bool = False) -> Listener:
    """The listening server, not serving yet."""
    settings = site.settings
    handler = type("Bound", (Handler,), {"site": site, "faults": faults.Faults(site, with_faults)})
    address = settings.get("server", "http_addr") or "0.0.0.0"
    Listener.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = Listener((address, int(settings.get("server", "http_port"))), handler)
    if settings.get("server", "protocol") in ("https", "h2"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.get("server", "cert_file"), settings.get("server", "cert_key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def serve(settings: Settings, profile: Profile, with_faults: bool = False) -> None:
    """Serve until told to stop."""
    site = prepare(settings, profile)
    server = listen(site, with_faults)
    watch = threading.Event()
    threading.Thread(target=provisioning.watch, args=(site, watch, log), daemon=True).start()

    def stop(*_arguments: t.Any) -> None:
        watch.set()
        threading.Thread(target=server.shutdown).start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    log("info", "HTTP Server Listen", address="{}:{}".format(*server.server_address[:2]))
    server.serve_forever(poll_interval=0.2)
