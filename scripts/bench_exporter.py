#!/usr/bin/env python3
"""Measures the exporter: scrapes of 10,000 series in 50 modules, lines of a log per second, memory over time.

    python -m scripts.bench_exporter [--minutes 10] [--lines 2000000]

Beside it Debian's mtail on the same log, where it is installed. Ends with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from scripts import projects
from scripts.lab import paths

MODULES, SERIES = 50, 200
LINES_PER_SECOND = 280_000
MTAIL = r"""counter app_requests_total by method, status
/"(?P<method>[A-Z]+) (?P<path>[^ ?"]*)[^"]*" (?P<status>\d{3}) / {
  app_requests_total[$method][$status]++
}
"""


def configuration(folder: Path) -> str:
    """50 modules of 200 series each, out of files, half of them collected beside the scrapes."""
    parts = ["modules:"]
    for number in range(MODULES):
        rows = [{"n": row, "v": row * 1.5} for row in range(SERIES)]
        (folder / f"{number}.json").write_text(json.dumps(rows))
        every = "    interval: 10s\n" if number % 2 else ""
        parts.append(
            f"  m{number}:\n    kind: http_json\n    url: file://{folder}/{number}.json\n{every}    metrics:\n"
            f"      - {{name: m{number}_v, help: V., each: '@', value: v, labels: {{n: n}}}}"
        )
    return "\n".join(parts) + "\n"


def write_log(path: Path, lines: int, form: str) -> None:
    """An access log as nginx writes it."""
    chance = random.Random(1)
    pages = [f"/users/{number}" for number in range(500)] + ["/orders", "/"]
    with path.open("w") as file:
        for number in range(lines):
            page, status = chance.choice(pages), chance.choice([200, 200, 404, 500])
            if form == "combined":
                file.write(
                    f'10.0.0.{number % 250} - - [22/Nov/2026:13:55:36 +0000] "GET {page} HTTP/1.1" {status} 512 "-" '
                    '"Mozilla/5.0 (X11; Linux x86_64)"\n'
                )
            else:
                row = {"time": "2026-11-22T13:55:36+00:00", "method": "GET", "path": page, "status": str(status)}
                row.update(request_time=f"{chance.random():.3f}", trace_id=f"{chance.getrandbits(128):032x}")
                file.write(json.dumps(row) + "\n")


class Running:
    """An exporter at work."""

    def __init__(self, python: Path, folder: Path, config: str) -> None:
        (folder / "exporter.yml").write_text(config)
        source = paths.PROJECTS["exporter"] / "src"
        command = [str(python), "-m", "obs_exporter.main", "--config.file", str(folder / "exporter.yml")]
        command += ["--storage.path", str(folder / "state"), "--web.listen-address", "127.0.0.1:19920"]
        self.process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(source)}, stderr=subprocess.DEVNULL
        )
        until(lambda: self.get("/-/ready"))

    def get(self, path: str = "/metrics") -> str:
        """A page; "" where there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:19920{path}", timeout=30) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def value(self, name: str) -> float:
        """Sum over the series that begin so."""
        return sum(float(line.split()[-1]) for line in self.get().splitlines() if line.startswith(name))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def until(what: Callable[[], object], seconds: float = 300, step: float = 0.02) -> None:
    """Wait for a true value."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise SystemExit("bench_exporter: waited in vain")
        time.sleep(step)


def scrapes(python: Path, folder: Path, seconds: float) -> bool:
    """Scrape every 5 s; say latency, CPU and memory."""
    running = Running(python, folder, configuration(folder))
    taken: list[float] = []
    memory: list[float] = []
    cpu, began = running.value("process_cpu_seconds_total"), time.monotonic()
    while time.monotonic() - began < seconds or len(taken) < 5:
        start = time.monotonic()
        page = running.get()
        taken.append(time.monotonic() - start)
        memory.append(float(next(x for x in page.splitlines() if x.startswith("process_resident_m")).split()[-1]) / 1e6)
        time.sleep(max(0.0, 5 - taken[-1]) if seconds > 60 else 0.2)
    count = sum(line.startswith("m") for line in page.splitlines())
    cpu = (running.value("process_cpu_seconds_total") - cpu) / len(taken)
    running.stop()
    half = memory[len(memory) // 4 :]
    grown = half[-1] - half[0]
    print(
        f"scrape of {count} series in {MODULES} modules: median {statistics.median(taken) * 1000:.0f} ms, most "
        f"{max(taken) * 1000:.0f} ms, CPU {cpu * 1000:.0f} ms each"
    )
    print(
        f"memory over {time.monotonic() - began:.0f} s and {len(taken)} scrapes: {half[0]:.1f}, then {half[-1]:.1f} MB"
    )
    return grown < 10 and count >= MODULES * SERIES


def follow(python: Path, folder: Path, lines: int, form: str) -> bool:
    """Lines per second, from the start of following to the last line shown."""
    log = folder / f"{form}.log"
    write_log(log, lines, form)
    rules = "    path_rules: [{match: '/users/[0-9]+', endpoint: '/users/{id}'}]\n"
    config = f"modules:\n  log:\n    kind: log\n    paths: [{log}]\n    format: {form}\n{rules}"
    began = time.monotonic()
    running = Running(python, folder, config)
    ready = time.monotonic()
    until(lambda: running.value("app_requests_total{") >= lines, step=0.25)
    seconds = time.monotonic() - ready
    cpu = running.value("process_cpu_seconds_total")
    running.stop()
    shutil.rmtree(folder / "state")
    rate = lines / (time.monotonic() - began if seconds <= 0 else seconds)
    reached = "reached" if rate >= LINES_PER_SECOND else "MISSED"
    print(f"following {form}: {rate:,.0f} lines/s, CPU {cpu:.1f} s; at least {LINES_PER_SECOND:,}: {reached}")
    return rate >= LINES_PER_SECOND


def mtail(folder: Path) -> None:
    """The same combined log through mtail, where there is one."""
    program = shutil.which("mtail")
    if program is None:
        print("mtail: not installed")
        return
    (folder / "p.mtail").write_text(MTAIL)
    log = folder / "combined.log"
    lines = log.read_bytes().count(b"\n")
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(
        [program, "-progs", str(folder / "p.mtail"), "-logs", str(log), "-one_shot"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    print(f"mtail on the same log: {lines / (time.monotonic() - began):,.0f} lines/s, CPU {used:.1f} s")


def main() -> int:
    """Measure; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1, help="how long memory is watched; 10 to call it flat")
    options.add_argument("--lines", type=int, default=2_000_000)
    arguments = options.parse_args()
    python = projects.environment("exporter", paths.PROJECTS["exporter"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = [scrapes(python, folder, arguments.minutes * 60)]
        good += [follow(python, folder, arguments.lines, form) for form in ("combined", "nginx_json")]
        mtail(folder)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
