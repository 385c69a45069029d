# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hooks around Grafana: what they find wrong in settings, and how the database is saved and brought back."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess
import sys
import typing as t

import pytest

HOOKS = pathlib.Path(__file__).resolve().parents[3] / "roles" / "grafana" / "files" / "hooks"
INI = """
[security]
admin_user = admin
admin_password = $__file{{{folder}/password}}
secret_key = $__file{{{folder}/key}}
[users]
default_theme = light
[database]
type = sqlite3
"""
OWN = "of-my-own"
DEFAULTS = "[security]\nadmin_user =\nadmin_password =\nsecret_key =\n[users]\n;default_theme =\n[database]\ntype =\n"


class Done(t.NamedTuple):
    """How a hook ended, and all it said."""

    code: int
    said: str


def run(name: str, *arguments: str, **environment: str) -> Done:
    """Run a hook as it runs on a host."""
    done = subprocess.run(
        [sys.executable, "-B", str(HOOKS / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return Done(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> pathlib.Path:
    """A host's files in a folder."""
    for path, text in {
        "grafana.ini": INI.format(folder=tmp_path),
        "password": OWN,
        "key": OWN,
        "release/conf/defaults.ini": DEFAULTS,
        "current/unit": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "data").mkdir()
    return tmp_path


# -- check ------------------------------------------------------------------------------------------------------------


def check(host: pathlib.Path, *more: str) -> Done:
    """Judge the settings of a host."""
    return run("check.py", "--settings", str(host / "grafana.ini"), "--release", str(host / "release"), *more)


def test_check_passes_what_is_right(host: pathlib.Path) -> None:
    assert check(host).code == 0, check(host).said


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("[users]", "already exists"),
        ("[feature_togles]\nenable = x\n", "unknown section [feature_togles]"),
        ("type = x\n", "already exists"),
        ("typ = x\n", "unknown key database.typ (did you mean type?)"),
        ("[auth.ldap]\nconfig_file = /nowhere/ldap.toml\n", "/nowhere/ldap.toml: no such file"),
        ("[smtp]\npassword = $__file{/nowhere/x}\n", "smtp.password: /nowhere/x: no such file"),
    ],
)
def test_check_refuses(host: pathlib.Path, added: str, words: str) -> None:
    (host / "grafana.ini").write_text((host / "grafana.ini").read_text() + added)
    done = check(host)
    assert done.code == 1 and words in done.said


@pytest.mark.parametrize("added", ["[feature_toggles]\nx = true\n", "[plugin.mine]\nx = 1\n", "odd = 1\n"])
def test_check_accepts_free_sections_and_named_keys(host: pathlib.Path, added: str) -> None:
    (host / "grafana.ini").write_text((host / "grafana.ini").read_text() + added)
    assert check(host, "--accept=database.odd").code == 0


@pytest.mark.parametrize(("file", "text"), [("password", "admin"), ("password", ""), ("key", "SW2YcwTIb9zpOOhoPsMm")])
def test_check_refuses_what_everybody_knows(host: pathlib.Path, file: str, text: str) -> None:
    (host / file).write_text(text)
    done = check(host)
    assert done.code == 1 and "security." in done.said


def test_check_reads_dashboards(host: pathlib.Path) -> None:
    boards = host / "boards" / "Shop"
    boards.mkdir(parents=True)
    (boards / "a.json").write_text('{"title": "A", "uid": "a"}')
    assert check(host, "--dashboards", str(host / "boards")).code == 0
    for text in ("{", "[]", '{"title": "B", "uid": "a"}', '{"title": "B", "__inputs": []}'):
        (boards / "b.json").write_text(text)
        done = check(host, "--dashboards", str(host / "boards"))
        assert done.code == 1 and "b.json" in done.said


def test_check_wants_the_tools_of_a_backup(host: pathlib.Path) -> None:
    text = (host / "grafana.ini").read_text().replace("sqlite3", "postgres")
    (host / "grafana.ini").write_text(text)
    python = pathlib.Path(sys.executable)
    done = subprocess.run(
        [str(python), "-B", str(HOOKS / "check.py"), "--settings", str(host / "grafana.ini"), "--release",
         str(host / "release"), "--backup", str(host)],
        capture_output=True, text=True, check=False, env={"PATH": "/nowhere"},
    )  # fmt: skip
    assert done.returncode == 1 and "pg_dump is not on this host" in done.stdout


# -- administrator's password -----------------------------------------------------------------------------------------


@pytest.fixture
def grafana(host: pathlib.Path) -> t.Callable[[], list[str]]:
    """A grafana that notes what it is called with; gives its calls."""
    program, calls = host / "release" / "bin" / "grafana", host / "calls"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ -e {host}/broken ] && {{ echo no database; exit 1; }}\necho "$* $(cat)" >> {calls}\n'
    )
    program.chmod(0o755)
    return lambda: calls.read_text().splitlines() if calls.exists() else []


