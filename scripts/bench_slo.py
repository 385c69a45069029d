#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures obs.stack.slo_rules with 1,000 SLOs on this machine; `make bench` runs it too.

Files of Sloth are read and rendered in this process, promtool checks the rules, and a playbook brings them to a folder
of this machine: first, and with nothing to change. Then a Prometheus that has thirty days of the recorded ratios
evaluates them for some minutes, and tells how much of a core it took and how many evaluations it missed.
`--no-prometheus` leaves that out; it takes minutes to fill.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents  # noqa: E402
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of  # noqa: E402
from scripts.lab import paths  # noqa: E402

SERVICES, EACH = 50, 20
# Seconds, and a part of one core.
RENDER, NO_CHANGE, CORE = 1.0, 3.0, 0.5
DAYS, STEP = 30, 300
OBSERVED = 300


def documents() -> dict[str, str]:
    """Files of Sloth by name."""
    query = 'sum(rate(http_request_duration_seconds_count{{job="svc{service}"{more}}}[{{{{.window}}}}]))'
    files = {}
    for service in range(SERVICES):
        total = query.format(service=service, more="")
        errors = query.format(service=service, more=',code=~"(5..|429)"')
        slos = [
            {
                "name": f"slo{number}", "objective": 99.9,
                "sli": {"events": {"error_query": errors, "total_query": total}},
                "alerting": {"name": "HighErrorRate", "page_alert": {"labels": {"severity": "page"}}},
            }
            for number in range(EACH)
        ]
        document = {"version": "prometheus/v1", "service": f"svc{service}", "labels": {"owner": "team"}, "slos": slos}
        files[f"svc{service}.yml"] = yaml.safe_dump(document)
    return files


def rendered(files: dict[str, str]) -> dict[str, str]:
    """Rules of the files, from their text on."""
    read = [(name, yaml.load(text, Loader=yaml.CSafeLoader)) for name, text in files.items()]
    return files_of(read_documents(read, Given()))


def timed(work: Any, times: int = 3) -> tuple[float, Any]:
    """The median of some runs, in seconds, and what the last one gave."""
    seconds, result = [], None
    for _number in range(times):
        started = time.monotonic()
        result = work()
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds), result


def playbook(folder: Path, promtool: Path) -> float:
    """Bring the rules to a folder of this machine; the seconds of the whole ansible-playbook.

    Raises:
        RuntimeError: it failed.
    """
    task = {"src": [str(folder / "slos")], "dest": str(folder / "rules"), "reload": "none", "promtool": str(promtool)}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable}, "tasks": [{"obs.stack.slo_rules": task}]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    environment = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1")
    started = time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", str(folder / "play.yml")],
        env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return time.monotonic() - started


def ratios(path: Path, rules: dict[str, str]) -> None:
    """Thirty days of the recorded 5-minute ratio of every SLO, as OpenMetrics."""
    now = int(time.time()) // STEP * STEP
    found = re.findall(
        r"ratio_rate5m\n(?:.*\n)*?    labels:\n((?:      .*\n)+)", "".join(rules.values()))
    series = [dict(re.findall(r'^      (\w+): "?([^"\n]*)', labels, re.MULTILINE)) for labels in found]
    with path.open("w") as out:
        out.write("# TYPE slo:sli_error:ratio_rate5m gauge\n")
        for labels in series:
            matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
            head = f"slo:sli_error:ratio_rate5m{{{matchers}}}"
            out.writelines(f"{head} 0.0004 {when}\n" for when in range(now - DAYS * 86400, now - 7200, STEP))
        out.write("# EOF\n")


@contextlib.contextmanager
def prometheus(folder: Path, binary: Path) -> Iterator[tuple[int, int]]:
    """A Prometheus on loopback over a folder's data and rules; its process id and port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    interval = {"scrape_interval": "15s", "evaluation_interval": "15s"}
    scrape = {"job_name": "self", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    config = {"global": interval, "rule_files": [str(folder / "rules" / "*.yml")], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        str(binary), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=40d", f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process.pid, port
        finally:
            process.terminate()


def metric(port: int, name: str) -> float:
    """The sum of a metric over its labels, 0 while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def evaluated(folder: Path, rules: dict[str, str], binary: Path, promtool: Path) -> tuple[float, float]:
    """Part of a core that evaluation takes over some minutes, and evaluations that were missed."""
    ratios(folder / "ratios.om", rules)
    (folder / "data").mkdir()
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=240h", folder / "ratios.om",
         folder / "data"], check=True, capture_output=True)
    (folder / "ratios.om").unlink()
    with prometheus(folder, binary) as (pid, port):
        # The first round of every group, and the data being opened, are not of it.
        deadline = time.monotonic() + 300
        while metric(port, "prometheus_rule_evaluations_total") < 20000 and time.monotonic() < deadline:
            time.sleep(2)
        time.sleep(120)
        used, missed = _cpu(pid), metric(port, "prometheus_rule_group_iterations_missed_total")
        started = time.monotonic()
        time.sleep(OBSERVED)
        seconds = time.monotonic() - started
        later = metric(port, "prometheus_rule_group_iterations_missed_total")
        return (_cpu(pid) - used) / seconds, later - missed


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tools() -> tuple[Path, Path]:
    """prometheus and promtool as the artifact store was filled from.

    Raises:
        RuntimeError: they are not there.
    """
    built = sorted((paths.store().parent / "build" / "prometheus").glob("*/amd64/promtool"))
    found = [shutil.which("prometheus"), shutil.which("promtool")]
    if built:
        return built[-1].with_name("prometheus"), built[-1]
    if not all(found):
        raise RuntimeError("no prometheus and promtool on the PATH nor in the artifact store; make lab fills it")
    return Path(str(found[0])), Path(str(found[1]))


def main(arguments: list[str]) -> int:
    """Entry point: 0 measured and every target reached, 1 a target missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--no-prometheus", action="store_true", help="leave the evaluation out")
    options = parser.parse_args(arguments)
    binary, promtool = tools()
    files = documents()
    good = True

    def tell(what: str, value: float, unit: str, target: float | None = None) -> None:
        nonlocal good
        reached = target is None or value <= target
        good &= reached
        told = "" if target is None else f"  target at most {target:g} {unit}: {'reached' if reached else 'MISSED'}"
        print(f"{what:<42} {value:8.2f} {unit}{told}", flush=True)

    with tempfile.TemporaryDirectory(prefix="obs-bench-slo-") as name:
        folder = Path(name)
        (folder / "slos").mkdir()
        for file, text in files.items():
            (folder / "slos" / file).write_text(text)
        seconds, rules = timed(lambda: rendered(files))
        number = sum(len(re.findall(r"^  - (?:record|alert): ", text, re.MULTILINE)) for text in rules.values())
        print(f"{SERVICES * EACH} SLOs, {number} rules, {sum(map(len, rules.values())) / 1e6:.1f} MB; "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        tell("read and render, in this process", seconds, "s", RENDER)
        tell("first run, checked by promtool", playbook(folder, promtool), "s")
        tell("run with nothing to change", timed(lambda: playbook(folder, promtool))[0], "s", NO_CHANGE)
        if not options.no_prometheus:
            core, missed = evaluated(folder, rules, binary, promtool)
            tell(f"evaluation over {DAYS} days of ratios", core, "cores", CORE)
            tell("evaluations missed", missed, "", 0)
            # A machine that has other work misses some whatever they cost.
            print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
