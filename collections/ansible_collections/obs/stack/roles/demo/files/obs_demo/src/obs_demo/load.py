# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`obs-demo-load`: ask the application for users at a steady rate, some of whom do not exist."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

from obs_demo import __version__

UNKNOWN_SHARE = 0.02
TIMEOUT_SECONDS = 30.0


def ask(url: str) -> int:
    """One request. Returns the HTTP status, 0 where none came."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  an http URL of ours
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except OSError:
        return 0


def path(chance: random.Random) -> str:
    """Whom to ask for."""
    known = chance.random() >= UNKNOWN_SHARE
    return f"/users/{chance.randint(1, 1000) if known else chance.randint(2000, 9000)}"


def run(base: str, rate: float, workers: int, stop: threading.Event) -> None:
    """Keep `workers` threads asking, together `rate` times a second, until told to stop."""
    pause = workers / rate

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311  not for secrets
        due = time.monotonic() + pause * number / workers
        while not stop.wait(max(0.0, due - time.monotonic())):
            ask(base + path(chance))
            # A slow answer is not caught up with: that would be a burst after every outage.
            due = max(due + pause, time.monotonic())

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(workers)]
    for thread in threads:
        thread.start()
    stop.wait()


def main(argv: list[str] | None = None) -> int:
    """Read the arguments and ask until told to end."""
    options = argparse.ArgumentParser(prog="obs-demo-load", description=__doc__)
    options.add_argument("--version", action="version", version=f"obs-demo-load {__version__}")
    options.add_argument("--url", default="http://127.0.0.1:8000")
    options.add_argument("--rate", type=float, default=5.0, help="requests per second")
    options.add_argument("--workers", type=int, default=4)
    arguments = options.parse_args(argv)
    if arguments.rate <= 0 or arguments.workers < 1:
        options.error("--rate must be above 0 and --workers at least 1")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    run(arguments.url.rstrip("/"), arguments.rate, arguments.workers, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
