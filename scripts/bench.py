#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection on fresh hosts of the laboratory; `make bench` runs it.

Three runs per round, for Prometheus, Alertmanager and node_exporter on one host: first install, nothing to change, and
a change of both configurations (a label in Prometheus, a group wait in Alertmanager). Where PEER_COLLECTIONS names a
folder that holds ansible_collections/prometheus/prometheus, that collection's roles do the same on a fresh host beside
it, from the same archives, each run right after ours. The whole stack of inventories/local is installed once more on a
host of its own, and run as often with nothing to change. Medians are printed, and ratios held against the targets. CPU
is what ansible-playbook and the host used together: it tells more than time where the machine has other work.

The part `grafana` brings dashboards and data sources to the tests' simulator, beside community.grafana where
PEER_COLLECTIONS holds that (scripts/bench_grafana.py); it needs no host.

A round needs a host image and the artifact store (`scripts/lab.sh` makes both).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import bench_grafana, bench_stack  # noqa: E402
from scripts.bench_host import BenchError, Host  # noqa: E402
from scripts.bench_peers import PEERS, mirror, peer_folder  # noqa: E402
from scripts.lab import paths  # noqa: E402  (this file is also run by its path)

PHASES = ("first install", "no change", "configuration change")
# Ours at most this part of the peer's time.
TARGETS = {"first install": 1 / 2, "no change": 1 / 8}
SERVICES = ("prometheus", "alertmanager", "node_exporter")
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass
class Sample:
    """One run. seconds of wall time, and of CPU; tasks the host went through, skipped ones too; what services saw."""

    seconds: float
    cpu: float
    tasks: int
    changed: int
    reloads: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)


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


def whole_stack(lab: dict[str, Any]) -> Contender:
    """Everything there is on one host."""
    groups, variables = bench_stack.estate(lab)
    return Contender("whole stack", str(ROOT / "collections"), [{"ansible.builtin.import_playbook": "obs.stack.site"}],
                     groups, variables, lambda _number: {})


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


def play(contender: Contender, host: Host, number: int, work: Path) -> Sample:
    """Run the contender's plays on a host, configured as after the number-th change.

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
    started, cpu = time.monotonic(), _children_cpu() + host.cpu()
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", str(work / "inventory.yml"), str(work / "site.yml")],
        cwd=work, env=environment, capture_output=True, text=True, check=False)
    seconds, cpu = time.monotonic() - started, _children_cpu() + host.cpu() - cpu
    recap = re.search(rf"^{re.escape(host.name)}\s*:\s*(.*)$", done.stdout.partition("PLAY RECAP")[2], re.MULTILINE)
    if done.returncode != 0 or recap is None:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise BenchError(f"{contender.name}: ansible-playbook ended with {done.returncode} on {host.name}:\n{tail}")
    counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", recap.group(1))}
    return Sample(seconds, cpu, counts["ok"] + counts["skipped"], counts["changed"])


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tell(contender: Contender, phase: str, sample: Sample) -> None:
    print(f"  {contender.name:<22} {phase:<21} {sample.seconds:6.1f} s {sample.cpu:6.1f} s CPU "
          f"{sample.tasks:4} tasks {sample.changed:3} changed", file=sys.stderr, flush=True)


def measure(contenders: list[Contender], number: int, folder: Path) -> dict[str, dict[str, Sample]]:
    """One round, each contender on a fresh host: the three phases in order, each run right after the other's."""
    samples: dict[str, dict[str, Sample]] = {contender.name: {} for contender in contenders}
    with contextlib.ExitStack() as stack:
        hosts = {}
        for contender in contenders:
            name = f"obs-bench-{os.getpid()}-{re.sub(r'[^a-z]', '-', contender.name)}-{number}"
            hosts[contender.name] = stack.enter_context(Host(name))
            (folder / f"{contender.name}-{number}" / "cache").mkdir(parents=True)
        for phase, change in zip(PHASES, (0, 0, number + 1)):
            for contender in contenders:
                work = folder / f"{contender.name}-{number}"
                sample = samples[contender.name][phase] = _observed(contender, hosts[contender.name], change, work)
                _tell(contender, phase, sample)
    return samples


def measure_stack(contender: Contender, rounds: int, folder: Path) -> tuple[Sample, list[Sample], int]:
    """The whole stack on a fresh host: its first install, runs with nothing to change, and how many services it has."""
    (folder / "whole-stack" / "cache").mkdir(parents=True)
    with Host(f"obs-bench-{os.getpid()}-whole-stack") as host:
        samples = []
        for number in range(1 + rounds):
            sample = play(contender, host, number, folder / "whole-stack")
            samples.append(sample)
            _tell(contender, PHASES[min(number, 1)], sample)
        services = len(host.run("find", "/opt/obs", "-mindepth", "2", "-maxdepth", "2", "-name", "current").split())
    return samples[0], samples[1:], services


def _observed(contender: Contender, host: Host, change: int, work: Path) -> Sample:
    """A run, and how often each service was started and reloaded during it."""
    starts = {name: host.starts(name) for name in SERVICES}
    loads = {name: host.loads(name) for name in SERVICES}
    sample = play(contender, host, change, work)
    sample.restarts = {name: host.starts(name) - starts[name] for name in SERVICES}
    sample.reloads = {name: max(0, host.loads(name) - loads[name] - sample.restarts[name]) for name in SERVICES}
    return sample


