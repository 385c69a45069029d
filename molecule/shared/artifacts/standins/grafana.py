#!/usr/bin/env python3
"""Stands in for Grafana where it cannot be had: health, accounts, settings, provisioning and a database, nothing more.

Behaves as upstream does in what the role and its tests look at: the database is changed before anything listens,
a provisioning mistake ends the start, secrets are never given back, five wrong passwords lock a login. Python 3.9,
standard library only. @version@ is filled in when it is packed.
"""

from __future__ import annotations

import base64
import binascii
import configparser
import hashlib
import http.server
import json
import os
import re
import secrets
import signal
import sqlite3
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

VERSION = "@version@"
MIGRATIONS = {"12": ["base", "annotation"], "13": ["base", "annotation", "unified storage"]}
UID = re.compile(r"^[a-zA-Z0-9_-]{1,40}$")
ATTEMPTS, LOCKED_SECONDS = 5, 300


class Fatal(Exception):
    """Ends the process with its words."""


def log(level: str, message: str, **fields: Any) -> None:
    """One line in upstream's text format."""
    more = "".join(f" {key}={json.dumps(str(value))}" for key, value in fields.items())
    print(f"t={time.strftime('%FT%TZ', time.gmtime())} level={level} msg={json.dumps(message)}{more}", flush=True)


# -- settings -------------------------------------------------------------------------------------------------------


def expand(value: str) -> str:
    """$__file{} and $__env{} of a value."""

    def one(match: re.Match[str]) -> str:
        if match[1] == "env":
            return os.environ.get(match[2], "")
        try:
            return Path(match[2]).read_text().strip()
        except OSError as error:
            raise Fatal(f"failed to expand {match[0]}: {error.strerror}") from error

    return re.sub(r"\$__(file|env)\{([^{}]+)\}", one, value)


class Settings:
    """defaults.ini, grafana.ini over it, environment and command line over both."""

    def __init__(self, home: str, config: str, overrides: list[str]) -> None:
        defaults = Path(home, "conf", "defaults.ini")
        if not home or not defaults.exists():
            raise Fatal(
                "Grafana-server Init Failed: Could not find config defaults, make sure homepath command line "
                "parameter is set or working directory is homepath"
            )
        self.parser = configparser.RawConfigParser(default_section="\0", delimiters=("=",), allow_no_value=True)
        self.parser.optionxform = str  # type: ignore[assignment,method-assign]
        for path in (defaults, Path(config)):
            try:
                self.parser.read_string("[head]\n" + path.read_text(), source=str(path))
            except (OSError, configparser.Error) as error:
                raise Fatal(f"failed to parse {path}: {error}") from error
        for word in overrides:
            match = re.match(r"cfg:(?:default\.)?([\w.]+)\.(\w+)=(.*)$", word)
            if match:
                self.parser.read_dict({match[1]: {match[2]: match[3]}})

    def get(self, section: str, key: str, otherwise: str = "") -> str:
        """A value, expanded."""
        override = os.environ.get("GF_{}_{}".format(section, key).upper().replace(".", "_").replace("-", "_"))
        value = override if override is not None else self.parser.get(section, key, fallback=otherwise)
        value = (value or "").strip()
        quoted = re.fullmatch(r'"""(.*)"""|`(.*)`', value)
        return expand(next((part for part in quoted.groups() if part is not None), "") if quoted else value)

    def on(self, section: str, key: str) -> bool:
        """A value that is a switch."""
        return self.get(section, key).lower() in ("true", "1", "yes")


# -- provisioning ---------------------------------------------------------------------------------------------------


