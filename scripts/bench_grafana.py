# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's Grafana: dashboards and data sources by our modules, and by those of community.grafana in a loop.

Both bring the same files to the same server, the tests' simulator on loopback, each into an organisation of its own by
a token of its own, from an empty start: once, then with nothing to change. Then our modules bring as many dashboards as
a large estate has; what the largest of all processes took (ru_maxrss) is held against the target.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from scripts.bench_host import BenchError
from scripts.bench_peers import PEERS
from scripts.lab.paths import ROOT
from tests.grafana.servers import Api, simulated

PEER = PEERS[1]
# The newest for which the peer does all of this: with Grafana 13 its updates by number find nothing.
VERSION = "12.0.2"
DASHBOARDS, SOURCES, ESTATE = 500, 50, 5000
SIZE = 30_000
"""Bytes of one dashboard's file."""
FASTER = 20
"""How many times faster than the peer's loop a run with nothing to change is to be."""
MEGABYTES = 200
"""What no process may reach with the dashboards of a large estate."""

# A small process of its own: what a child is said to have taken is at least what its parent had at the fork.
_WATCH = """
import json, resource, subprocess, sys, time
started = time.monotonic()
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
told = {"seconds": time.monotonic() - started, "cpu": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss / 1024}
with open(sys.argv[1], "w") as stream:
    json.dump(told, stream)
sys.exit(code)
"""


@dataclasses.dataclass
class Run:
    """One run. seconds of wall time, and of CPU without the server's; megabytes of its largest process."""

    seconds: float
    cpu: float
    megabytes: float
    changed: int = 0


def board(number: int) -> dict[str, Any]:
    """A dashboard as an export has it, of about SIZE bytes."""
    panel = {
        "type": "timeseries",
        "gridPos": {"h": 8, "w": 12, "x": 0, "y": 0},
        "datasource": {"type": "prometheus", "uid": "source-0"},
        "fieldConfig": {"defaults": {"unit": "s", "custom": {"lineWidth": 1, "fillOpacity": 10}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }
    query = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{number='{}'}}[5m])))"
    found: dict[str, Any] = {
        "uid": f"bench-{number}",
        "title": f"Bench {number}",
        "refresh": "30s",
        "schemaVersion": 41,
        "panels": [],
    }
    size = len(json.dumps(found))
    while size < SIZE:
        index = len(found["panels"])
        target = {"refId": "A", "expr": query.format(index), "legendFormat": "{{instance}}"}
        found["panels"].append({**panel, "id": index + 1, "title": f"Panel {index}", "targets": [target]})
        size += len(json.dumps(found["panels"][-1])) + 2
    return found


def write_boards(folder: Path, count: int, each: int = 0) -> None:
    """Write dashboards into a folder, with ``each`` of them in a folder below it."""
    for number in range(count):
        place = folder / f"team-{number // each}" if each else folder
        place.mkdir(parents=True, exist_ok=True)
        (place / f"bench-{number}.json").write_text(json.dumps(board(number)))


def _source(number: int) -> dict[str, Any]:
    return {"name": f"Source {number}", "uid": f"source-{number}", "ds_type": "prometheus",
            "ds_url": f"http://127.0.0.1:{9000 + number}", "is_default": number == 0}


