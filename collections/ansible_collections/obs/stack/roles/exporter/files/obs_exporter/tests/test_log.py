# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines are counted once each: over rotation, truncation, restarts and kills."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from obs_exporter.config import parse
from obs_exporter.config.logs import Log
from obs_exporter.log import follow
from obs_exporter.log.count import Counting
from obs_exporter.log.follow import Follower
from obs_exporter.render import text
from obs_exporter.samples import Builder

REGEX = r"""
    format: regex
    regex: '(?P<n>\d+) (?P<kind>\w+)'
    metrics:
      - {name: lines_total, help: Lines., labels: {kind: kind}}
"""


def config(path: Path | str, more: str = REGEX) -> str:
    return f"modules:\n  log:\n    kind: log\n    paths: ['{path}']\n    poll: 20ms\n    save: 50ms\n{more}"


def module(path: Path | str, more: str = REGEX) -> Log:
    found = parse(config(path, more)).modules["log"]
    assert isinstance(found, Log)
    return found


def lines(numbers: range) -> bytes:
    return b"".join(b"%d %s\n" % (number, b"even" if number % 2 == 0 else b"odd") for number in numbers)


class Reading:
    """A follower and its numbers, which can be saved and begun anew as over a restart."""

    def __init__(self, path: Path | str, **options: Any) -> None:
        self.follower = Follower([str(path)], options.get("longest", 65536), 100, options.get("start", "beginning"))
        self.seen: list[bytes] = []

    def poll(self) -> list[bytes]:
        new = [line for chunk in self.follower.poll() for line in chunk.split(b"\n")[:-1]]
        self.seen += new
        return new

    def again(self, path: Path | str) -> Reading:
        state = json.loads(json.dumps(self.follower.state()))
        self.follower.close()
        fresh = Reading(path)
        fresh.follower.restore(state)
        fresh.seen = self.seen
        return fresh


def test_complete_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\ntwo\nthr")
    reading = Reading(log)
    assert reading.poll() == [b"one", b"two"]
    with log.open("ab") as file:
        file.write(b"ee\n\n")
    assert reading.poll() == [b"three", b""]
    assert reading.poll() == []


def test_rotation_by_rename_with_a_writer_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "QUIET_SECONDS", 0.05)
    log = tmp_path / "a.log"
    writer = log.open("ab", buffering=0)
    writer.write(b"1\n")
    reading = Reading(log)
    reading.poll()
    log.rename(tmp_path / "a.log.1")
    writer.write(b"2\n")
    log.write_bytes(b"4\n")
    reading.poll()
    writer.write(b"3\nlast without end")
    reading.poll()
    deadline = time.monotonic() + 5
    while len(reading.follower.tails) > 1 and time.monotonic() < deadline:
        reading.poll()
        time.sleep(0.01)
    assert Counter(reading.seen) == Counter([b"1", b"2", b"3", b"4", b"last without end"])
    assert reading.follower.counts["rotated"] == 1


