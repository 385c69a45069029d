#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection on fresh hosts of the laboratory; `make bench` runs it.

Three runs per round, for Prometheus, Alertmanager and node_exporter on one host: first install, nothing to change, and
a change of both configurations (a label in Prometheus, a group wait in Alertmanager). Where PEER_COLLECTIONS names a
folder that holds ansible_collections/prometheus/prometheus, that collection's roles do the same on a fresh host beside
it, from the same archives, in turns with ours. Medians are printed, and ratios held against the targets.

A round needs a host image and the artifact store (`scripts/lab.sh` makes both).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.lab import paths  # noqa: E402  (this file is also run by its path)

CONTAINER = ROOT / "molecule" / "shared" / "hosts" / "container.yml"
PHASES = ("first install", "no change", "configuration change")
# Ours at most this part of the peer's time.
TARGETS = {"first install": 1 / 2, "no change": 1 / 8}
SERVICES = ("prometheus", "alertmanager", "node_exporter")
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


class BenchError(Exception):
    """A measurement that could not be made, told in a line or two."""


@dataclass
class Sample:
    """One run. seconds of wall time; tasks the host went through, skipped ones included; what the services saw."""

    seconds: float
    tasks: int
    changed: int
    reloads: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)


class Host:
    """A fresh container with systemd, removed at the end."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Host:
        wanted = yaml.safe_load(CONTAINER.read_text())
        options = wanted["obs_container"]
        command = ["docker", "run", "--detach", "--name", self.name, "--hostname", self.name,
                   "--cgroupns", options["cgroupns_mode"], "--pull", "never"]
        for flag, key in (("--cap-add", "capabilities"), ("--security-opt", "security_opts"), ("--tmpfs", "tmpfs"),
                          ("--volume", "volumes")):
            for value in options[key]:
                command += [flag, value]
        _run([*command, wanted["obs_container_image"], options["command"]])
        for _attempt in range(60):
            state = self.run("systemctl", "is-system-running", check=False)
            if state in ("running", "degraded"):
                return self
            time.sleep(0.5)
        raise BenchError(f"{self.name}: systemd is '{state}' after 30 s. See docker logs {self.name}")

    def __exit__(self, *_exc: object) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def run(self, *command: str, check: bool = True) -> str:
        """Output of a command on the host."""
        return _run(["docker", "exec", self.name, *command], check=check)

    def starts(self, service: str) -> int:
        """How often systemd started the service since the host is up."""
        return self._journal(service).count(f"Started {service}.service")

    def loads(self, service: str) -> int:
        """How often the service says that it loaded its configuration (at start and at each reload)."""
        return self._journal(service).count("Completed loading of configuration file")

    def _journal(self, service: str) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", service)


@dataclass(frozen=True)
class Contender:
    """A collection under measurement. change(n): the variables that differ after the n-th change of configuration."""

    name: str
    collections: str
    plays: list[dict[str, Any]]
    groups: tuple[str, ...]
    variables: dict[str, Any]
    change: Callable[[int], dict[str, Any]]


def ours(lab: dict[str, Any]) -> Contender:
    """Our side: everything on one host by the site playbook as users run it, the laboratory's versions included."""
    variables = {key: value for key, value in lab.items() if key != "obs_lab_components"}
    return Contender(
        "obs.stack", str(ROOT / "collections"), [{"ansible.builtin.import_playbook": "obs.stack.site"}],
        ("prometheus", "alertmanager", "monitored"), variables, lambda number: {
            "prometheus_config": {"global": {"external_labels": {"bench": f"round{number}"}}},
            "alertmanager_config": {"route": _route(number), "receivers": [{"name": "nobody"}]},
        })


def _route(number: int) -> dict[str, Any]:
    return {"receiver": "nobody", "group_wait": f"{30 + number}s"}


