# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the collector take the place of another log agent, and another one take its place, without losing a line.

`begin` notes the present ends of files and journal as read, by the collector itself, so no format of its storage is
known here: the other agent still reads them. `hand_over` waits until all files are read to their end. `finish` sends
what waits in the queue on disk after the agent was stopped. Python 3.9, standard library only.
"""

from __future__ import annotations

import argparse
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable

JOURNAL = "/run/systemd/journal/socket"
# What a receiver writes to its storage once it has a position.
MARKS = (b"knownFiles", b"lastReadCursor")
# A receiver that matches nothing never notes a position; it is not waited for longer.
LOOK_SECONDS = 8.0
# Longer than a poll of files takes, at upstream's interval and at any sensible one.
SETTLED_SECONDS = 3.0
PATIENCE = 100.0


class Trouble(Exception):
    """What could not be done, in one line."""


def noted(storage: str) -> int:
    """How many receivers have a position on disk."""
    count = 0
    for path in glob.glob(os.path.join(storage, "receiver_*")):
        try:
            with open(path, "rb") as stream:
                content = stream.read()
        except OSError:
            continue
        count += any(mark in content for mark in MARKS)
    return count


def say(text: str) -> None:
    """A line in the journal: an entry is what makes a journal receiver note where it is."""
    message = f"PRIORITY=6\nSYSLOG_IDENTIFIER=obs-handover\nMESSAGE={text}\n".encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(message, JOURNAL)
    except OSError:
        pass  # A host without a journal has no journal to note.


def measure(page: str, name: str) -> float | None:
    """Sum of a metric, None when it is not there."""
    values = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", page)
    return sum(map(float, values)) if values else None


def ask(url: str) -> str:
    """The metrics, "" while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  the role's own address
            return str(answer.read().decode("utf-8", "replace"))
    except OSError:
        return ""


def with_collector(command: list[str], done: Callable[[], bool], seconds: float) -> bool:
    """Run a collector until something is done; False when it is not after some seconds."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    said.seek(0)
                    lines = said.read().decode("utf-8", "replace").strip().splitlines() or ["no word"]
                    raise Trouble(f"the collector ended with status {process.returncode}: {lines[-1][:300]}")
                if done():
                    return True
                time.sleep(0.2)
            return False
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def begin(options: argparse.Namespace) -> None:
    """Note the present end of everything as read. What was noted long ago is forgotten, the queue is not."""
    for path in glob.glob(os.path.join(options.storage, "receiver_*")):
        os.unlink(path)
    last = [0.0]

    def done() -> bool:
        if time.monotonic() - last[0] > 1:
            last[0] = time.monotonic()
            say("the log agent notes where the journal stands")
        return noted(options.storage) >= options.receivers

    with_collector(options.command, done, LOOK_SECONDS)


def hand_over(options: argparse.Namespace) -> None:
    """Wait until no file is being read any more, and reading is not held up by a full queue.

    Raises:
        Trouble: it does not come to that.
    """
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        time.sleep(0.1)
        page = ask(options.metrics)
        size, capacity = (measure(page, f"otelcol_exporter_queue_{what}") for what in ("size", "capacity"))
        full = size is not None and capacity is not None and size >= capacity
        reading = measure(page, "otelcol_fileconsumer_reading_files")
        if page and not full and not reading and time.monotonic() - start > SETTLED_SECONDS:
            return
    raise Trouble(f"it has not read all files to their end after {PATIENCE:.0f} s: they go on growing, or nobody takes")


def finish(options: argparse.Namespace) -> None:
    """Send what waits in the queue.

    Raises:
        Trouble: it is not taken.
    """
    seen = [-1.0, 0.0]

    def done() -> bool:
        size = measure(ask(options.metrics), "otelcol_exporter_queue_size")
        seen[0] = -1.0 if size is None else size
        seen[1] = seen[1] + 1 if size == 0 else 0
        return seen[1] >= 3

    if not with_collector(options.command, done, PATIENCE):
        raise Trouble(f"{seen[0]:.0f} batches wait in its queue and are not taken")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("begin", "hand_over", "finish"))
    parser.add_argument("--storage", default="")
    parser.add_argument("--metrics", default="")
    parser.add_argument("--receivers", type=int, default=0)
    split = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:split])
    options.command = argv[split + 1 :]
    try:
        {"begin": begin, "hand_over": hand_over, "finish": finish}[options.action](options)
    except (Trouble, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