def test_rotations_while_nobody_looked(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n2\n")
    reading = Reading(log)
    reading.poll()
    with log.open("ab") as file:
        file.write(b"3\n")
    (tmp_path / "a.log.9.gz").write_bytes(b"no\n")
    log.rename(tmp_path / "a.log.2")
    time.sleep(0.02)  # files of one time stamp are told apart by nothing
    (tmp_path / "a.log.1").write_bytes(b"4\n5\n")
    time.sleep(0.02)
    log.write_bytes(b"6\n")
    reading = reading.again(log)
    reading.poll()
    reading = reading.again(log)
    reading.poll()
    assert Counter(reading.seen) == Counter([b"1", b"2", b"3", b"4", b"5", b"6"])


def test_a_file_that_was_taken_away_unread_is_told(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    reading = Reading(log)
    reading.poll()
    log.unlink()
    (tmp_path / "other").write_bytes(b"keeps the inode\n")
    log.write_bytes(b"2\n")
    reading = reading.again(log)
    assert reading.poll() == [b"2"]
    assert reading.follower.counts["lost"] == 1


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("after", [b"9\n", b"a longer line than there was before\n" * 3])
def test_copytruncate(tmp_path: Path, restart: bool, after: bytes) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1 first\n2\n")
    reading = Reading(log)
    reading.poll()
    with log.open("ab") as file:
        file.write(b"3\n")
    shutil.copyfile(log, tmp_path / "a.log.1")
    with log.open("r+b") as file:
        file.truncate(0)
        file.write(after)
    if restart:
        reading = reading.again(log)
    reading.poll()
    reading.poll()
    assert Counter(reading.seen) == Counter([b"1 first", b"2", b"3", *after.split(b"\n")[:-1]])
    assert reading.poll() == []


def test_an_inode_used_anew_is_another_file(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"old content\n")
    reading = Reading(log)
    reading.poll()
    with log.open("r+b") as file:  # what a file system does that gives out the inode again
        file.write(b"new content that is longer\n")
    reading = reading.again(log)
    assert reading.poll() == [b"new content that is longer"]


def test_long_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"short\n" + b"x" * 2_000_000 + b"\nafter\n" + b"y" * 150 + b"\nend\n")
    reading = Reading(log, longest=100)
    for _round in range(3):
        reading.poll()
    assert reading.seen == [b"short", b"after", b"end"]
    assert reading.follower.counts["too_long"] == 2


def test_globs_do_not_count_a_rotated_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "QUIET_SECONDS", 0.0)
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_bytes(f"{name}\n".encode())
    reading = Reading(tmp_path / "*.log*")
    reading.poll()
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    (tmp_path / "a.log").write_bytes(b"c\n")
    for _round in range(3):
        reading.poll()
    reading = reading.again(tmp_path / "*.log*")
    reading.poll()
    assert Counter(reading.seen) == Counter([b"a", b"b", b"c"])


def test_from_the_end_and_what_is_no_file(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"old\n" * 50_000 + b"part")
    reading = Reading(log, start="end")
    assert reading.poll() == []
    with log.open("ab") as file:
        file.write(b"ial\nnew\n")
    assert reading.poll() == [b"partial", b"new"]
    os.mkfifo(tmp_path / "pipe")
    assert Reading(tmp_path / "pipe").poll() == []
    nothing = Reading(tmp_path / "none")
    assert nothing.poll() == [] and "there is no file" in nothing.follower.problem


ACCESS = [
    {"method": "GET", "path": "/users/17", "status": "200", "request_time": "0.004", "trace_id": "4bf92f3577b34da6"},
    {"method": "GET", "path": "/users/4?x=1", "status": 200, "request_time": 0.02, "trace_id": "-"},
    {"method": 'PWN"}', "path": "/wp-admin", "status": "999", "request_time": "-"},
]


def counted(config_more: str, feed: bytes, as_openmetrics: bool = True) -> str:
    counting = Counting(module("/x", config_more))
    counting.feed(feed)
    builder = Builder({}, 100_000)
    counting.collect(builder)
    return text(builder.result().families, as_openmetrics).decode() + repr(dict(counting.take_dropped()))


def test_an_access_log_alone_gives_an_applications_metrics() -> None:
    feed = b"".join(json.dumps(one).encode() + b"\n" for one in ACCESS) + b"no json\n[1]\n\n"
    found = counted("    path_rules: [{match: '/users/\\d+', endpoint: '/users/{id}'}]\n", feed)
    ok = 'endpoint="/users/{id}"'
    assert f'app_requests_total{{{ok},method="GET",status="200"}} 2.0 # {{trace_id="4bf92f3577b34da6"}}' in found
    assert 'app_requests_total{endpoint="other",method="other",status="other"} 1.0' in found
    assert (
        f'app_request_duration_seconds_bucket{{{ok},le="0.005",method="GET",status="200"}} 1.0 # {{trace_id=' in found
    )
    assert f'app_request_duration_seconds_bucket{{{ok},le="0.025",method="GET",status="200"}} 2.0' in found
    assert f'app_request_duration_seconds_sum{{{ok},method="GET",status="200"}} 0.024' in found
    assert found.endswith("{'value': 1}")


def test_the_combined_format_has_no_duration() -> None:
    feed = b'10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl"\n\x16\x03 garbage\n'
    found = counted("    format: combined\n", feed)
    assert 'app_requests_total{endpoint="other",method="GET",status="200"} 1.0' in found
    assert "duration" not in found