def peer(folder: Path, lab: dict[str, Any], mirror: str, cache: Path) -> Contender:
    """The peer's side: the same versions from the same archives over loopback, its cache in a folder of its own."""
    variables: dict[str, Any] = {
        "prometheus_alertmanager_config": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}],
        "prometheus_targets": {"node": [{"targets": ["127.0.0.1:9100"]}]},
    }
    arch = ARCHES[platform.machine()]
    for name in SERVICES:
        version = lab["obs_lab_components"][name]["version"]
        base = f"{mirror}/github.com/prometheus/{name}/releases/download/v{version}"
        variables |= {
            f"{name}_version": version,
            f"{name}_binary_url": f"{base}/{name}-{version}.linux-{arch}.tar.gz",
            f"{name}_checksums_url": f"{base}/sha256sums.txt",
            f"{name}_local_cache_path": str(cache / name),
        }
    roles = [f"prometheus.prometheus.{name}" for name in ("node_exporter", "alertmanager", "prometheus")]
    plays = [{"name": "Install all three", "hosts": "all", "become": True, "gather_facts": True, "roles": roles}]
    return Contender("prometheus.prometheus", str(folder), plays, ("all",), variables, lambda number: {
        "prometheus_external_labels": {"bench": f"round{number}"},
        "alertmanager_route": _route(number), "alertmanager_receivers": [{"name": "nobody"}],
    })