def parse_yaml(text: str) -> Any:
    """The block YAML that provisioning files are written in here: mappings, lists, scalars. No anchors, no folding."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "---"))]
    value, rest = _block(lines, 0)
    if rest < len(lines):
        raise ValueError(f"cannot read {lines[rest]!r}")
    return value


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _block(lines: list[str], at: int) -> tuple[Any, int]:
    if at >= len(lines):
        return None, at
    depth = _indent(lines[at])
    if lines[at].lstrip().startswith("- "):
        items = []
        while at < len(lines) and _indent(lines[at]) == depth and lines[at].lstrip().startswith("- "):
            inner = " " * (depth + 2) + lines[at].lstrip()[2:]
            if re.match(r"\s*[\w$.-]+:(\s|$)", inner):
                lines[at] = inner
                value, at = _block(lines, at)
            else:
                value, at = _scalar(inner.strip()), at + 1
            items.append(value)
        return items, at
    found: dict[str, Any] = {}
    while at < len(lines) and _indent(lines[at]) == depth and not lines[at].lstrip().startswith("- "):
        key, colon, value = lines[at].strip().partition(":")
        if not colon:
            raise ValueError(f"cannot read {lines[at]!r}")
        if value.strip():
            found[key], at = _scalar(value.strip()), at + 1
        elif at + 1 < len(lines) and (
            _indent(lines[at + 1]) > depth
            or (lines[at + 1].lstrip().startswith("- ") and _indent(lines[at + 1]) == depth)
        ):
            found[key], at = _block(lines, at + 1)
        else:
            found[key], at = None, at + 1
    return found, at


def _scalar(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith(('"', "[", "{")):
        return json.loads(text)
    words = {"true": True, "false": False, "null": None, "~": None}
    return words[text] if text in words else int(text) if re.fullmatch(r"-?\d+", text) else text


def interpolate(value: Any) -> Any:
    """$$, expanders and variables in values, as upstream reads provisioning files."""
    if isinstance(value, dict):
        return {key: interpolate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if not isinstance(value, str):
        return value
    parts = [
        re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda match: os.environ.get(match[1] or match[2], ""), expand(part))
        for part in value.split("$$")
    ]
    return "$".join(parts)


def provisioned(settings: Settings, kind: str) -> list[dict[str, Any]]:
    """Every file of one kind; a file that cannot be read ends the start."""
    folder = Path(settings.get("paths", "provisioning"), kind)
    found = []
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        try:
            found.append(interpolate(parse_yaml(path.read_text())) or {})
        except (OSError, ValueError) as error:
            raise Fatal(f"{kind} provisioning: failed to load {path}: {error}") from error
    return found


# -- database -------------------------------------------------------------------------------------------------------


class Database:
    """The SQLite file, brought to this version's schema when it is opened."""

    def __init__(self, settings: Settings) -> None:
        kind = settings.get("database", "type", "sqlite3")
        if kind != "sqlite3":
            raise Fatal(f"this stand-in has no database of type {kind}")
        data = Path(settings.get("paths", "data"))
        data.mkdir(parents=True, exist_ok=True)
        self.path = data / (settings.get("database", "path") or "grafana.db")
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        for statement in (
            "CREATE TABLE IF NOT EXISTS migration_log (migration_id TEXT UNIQUE, version TEXT)",
            "CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, login TEXT UNIQUE, password TEXT, salt TEXT)",
            "CREATE TABLE IF NOT EXISTS data_source (id INTEGER PRIMARY KEY, org_id INTEGER, name TEXT, uid TEXT,"
            " prunable INTEGER, entry TEXT, secure TEXT, UNIQUE (org_id, name), UNIQUE (org_id, uid))",
        ):
            self.ask(statement)
        for name in [*MIGRATIONS[VERSION.split(".", maxsplit=1)[0]], f"release {VERSION}"]:
            self.ask("INSERT OR IGNORE INTO migration_log VALUES (?, ?)", name, VERSION)
        if not self.ask("SELECT id FROM user"):
            self.ask("INSERT INTO user (login) VALUES (?)", settings.get("security", "admin_user"))
            self.set_password(settings.get("security", "admin_password"))

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a statement."""
        with self.lock:
            return self.connection.execute(statement, values).fetchall()

    def set_password(self, password: str) -> None:
        """Give the first user a password."""
        salt = secrets.token_hex(8)
        self.ask("UPDATE user SET password = ?, salt = ? WHERE id = 1", hashed(password, salt), salt)

    def provision(self, files: list[dict[str, Any]]) -> None:
        """Data sources of the provisioning files, matched by name and organisation."""
        error = "Datasource provisioning error: "
        entries = [entry for file in files for entry in file.get("datasources") or []]
        if sum(bool(entry.get("isDefault")) for entry in entries) > 1:
            why = "Only one datasource per organization can be marked as default"
            raise Fatal(f"{error}datasource.yaml config is invalid. {why}")
        stale = {row[0] for row in self.ask("SELECT name FROM data_source WHERE prunable = 1")}
        for file in files:
            for gone in file.get("deleteDatasources") or []:
                self.ask("DELETE FROM data_source WHERE name = ?", gone["name"])
            for entry in file.get("datasources") or []:
                self._upsert(dict(entry), bool(file.get("prune")), error)
                stale.discard(entry["name"])
        for name in stale:
            self.ask("DELETE FROM data_source WHERE name = ?", name)

    def _upsert(self, entry: dict[str, Any], prunable: bool, error: str) -> None:
        name, org = entry["name"], int(entry.get("orgId") or 1)
        uid = entry.setdefault("uid", "P" + hashlib.sha256(name.encode()).hexdigest()[:16].upper())
        if not UID.match(uid):
            raise Fatal(f"{error}uid {uid} is not valid")
        secure = json.dumps(entry.pop("secureJsonData", {}))
        row = (uid, int(prunable), json.dumps(entry), secure, org, name)
        try:
            if self.ask("SELECT id FROM data_source WHERE org_id = ? AND name = ?", org, name):
                self.ask("UPDATE data_source SET uid=?, prunable=?, entry=?, secure=? WHERE org_id=? AND name=?", *row)
            else:
                self.ask(
                    "INSERT INTO data_source (uid, prunable, entry, secure, org_id, name) VALUES (?,?,?,?,?,?)", *row
                )
        except sqlite3.IntegrityError as clash:
            raise Fatal(error + "data source with the same uid already exists") from clash

    def datasources(self) -> list[dict[str, Any]]:
        """As the API shows them: which secrets there are, never what they are."""
        rows = self.ask("SELECT id, entry, secure FROM data_source ORDER BY name COLLATE NOCASE")
        found = []
        for number, entry, secure in rows:
            shown = {"id": number, "orgId": 1, "jsonData": {}, "isDefault": False, **json.loads(entry)}
            shown["readOnly"] = not shown.pop("editable", False)
            found.append({**shown, "secureJsonFields": dict.fromkeys(json.loads(secure), True)})
        return found


def hashed(password: str, salt: str) -> str:
    """As upstream: PBKDF2, 10,000 rounds, 50 bytes."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 10000, 50).hex()


