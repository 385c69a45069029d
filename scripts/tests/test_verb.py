"""Verbs: the table, their words, the command each becomes, and the one line about why it failed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import verb
from scripts.lab import paths

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "inventories" / "ha"


def command(name: str, *arguments: str, mirror: str = "") -> list[str]:
    """What a verb runs, without the program and the inventory."""
    row = verb.verb_of(name)
    return verb.command_of(row, verb.read_words(row, list(arguments)), HERE, mirror)[1:]


def test_every_verb_is_a_target_and_a_playbook_and_in_the_manual() -> None:
    makefile = (ROOT / "Makefile").read_text()
    manual = (paths.COLLECTION / "docs" / "operations.md").read_text()
    for row in verb.VERBS:
        assert f"\n{row.name}: tools ## " in makefile, row.name
        assert f"`make {row.name} ENV=" in manual, row.name
        assert (paths.COLLECTION / "playbooks" / f"{row.playbook}.yml").is_file(), row.name


def test_every_word_is_in_the_manual_and_every_variable_in_its_playbook() -> None:
    manual = (paths.COLLECTION / "docs" / "operations.md").read_text()
    for row in verb.VERBS:
        playbook = (paths.COLLECTION / "playbooks" / f"{row.playbook}.yml").read_text()
        for word, variable in row.words.items():
            assert f"{word}=" in manual, f"{row.name} {word}"
            assert not variable or re.search(rf"\b{variable}\b", playbook), f"{row.name} {variable}"


def test_plan_is_site_in_check_mode_with_diff() -> None:
    expected = ["obs.stack.site", "--inventory", str(HERE), "--check", "--diff"]
    assert command("plan") == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["HOST=a,b"], ["--limit", "a,b"]),
        (["TAGS=loki"], ["--tags", "loki"]),
        (["SKIP_TAGS=loki"], ["--skip-tags", "loki"]),
        (["CHECK=1", "DIFF=yes"], ["--check", "--diff"]),
        (["CHECK=0", "DIFF="], []),
        (["EXTRA=a=1 b='x y'"], ["--extra-vars", "a=1 b='x y'"]),
        (["VERBOSE=3"], ["-vvv"]),
        (["VERBOSE=0"], []),
        (["OPTIONS=--user me --private-key 'a b'"], ["--user", "me", "--private-key", "a b"]),
    ],
)
def test_common_words(arguments: list[str], expected: list[str]) -> None:
    assert command("deploy", *arguments)[3:] == expected


def test_words_of_a_verb_become_variables_of_its_playbook() -> None:
    found = command("rollback", "SERVICE=prometheus", "TO=4", "BY=night shift")
    assert json.loads(found[found.index("--extra-vars") + 1]) == {
        "service": "prometheus",
        "to": "4",
        "by": "night shift",
    }


def test_a_mirror_of_the_environment_wins_and_is_a_variable() -> None:
    assert command("deploy", mirror="https://m.example.com")[-1] == '{"obs_mirror": "https://m.example.com"}'


def test_folders_are_meant_from_where_the_user_stands() -> None:
    assert json.loads(command("mirror", "DIR=x/y")[-1]) == {"dir": str(Path.cwd() / "x" / "y")}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("deploy", ["HOSTS=a"], "deploy does not take HOSTS. Did you mean HOST?"),
        ("deploy", ["SERVICE=a"], "deploy does not take SERVICE. It takes: ENV, HOST"),
        ("history", [], "history needs SERVICE=, as in: make history SERVICE=prometheus"),
        ("history", ["SERVICE="], "history needs SERVICE="),
        ("mirror", [], "mirror needs DIR="),
        ("deploy", ["CHECK=maybe"], "CHECK=maybe is neither 1 nor 0"),
        ("deploy", ["VERBOSE=much"], "VERBOSE=much is no number"),
        ("deploy", ["OPTIONS='"], "cannot be read"),
        ("undeploy", [], "there is no verb 'undeploy'. There are: validate-config, plan"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, arguments: list[str], words: str) -> None:
    with pytest.raises(verb.Refused) as caught:
        command(name, *arguments)
    assert words in str(caught.value)


def test_an_environment_is_a_folder_or_a_path(tmp_path: Path) -> None:
    assert verb.inventory_of("ha") == HERE
    assert verb.inventory_of(f"{tmp_path}/") == tmp_path


@pytest.mark.parametrize("name", ["nope", "nope/nope", "..", "README.md"])
def test_an_unknown_environment_lists_those_there_are(name: str) -> None:
    with pytest.raises(verb.Refused, match=r"There are: .*ha, local"):
        verb.inventory_of(name)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Cause: a: told\n"], ""),
        (["\x1b[0;31mCause: a: told\x1b[0m\n"], ""),
        (["[WARNING]: x\n", "[ERROR]: no hosts to target.\n"], "Cause: no hosts to target."),
        (
            ["usage: x\n", "ansible-playbook: error: unrecognized arguments: --x\n", "help\n"],
            "Cause: unrecognized arguments: --x",
        ),
        (["Segmentation fault\n"], "Cause: Segmentation fault"),
        ([], "Cause: Ansible said nothing of it"),
    ],
)
def test_one_line_says_why(lines: list[str], expected: str) -> None:
    assert verb.cause_in(lines) == expected


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A verb, or make, as a user calls it."""
    return subprocess.run(
        arguments,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_exit_code_is_passed_on_and_the_cause_is_the_last_line(tmp_path: Path) -> None:
    broken = tmp_path / "hosts.yml"
    broken.write_text("all: {hosts: {a: {ansible_connection: local, obs_site: [x]}}}\n")
    answer = call(sys.executable, "-m", "scripts.verb", "status", f"ENV={broken}", "HOST=nobody")
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("Cause: ") and "no hosts" in answer.stderr.splitlines()[-1]


def test_make_hands_on_what_stands_on_its_command_line_and_nothing_else() -> None:
    words = ["ENV=ha", "HOST=a b", """EXTRA={"x": "it's"}""", "TO="]
    answer = call("make", "--dry-run", "deploy", *words, TAGS="loki", HOST="of the shell")
    assert answer.returncode == 0, answer.stderr
    line = next(line for line in answer.stdout.splitlines() if "scripts.verb" in line)
    found = subprocess.run(
        ["bash", "-c", f'set -- {line}; shift 4; printf "%s\\n" "$@"'], capture_output=True, text=True, check=True
    )
    assert sorted(found.stdout.splitlines()) == sorted(words)


def test_make_refuses_a_word_it_does_not_know() -> None:
    answer = call("make", "deploy", "HOSTS=a")
    assert answer.returncode == 2
    assert "Cause: deploy does not take HOSTS. Did you mean HOST?" in answer.stderr


def test_verbs_are_listed() -> None:
    answer = call(sys.executable, "-m", "scripts.verb")
    assert answer.returncode == 0
    assert all(row.name in answer.stdout for row in verb.VERBS)
