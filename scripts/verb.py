#!/usr/bin/env python3
"""What a person does with an environment on any day, one word each: `make plan ENV=ha`.

    python -m scripts.verb <verb> [WORD=value …]    the same without make
    python -m scripts.verb                          lists verbs and their words

A verb runs one playbook of the collection, `ansible-playbook obs.stack.<playbook> -i inventories/<ENV>`, shows its
output, closes with one line for each cause when it fails, and ends with its exit code: 2 a task failed, 4 a host could
not be reached, 1 Ansible could not begin. A word that is not known, or an environment that is not there, ends with 2.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.lab import paths

INVENTORIES = paths.ROOT / "inventories"
DEFAULT_ENV = "local"
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}

# Words that every verb takes, and what each does to ansible-playbook.
COMMON = {
    "ENV": "environment: a folder of inventories/, or a path with a slash",
    "HOST": "only these hosts (--limit)",
    "TAGS": "only these components (--tags)",
    "SKIP_TAGS": "all but these components (--skip-tags)",
    "CHECK": "1: change nothing, tell what would change (--check)",
    "DIFF": "1: show what changes in files (--diff)",
    "EXTRA": "variables for this run, EXTRA='obs_fetch=host' or JSON (--extra-vars)",
    "VERBOSE": "1 to 4 (-v to -vvvv)",
    "OPTIONS": "any further options of ansible-playbook, OPTIONS='--ask-become-pass'",
}


# What of a run is shown, by settings of Ansible that the environment may still override.
TOLD = {"ANSIBLE_STDOUT_CALLBACK": "obs.stack.brief"}  # only what the playbook tells
CHANGES = {"ANSIBLE_DISPLAY_OK_HOSTS": "false"}  # tasks that change something
ALL: Mapping[str, str] = {}


@dataclass(frozen=True)
class Verb:
    """A row of the table. words: make's word -> the playbook's variable, or "" where no variable has it."""

    name: str
    playbook: str
    does: str
    words: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    screen: Mapping[str, str] = field(default_factory=lambda: TOLD)


VERBS = (
    Verb(
        "validate-config",
        "validate_config",
        "judge every configuration on the controller, touching no host",
        {"STRICT": "strict"},
    ),
    Verb("plan", "site", "show what deploy would change", options=("--check", "--diff"), screen=CHANGES),
    Verb("deploy", "deploy", "bring the environment to what its inventory says, then prove it healthy", screen=ALL),
    Verb("status", "status", "what every host runs, since when, and whether that is what is current"),
    Verb("history", "history", "generations of a service", {"SERVICE": "service"}, ("SERVICE",)),
    Verb(
        "rollback",
        "rollback",
        "put a service back to an earlier generation and hold it there",
        {"SERVICE": "service", "TO": "to", "LIFT": "lift", "FORCE": "force", "BY": "by"},
        ("SERVICE",),
        screen=ALL,
    ),
    Verb(
        "logs",
        "logs",
        "journal of a service, following until interrupted",
        {"SERVICE": "service", "SINCE": "since", "LINES": "lines", "FOLLOW": ""},
        ("SERVICE",),
    ),
    Verb("health", "verify", "prove every service healthy", {"WAIT": "wait", "STRICT": "strict"}),
    Verb(
        "smoke-test",
        "smoke_test",
        "send a sample and an alert there and back",
        {"WAIT": "wait", "SOURCE": "smoke_host", "STRICT": "strict"},
    ),
    Verb(
        "check-dependencies",
        "check_dependencies",
        "ask what the environment needs from outside",
        {"ONLY": "only", "SKIP": "skip", "TIMEOUT": "timeout", "STRICT": "strict"},
    ),
    Verb(
        "slo-report",
        "slo_report",
        "tell what is left of error budgets",
        {"MONTH": "month", "FORMAT": "format", "OUTPUT": "output", "SERVICE": "service", "STRICT": "strict"},
    ),
    Verb(
        "test-alerts",
        "test_alerts",
        "raise a test alert for every receiver, tell which channel took it",
        {"RECEIVER": "receiver", "SEVERITY": "severity", "RESOLVED": "resolved", "WAIT": "wait", "STRICT": "strict"},
    ),
    Verb(
        "diagnose",
        "diagnose",
        "run the runbook of an alert, tell in one report what it finds",
        {
            "ALERT": "alert",
            "INSTANCE": "instance",
            "HOST": "host",
            "SERVICE": "service",
            "JOB": "job",
            "SITE": "site",
            "LABELS": "labels",
            "SINCE": "since",
            "FORMAT": "format",
            "OUTPUT": "output",
            "RUNBOOKS": "runbooks",
        },
        ("ALERT",),
    ),
    Verb(
        "alert-report",
        "alert_report",
        "tell which alerts fired how often, and which tell nobody anything",
        {
            "WEEKS": "weeks",
            "SINCE": "since",
            "SEVERITY": "severity",
            "TIMES": "times",
            "SHORT": "short",
            "RESOLUTION": "resolution",
            "FORMAT": "format",
            "OUTPUT": "output",
        },
    ),
    Verb(
        "mirror",
        "mirror",
        "collect every release archive into a folder that obs_mirror serves",
        {"DIR": "dir"},
        ("DIR",),
    ),
)


class Refused(Exception):
    """The command makes no sense as it stands; str() says why and what to do."""


def verb_of(name: str) -> Verb:
    """The verb of a name. Raises Refused."""
    for verb in VERBS:
        if verb.name == name:
            return verb
    raise Refused(f"there is no verb '{name}'. There are: {', '.join(verb.name for verb in VERBS)}")


def read_words(verb: Verb, arguments: list[str]) -> dict[str, str]:
    """WORD=value arguments of a verb; empty values count as not given. Raises Refused: unknown or missing words."""
    known = [*COMMON, *verb.words]
    words = {}
    for argument in arguments:
        word, equals, value = argument.partition("=")
        if word not in known or not equals:
            near = difflib.get_close_matches(word.upper(), known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"It takes: {', '.join(known)}"
            raise Refused(f"{verb.name} does not take {word}. {hint}")
        if value:
            words[word] = value
    for word in verb.needs:
        if word not in words:
            raise Refused(f"{verb.name} needs {word}=, as in: make {verb.name} {word}={_example(word)}")
    return words


def _example(word: str) -> str:
    return {"SERVICE": "prometheus", "DIR": "/srv/mirror", "ALERT": "TargetDown"}[word]


def is_true(words: Mapping[str, str], word: str, default: bool = False) -> bool:
    """The truth of a switch. Raises Refused: neither true nor false."""
    if word not in words:
        return default
    value = words[word].lower()
    if value not in TRUE | FALSE:
        raise Refused(f"{word}={words[word]} is neither 1 nor 0")
    return value in TRUE


def environments() -> list[str]:
    """Names of the environments under inventories/."""
    return sorted(path.name for path in INVENTORIES.iterdir() if path.is_dir() and not path.name.startswith("."))


def inventory_of(name: str) -> Path:
    """The inventory of an environment: a name under inventories/, or a path with a slash. Raises Refused."""
    there = Path(name).expanduser() if "/" in name else INVENTORIES / name
    if there.exists() and ("/" in name or name in environments()):
        return there
    where = "There is no inventory at" if "/" in name else "There is no environment"
    raise Refused(f"{where} '{name}'. There are: {', '.join(environments())}; or give a path with a slash")


def command_of(verb: Verb, words: Mapping[str, str], inventory: Path, mirror: str = "") -> list[str]:
    """The ansible-playbook command of a verb. Raises Refused: a word has no sensible value.

    mirror: what OBS_MIRROR says; it wins over the inventory's obs_mirror.
    """
    command = ["ansible-playbook", f"obs.stack.{verb.playbook}", "--inventory", str(inventory), *verb.options]
    for word, option in (("HOST", "--limit"), ("TAGS", "--tags"), ("SKIP_TAGS", "--skip-tags")):
        # A verb may have a word of its own by that name: the host that an alert is about.
        if word in words and word not in verb.words:
            command += [option, words[word]]
    command += [f"--{word.lower()}" for word in ("CHECK", "DIFF") if is_true(words, word)]
    variables = {name: words[word] for word, name in verb.words.items() if name and word in words}
    for name in {"dir", "output", "runbooks"} & set(variables):
        variables[name] = str(Path(variables[name]).expanduser().absolute())
    if mirror:
        variables["obs_mirror"] = mirror
    if variables:
        command += ["--extra-vars", json.dumps(variables, sort_keys=True)]
    if "EXTRA" in words:
        command += ["--extra-vars", words["EXTRA"]]
    if "VERBOSE" in words:
        if not re.fullmatch("[0-6]", words["VERBOSE"]):
            raise Refused(f"VERBOSE={words['VERBOSE']} is no number from 1 to 4")
        command += ["-" + "v" * int(words["VERBOSE"])] if words["VERBOSE"] != "0" else []
    try:
        return command + shlex.split(words.get("OPTIONS", ""))
    except ValueError as error:
        raise Refused(f"OPTIONS={words['OPTIONS']} cannot be read: {error}") from error


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"(?:\[ERROR\]: |ERROR! |ansible-playbook: error: )(.+)")


def cause_in(lines: list[str]) -> str:
    """Why a run failed that ended before its recap, from what it wrote to the standard error; empty when it is told."""
    plain = [_COLOUR.sub("", line).strip() for line in lines]
    if any(line.startswith("Cause: ") for line in plain):
        return ""
    errors = [found[1] for found in map(_ERROR.match, plain) if found] or [line for line in plain if line]
    return f"Cause: {errors[-1] if errors else 'Ansible said nothing of it'}"


def run(command: list[str], screen: Mapping[str, str]) -> int:
    """Run ansible-playbook from the repository's root; returns its exit code."""
    environment = {**screen, **os.environ}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=paths.ROOT, env=environment, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                sys.stderr.write(line)
                sys.stderr.flush()
                said.append(line)
            code = process.wait()
        except KeyboardInterrupt:  # Ansible got it too: let it end its own way
            process.wait()
            return 130
    if code:
        cause = cause_in(said)
        if cause:
            print(cause, file=sys.stderr)
    return code