def set_password(host: pathlib.Path) -> Done:
    """What runs before each start."""
    return run(
        "admin_password.py", "--release", str(host / "release"), "--settings", "/etc/grafana/grafana.ini",
        "--data", str(host / "data"), "--password-file", str(host / "password"),
        "--fresh-without", str(host / "data" / "grafana.db"),
    )  # fmt: skip


def test_password_of_the_first_start_is_left_to_grafana(host: pathlib.Path, grafana: t.Any) -> None:
    assert set_password(host).code == 0 and not grafana()
    (host / "data" / "grafana.db").touch()
    assert set_password(host).code == 0 and not grafana()
    note = host / "data" / ".obs_admin_password"
    assert note.stat().st_mode & 0o777 == 0o600 and "of-my-own" not in note.read_text()


def test_another_password_is_set_once(host: pathlib.Path, grafana: t.Any) -> None:
    (host / "data" / "grafana.db").touch()
    for _again in range(2):
        assert set_password(host).code == 0
    (host / "password").write_text("another\n")
    for _again in range(2):
        assert set_password(host).code == 0
    assert [call.split()[-1] for call in grafana()] == ["of-my-own", "another"]
    assert "admin reset-admin-password --password-from-stdin" in grafana()[0]


def test_password_that_cannot_be_set_is_told_and_tried_again(host: pathlib.Path, grafana: t.Any) -> None:
    (host / "data" / "grafana.db").touch()
    (host / "broken").touch()
    done = set_password(host)
    assert done.code == 1 and "no database" in done.said and "of-my-own" not in done.said
    (host / "broken").unlink()
    assert set_password(host).code == 0 and len(grafana()) == 1


# -- database ---------------------------------------------------------------------------------------------------------


def change(host: pathlib.Path, action: str, old: str, new: str, generations: str = "1 2", **environment: str) -> Done:
    """One of the two hooks of a change of version."""
    before, after = generations.split()
    return run(
        "database.py", action, "--settings", str(host / "grafana.ini"), "--data", str(host / "data"),
        "--generation", str(host / "current"), "--keep", "3",
        OBS_FROM_VERSION=old, OBS_TO_VERSION=new, OBS_FROM_GENERATION=before, OBS_TO_GENERATION=after, **environment,
    )  # fmt: skip


def write(host: pathlib.Path, value: str) -> None:
    """Let the database hold one value, in a journal beside it as a killed Grafana leaves it."""
    connection = sqlite3.connect(host / "data" / "grafana.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (v)")
    connection.execute("DELETE FROM t")
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    connection.commit()
    connection.close()


def read(host: pathlib.Path) -> str:
    """The value it holds."""
    connection = sqlite3.connect(host / "data" / "grafana.db")
    found = str(connection.execute("SELECT v FROM t").fetchone()[0])
    connection.close()
    return found


def copies(host: pathlib.Path) -> list[str]:
    """Versions that the copies were left by, oldest first."""
    return [path.stem.partition("-")[2] for path in sorted((host / "data" / "backups").glob("*.db"))]


def test_a_failed_change_is_undone(host: pathlib.Path) -> None:
    write(host, "old")
    assert change(host, "before", "13.2.3", "13.3.0").code == 0
    assert copies(host) == ["13.2.3"]
    assert next((host / "data" / "backups").glob("*.db")).stat().st_mode & 0o077 == 0
    write(host, "touched by the new one")
    done = change(host, "restore", "13.2.3", "13.3.0")
    assert done.code == 0, done.said
    assert read(host) == "old"
    again = change(host, "restore", "13.2.3", "13.3.0")
    assert again.code == 1 and "no copy from before this change" in again.said


