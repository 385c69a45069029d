"""The test runner: it counts right, carries on after a failure, and says what failed."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import test as runner
from scripts import up
from scripts.lab import results, stages
from scripts.lab.results import Counts, Outcome
from scripts.lab.stages import Stage

JUNIT = """<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/></testsuites>"""


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    monkeypatch.setattr(runner.paths, "ROOT", tmp_path)
    return tmp_path


def python(name: str, program: str, budget: float = 1, junit: Path | None = None) -> Stage:
    return Stage(name, (sys.executable, "-c", program), budget, folder=Path("/"), junit=junit)


def test_junit_is_counted_with_errors_as_failures(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(JUNIT)
    assert results.read_junit(tmp_path / "x.xml") == Counts(3, 2, 2)


@pytest.mark.parametrize("content", ["", "<broken"])
def test_unreadable_junit_counts_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.xml").write_text(content)
    assert results.read_junit(tmp_path / "x.xml") == Counts()


def test_stage_that_fails_without_a_failed_test_is_one_failure(tmp_path: Path) -> None:
    outcome = runner.run(python("unit", "raise SystemExit(4)", junit=tmp_path / "none.xml"))
    assert outcome.counts == Counts(failed=1)


def test_stage_that_cannot_run_is_skipped_with_its_reason() -> None:
    outcome = runner.run(python("sanity", f"print('no network'); raise SystemExit({runner.SKIPPED})"))
    assert outcome.counts == Counts(skipped=1)
    assert outcome.note == "no network"


def test_old_junit_file_is_not_counted_for_a_stage_that_wrote_none(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(JUNIT)
    assert runner.run(python("unit", "raise SystemExit(1)", junit=tmp_path / "x.xml")).counts == Counts(failed=1)


def test_hanging_stage_is_ended() -> None:
    outcome = runner.run(python("hangs", "import time; time.sleep(60)", budget=0.005))
    assert outcome.counts.failed == 1
    assert "times its budget" in outcome.note
    assert outcome.seconds < 30


def test_failure_shows_the_end_of_its_log_and_the_run_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = runner.run(python("good", "")), runner.run(python("bad", "print('the reason'); raise SystemExit(1)"))
    code = runner.close([good, bad], with_components=False)
    said = capsys.readouterr().out
    assert code == 1
    assert "| the reason" in said
    assert said.rstrip().splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_molecule_steps_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    line = "INFO     default ➜ converge: Executing"
    runner.run(python("molecule default", f"print({line!r})"))
    assert "molecule default: converge at" in capsys.readouterr().out


def test_parts_of_a_stage_are_counted_together(tmp_path: Path) -> None:
    program = """
import pathlib
folder = pathlib.Path({folder!r})
folder.mkdir()
for name, failed in (("00", 0), ("01", 1)):
    (folder / (name + ".xml")).write_text('<testsuites><testsuite tests="2" failures="%d"/></testsuites>' % failed)
raise SystemExit(1)
""".replace("{folder!r}", repr(str(tmp_path / "parts")))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "02.xml").write_text(JUNIT)  # of an earlier run
    stage = replace(python("molecule adopt", program, junit=tmp_path / "x.xml"), parts=tmp_path / "parts")
    assert runner.run(stage).counts == Counts(3, 1, 0)


def test_silent_stage_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(runner, "SAY_EVERY", 0.2)
    runner.run(python("sanity", "import time; time.sleep(0.7)"))
    assert "s so far" in capsys.readouterr().out


def test_table_marks_what_was_over_budget() -> None:
    outcome = Outcome("molecule ha", Counts(passed=3), seconds=600, budget=5)
    assert "over budget" in results.table([outcome])[-1]
    assert "over budget" not in results.table([replace(outcome, seconds=60)])[-1]


def test_taken_port_is_named_with_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(up, "SERVICES", (up.Service("prometheus", port, ""),))
        with pytest.raises(up.Stop, match=f"port {port} of 127.0.0.1, wanted for prometheus, is taken"):
            up.refuse_taken_ports()


def test_local_host_publishes_on_the_loopback_address_only() -> None:
    settings: dict[str, object] = {
        "capabilities": [],
        "security_opts": [],
        "tmpfs": [],
        "volumes": [],
        "cgroupns_mode": "host",
        "command": "/x",
    }
    command = up.docker_run(settings, "image")
    published = [command[index + 1] for index, word in enumerate(command) if word == "--publish"]
    assert published and all(entry.startswith("127.0.0.1:") for entry in published)


def test_two_stages_run_side_by_side_and_come_back_in_order(tmp_path: Path) -> None:
    # Each waits for the other's file: one after the other they would never end well.
    meet = (
        "import pathlib, sys, time\n"
        "mine, other = (pathlib.Path({folder!r}, name) for name in {names!r})\n"
        "mine.touch()\n"
        "end = time.monotonic() + 20\n"
        "while not other.exists():\n"
        "    assert time.monotonic() < end\n"
        "    time.sleep(0.05)\n"
    )
    pairs = [("a", "b"), ("b", "a")]
    work = [python(f"meets {pair[0]}", meet.format(folder=str(tmp_path), names=pair)) for pair in pairs]
    outcomes = runner.side_by_side(runner.run, work)
    assert [outcome.name for outcome in outcomes] == ["meets a", "meets b"]
    assert [outcome.counts for outcome in outcomes] == [Counts(passed=1), Counts(passed=1)]


def test_longest_scenario_starts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = {"short": 2.0, "long": 20.0}
    begun: list[str] = []

    def note(name: str, keep: bool) -> Outcome:
        begun.append(name)
        return Outcome(f"molecule {name}", Counts(passed=1), 0)

    monkeypatch.setattr(stages, "budget", minutes.__getitem__)
    monkeypatch.setattr(runner, "run_scenario", note)
    monkeypatch.setattr(runner, "LANES", 1)
    runner.molecule(["short", "long"], False, Outcome("lab", Counts(passed=1), 0))
    assert begun == ["long", "short"]


def test_without_a_laboratory_every_scenario_has_failed() -> None:
    outcomes = runner.molecule(["default", "ha"], False, Outcome("lab", Counts(failed=1), 0))
    assert [outcome.counts for outcome in outcomes] == [Counts(failed=1)] * 2
