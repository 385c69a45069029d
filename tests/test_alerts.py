# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts, runbooks and dashboards belong together: none without the others, and what a page asks can be asked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils import _diagnosis
from ansible_collections.obs.stack.tests.unit.programs import program
from scripts import alert_docs, rule_lint
from scripts.dashboards import files, queries
from tests.tree import COLLECTION, ROOT, load_yaml

PROMTOOL = program("prometheus", "promtool")
ALERTS = {alert.name: alert for alert in alert_docs.alerts()}
PAGES = {path.stem: path.read_text() for path in sorted(alert_docs.RUNBOOKS.glob("*.md"))}
TABLES = COLLECTION / "tests" / "unit" / "roles" / "alerts"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def labels() -> dict[str, set[str]]:
    """Alert -> the labels it fires with, as the simulator has seen them."""
    tables = [yaml.safe_load(path.read_text()) for path in sorted(TABLES.glob("*.yml"))]
    found = {case["alert"]: set(case.get("labels") or {}) for table in tables for case in table["alerts"]}
    return found | {alert.name: set(alert.rule["labels"]) for alert in alert_docs.objectives()}


LABELS = labels()


def sections(page: str) -> dict[str, str]:
    """Heading -> what stands below it."""
    parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def blocks(text: str, language: str) -> list[str]:
    """The lines of all code of a language: one query or command each."""
    found = [block for kind, block in BLOCK.findall(text) if kind == language]
    return [line for block in found for line in block.splitlines() if line.strip()]


def breaches(name: str, page: str) -> list[str]:
    """What a runbook lacks."""
    found = [] if page.startswith(f"# {name}\n") else ["its title is not the alert's name"]
    there = sections(page)
    if list(there) != SECTIONS:
        return [*found, f"its sections are not {', '.join(SECTIONS)}"]
    found += [f"{title} says nothing" for title in SECTIONS if len(BLOCK.sub("", there[title]).strip()) < 4]
    if not blocks(there["Diagnosis"], "promql"):
        found.append("Diagnosis asks nothing")
    if not blocks(there["Mitigation"], "sh"):
        found.append("Mitigation has no command")
    used = set(re.findall(r"\$([a-z_]+)\b", " ".join(text for _kind, text in BLOCK.findall(page))))
    found += [f"${label}: the alert has no such label" for label in sorted(used - LABELS.get(name, set()))]
    return found


needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the PATH nor in the artifact store")


def refused(asked: list[tuple[str, str]], folder: Path) -> str:
    """What promtool says against queries: all of them as rules of one file, labelled with where they stand."""
    rules = [
        {"record": "x", "expr": text, "labels": {"where": f"{number} {where}"}}
        for number, (where, text) in enumerate(asked)
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": rules}]}))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(folder / "rules.yml")], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 and f"{len(rules)} rules" in done.stdout else done.stdout + done.stderr


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert sorted(ALERTS) == sorted(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_whole(name: str) -> None:
    assert not breaches(name, PAGES[name])


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_leads_to_its_page_and_a_dashboard_that_ships(name: str) -> None:
    annotations = ALERTS[name].rule["annotations"]
    assert annotations["runbook"] == name
    assert annotations["dashboard"] in {board["uid"] for board in queries.load(files.FOLDER)}


def test_pages_and_table_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.alert_docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_can_be_run(name: str) -> None:
    """What diagnose makes of it: all that it asks, with nothing missing where the alert fires."""
    page = _diagnosis.page_of(name, PAGES[name])
    assert all(page.texts[title] for title in SECTIONS)
    assert [*page.promql] == [line.strip() for line in blocks(PAGES[name], "promql")] and page.sh
    asked = _diagnosis.queries(page, dict.fromkeys(LABELS[name], "x"))
    assert not [one for one in asked if one.lacks or _diagnosis.PLACEHOLDER.search(one.query)]


@needs_promtool
def test_every_query_of_a_page_can_be_asked(tmp_path: Path) -> None:
    asked = [(name, query) for name, page in PAGES.items() for query in blocks(page, "promql")]
    assert not refused(asked, tmp_path)
    assert "parse" in refused([("broken", "sum(rate(x[5m])")], tmp_path)


def test_rules_that_ship_pass_the_lint() -> None:
    count, found = rule_lint.look(list(rule_lint.PLACES))
    assert not found and count >= len(list(COLLECTION.glob("roles/*/files/rule*/*/*.yml")))


def test_the_command_finds_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"alert": "X", "expr": "up == 0", "labels": {"severity": "page"}}
    (tmp_path / "mine.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    (tmp_path / "other.yml").write_text("a: 1\n")
    assert rule_lint.main([str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "mine.yml: g / X: neither a for nor a window" in said and "no annotation summary" in said
    assert "1 rule files" in said and "other.yml" not in said
    assert rule_lint.main([str(tmp_path / "other.yml")]) == 1, "a file that is named must be one of rules"
    assert rule_lint.main([str(tmp_path / "nothing.yml")]) == 1
    (tmp_path / "mine.yml").unlink()
    assert rule_lint.main([str(tmp_path)]) == 1, "nothing looked at is nothing proven"


def test_examples_of_overrides_can_be_made() -> None:
    """What the page shows is what the collection takes."""
    sys.path.insert(0, str(ROOT / "collections"))
    from ansible_collections.obs.stack.plugins.module_utils._red_rules import red_rules
    from ansible_collections.obs.stack.plugins.plugin_utils import _alert_sources

    shown: dict[str, Any] = {}
    for kind, block in BLOCK.findall(alert_docs.PAGE.read_text()):
        if kind == "yaml":
            shown.update(load_yaml(block))
    assert not _alert_sources.problems(["h"], {"h": shown})
    assert len(shown["obs_alert_overrides"]) > 2 and len(red_rules(shown["obs_red_metrics"])["groups"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# TargetDown", "# TargetGone", "its title"),
        ("## Impact", "## Effect", "its sections"),
        ("```promql", "```text", "asks nothing"),
        ("```sh", "```text", "has no command"),
        ("$job", "$nobody", "$nobody: the alert has no such label"),
    ],
)
def test_rule_finds_a_page_that_lacks_something(old: str, new: str, words: str) -> None:
    assert any(words in one for one in breaches("TargetDown", PAGES["TargetDown"].replace(old, new)))
