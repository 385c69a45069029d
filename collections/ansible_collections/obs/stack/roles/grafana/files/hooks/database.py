# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Saves Grafana's database before another version touches it, and brings it back when that version is left again.

Grafana only ever changes its database forwards. `before` runs with the service stopped and the versions in the
environment (OBS_FROM_VERSION, OBS_TO_VERSION, OBS_FROM_GENERATION, OBS_TO_GENERATION); towards an older version it also
puts the database back to what that version left. `restore` undoes the change that `before` prepared. Python 3.9,
standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Mapping

import settings

NOTE = "change.json"
NAME = re.compile(r"^(?P<time>\d{8}T\d{6}Z)-(?P<version>[0-9][\w.+-]*)\.(?P<kind>db|sql)$")
# Everything of the schema goes before the dump comes: what the newer version added would stop the next upgrade.
EMPTY_SCHEMA = """
DO $$ DECLARE item record; BEGIN
  FOR item IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', item.tablename);
  END LOOP;
END $$;
"""


class Trouble(Exception):
    """What could not be done, in one line."""


class Sqlite:
    """The database as a file, possibly with a journal beside it."""

    kind = "db"

    def __init__(self, path: str) -> None:
        self.path = path

    def save(self, target: str) -> None:
        """A whole copy, with what is still in the journal."""
        self._copy(self.path, target)

    def bring_back(self, source: str) -> None:
        """Put a copy in the place of the database, in one rename."""
        beside = self.path + ".restored"
        with contextlib.suppress(FileNotFoundError):
            os.remove(beside)
        self._copy(source, beside)
        os.chmod(beside, 0o640)
        sync(beside)
        for end in ("-wal", "-shm", "-journal"):  # of the database that goes: they would be played into the other
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path + end)
        os.replace(beside, self.path)
        sync(os.path.dirname(self.path))

    @staticmethod
    def _copy(source: str, target: str) -> None:
        existing = sqlite3.connect(f"file:{urllib.parse.quote(source)}?mode=rw", uri=True)
        with contextlib.closing(existing) as saved, contextlib.closing(sqlite3.connect(target)) as copy:
            saved.backup(copy)


class Postgres:
    """A database on a server, by its own tools; the password goes by environment."""

    kind = "sql"

    def __init__(self, database: Mapping[str, str]) -> None:
        given = dict(database)
        if given.get("url"):
            url = urllib.parse.urlsplit(given["url"])
            given.update(
                host=url.netloc.rpartition("@")[2],
                user=urllib.parse.unquote(url.username or ""),
                password=urllib.parse.unquote(url.password or ""),
                name=url.path.lstrip("/"),
            )
        found = re.match(r"^\[?(.*?)\]?(?::(\d+))?$", given.get("host") or "127.0.0.1")
        host, port = found.groups() if found else ("127.0.0.1", None)
        self.environment = {
            **os.environ,
            "PGHOST": host,
            "PGPORT": port or "5432",
            "PGUSER": given.get("user", ""),
            "PGPASSWORD": given.get("password", ""),
            "PGDATABASE": given.get("name", "grafana"),
            "PGSSLMODE": given.get("ssl_mode") or "disable",
        }
        for key, variable in (
            ("ca_cert_path", "PGSSLROOTCERT"),
            ("client_cert_path", "PGSSLCERT"),
            ("client_key_path", "PGSSLKEY"),
        ):
            if given.get(key):
                self.environment[variable] = given[key]

    def save(self, target: str) -> None:
        """A dump as SQL."""
        self._run(["pg_dump", "--no-owner", "--no-privileges", "--file", target])

    def bring_back(self, source: str) -> None:
        """Empty the schema and play the dump, all or nothing."""
        self._run(
            [
                "psql",
                "--quiet",
                "--no-psqlrc",
                "--single-transaction",
                "--set",
                "ON_ERROR_STOP=1",
                "--command",
                EMPTY_SCHEMA,
                "--file",
                source,
            ]
        )

    def _run(self, command: list[str]) -> None:
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        except OSError as error:
            raise Trouble(f"{command[0]}: {error.strerror}; install PostgreSQL's client on this host") from error
        if done.returncode:
            raise Trouble("{}: {}".format(command[0], " ".join(done.stderr.split())[:500]))


