#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends 10,000 alerts through a pair of real Alertmanagers on loopback: whether one is lost, and how long they take.

    python -m scripts.bench_alerts [--alerts 10000]

Both members get every alert, as Prometheus sends it, 64 at a time. Once the alerts are in groups of ten, once each is a
group by itself, where this receiver is the slowest part. The delay is from the moment both have an alert to its
notification, group_wait taken off. Ends with 1 when one is lost, or in groups the 99th percentile is above the target.
"""

from __future__ import annotations

import argparse
import datetime
import http.server
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import yaml

from scripts.lab import paths

GROUP_WAIT = 2  # seconds
TARGET = 10.0  # seconds, the 99th percentile of the delay
PATIENCE = 180  # seconds until what has not come is lost
BATCH = 64


def binary() -> Path:
    """The Alertmanager that the artifact store was filled from."""
    found = sorted((paths.cache() / "build" / "alertmanager").glob("*/amd64/alertmanager"))
    if not found:
        raise SystemExit("bench_alerts: no Alertmanager is there. Run `make lab` first")
    return found[-1]


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Receiver(http.server.ThreadingHTTPServer):
    """Notes when each alert came, and how often."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Notified)
        self.came: dict[str, float] = {}
        self.times: Counter[str] = Counter()
        self.notifications = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, _request: object, _client_address: object) -> None:
        """A member that is ended lets go of what it was about to send: its alerts have come already."""

    def note(self, names: list[str]) -> None:
        """One notification."""
        moment = time.monotonic()
        with self.lock:
            self.notifications += 1
            for name in names:
                self.came.setdefault(name, moment)
                self.times[name] += 1


class _Notified(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a webhook of Alertmanager."""
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Receiver)
        self.server.note([alert["labels"]["instance"] for alert in document["alerts"]])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """The receiver counts, it does not tell."""


class Pair:
    """Two Alertmanagers that gossip, with one receiver."""

    def __init__(self, folder: Path, receiver: Receiver, group_by: list[str]) -> None:
        route = {"receiver": "bench", "group_by": group_by, "group_wait": f"{GROUP_WAIT}s", "group_interval": "5m"}
        url = f"http://127.0.0.1:{receiver.server_port}/"
        config = {"route": route, "receivers": [{"name": "bench", "webhook_configs": [{"url": url}]}]}
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
        gossip = [free_port(), free_port()]
        self.urls = [f"http://127.0.0.1:{free_port()}" for _member in range(2)]
        self._log = (folder / "log").open("wb")
        self._processes = [
            subprocess.Popen(
                [
                    str(binary()),
                    f"--config.file={folder / 'alertmanager.yml'}",
                    f"--storage.path={folder / str(number)}",
                    f"--web.listen-address={url.removeprefix('http://')}",
                    f"--cluster.listen-address=127.0.0.1:{gossip[number]}",
                    f"--cluster.advertise-address=127.0.0.1:{gossip[number]}",
                    f"--cluster.peer=127.0.0.1:{gossip[1 - number]}",
                    f"--cluster.peer-name={number}",
                    "--cluster.settle-timeout=10s",
                ],
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
            for number, url in enumerate(self.urls)
        ]

    def whole(self) -> bool:
        """Whether both see each other. Raises SystemExit when one has ended."""
        if any(process.poll() is not None for process in self._processes):
            raise SystemExit("bench_alerts: an Alertmanager ended: " + Path(self._log.name).read_text()[-1000:])
        try:
            for url in self.urls:
                with urllib.request.urlopen(f"{url}/api/v2/status", timeout=5) as answer:
                    cluster = json.load(answer)["cluster"]
                if cluster["status"] != "ready" or len(cluster["peers"]) != 2:
                    return False
        except OSError:
            return False
        return True

    def send(self, alerts: list[dict[str, object]]) -> None:
        """Give alerts to both."""
        body = json.dumps(alerts).encode()
        for url in self.urls:
            request = urllib.request.Request(f"{url}/api/v2/alerts", body, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        self._log.close()


def until(what: str, done: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is so; False when it takes longer."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            print(f"  waited {seconds:.0f} s in vain for {what}")
            return False
        time.sleep(0.1)
    return True


def through(count: int, group_by: list[str], told: str, target: float) -> bool:
    """Send that many alerts through a pair, tell how it went, and whether that is as it should be."""
    receiver = Receiver()
    with tempfile.TemporaryDirectory(prefix="obs-bench-") as name:
        pair = Pair(Path(name), receiver, group_by)
        try:
            if not until("the pair", pair.whole, 60):
                return False
            sent: dict[str, float] = {}
            ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            common = {"annotations": {"summary": "A service does not answer"}, "endsAt": ends.isoformat()}
            alerts: list[dict[str, object]] = [
                {"labels": {"alertname": "Bench", "rack": str(number // 10), "instance": f"i{number}"}, **common}
                for number in range(count)
            ]
            started = time.monotonic()
            for first in range(0, count, BATCH):
                batch = alerts[first : first + BATCH]
                pair.send(batch)
                sent.update(
                    dict.fromkeys((f"i{number}" for number in range(first, first + len(batch))), time.monotonic())
                )
            sending = time.monotonic() - started
            until("all notifications", lambda: len(receiver.came) == count, PATIENCE)
        finally:
            pair.stop()
            receiver.shutdown()
            receiver.server_close()
    delays = sorted(max(receiver.came[name] - sent[name] - GROUP_WAIT, 0) for name in receiver.came)
    lost, twice = count - len(delays), sum(times > 1 for times in receiver.times.values())
    p50, p99 = (delays[int(len(delays) * share)] if delays else float("inf") for share in (0.5, 0.99))
    print(
        f"{count} alerts, {told}: taken in {sending:.1f} s, {receiver.notifications} notifications, {lost} lost, "
        f"{twice} told twice, delay P50 {p50:.2f} s, P99 {p99:.2f} s (target {target:.0f} s)"
    )
    return lost == 0 and p99 <= target


def main() -> int:
    """Both ways; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--alerts", type=int, default=10_000)
    count = options.parse_args().alerts
    results = [
        through(count, ["rack"], "in groups of ten", TARGET),
        through(count, ["..."], "each by itself", PATIENCE),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