def median(samples: list[dict[str, Sample]], phase: str) -> Sample:
    """Median time and CPU; the counts of the last round (they do not vary)."""
    seconds = statistics.median(sample[phase].seconds for sample in samples)
    cpu = statistics.median(sample[phase].cpu for sample in samples)
    return dataclasses.replace(samples[-1][phase], seconds=seconds, cpu=cpu)


def report(results: dict[str, list[dict[str, Sample]]]) -> tuple[str, bool]:
    """The table, the ratios, and whether every target that could be judged was reached."""
    lines = [f"{'collection':<22} {'run':<21} {'median':>8} {'fastest':>8} {'slowest':>8} {'CPU':>8} "
             f"{'tasks':>6} {'changed':>8}"]
    for name, samples in results.items():
        for phase in PHASES:
            times = [sample[phase].seconds for sample in samples]
            row = median(samples, phase)
            lines.append(f"{name:<22} {phase:<21} {row.seconds:6.1f} s {min(times):6.1f} s {max(times):6.1f} s "
                         f"{row.cpu:6.1f} s {row.tasks:>6} {row.changed:>8}")
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
            one, other = median(our, phase), median(their, phase)
            ratio = one.seconds / other.seconds
            target = TARGETS.get(phase)
            reached = target is None or ratio <= target
            good &= reached
            told = f", target at most {target:.3f}: {_verdict(reached)}" if target else ""
            lines.append(f"  {phase:<21} {ratio:.3f} (1/{1 / ratio:.1f}){told}; CPU {one.cpu / other.cpu:.3f}")
    return "\n".join(lines), good


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def services(rounds: int) -> tuple[str, bool, dict[str, Any]]:
    """The part `services`: what it says, whether its targets were reached, and every sample."""
    store = paths.store()
    lab = yaml.safe_load((store / "obs_lab.yml").read_text())
    results: dict[str, list[dict[str, Sample]]] = {}
    there = peer_folder(PEERS[0])
    with tempfile.TemporaryDirectory(prefix="obs-bench-") as folder, mirror(store) as address:
        work = Path(folder)
        contenders = [ours(lab)]
        if there:
            contenders.append(peer(there, lab, address, work / "peer-cache"))
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            shutil.rmtree(work / "peer-cache", ignore_errors=True)
            for name, row in measure(contenders, number, work).items():
                results.setdefault(name, []).append(row)
        print("whole stack", file=sys.stderr, flush=True)
        install, nothing, count = measure_stack(whole_stack(lab), rounds, work)
    samples: dict[str, Any] = {name: [{phase: vars(sample) for phase, sample in row.items()} for row in rows]
                               for name, rows in results.items()}
    samples["whole stack"] = [{PHASES[0]: vars(install)}, *({PHASES[1]: vars(sample)} for sample in nothing)]
    components = ", ".join(f"{name} {lab['obs_lab_components'][name]['version']}" for name in SERVICES)
    text, good = report(results)
    beside = {f"{len(SERVICES)} services by {name}": median(rows, PHASES[1]).seconds for name, rows in results.items()}
    told, enough = bench_stack.report(install, nothing, count, beside)
    return f"{components}\n\n{text}\n\n{told}", good and enough, samples


def grafana(rounds: int) -> tuple[str, bool, dict[str, Any]]:
    """The part `grafana`, likewise."""
    print("grafana", file=sys.stderr, flush=True)
    found = bench_grafana.measure(peer_folder(PEERS[1]), rounds)
    samples = {name: {phase: [vars(run) for run in runs] for phase, runs in phases.items()}
               for name, phases in found.items()}
    return (*bench_grafana.report(found), {"grafana": samples})


PARTS: dict[str, Callable[[int], tuple[str, bool, dict[str, Any]]]] = {"services": services, "grafana": grafana}


def main(arguments: list[str]) -> int:
    """Entry point: 0 measured and every target reached, 1 a target missed, 2 not measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    parser.add_argument("--rounds", type=int, default=rounds, help="fresh hosts per collection (default: %(default)s)")
    parser.add_argument("--part", choices=PARTS, help="measure this part only")
    parser.add_argument("--json", type=Path, help="write every sample to this file")
    options = parser.parse_args(arguments)
    good = True
    samples: dict[str, Any] = {}
    try:
        for name in [options.part] if options.part else PARTS:
            text, reached, more = PARTS[name](options.rounds)
            machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
            print(f"{machine}, {options.rounds} rounds; {text}\n", flush=True)
            good, samples = good and reached, samples | more
    except (BenchError, OSError, KeyError) as error:
        print(f"bench: {error if not isinstance(error, KeyError) else f'obs_lab.yml lacks {error}'}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps(samples, indent=2) + "\n")
    if not os.environ.get("PEER_COLLECTIONS"):
        print(f"No peer: set PEER_COLLECTIONS to a folder that holds ansible_collections with {' or '.join(PEERS)}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