def test_one_and_true_and_lists_are_different_labels() -> None:
    more = "    format: json\n    metrics: [{name: m_total, help: M., labels: {v: v}}]\n"
    found = counted(more, b'{"v":1}\n{"v":true}\n{"v":"1"}\n{"v":[1]}\n{"v":null}\n{}\n{"v":1.5}\n')
    for label, count in (('{v="1"}', 2), ('{v="true"}', 1), ('{v="[1]"}', 1), ('{v=""}', 2), ('{v="1.5"}', 1)):
        assert f"m_total{label} {count}.0" in found


def test_values_matches_and_gauges() -> None:
    more = """
    format: json
    metrics:
      - {name: bytes_total, help: B., value: n, scale: 2, match: {kind: 'a|b'}}
      - {name: last, type: gauge, help: L., value: n}
"""
    feed = b'{"n":1,"kind":"a"}\n{"n":"2","kind":"c"}\n{"n":-3,"kind":"a"}\n{"n":"NaN"}\n{"n":4,"kind":"b"}\n'
    found = counted(more, feed)
    assert "bytes_total 10.0" in found and "last 4.0" in found
    assert found.endswith("{'value': 3}")


def test_series_beyond_the_limit_are_dropped_and_counted() -> None:
    feed = b"".join(b"1 kind%d\n" % number for number in range(50)) * 2
    found = counted(REGEX + "    max_series: 10\n", feed)
    assert found.count("lines_total{") == 10 and "'limit': 80" in found


def test_changed_metrics_begin_anew_and_others_go_on() -> None:
    before = Counting(module("/x"))
    before.feed(lines(range(10)))
    state = json.loads(json.dumps(before.state()))
    same, other = Counting(module("/x")), Counting(module("/x", REGEX.replace("kind: kind", "n: n")))
    same.restore(state)
    other.restore(state)
    same.feed(lines(range(10)))
    assert sorted(cell.value for cell in same.metrics[0].cells.values()) == [10, 10]
    assert not other.metrics[0].cells and other.lines["matched"] == 10


def test_an_exporter_killed_again_and_again_counts_every_line_once(tmp_path: Path, run: Callable[..., Any]) -> None:
    """Over 200,000 lines, with both kinds of rotation and kills at any moment; what was shown is never taken back."""
    total, log = 220_000, tmp_path / "app.log"
    log.touch()
    done = threading.Event()

    def write() -> None:
        chance, number = random.Random(7), 0
        file = log.open("ab", buffering=0)
        while number < total - 1:
            step = min(total - number - 1, chance.randrange(1, 3000))
            file.write(lines(range(number, number + step)))
            number += step
            if chance.random() < 0.05:
                for old in range(40, 0, -1):
                    if (tmp_path / f"app.log.{old}").exists():
                        (tmp_path / f"app.log.{old}").rename(tmp_path / f"app.log.{old + 1}")
                if chance.random() < 0.5:
                    shutil.copyfile(log, tmp_path / "app.log.1")
                    os.truncate(log, 0)  # nothing is written between: that gap is copytruncate's own
                else:
                    log.rename(tmp_path / "app.log.1")
                    old_file, file = file, log.open("ab", buffering=0)
                    old_file.write(lines(range(number, number + 1)))  # a writer's last words to the old one
                    number += 1
            time.sleep(0.03)
        file.write(lines(range(number, total)))
        done.set()

    exporter = run(config(log))
    threading.Thread(target=write, daemon=True).start()
    shown, kills = 0.0, 0

    def value() -> float:
        found = [exporter.value(f'lines_total{{kind="{kind}"}}') or 0.0 for kind in ("even", "odd")]
        return sum(found)

    while not done.is_set():
        for _look in range(3):
            now = value()
            assert now >= shown
            shown = now
        exporter.kill()
        kills += 1
        exporter.start()
    end = time.monotonic() + 30
    while value() < total and time.monotonic() < end:
        time.sleep(0.05)
    assert value() == total and kills >= 2
    assert exporter.value('lines_total{kind="odd"}') == total / 2
    assert exporter.stop() == 0
    exporter.start()
    assert value() == total
