#!/usr/bin/env python3
"""Runs the tests, stage by stage, and closes with one line: `N passed, N failed, N skipped`.

    python -m scripts.test check             linters, unit and contract tests, secret scan (no Docker)
    python -m scripts.test all               that, sanity and every molecule scenario
    python -m scripts.test sanity            ansible-test sanity, Galaxy's importer
    python -m scripts.test molecule [NAME…]  scenarios, all by default; --keep leaves their hosts

A failing stage does not stop the others. Ends with 1 when anything failed. Each stage's output is in .build/test/.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO, TypeVar

import yaml

from scripts.lab import paths, results, stages
from scripts.lab.results import Counts, Outcome
from scripts.lab.stages import Stage

T = TypeVar("T")
SAY_EVERY = 60  # seconds between two signs of life of a long stage
PATIENCE = 3  # a stage is ended after that many times its budget
LANES = 2  # scenarios side by side: one of them mostly waits for a service
SKIPPED = 77  # exit code of a stage that cannot run on this machine; its last line says why
LAST_LINES = 25
_running: set[subprocess.Popen[str]] = set()  # what an interrupt has to end
_STEP = re.compile(r"INFO\s+\[?(?P<scenario>\w+) (?:➜|>) (?P<step>\w+)\]?:? (?:Executing|Executed)", re.UNICODE)


def say(text: str) -> None:
    """Tell, at once."""
    print(text, flush=True)


def run(stage: Stage) -> Outcome:
    """Run one stage to its end, telling its steps as they come."""
    if stage.skip:
        say(f"== {stage.name}: skipped: {stage.skip}")
        return Outcome(stage.name, Counts(skipped=1), 0, stage.budget, stage.skip)
    stage.log.parent.mkdir(parents=True, exist_ok=True)
    if stage.junit:
        stage.junit.unlink(missing_ok=True)
    if stage.parts:
        shutil.rmtree(stage.parts, ignore_errors=True)
    say(f"== {stage.name} (budget {stage.budget:g} min, log {stage.log.relative_to(paths.ROOT)})")
    started = time.monotonic()
    code = _execute(stage, started)
    seconds = time.monotonic() - started
    if stage.parts and stage.junit and stage.parts.exists():
        results.join_junit(stage.parts, stage.junit)
    outcome = _judge(stage, code, seconds)
    if outcome.counts.failed:
        _show_end(stage)
    say(f"== {stage.name}: {outcome.counts} in {seconds:.0f} s" + (f" ({outcome.note})" if outcome.note else ""))
    return outcome


def _execute(stage: Stage, started: float) -> int:
    """Start the command, follow its output into the log, end it when it goes far beyond its budget."""
    with (
        stage.log.open("w") as log,
        subprocess.Popen(
            stage.command,
            cwd=stage.folder,
            env=stages.environment(stage),
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        _running.add(process)
        timer = threading.Timer(stage.budget * 60 * PATIENCE, lambda: os.killpg(process.pid, signal.SIGKILL))
        timer.daemon = True
        timer.start()
        over = threading.Event()
        threading.Thread(target=_tell_time, args=(stage, started, over), daemon=True).start()
        try:
            _follow(stage, process, log, started)
            return process.wait()
        finally:
            _running.discard(process)
            over.set()
            timer.cancel()


def _follow(stage: Stage, process: subprocess.Popen[str], log: TextIO, started: float) -> None:
    """Copy output to the log; tell molecule's steps."""
    assert process.stdout is not None
    last_step = ""
    for line in process.stdout:
        log.write(line)
        log.flush()
        if stage.echo:
            say(f"   {line.rstrip()}")
        step = _STEP.search(line)
        if step and step["step"] != last_step:
            last_step = step["step"]
            say(f"   {stage.name}: {last_step} at {time.monotonic() - started:.0f} s")


def _tell_time(stage: Stage, started: float, over: threading.Event) -> None:
    """Say every minute that a stage goes on: also one that prints nothing."""
    while not over.wait(SAY_EVERY):
        say(f"   {stage.name}: {time.monotonic() - started:.0f} s so far")


def _judge(stage: Stage, code: int, seconds: float) -> Outcome:
    """Counts of a stage: its junit file's, plus one for the command itself where that proves something of its own."""
    note = ""
    if code == SKIPPED:
        counts, note = Counts(skipped=1), stage.log.read_text().strip().splitlines()[-1]
    elif stage.junit is None:
        counts = Counts(passed=1) if code == 0 else Counts(failed=1)
    else:
        counts = results.judge(results.read_junit(stage.junit), code)
        if stage.name.startswith("molecule") and code == 0:
            counts += Counts(passed=1)  # check mode, converge and idempotence held
    if code == -signal.SIGKILL:
        note = f"ended after {PATIENCE} times its budget"
    return Outcome(stage.name, counts, seconds, stage.budget, note, stage.log)


