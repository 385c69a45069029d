# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other kinds: SQL on SQLite and a real PostgreSQL, commands, Python, units."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from obs_exporter.config import parse
from obs_exporter.errors import CollectError
from obs_exporter.kinds.systemd_units import parse_show, read_units
from obs_exporter.own import Own
from obs_exporter.render import text
from obs_exporter.samples import Result
from obs_exporter.site import source_of


def collect(body: str, target: str | None = None, timeout: float = 5) -> Result:
    module = parse(f"modules:\n  m:\n{body}").modules["m"]
    source = source_of("m", module, None, Own())

    async def once() -> Result:
        return await asyncio.wait_for(source.collect(target, timeout), timeout)

    return asyncio.run(once())


def page(body: str, as_openmetrics: bool = False) -> str:
    return text(collect(body).families, as_openmetrics).decode()


def sqlite(path: Path, query: str, metrics: str, more: str = "") -> str:
    return (
        f"    kind: sql\n    url: sqlite:///{path}\n{more}    queries:\n      - query: {query}\n"
        f"        metrics: [{metrics}]\n"
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (state TEXT, price REAL)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [("new", 1.5), ("new", 2.5), ("paid", None)])
    return path


def test_sqlite(database: Path) -> None:
    found = page(
        sqlite(
            database,
            "SELECT state, count(*) AS n, sum(price) AS total FROM orders GROUP BY state",
            "{name: orders, help: O., value: n, labels: {state: state}}, "
            "{name: worth, help: W., value: total, labels: {state: state}}",
        )
    )
    assert 'orders{state="new"} 2.0' in found and 'orders{state="paid"} 1.0' in found
    assert 'worth{state="new"} 4.0' in found and 'worth{state="paid"}' not in found


def test_sqlite_is_read_only_and_bounded(database: Path, tmp_path: Path) -> None:
    metric = "{name: m, help: M., value: price}"
    with pytest.raises(CollectError, match="readonly"):
        collect(sqlite(database, "DELETE FROM orders", metric))
    with pytest.raises(CollectError, match="more than 2 rows"):
        collect(sqlite(database, "SELECT price FROM orders", metric, "    max_rows: 2\n"))
    with pytest.raises(CollectError, match="no such column"):
        collect(sqlite(database, "SELECT nonsense FROM orders", metric))
    with pytest.raises(CollectError, match="unable to open"):
        collect(sqlite(tmp_path / "none.db", "SELECT 1 AS price", metric))
    assert not (tmp_path / "none.db").exists()