# -- HTTP -----------------------------------------------------------------------------------------------------------


class Site:
    """What the handlers share: accounts, sessions, dashboards."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.sessions: dict[str, str] = {}
        self.failures: dict[str, list[float]] = {}

    def check(self, login: str, password: str) -> str:
        """messageId of a refusal, "" for the right password."""
        since = time.monotonic() - LOCKED_SECONDS
        recent = [moment for moment in self.failures.get(login.lower(), []) if moment > since]
        if len(recent) >= ATTEMPTS:
            return "login-attempt.blocked"
        rows = self.database.ask("SELECT password, salt FROM user WHERE login = ?", login)
        if rows and secrets.compare_digest(rows[0][0], hashed(password, rows[0][1])):
            return ""
        self.failures[login.lower()] = [*recent, time.monotonic()]
        return "password-auth.failed"

    def dashboards(self) -> dict[str, dict[str, Any]]:
        """uid -> title and folder of every file of the dashboard providers."""
        found = {}
        for file in provisioned(self.settings, "dashboards"):
            for provider in file.get("providers") or []:
                root = Path(provider["options"]["path"])
                for path in sorted(root.rglob("*.json")):
                    document = json.loads(path.read_text())
                    uid = document.get("uid") or hashlib.sha256(str(path).encode()).hexdigest()[:9]
                    folder = path.relative_to(root).parent.name
                    meta = {"provisioned": True, "folderTitle": folder or "General"}
                    found[uid] = {"dashboard": document, "meta": meta}
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    site: Site
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Grafana", ""

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Upstream logs no request by default either."""

    def answer(self, status: int, body: Any, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body, indent=2).encode()
        self.send_response(status)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        for name, value in {
            "Content-Type": f"{kind}; charset=UTF-8",
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, message_id: str) -> None:
        text = "Unauthorized" if message_id == "auth.unauthorized" else "Invalid username or password"
        self.answer(401, {"message": text, "messageId": message_id, "statusCode": 401, "traceID": ""})

    def basic(self) -> tuple[str, str]:
        try:
            kind, _blank, value = self.headers.get("Authorization", "").partition(" ")
            login, _colon, password = base64.b64decode(value, validate=True).decode().partition(":")
            return (login, password) if kind == "Basic" else ("", "")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""

    def signed_in(self) -> str:
        """Login of who asks, or "" after the refusal is sent."""
        session = re.search(r"grafana_session=(\w+)", self.headers.get("Cookie", ""))
        if session and session[1] in self.site.sessions:
            return self.site.sessions[session[1]]
        login, password = self.basic()
        refusal = self.site.check(login, password) if login else "auth.unauthorized"
        if refusal:
            self.refuse(refusal)
        return "" if refusal else login

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/api/health":
            self.answer(200, {"database": "ok", "version": VERSION, "commit": "stand-in"})
        elif path == "/healthz":
            self.answer(200, "Ok")
        elif path == "/metrics":
            self.metrics()
        elif path.startswith("/api/"):
            login = self.signed_in()
            if login:
                self.api(path, login)
        else:
            self.answer(200, f"Grafana {VERSION} (stand-in)")

    def metrics(self) -> None:
        wanted = (
            self.site.settings.get("metrics", "basic_auth_username"),
            self.site.settings.get("metrics", "basic_auth_password"),
        )
        if any(wanted) and self.basic() != wanted:
            self.answer(401, "Unauthorized")
            return
        self.answer(
            200,
            f'grafana_build_info{{version="{VERSION}",edition="oss"}} 1\n'
            f"grafana_stat_total_users {len(self.site.database.ask('SELECT id FROM user'))}\n",
        )

    def api(self, path: str, login: str) -> None:
        sources, boards = self.site.database.datasources(), self.site.dashboards()
        plain = [{key: value for key, value in one.items() if key != "secureJsonFields"} for one in sources]
        hits = [
            {"uid": uid, "title": one["dashboard"].get("title"), "folderTitle": one["meta"]["folderTitle"]}
            for uid, one in boards.items()
        ]
        me = {"id": 1, "login": login, "email": f"{login}@localhost", "orgId": 1, "isGrafanaAdmin": True}
        pages: dict[str, Any] = {
            "/api/user": me,
            "/api/org": {"id": 1, "name": "Main Org."},
            "/api/admin/stats": {"users": 1, "orgs": 1, "datasources": len(sources), "dashboards": len(boards)},
            "/api/frontend/settings": {"buildInfo": {"version": VERSION, "edition": "Open Source"}},
            "/api/datasources": plain,
            "/api/search": hits,
            "/api/plugins": plugins(self.site.settings),
        }
        one = re.fullmatch(r"/api/(datasources/uid|datasources/name|dashboards/uid)/([^/]+)", path)
        if path in pages:
            self.answer(200, pages[path])
        elif one and one[1] == "dashboards/uid" and one[2] in boards:
            self.answer(200, boards[one[2]])
        elif one and (found := [source for source in sources if source[one[1].rpartition("/")[2]] == one[2]]):
            self.answer(200, found[0])
        else:
            self.answer(404, {"message": "Not found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            self.answer(400, {"message": "bad request data"})
            return
        if self.path == "/login":
            refusal = self.site.check(str(given.get("user")), str(given.get("password")))
            if refusal:
                self.refuse(refusal)
                return
            session = secrets.token_hex(16)
            self.site.sessions[session] = str(given["user"])
            self.answer(
                200,
                {"message": "Logged in", "redirectUrl": "/"},
                Set_Cookie=f"grafana_session={session}; Path=/; HttpOnly",
            )
        elif self.signed_in():
            if self.path == "/api/admin/provisioning/datasources/reload":
                self.site.database.provision(provisioned(self.site.settings, "datasources"))
                self.answer(200, {"message": "Datasources config reloaded"})
            else:
                self.answer(404, {"message": "Not found"})


def plugins(settings: Settings) -> list[dict[str, Any]]:
    """Signed plugins of the plugin folder; upstream passes over the others with a word in its log."""
    found = []
    for path in sorted(Path(settings.get("paths", "plugins")).glob("*/plugin.json")):
        document = json.loads(path.read_text())
        if (path.parent / "MANIFEST.txt").exists():
            found.append({"id": document["id"], "info": document.get("info", {}), "signature": "valid"})
        else:
            log(
                "error",
                "Skipping loading plugin due to problem with signature",
                pluginId=document["id"],
                status="unsigned",
            )
    return found


# -- commands -------------------------------------------------------------------------------------------------------


def serve(settings: Settings) -> None:
    """Change the database, provision, then listen, until told to stop."""
    for section, key in (("paths", "data"), ("paths", "logs")):
        Path(settings.get(section, key)).mkdir(parents=True, exist_ok=True)
    database = Database(settings)
    database.provision(provisioned(settings, "datasources"))
    site = Site(settings, database)
    site.dashboards()
    plugins(settings)
    server = http.server.ThreadingHTTPServer(
        (settings.get("server", "http_addr"), int(settings.get("server", "http_port"))),
        type("Bound", (Handler,), {"site": site}),
    )
    if settings.get("server", "protocol") in ("https", "h2"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.get("server", "cert_file"), settings.get("server", "cert_key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM, lambda *_arguments: threading.Thread(target=server.shutdown).start())
    log("info", "HTTP Server Listen", address="{}:{}".format(*server.server_address[:2]))
    server.serve_forever()


def reset_password(settings: Settings, words: list[str]) -> None:
    """grafana cli admin reset-admin-password."""
    password = sys.stdin.readline().strip() if "--password-from-stdin" in words else words[-1]
    if len(password) < 4:
        raise Fatal("Error: ✗ new password is too short")
    Database(settings).set_password(password)
    print("Admin password changed successfully ✔")


def main(words: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    if words in (["--version"], ["-v"]):
        print(f"grafana version {VERSION}")
        return 0
    command, words = (words[0], words[1:]) if words else ("", [])
    options = {"homepath": "", "config": ""}
    rest = []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.lstrip("-") in options and name.startswith("-"):
            options[name.lstrip("-")] = value if equals else words.pop(0)
        else:
            rest.append(name + equals + value)
    try:
        settings = Settings(options["homepath"], options["config"], rest)
        if command == "server":
            serve(settings)
        elif command == "cli" and rest[:2] == ["admin", "reset-admin-password"]:
            reset_password(settings, rest[2:])
        else:
            raise Fatal(f"No help topic for '{command}'")
    except Fatal as error:
        print(f"Error: ✗ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