def test_a_journal_left_behind_is_saved_and_never_played_into_a_copy(host: pathlib.Path) -> None:
    write(host, "old")
    data = host / "data"
    connection = sqlite3.connect(data / "grafana.db")
    connection.execute("UPDATE t SET v = 'in the journal'")
    connection.commit()
    left = {path: path.read_bytes() for path in data.glob("grafana.db*")}
    connection.close()
    for path, content in left.items():
        path.write_bytes(content)
    assert change(host, "before", "13.2.3", "13.3.0").code == 0
    for path, content in left.items():
        path.write_bytes(content)
    assert change(host, "restore", "13.2.3", "13.3.0").code == 0
    assert [path.name for path in data.glob("grafana.db*")] == ["grafana.db"]
    assert read(host) == "in the journal"


def test_a_change_that_was_cut_off_keeps_its_first_copy(host: pathlib.Path) -> None:
    """Killed after the new one has changed the database: the next run must not save that as the old one's."""
    write(host, "old")
    assert change(host, "before", "13.2.3", "13.3.0").code == 0
    write(host, "touched by the new one")
    assert "there already" in change(host, "before", "13.2.3", "13.3.0").said
    assert change(host, "restore", "13.2.3", "13.3.0").code == 0 and read(host) == "old"


def test_a_copy_of_an_earlier_life_does_not_count(host: pathlib.Path) -> None:
    write(host, "long ago")
    assert change(host, "before", "13.2.3", "13.3.0").code == 0
    for path in (host / "data" / "backups").glob("*.db"):
        os.utime(path, (1, 1))
    write(host, "now")
    assert "saved" in change(host, "before", "13.2.3", "13.3.0").said
    assert change(host, "restore", "13.2.3", "13.3.0").code == 0 and read(host) == "now"


def test_going_back_brings_back_what_that_version_left(host: pathlib.Path) -> None:
    write(host, "old")
    assert change(host, "before", "12.4.1", "13.3.0").code == 0
    write(host, "new")
    done = change(host, "before", "13.3.0", "12.4.1", "2 1")
    assert done.code == 0 and read(host) == "old" and set(copies(host)) == {"12.4.1", "13.3.0"}
    # The older one does not get ready after all: the newer one's database is there again.
    assert change(host, "restore", "13.3.0", "12.4.1", "2 1").code == 0 and read(host) == "new"


def test_going_back_without_a_copy(host: pathlib.Path) -> None:
    write(host, "new")
    done = change(host, "before", "13.3.0", "12.4.1")
    assert done.code == 1 and "no copy of the database from before 13.3.0" in done.said and read(host) == "new"
    assert change(host, "before", "13.3.0", "13.2.3").code == 0 and read(host) == "new"


def test_old_copies_go(host: pathlib.Path) -> None:
    write(host, "x")
    for number in range(5):
        assert change(host, "before", f"13.{number}.0", f"13.{number + 1}.0", f"{number} {number + 1}").code == 0
    assert len(copies(host)) == 3


def test_nothing_to_save_before_the_first_start(host: pathlib.Path) -> None:
    assert change(host, "before", "13.2.3", "13.3.0") == Done(0, "no database yet\n")


@pytest.mark.parametrize(
    "keys",
    [
        "host = db.example:6432\nname = dashboards\nuser = graf\npassword = $__file{{{folder}/password}}",
        "url = $__file{{{folder}/url}}",
    ],
)
def test_postgresql_by_its_own_tools(host: pathlib.Path, keys: str) -> None:
    (host / "url").write_text(f"postgres://graf:{OWN}@db.example:6432/dashboards")
    ini = INI.replace("type = sqlite3", "type = postgres\nssl_mode = require\n" + keys).format(folder=host)
    (host / "grafana.ini").write_text(ini)
    tools = host / "tools"
    tools.mkdir()
    told = "$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE $PGSSLMODE"
    for name, act in {"pg_dump": 'for a; do f=$a; done; echo dump > "$f"', "psql": "true"}.items():
        (tools / name).write_text(f'#!/bin/sh\necho "{name} {told} $*" >> {host}/calls\n{act}\n')
        (tools / name).chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    assert change(host, "before", "13.2.3", "13.3.0", PATH=path).code == 0
    assert change(host, "restore", "13.2.3", "13.3.0", PATH=path).code == 0
    calls = (host / "calls").read_text()
    assert calls.count("graf:of-my-own@db.example:6432/dashboards require") == 2
    assert "--single-transaction" in calls and "DROP TABLE" in calls
    assert "of-my-own" not in calls.replace("graf:of-my-own@", "")
    (tools / "pg_dump").write_text("#!/bin/sh\necho 'connection refused' >&2\nexit 1\n")
    done = change(host, "before", "13.3.0", "13.4.0", "2 3", PATH=path)
    assert done.code == 1 and "pg_dump: connection refused" in done.said