class Backups:
    """Copies of the database in one folder, each named by time and the version that left it."""

    def __init__(self, folder: str, kind: str) -> None:
        self.folder = folder
        self.kind = kind

    def names(self) -> list[str]:
        """Oldest first."""
        there = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        return sorted(name for name in there if (found := NAME.match(name)) and found["kind"] == self.kind)

    def newest_of(self, version: str) -> str:
        """Path of the newest copy that a version left, "" when there is none."""
        fitting = [name for name in self.names() if NAME.match(name)["version"] == version]  # type: ignore[index]
        return os.path.join(self.folder, fitting[-1]) if fitting else ""

    def new(self, version: str) -> str:
        """Path for a copy that a version leaves."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return os.path.join(self.folder, f"{stamp}-{version}.{self.kind}")

    def prune(self, keep: int) -> None:
        """Remove all but the newest few."""
        for name in self.names()[:-keep]:
            os.remove(os.path.join(self.folder, name))

    def note(self) -> dict[str, str]:
        """The change that was prepared last."""
        try:
            with open(os.path.join(self.folder, NOTE), encoding="utf-8") as handle:
                known = json.load(handle)
            return dict(known) if isinstance(known, dict) else {}
        except (OSError, ValueError):
            return {}

    def write_note(self, change: Mapping[str, str]) -> None:
        """Note the change that is being prepared; an empty one takes the note away."""
        path = os.path.join(self.folder, NOTE)
        if not change:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            return
        with open(path + ".new", "w", encoding="utf-8") as handle:
            json.dump(dict(change), handle)
        sync(path + ".new")
        os.replace(path + ".new", path)


def version_key(version: str) -> tuple[int, ...]:
    """Numbers of a version, for comparing."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[+-]", version)[0])[:3])


def major(version: str) -> int:
    """First number of a version."""
    return version_key(version)[0]


def sync(path: str) -> None:
    """Put a file or folder on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_same_change(note: Mapping[str, str], change: Mapping[str, str], folder: str, staged: float) -> bool:
    """Whether a change was prepared already and cut off, so that the database may be the newer one's by now.

    staged: when the generation it leads to was written: an older copy is of an earlier life with the same numbers.
    """
    if {key: note.get(key) for key in change} != dict(change):
        return False
    path = os.path.join(folder, str(note.get("file")))
    return os.path.exists(path) and os.stat(path).st_mtime >= staged


def before(database: Sqlite | Postgres, backups: Backups, change: dict[str, str], staged: float, keep: int) -> str:
    """Save the database; towards an older version also put back what that one left. Returns what was done."""
    source, target = change["from_version"], change["to_version"]
    backwards = version_key(target) < version_key(source)
    earlier = backups.newest_of(target) if backwards else ""
    if backwards and not earlier and major(target) < major(source):
        raise Trouble(f"there is no copy of the database from before {source}, and {target} cannot read this one")
    if not backwards and is_same_change(backups.note(), change, backups.folder, staged):
        return "the copy from before this change is there already"
    copy = backups.new(source)
    beside = copy + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.remove(beside)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    database.save(beside)
    sync(beside)
    os.replace(beside, copy)
    backups.write_note({**change, "file": os.path.basename(copy)})
    if earlier:
        database.bring_back(earlier)
    backups.prune(keep)
    put_back = f", brought back {os.path.basename(earlier)}" if earlier else ""
    return f"saved {os.path.basename(copy)}{put_back}"


def restore(database: Sqlite | Postgres, backups: Backups, change: dict[str, str]) -> str:
    """Bring back what was saved before this change. Returns what was done."""
    note = backups.note()
    path = os.path.join(backups.folder, str(note.get("file")))
    if {key: note.get(key) for key in change} != change or not os.path.exists(path):
        raise Trouble("there is no copy from before this change in {}".format(backups.folder))
    database.bring_back(path)
    backups.write_note({})
    return f"brought back {os.path.basename(path)}"


def main(arguments: list[str]) -> int:
    """Do one of the two; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("action", choices=["before", "restore"])
    options.add_argument("--settings", required=True)
    options.add_argument("--data", required=True)
    options.add_argument("--generation", required=True, help="folder of the generation it leads to")
    options.add_argument("--keep", type=int, default=5)
    chosen = options.parse_args(arguments)
    names = ("from_version", "to_version", "from_generation", "to_generation")
    change = {name: os.environ.get(f"OBS_{name.upper()}", "") for name in names}
    try:
        found = settings.read(chosen.settings).get("database", {})
        given = {key: settings.expanded(value) for key, value in found.items()}
        database: Sqlite | Postgres
        if given.get("type", "sqlite3") == "postgres":
            database = Postgres(given)
        else:
            database = Sqlite(os.path.join(chosen.data, given.get("path") or "grafana.db"))
            if not os.path.exists(database.path):
                print("no database yet")
                return 0
        backups = Backups(os.path.join(chosen.data, "backups"), database.kind)
        if chosen.action == "restore":
            print(restore(database, backups, change))
        else:
            staged = os.stat(os.path.join(chosen.generation, "unit")).st_mtime
            print(before(database, backups, change, staged, max(chosen.keep, 2)))
    except (Trouble, OSError, ValueError, sqlite3.Error) as error:
        print(f"the database of Grafana: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