def follow(words: Mapping[str, str], inventory: Path) -> int:
    """Follow the journal of a service until interrupted; returns the exit code."""
    from scripts import logs  # Ansible's own libraries take half a second

    return logs.main(
        inventory, words["SERVICE"], words.get("HOST", ""), since=words.get("SINCE", ""), lines=words.get("LINES", "")
    )


def listing() -> str:
    """All verbs with their words."""
    lines = ["Verbs, as in `make status ENV=ha`:"]
    lines += [
        f"  {verb.name:<20}{verb.does}" + (f" ({' '.join(f'{word}=' for word in verb.words)})" if verb.words else "")
        for verb in VERBS
    ]
    lines += ["Words of all of them:", *(f"  {word:<20}{does}" for word, does in COMMON.items())]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return 0
    try:
        verb = verb_of(arguments[0])
        words = read_words(verb, arguments[1:])
        inventory = inventory_of(words.get("ENV") or os.environ.get("ENV") or DEFAULT_ENV).absolute()
        following = "FOLLOW" in verb.words and is_true(words, "FOLLOW", default=True)
        command = command_of(verb, words, inventory, os.environ.get("OBS_MIRROR", ""))
    except Refused as reason:
        print(f"Cause: {reason}", file=sys.stderr)
        return 2
    shown = inventory.relative_to(paths.ROOT) if inventory.is_relative_to(paths.ROOT) else inventory
    print(f"{verb.name}: {shown}", file=sys.stderr, flush=True)
    if following:
        return follow(words, inventory)
    return run(command, ALL if "VERBOSE" in words else verb.screen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
