"""The SQLite file, brought to this version's schema when it is opened."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sqlite3
import string
import threading
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from .errors import Fatal
from .profile import Profile
from .settings import Settings

MIGRATIONS = {11: ["base"], 12: ["base", "annotation"], 13: ["base", "annotation", "unified storage"]}
SCHEMA = """
CREATE TABLE IF NOT EXISTS migration_log (migration_id TEXT UNIQUE, version TEXT);
CREATE TABLE IF NOT EXISTS org (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, address TEXT DEFAULT '{}');
CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT UNIQUE,
  login TEXT UNIQUE COLLATE NOCASE, email TEXT, name TEXT, password TEXT, salt TEXT, theme TEXT DEFAULT '',
  org_id INTEGER, is_admin INTEGER DEFAULT 0,
  is_disabled INTEGER DEFAULT 0, is_service_account INTEGER DEFAULT 0, created TEXT, updated TEXT);
CREATE TABLE IF NOT EXISTS org_user (org_id INTEGER, user_id INTEGER, role TEXT, created TEXT,
  UNIQUE (org_id, user_id));
CREATE TABLE IF NOT EXISTS api_key (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, service_account_id INTEGER,
  name TEXT, key TEXT UNIQUE, created TEXT, last_used_at TEXT, expires INTEGER, is_revoked INTEGER DEFAULT 0,
  UNIQUE (org_id, name));
CREATE TABLE IF NOT EXISTS login_attempt (username TEXT, created REAL);
CREATE TABLE IF NOT EXISTS team (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT, org_id INTEGER, name TEXT, email TEXT,
  UNIQUE (org_id, name));
CREATE TABLE IF NOT EXISTS team_member (team_id INTEGER, user_id INTEGER, permission INTEGER,
  UNIQUE (team_id, user_id));
CREATE TABLE IF NOT EXISTS data_source (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, name TEXT, uid TEXT,
  version INTEGER, is_default INTEGER, read_only INTEGER, prunable INTEGER DEFAULT 0, entry TEXT, secure TEXT,
  UNIQUE (org_id, name), UNIQUE (org_id, uid));
CREATE TABLE IF NOT EXISTS correlation (uid TEXT, org_id INTEGER, source_uid TEXT, entry TEXT, UNIQUE (org_id, uid));
CREATE TABLE IF NOT EXISTS dashboard (id INTEGER PRIMARY KEY, org_id INTEGER, uid TEXT, is_folder INTEGER, title TEXT,
  folder_uid TEXT DEFAULT '', tags TEXT DEFAULT '[]', version INTEGER, resource_version INTEGER, api_version TEXT,
  k8s_uid TEXT, message TEXT DEFAULT '', extras TEXT DEFAULT '{}', created TEXT, updated TEXT,
  created_by TEXT, updated_by TEXT,
  provisioning TEXT, data TEXT, UNIQUE (org_id, uid));
CREATE INDEX IF NOT EXISTS dashboard_folder ON dashboard (org_id, folder_uid);
CREATE INDEX IF NOT EXISTS dashboard_resource_version ON dashboard (resource_version);
CREATE TABLE IF NOT EXISTS dashboard_version (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, dashboard_uid TEXT,
  version INTEGER, parent_version INTEGER, restored_from INTEGER DEFAULT 0, data TEXT, message TEXT, created TEXT,
  created_by TEXT);
CREATE INDEX IF NOT EXISTS dashboard_version_of ON dashboard_version (org_id, dashboard_uid);
CREATE TABLE IF NOT EXISTS dashboard_acl (org_id INTEGER, uid TEXT, items TEXT, UNIQUE (org_id, uid));
CREATE TABLE IF NOT EXISTS annotation (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, dashboard_uid TEXT,
  panel_id INTEGER, user_id INTEGER, text TEXT, tags TEXT, epoch INTEGER, epoch_end INTEGER, data TEXT, created INTEGER,
  updated INTEGER);
CREATE TABLE IF NOT EXISTS alert_object (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, kind TEXT, uid TEXT,
  entry TEXT, provenance TEXT DEFAULT '', UNIQUE (org_id, kind, uid));
CREATE TABLE IF NOT EXISTS library_element (id INTEGER PRIMARY KEY AUTOINCREMENT, org_id INTEGER, uid TEXT, name TEXT,
  folder_uid TEXT, kind INTEGER, model TEXT, version INTEGER, created TEXT, updated TEXT, created_by INTEGER,
  updated_by INTEGER, UNIQUE (org_id, uid));