def _play(connection: dict[str, Any], tasks: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    return [{"name": "Bring everything", "hosts": "localhost", "gather_facts": False, "tasks": tasks,
             "module_defaults": {f"group/{group}": connection}}]


def ours(connection: dict[str, Any], folder: Path, sources: int, **more: Any) -> list[dict[str, Any]]:
    """Our playbook: a task for all data sources, and one for all dashboards."""
    tasks = [
        {"name": "Bring data sources", "obs.stack.grafana_datasources": {
            "datasources": [_source(number) for number in range(sources)]}},
        {"name": "Bring dashboards", "obs.stack.grafana_dashboards": {"path": f"{folder}/", **more}},
    ]
    return _play(connection, tasks if sources else tasks[1:], "obs.stack.grafana")


def theirs(connection: dict[str, Any], folder: Path, sources: int) -> list[dict[str, Any]]:
    """The peer's playbook: its modules in loops."""
    listed = [{key: value for key, value in _source(number).items() if value is not False} for number in range(sources)]
    names = sorted(str(path) for path in folder.glob("*.json"))
    tasks: list[dict[str, Any]] = [
        {"name": "Bring data sources", f"{PEER}.grafana_datasource": {
            key: f"{{{{ item.{key} | default(omit) }}}}" for key in _source(0)},
         "loop": listed, "loop_control": {"label": "{{ item.name }}"}},
        {"name": "Bring dashboards", f"{PEER}.grafana_dashboard": {"path": "{{ item }}", "overwrite": True},
         "loop": names},
    ]
    return _play(connection, tasks, f"{PEER}.grafana")


def watched(command: list[str], note: Path, **more: Any) -> tuple[Run, subprocess.CompletedProcess[str]]:
    """Run a command; what it and all its children took, and what it said."""
    done = subprocess.run([sys.executable, "-S", "-c", _WATCH, str(note), *command], capture_output=True, text=True,
                          check=False, **more)
    return Run(**json.loads(note.read_text())), done


def play(name: str, plays: list[dict[str, Any]], collections: str, work: Path) -> Run:
    """Run a playbook on this machine.

    Raises:
        BenchError: it failed; with the end of what it said.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "ansible.cfg").write_text("[defaults]\n")
    (work / "site.yml").write_text(yaml.safe_dump(plays))
    environment = dict(
        os.environ, ANSIBLE_CONFIG=str(work / "ansible.cfg"), ANSIBLE_COLLECTIONS_PATH=collections,
        ANSIBLE_PIPELINING="1", ANSIBLE_DEPRECATION_WARNINGS="0", ANSIBLE_NOCOLOR="1",
    )
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "-e",
               f"ansible_python_interpreter={sys.executable}", str(work / "site.yml")]
    run, done = watched(command, work / "used.json", cwd=work, env=environment)
    recap = done.stdout.rpartition("changed=")[2].split()
    if done.returncode != 0 or not recap:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise BenchError(f"{name}: ansible-playbook ended with {done.returncode}:\n{tail}")
    run.changed = int(recap[0])
    print(f"  {name:<22} {run.seconds:6.1f} s {run.cpu:6.1f} s CPU {run.megabytes:4.0f} MB {run.changed:3} changed",
          file=sys.stderr, flush=True)
    return run


def _connection(api: Api) -> dict[str, Any]:
    return {"url": api.url, "grafana_api_key": api.with_role("Admin").token}


def _must_hold(api: Api, name: str) -> None:
    """Refuse to compare what did not do the work."""
    held = len(api.get("/api/search?type=dash-db&limit=5000").body), len(api.get("/api/datasources").body)
    if held != (DASHBOARDS, SOURCES):
        raise BenchError(f"{name}: Grafana holds {held[0]} dashboards and {held[1]} data sources after its runs")


def measure(peer: Path | None, rounds: int) -> dict[str, dict[str, list[Run]]]:
    """Everything: by contender and phase, its runs.

    Args:
        peer: folder that holds the peer, as ansible_collections/community/grafana.
        rounds: how often ours runs with nothing to change. The peer runs so once: it takes minutes.

    Raises:
        BenchError: a run failed.
    """
    own = str(ROOT / "collections")
    with tempfile.TemporaryDirectory(prefix="obs-bench-") as top, simulated(VERSION) as api:
        work = Path(top)
        found: dict[str, dict[str, list[Run]]] = {}
        write_boards(work / "boards", DASHBOARDS)
        org, name = api.new_org(), "obs.stack"
        plays = ours(_connection(org), work / "boards", SOURCES)
        found[name] = {"first": [play(name, plays, own, work / name)]}
        found[name]["nothing"] = [play(name, plays, own, work / name) for _round in range(rounds)]
        _must_hold(org, name)
        if peer:
            # In the first organisation: in any other one its data sources are changed by every run.
            plays = theirs(_connection(api), work / "boards", SOURCES)
            found[PEER] = {phase: [play(PEER, plays, str(peer), work / PEER)] for phase in ("first", "nothing")}
            _must_hold(api, PEER)
        write_boards(work / "estate", ESTATE, each=250)
        more = {"folders_from_tree": True, "owner": "bench", "prune": True}
        plays = ours(_connection(api.new_org()), work / "estate", 0, **more)
        name = f"{ESTATE} dashboards"
        found[name] = {phase: [play(name, plays, own, work / "large")] for phase in ("first", "nothing")}
    return found


def report(found: dict[str, dict[str, list[Run]]]) -> tuple[str, bool]:
    """The table, the ratio, and whether every target that could be judged was reached."""
    lines = [f"Grafana {VERSION} (simulated): {DASHBOARDS} dashboards of {SIZE // 1000} KB, {SOURCES} data sources"]
    good = True
    for name, phases in found.items():
        for phase, told in (("first", "first run"), ("nothing", "no change")):
            seconds = statistics.median(run.seconds for run in phases[phase])
            cpu = statistics.median(run.cpu for run in phases[phase])
            largest = max(run.megabytes for run in phases[phase])
            changed = max(run.changed for run in phases[phase])
            lines.append(f"  {name:<20} {told:<10} {seconds:8.1f} s {cpu:8.1f} s CPU {largest:5.0f} MB "
                         f"{changed:3} changed")
            good = good and (phase == "first" or changed == 0 or name == PEER)
    if PEER in found:
        for phase, told in (("first", "first run"), ("nothing", "no change")):
            own, other = found["obs.stack"][phase], found[PEER][phase][0]
            ratio = other.seconds / statistics.median(run.seconds for run in own)
            cpu = other.cpu / statistics.median(run.cpu for run in own)
            reached = phase == "first" or ratio >= FASTER
            good = good and reached
            target = f", target at least {FASTER}: {'reached' if reached else 'MISSED'}" if phase == "nothing" else ""
            lines.append(f"  times faster than {PEER}, {told}: {ratio:.1f}{target}; less CPU: {cpu:.1f}")
    large = max(run.megabytes for runs in found[f"{ESTATE} dashboards"].values() for run in runs)
    good = good and large < MEGABYTES
    lines.append(f"  largest process with {ESTATE} dashboards: {large:.0f} MB, target under {MEGABYTES}: "
                 f"{'reached' if large < MEGABYTES else 'MISSED'}")
    return "\n".join(lines), good
