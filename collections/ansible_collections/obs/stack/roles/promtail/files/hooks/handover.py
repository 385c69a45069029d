# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets Promtail take the place of another log agent, and another one take its place, without losing a line.

`begin` writes the present ends of files and journal into the positions: the other agent still reads what is before.
`hand_over` waits until all that was there is read and sent. Python 3.9, standard library only.
"""

from __future__ import annotations

import argparse
import glob
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from typing import Any

from readable import alternatives

JOURNAL = "/run/systemd/journal/socket"
PATIENCE = 110.0
# Longer than the longest pause between two tries of a batch, with the try itself.
IDLE_SECONDS = 45.0


class Trouble(Exception):
    """What could not be done, in one line."""


def matching(pattern: str) -> list[str]:
    """Paths of a pattern; Promtail knows ``{a,b}`` in one, Python does not."""
    return sorted({path for one in alternatives(pattern) if one for path in glob.glob(one, recursive=True)})


def files(sources: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Every file that is read: its inode and its size."""
    found = {}
    for item in sources["files"]:
        excluded = set(matching(item.get("exclude") or ""))
        for path in matching(item["path"]):
            if path not in excluded and os.path.isfile(path):
                state = os.stat(path)
                found[path] = (state.st_ino, state.st_size)
    return found


def newest(journal: dict[str, Any]) -> dict[str, Any]:
    """The last entry of a journal, empty when there is none."""
    where = ["--directory=" + journal["path"]] if journal.get("path") else []
    command = ["journalctl", "--quiet", "--no-pager", "--lines=1", "--output=json", *where]
    said = subprocess.run(command, capture_output=True, check=False, timeout=30).stdout
    return dict(json.loads(said.splitlines()[-1])) if said.strip() else {}


def positions(path: str) -> dict[str, str]:
    """What Promtail has noted: file or cursor -> position."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return {}
    found = re.findall(r"""(?m)^  (?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"'][^\n]*?)): ["']?([^"'\n]*)["']?$""", text)
    return {double or single or plain: place for double, single, plain, place in found}


def begin(sources: dict[str, Any]) -> None:
    """Note the present end of everything as read."""
    noted = {path: str(size) for path, (_inode, size) in files(sources).items()}
    for journal in sources["journals"]:
        entry = newest(journal)
        if entry:
            noted["cursor-" + journal["job"]] = entry["__CURSOR"]
    lines = [f"  {json.dumps(path)}: {json.dumps(place)}\n" for path, place in sorted(noted.items())]
    unfinished = sources["positions"] + ".begin"
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write("positions:\n" + "".join(lines) if lines else "positions: {}\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, sources["positions"])


def time_of(cursor: str) -> int:
    """When the entry of a journal's cursor was written, in microseconds."""
    found = re.search(r"(?:^|;)t=([0-9a-f]+)", cursor)
    return int(found.group(1), 16) if found else 0


def behind(
    sources: dict[str, Any], there: dict[str, tuple[int, int]], entries: dict[str, dict[str, Any]]
) -> list[str]:
    """What was there and is not noted as read. A file that was moved or emptied since is read before the next one."""
    noted = positions(sources["positions"])
    found = []
    for path, (inode, size) in there.items():
        try:
            state = os.stat(path)
        except OSError:
            continue
        same = state.st_ino == inode and state.st_size >= size
        if same and size and int(noted.get(path) or 0) < size and os.access(path, os.R_OK):
            found.append(path)
    for job, entry in entries.items():
        if entry and time_of(noted.get("cursor-" + job, "")) < int(entry["__REALTIME_TIMESTAMP"]):
            found.append("the journal")
    return found


def say(text: str) -> None:
    """A line in the journal: something to send, where the journal is read."""
    message = f"PRIORITY=6\nSYSLOG_IDENTIFIER=obs-handover\nMESSAGE={text}\n".encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(message, JOURNAL)
    except OSError:
        pass  # A host without a journal has none to read either.


def metrics(place: dict[str, str]) -> str:
    """Promtail's own metrics.

    Raises:
        OSError, http.client.HTTPException: it does not answer.
    """
    parts = urllib.parse.urlsplit(place["url"])
    connection: http.client.HTTPConnection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=place.get("ca_file"))
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        if place.get("cert_file"):
            context.load_cert_chain(place["cert_file"], place["key_file"])
        raw = socket.create_connection((parts.hostname or "", parts.port or 443), timeout=5)
        connection.sock = context.wrap_socket(raw, server_hostname=place.get("server_name") or parts.hostname)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().read().decode("utf-8", "replace")
    finally:
        connection.close()


def counters(page: str, name: str) -> dict[str, float]:
    """Samples of a metric by their labels."""
    return {labels: float(value) for labels, value in re.findall(rf"(?m)^{name}(\{{.*\}})? (\S+)$", page)}


def hand_over(sources: dict[str, Any]) -> None:
    """Wait until all that is there now was read and sent.

    Sent is what came before the last two batches that were taken: lines go out in the order they were read.

    Raises:
        Trouble: it does not come to that.
    """
    there = files(sources)
    entries = {journal["job"]: newest(journal) for journal in sources["journals"]}
    deadline = time.monotonic() + PATIENCE
    left = ["anything"]
    while left:
        left = behind(sources, there, entries)
        if left and time.monotonic() > deadline:
            raise Trouble("it has not read all of {}".format(" and ".join(left[:3])))
        time.sleep(0.5 if left else 0)
    before = metrics(sources["metrics"])
    sent = counters(before, "promtail_sent_entries_total")
    retries = counters(before, "promtail_batch_retries_total")
    grown = dict.fromkeys(sent, 0)
    quiet_since = time.monotonic()
    while not grown or min(grown.values()) < 2:
        if time.monotonic() > deadline:
            raise Trouble("nobody takes the lines it has read")
        say("the log agent hands over")
        time.sleep(0.7)
        page = metrics(sources["metrics"])
        now = counters(page, "promtail_sent_entries_total")
        for labels, value in now.items():
            grown[labels] = grown.get(labels, 0) + (value > sent.get(labels, 0))
        again = counters(page, "promtail_batch_retries_total")
        if now != sent or again != retries:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > IDLE_SECONDS:
            return  # Nothing is tried, nothing comes: there is nothing to send.
        sent, retries = now, again


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("begin", "hand_over"))
    parser.add_argument("--sources", required=True)
    options = parser.parse_args(argv)
    try:
        with open(options.sources, encoding="utf-8") as stream:
            sources = json.load(stream)
        {"begin": begin, "hand_over": hand_over}[options.action](sources)
    except (Trouble, OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