"""

Row = t.Dict[str, t.Any]  # noqa: UP006  (evaluated)


def now() -> str:
    """This moment, as the API writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_uid() -> str:
    """A new uid as Grafana makes them: 14 lower-case letters and digits, a letter first."""
    tail = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(13))
    return secrets.choice(string.ascii_lowercase) + tail


def hashed(password: str, salt: str) -> str:
    """As upstream: PBKDF2, 10,000 rounds, 50 bytes."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 10000, 50).hex()


class Database:
    """One connection, used by one thread at a time."""

    def __init__(self, settings: Settings, profile: Profile) -> None:
        kind = settings.get("database", "type", "sqlite3")
        if kind != "sqlite3":
            raise Fatal(f"this stand-in has no database of type {kind}")
        data = Path(settings.get("paths", "data"))
        data.mkdir(parents=True, exist_ok=True)
        self.path = data / (settings.get("database", "path") or "grafana.db")
        self.lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA journal_mode = TRUNCATE")
            self._connection.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise Fatal(f"failed to connect to database {self.path}: {error}") from error
        for name in [*MIGRATIONS[max(11, min(profile.major, 13))], f"release {profile.version}"]:
            self.ask("INSERT OR IGNORE INTO migration_log VALUES (?, ?)", name, profile.version)
        self._seed(settings)

    def _seed(self, settings: Settings) -> None:
        """The main organisation and the administrator of an empty database."""
        if self.ask("SELECT 1 FROM org"):
            return
        self.ask("INSERT INTO org (name) VALUES ('Main Org.')")
        if not settings.on("security", "disable_initial_admin_creation"):
            login = settings.get("security", "admin_user")
            email = settings.get("security", "admin_email", "admin@localhost")
            user = self.add_user(login, email, "", settings.get("security", "admin_password"), 1, admin=True)
            self.ask("INSERT INTO org_user VALUES (1, ?, 'Admin', ?)", user, now())

    def ask(self, statement: str, *values: t.Any) -> list[Row]:
        """Rows of a statement."""
        with self.lock:
            return [dict(row) for row in self._connection.execute(statement, values).fetchall()]

    def one(self, statement: str, *values: t.Any) -> Row | None:
        """The first row of a statement."""
        rows = self.ask(statement, *values)
        return rows[0] if rows else None

    def insert(self, table: str, **values: t.Any) -> int:
        """A new row; its number. Dictionaries and lists are written as JSON."""
        plain = [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values.values()]
        with self.lock:
            marks = ", ".join("?" * len(plain))
            cursor = self._connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", plain)
            return int(cursor.lastrowid or 0)

    def update(self, table: str, number: int, **values: t.Any) -> None:
        """Change the row of that id."""
        plain = [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values.values()]
        with self.lock:
            names = ", ".join(f"{name} = ?" for name in values)
            self._connection.execute(f"UPDATE {table} SET {names} WHERE id = ?", [*plain, number])

    @contextlib.contextmanager
    def transaction(self) -> t.Iterator[None]:
        """All or nothing, and nobody between."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add_user(self, login: str, email: str, name: str, password: str, org: int, **flags: bool) -> int:
        """A new user or service account; its number."""
        number = self.insert(
            "user",
            uid=short_uid(),
            login=login,
            email=email,
            name=name,
            org_id=org,
            is_admin=int(flags.get("admin", False)),
            is_disabled=int(flags.get("disabled", False)),
            is_service_account=int(flags.get("service_account", False)),
            created=now(),
            updated=now(),
        )
        if password:
            self.set_password(number, password)
        return number

    def set_password(self, user: int, password: str) -> None:
        """Give a user a password."""
        salt = secrets.token_hex(8)
        self.ask("UPDATE user SET password = ?, salt = ? WHERE id = ?", hashed(password, salt), salt, user)

    def next_resource_version(self) -> int:
        """A number above every one before, that looks like a moment in microseconds."""
        last = self.one("SELECT max(resource_version) AS n FROM dashboard")
        moment = int(datetime.now(timezone.utc).timestamp() * 1_000_000)
        return max(moment, ((last or {}).get("n") or 0) + 1)