def _show_end(stage: Stage) -> None:
    lines = stage.log.read_text(errors="replace").splitlines()
    say("\n".join(f"   | {line}" for line in lines[-LAST_LINES:]))


def side_by_side(work: Callable[[T], Outcome], items: Sequence[T]) -> list[Outcome]:
    """Work on items, LANES at a time, in their order. An interrupt ends what runs and starts nothing more."""
    with ThreadPoolExecutor(LANES) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [one.result() for one in waiting]
        except KeyboardInterrupt:
            for one in waiting:
                one.cancel()
            for process in list(_running):
                os.killpg(process.pid, signal.SIGTERM)
            raise


def run_scenario(name: str, keep: bool) -> Outcome:
    """Run a scenario and leave no host behind, even where molecule was ended."""
    stage = stages.scenario(name, keep)

    def destroy() -> None:
        command = [*stage.command[:3], "destroy", "--scenario-name", name]
        subprocess.run(command, cwd=paths.ROOT, env=stages.environment(stage), capture_output=True, check=False)

    if keep:
        destroy()  # molecule leaves out its own first destroy with --destroy=never
    outcome = run(stage)
    if outcome.counts.failed and not keep:
        destroy()
    return outcome


def quick() -> list[Outcome]:
    """The stages without Docker."""
    # The longest first, so that the short ones fill the other place.
    return side_by_side(run, sorted([*stages.lint(), *stages.tests()], key=lambda stage: -stage.budget))


def laboratory() -> Outcome:
    """Hosts' images and release archives; before the unit tests, some of which ask promtool."""
    return run(Stage("lab", ("scripts/lab.sh",), 30, echo=True))


def molecule(names: list[str], keep: bool, lab: Outcome) -> list[Outcome]:
    """Each scenario."""
    if lab.counts.failed:
        return [Outcome(f"molecule {name}", Counts(failed=1), 0, note="no laboratory") for name in names]
    longest_first = sorted(names, key=lambda name: -stages.budget(name))
    return side_by_side(lambda name: run_scenario(name, keep), longest_first)


def components() -> list[str]:
    """What the scenarios ran: one line per component, from the store's obs_lab.yml."""
    path = paths.store() / "obs_lab.yml"
    if not path.exists():
        return []
    rows = yaml.safe_load(path.read_text())["obs_lab_components"]
    kinds = {
        "real-built": "real, built from its Go module",
        "real-upstream": "real, upstream's release",
        "debian": "real, the program of Debian's package",
        "stand-in": "STAND-IN of the tests",
        "ours": "ours, packed from this checkout",
    }
    return [
        f"  {name} {row['version']}: {kinds.get(row['origin'], row['origin'])}"
        + (f"; overrides the default {row['default']}, which could not be had" if "default" in row else "")
        for name, row in rows.items()
    ]


def close(outcomes: list[Outcome], with_components: bool) -> int:
    """Print the table, the components and the closing line; returns the exit code."""
    say("")
    for line in results.table(outcomes):
        say(line)
    if with_components:
        say("\ncomponents under test:")
        say("\n".join(components()) or "  none: the artifact store was not filled")
    total = results.total(outcomes)
    stages.LOGS.mkdir(parents=True, exist_ok=True)
    (stages.LOGS / "result").write_text(f"{total}\n")
    say(f"\n{total}")
    return 1 if total.failed else 0


def main() -> int:
    """Read the arguments, run what they name; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "all", "sanity", "molecule"])
    parser.add_argument("names", nargs="*", help="scenarios, separated by blanks or commas")
    parser.add_argument("--keep", action="store_true", help="molecule: leave the hosts for a look")
    arguments = parser.parse_intermixed_args()
    wanted = [name for word in arguments.names for name in word.split(",") if name] or stages.scenarios()
    unknown = sorted(set(wanted) - set(stages.scenarios()))
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are: {', '.join(stages.scenarios())}")
    with_hosts = arguments.what in ("molecule", "all")
    outcomes = [laboratory()] if with_hosts else []
    if arguments.what in ("check", "all"):
        outcomes += quick()
    if arguments.what in ("sanity", "all"):
        outcomes += [run(stages.sanity()), run(stages.galaxy())]
    if with_hosts:
        outcomes += molecule(wanted, arguments.keep, outcomes[0])
    return close(outcomes, with_hosts)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