def test_a_query_that_never_ends_is_interrupted(database: Path) -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r"
    before = threading.active_count()
    with pytest.raises(asyncio.TimeoutError):
        collect(sqlite(database, endless, "{name: m, help: M., value: n}"), timeout=0.3)
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert threading.active_count() == before


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a PostgreSQL on loopback with the user monitor, password s3cret."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgres")
    secret = folder / "password"
    secret.write_text("s3cret")
    own = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if own:
        for path in [folder, *folder.parents[:3]]:
            path.chmod(path.stat().st_mode | 0o055)
        shutil.chown(folder, "postgres")
        secret.chmod(0o644)
    data, programs_of = folder / "data", programs[-1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    setup = [
        *own,
        str(programs_of / "initdb"),
        "-D",
        str(data),
        "-U",
        "monitor",
        "-A",
        "scram-sha-256",
        "--pwfile",
        str(secret),
        "--no-sync",
    ]
    subprocess.run(setup, check=True, capture_output=True, cwd=folder)
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
    control = [*own, str(programs_of / "pg_ctl"), "-D", str(data), "-w", "-l", str(data / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder)
    yield port
    subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=folder)


def test_postgresql(postgres: int, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")

    def module(query: str, host: str = f"127.0.0.1:{postgres}", password: Path = secret) -> str:
        return (
            f"    kind: sql\n    url: postgresql://monitor@{host}/postgres\n    password_file: {password}\n"
            f"    queries:\n      - query: {query}\n"
            "        metrics: [{name: m, help: M., value: n, labels: {k: k}}]\n"
        )

    numeric = "SELECT 'a' AS k, 1.50::numeric AS n UNION ALL SELECT 'b', extract(epoch FROM interval '2 s')"
    found = page(module(numeric))
    assert 'm{k="a"} 1.5' in found and 'm{k="b"} 2.0' in found
    assert 'm{k=""} 90.0' in page(module("SELECT NULL AS k, interval '90 s' AS n"))
    with pytest.raises(CollectError, match="read-only transaction"):
        collect(module("CREATE TABLE t (n int)"))
    with pytest.raises((CollectError, asyncio.TimeoutError)):
        collect(module("SELECT 'a' AS k, 1 AS n FROM pg_sleep(60)"), timeout=0.5)
    secret_2 = tmp_path / "wrong"
    secret_2.write_text("wr0ng-s3cret")
    with pytest.raises(CollectError, match="password authentication failed"):
        collect(module("SELECT 1", password=secret_2))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(CollectError):
            collect(module("SELECT 1", host=f"127.0.0.1:{nobody.getsockname()[1]}"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises((CollectError, asyncio.TimeoutError)):
            collect(module("SELECT 1", host=f"127.0.0.1:{silent.getsockname()[1]}"), timeout=0.5)


def command(argv: str, more: str = "") -> str:
    return f"    kind: command\n    command: {argv}\n{more}"


def test_commands() -> None:
    text_format = '# HELP a_total A.\\n# TYPE a_total counter\\na_total{x="1"} 2\\n'
    found = page(command(f"[/usr/bin/printf, '{text_format}']", "    labels: {site: here}\n"))
    assert 'a_total{site="here",x="1"} 2.0' in found and "# TYPE a_total counter" in found
    number = "    format: number\n    metrics: [{name: n, help: N., value: '@'}]\n"
    assert "n 3.5" in page(command("[/bin/echo, '3.5']", number))
    environment = page(command('[/bin/sh, -c, \'echo "v{x=\\"$SECRET$GIVEN\\"} 1"\']', "    environment: {GIVEN: g}\n"))
    assert 'v{x="g"} 1.0' in environment


@pytest.mark.parametrize(
    ("argv", "more", "reason", "message"),
    [
        ("[/bin/false]", "", "upstream", "ended with code 1"),
        ("[/bin/none]", "", "error", "cannot start /bin/none"),
        ("[/usr/bin/yes]", "    max_output: 1MB\n", "too_large", "wrote more"),
        ("[/bin/echo, 'a{b}']", "", "malformed", "no Prometheus text"),
        ("[/bin/echo, x]", "    format: json\n    metrics: [{name: n, help: N., value: v}]\n", "malformed", "no json"),
    ],
)
def test_commands_that_fail(argv: str, more: str, reason: str, message: str) -> None:
    with pytest.raises(CollectError, match=message) as caught:
        collect(command(argv, more))
    assert caught.value.reason == reason


def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    script = f"sleep 999 & echo $! > {mark}; sleep 999"
    with pytest.raises(asyncio.TimeoutError):
        collect(command(f"[/bin/sh, -c, '{script}']"), timeout=0.5)
    child = int(mark.read_text())
    end = time.monotonic() + 5
    while time.monotonic() < end:
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split(")")[1].split()[0] == "Z":
            return
        time.sleep(0.02)
    raise AssertionError("it still runs")


def test_python_collectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_metrics.py").write_text(
        "from prometheus_client.core import GaugeMetricFamily\n"
        "def stock(size, target=''):\n    yield GaugeMetricFamily('shop_stock', 'Stock.', value=size)\n"
        "def ends():\n    raise SystemExit(3)\n"
        "def odd():\n    yield 1\n"
    )
    info = tmp_path / "shop_metrics-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-metrics\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[obs_exporter.collectors]\nstock = shop_metrics:stock\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name in ("stock", "shop_metrics:stock"):
        assert "shop_stock 7.0" in page(f"    kind: python\n    collector: '{name}'\n    options: {{size: 7}}\n")
    for name, message in (
        ("none", "no entry point"),
        ("shop_metrics:ends", "SystemExit"),
        ("shop_metrics:odd", "no Metric"),
        ("shop_metrics:stock", "missing 1 required"),
        ("no_such:thing", "cannot load"),
    ):
        with pytest.raises(CollectError, match=message):
            collect(f"    kind: python\n    collector: '{name}'\n")


SHOW = """Id=web.service
ActiveState=active
NRestarts=3
ControlGroup=/system.slice/web.service

Id=gone.service
ActiveState=failed
NRestarts=0
ControlGroup=
"""


def files(root: Path, **contents: str) -> None:
    for name, content in contents.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("limited", [False, True])
def test_units(tmp_path: Path, version: int, limited: bool) -> None:
    group = "system.slice__web.service__"
    if version == 2:
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
        files(
            tmp_path,
            **{
                f"{group}memory.current": "1048576\n",
                f"{group}memory.max": "2097152\n" if limited else "max\n",
                f"{group}cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
                f"{group}pids.current": "4\n",
                f"{group}memory.events": "low 0\noom_kill 2\n",
            },
        )
    else:
        files(
            tmp_path,
            **{
                f"memory__{group}memory.usage_in_bytes": "1048576\n",
                f"memory__{group}memory.limit_in_bytes": "2097152\n" if limited else "9223372036854771712\n",
                f"memory__{group}memory.oom_control": "oom_kill_disable 0\noom_kill 2\n",
                f"cpuacct__{group}cpuacct.usage": "2500000000\n",
                f"pids__{group}pids.current": "4\n",
            },
        )
    config = parse(f"modules:\n  u:\n    kind: systemd_units\n    units: ['*.service']\n    cgroup_root: {tmp_path}\n")
    found = text(read_units(config.modules["u"], SHOW).families, False).decode()  # type: ignore[arg-type]
    for line in (
        'systemd_unit_active{unit="web.service"} 1.0',
        'systemd_unit_active{unit="gone.service"} 0.0',
        'systemd_unit_restarts_total{unit="web.service"} 3.0',
        'systemd_unit_cpu_seconds_total{unit="web.service"} 2.5',
        'systemd_unit_memory_bytes{unit="web.service"} 1.048576e+06',
        'systemd_unit_tasks{unit="web.service"} 4.0',
        'systemd_unit_oom_kills_total{unit="web.service"} 2.0',
    ):
        assert line in found
    assert ('systemd_unit_memory_limit_bytes{unit="web.service"} 2.097152e+06' in found) is limited


def test_a_control_group_is_not_followed_out_of_the_tree() -> None:
    assert [unit["Id"] for unit in parse_show(SHOW)] == ["web.service", "gone.service"]
    config = parse("modules:\n  u:\n    kind: systemd_units\n    units: [a]\n    cgroup_root: /\n").modules["u"]
    found = read_units(config, "Id=a\nActiveState=active\nControlGroup=/../etc\n")  # type: ignore[arg-type]
    assert [family.name for family in found.families] == ["systemd_unit_active"]