def play(contender: Contender, host: Host, number: int, work: Path) -> tuple[float, int, int]:
    """Run the contender's plays; return seconds, tasks and changed tasks of the host.

    Raises:
        BenchError: the run failed; its output is kept in the folder.
    """
    connection = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
    inventory = {"all": {
        "hosts": {host.name: connection},
        "vars": contender.variables | contender.change(number),
        "children": {group: {"hosts": {host.name: {}}} for group in contender.groups if group != "all"},
    }}
    (work / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (work / "site.yml").write_text(yaml.safe_dump(contender.plays))
    environment = dict(
        os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_COLLECTIONS_PATH=contender.collections,
        ANSIBLE_PIPELINING="1", ANSIBLE_DEPRECATION_WARNINGS="0", ANSIBLE_NOCOLOR="1",
        # A cache of its own, empty at the first install, so that both fetch what they install.
        XDG_CACHE_HOME=str(work / "cache"),
    )
    started = time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", str(work / "inventory.yml"), str(work / "site.yml")],
        cwd=work, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    recap = re.search(rf"^{re.escape(host.name)}\s*:\s*(.*)$", done.stdout.partition("PLAY RECAP")[2], re.MULTILINE)
    if done.returncode != 0 or recap is None:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise BenchError(f"{contender.name}: ansible-playbook ended with {done.returncode} on {host.name}:\n{tail}")
    counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", recap.group(1))}
    return seconds, counts["ok"] + counts["skipped"], counts["changed"]


def measure(contender: Contender, number: int, folder: Path) -> dict[str, Sample]:
    """One round on one fresh host: the three phases in order."""
    work = folder / f"{contender.name}-{number}"
    (work / "cache").mkdir(parents=True)
    samples = {}
    with Host(f"obs-bench-{os.getpid()}-{re.sub(r'[^a-z]', '-', contender.name)}-{number}") as host:
        for phase, change in zip(PHASES, (0, 0, number + 1)):
            starts = {name: host.starts(name) for name in SERVICES}
            loads = {name: host.loads(name) for name in SERVICES}
            sample = Sample(*play(contender, host, change, work))
            sample.restarts = {name: host.starts(name) - starts[name] for name in SERVICES}
            sample.reloads = {name: max(0, host.loads(name) - loads[name] - sample.restarts[name]) for name in SERVICES}
            samples[phase] = sample
            print(f"  {contender.name:<22} {phase:<21} {sample.seconds:6.1f} s {sample.tasks:4} tasks "
                  f"{sample.changed:3} changed", file=sys.stderr, flush=True)
    return samples


@contextlib.contextmanager
def mirror(store: Path) -> Iterator[str]:
    """The store's mirror over HTTP on loopback, for whoever cannot read file:// addresses."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(store / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def median(samples: list[dict[str, Sample]], phase: str) -> Sample:
    """Median time; the counts of the last round (they do not vary)."""
    last = samples[-1][phase]
    seconds = statistics.median(sample[phase].seconds for sample in samples)
    return Sample(seconds, last.tasks, last.changed, last.reloads, last.restarts)


def report(results: dict[str, list[dict[str, Sample]]]) -> tuple[str, bool]:
    """The table, the ratios, and whether every target that could be judged was reached."""
    lines = [f"{'collection':<22} {'run':<21} {'median':>8} {'fastest':>8} {'slowest':>8} {'tasks':>6} {'changed':>8}"]
    for name, samples in results.items():
        for phase in PHASES:
            times = [sample[phase].seconds for sample in samples]
            row = median(samples, phase)
            lines.append(f"{name:<22} {phase:<21} {row.seconds:6.1f} s {min(times):6.1f} s {max(times):6.1f} s "
                         f"{row.tasks:>6} {row.changed:>8}")
    lines.append("")
    good = True
    for name, samples in results.items():
        row = median(samples, PHASES[2])
        told = ", ".join(f"{service} {row.reloads[service]}/{row.restarts[service]}" for service in SERVICES)
        lines.append(f"{name}: reloads/restarts for the configuration change: {told}")
        if name == "obs.stack":
            good = all(row.reloads[service] <= 1 and row.restarts[service] == 0 for service in SERVICES)
            lines.append(f"  target: at most one reload and no restart each: {_verdict(good)}")
    if len(results) == 2:
        our, their = results.values()
        lines += ["", "ratio to the peer"]
        for phase in PHASES:
            ratio = median(our, phase).seconds / median(their, phase).seconds
            target = TARGETS.get(phase)
            reached = target is None or ratio <= target
            good &= reached
            told = f", target at most {target:.3f}: {_verdict(reached)}" if target else ""
            lines.append(f"  {phase:<21} {ratio:.3f} (1/{1 / ratio:.1f}){told}")
    return "\n".join(lines), good


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def _run(command: list[str], check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise BenchError(f"{' '.join(command[:6])}…: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    """Entry point: 0 measured and every target reached, 1 a target missed, 2 not measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    parser.add_argument("--rounds", type=int, default=rounds, help="fresh hosts per collection (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write every sample to this file")
    options = parser.parse_args(arguments)
    store = paths.store()
    try:
        lab = yaml.safe_load((store / "obs_lab.yml").read_text())
        results: dict[str, list[dict[str, Sample]]] = {}
        with tempfile.TemporaryDirectory(prefix="obs-bench-") as folder, mirror(store) as address:
            work = Path(folder)
            contenders = [ours(lab)]
            if os.environ.get("PEER_COLLECTIONS"):
                there = Path(os.environ["PEER_COLLECTIONS"]).resolve()
                if not (there / "ansible_collections" / "prometheus" / "prometheus" / "roles").is_dir():
                    raise BenchError(f"PEER_COLLECTIONS={there} holds no ansible_collections/prometheus/prometheus")
                contenders.append(peer(there, lab, address, work / "peer-cache"))
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
                for contender in contenders:
                    shutil.rmtree(work / "peer-cache", ignore_errors=True)
                    results.setdefault(contender.name, []).append(measure(contender, number, work))
    except (BenchError, OSError, KeyError) as error:
        print(f"bench: {error if not isinstance(error, KeyError) else f'obs_lab.yml lacks {error}'}", file=sys.stderr)
        return 2
    if options.json:
        samples = {name: [{phase: vars(sample) for phase, sample in row.items()} for row in rows]
                   for name, rows in results.items()}
        options.json.write_text(json.dumps(samples, indent=2) + "\n")
    components = ", ".join(f"{name} {lab['obs_lab_components'][name]['version']}" for name in SERVICES)
    text, good = report(results)
    print(f"{components}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds\n\n{text}")
    if len(results) == 1:
        print("\nNo peer: set PEER_COLLECTIONS to a folder that holds ansible_collections/prometheus/prometheus.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
