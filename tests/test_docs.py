# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation says is there: sections of errors, links, commands, changelog."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import COLLECTION, PLUGINS, ROOT, TROUBLESHOOTING, load_yaml, relative, services, texts

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
DOC_ARGUMENT = re.compile(r"""\bdoc\s*=\s*["']([\w-]*)["']""")


def anchors(text: str) -> set[str]:
    """Anchors of a Markdown page as GitHub makes them from its headings."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", FENCE.sub("", text), re.MULTILINE)
    found: set[str] = set()
    for heading in headings:
        plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def broken_links(path: Path, text: str) -> list[str]:
    """Links of a page that lead nowhere inside the repository; addresses of the web are not asked."""
    found = []
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        there = file.is_relative_to(ROOT) and file.exists()
        if not there or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text())):
            found.append(target)
    return found


def make_targets(text: str) -> set[str]:
    """Targets a Makefile defines."""
    return set(re.findall(r"^([a-zA-Z][\w-]*)\s*:(?!=)", text, re.MULTILINE))


def make_commands(text: str) -> set[str]:
    """Targets that code in a Markdown page calls."""
    blocks = [match.group(0) for match in FENCE.finditer(text)]
    code = "\n".join(blocks + re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))
    return set(re.findall(r"(?:^|[\s;&|(])make\s+(?:[A-Z_]+=\S+\s+)*([a-z][\w-]*)", code, re.MULTILINE))


def named_paths(text: str) -> set[str]:
    """Paths of the repository that code spans of a page name, without placeholders and patterns."""
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    tops = "roles|plugins|playbooks|docs|collections|inventories|molecule|tests|scripts|changelogs"
    return {span.rstrip("/") for span in spans if re.fullmatch(rf"(?:{tops})/[\w./-]*", span)}


def changelog_lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """antsibull-changelog's own judgement of a collection's fragments."""
    command = [sys.executable, "-m", "antsibull_changelog", "lint"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


PAGES = [pytest.param(path, text, id=relative(path)) for path, text in texts(".md")]


@pytest.mark.parametrize(("path", "text"), PAGES)
def test_links_lead_somewhere(path: Path, text: str) -> None:
    assert not broken_links(path, text)


@pytest.mark.parametrize(("path", "text"), PAGES)
def test_make_commands_exist(path: Path, text: str) -> None:
    missing = make_commands(text) - make_targets((ROOT / "Makefile").read_text())
    assert not missing, f"{relative(path)} names make targets that are not there: {sorted(missing)}"


@pytest.mark.parametrize(("path", "text"), PAGES)
def test_named_paths_exist(path: Path, text: str) -> None:
    bases = (ROOT, COLLECTION, path.parent)
    missing = [name for name in named_paths(text) if not any((base / name).exists() for base in bases)]
    assert not missing


def test_every_section_an_error_names_is_there() -> None:
    known = anchors(TROUBLESHOOTING.read_text())
    named = {(relative(path), doc) for path, text in texts(".py", under=PLUGINS) for doc in DOC_ARGUMENT.findall(text)}
    named = {(path, doc) for path, doc in named if doc}
    assert named, "no error names a section: has the argument been renamed?"
    missing = sorted(f"{path}: {doc}" for path, doc in named if doc not in known)
    assert not missing, f"docs/troubleshooting.md has no section for {missing}"


def test_every_section_says_what_to_do() -> None:
    sections = re.split(r"^## ", TROUBLESHOOTING.read_text(), flags=re.MULTILINE)[1:]
    thin = [section.splitlines()[0] for section in sections if "\n- " not in section or "`" not in section]
    assert not thin


def test_readme_shows_the_two_commands_and_a_role() -> None:
    text = (ROOT / "README.md").read_text()
    assert {"up", "test"} <= make_commands(text)
    assert re.search(r"roles:\s*\[?\s*(- )?(role: )?obs\.stack\.\w+", text) or "name: obs.stack." in text


def test_yaml_examples_of_the_documentation_parse() -> None:
    for path, text in texts(".md"):
        for block in re.findall(r"^```ya?ml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            assert load_yaml(block) is not None, f"{relative(path)}: {block[:60]}"


def test_changelog_fragments_are_valid() -> None:
    fragments = sorted((COLLECTION / "changelogs" / "fragments").glob("*.y*ml"))
    assert fragments or (COLLECTION / "changelogs" / "changelog.yaml").is_file()
    done = changelog_lint(COLLECTION)
    assert done.returncode == 0, done.stdout + done.stderr


def test_changelog_lint_can_fail(tmp_path: Path) -> None:
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    (tmp_path / "galaxy.yml").write_text((COLLECTION / "galaxy.yml").read_text())
    (tmp_path / "changelogs" / "config.yaml").write_text((COLLECTION / "changelogs" / "config.yaml").read_text())
    (tmp_path / "changelogs" / "fragments" / "x.yaml").write_text("news:\n  - unknown section\n")
    assert changelog_lint(tmp_path).returncode != 0


def test_compatibility_names_every_role_and_what_is_not_tested() -> None:
    text = (COLLECTION / "docs" / "compatibility.md").read_text()
    for page in (text, (ROOT / "README.md").read_text()):
        tested = page.partition("<!-- generated: tested -->")[2].partition("<!-- end: tested -->")[0]
        for role in services():
            assert f"| {role.name} |" in tested, f"nothing of {role.name}: python -m scripts.compatibility"
    for word in ("RHEL", "EC2", "upstream"):
        assert word.lower() in text.partition("## Not tested")[2].lower()


def test_rules_find_what_leads_nowhere() -> None:
    assert broken_links(ROOT / "README.md", "[x](nowhere.md)") == ["nowhere.md"]
    assert broken_links(TROUBLESHOOTING, "[x](#no-such-section)") == ["#no-such-section"]
    assert not broken_links(TROUBLESHOOTING, "[x](#check) [y](https://example.com) ```")
    page = "run `make nothing`\n```sh\nmake up FOO=1\nX=1 make down\n```\nto make sense"
    assert make_commands(page) == {"nothing", "up", "down"}
    assert make_targets("up: x\nFOO := 1\n.PHONY: up\nmolecule-%: y\n") == {"up"}
    assert anchors("## A `b` c\n```\n## no\n```\n") == {"a-b-c"}
    assert named_paths("see `scripts/nothing.py` and `roles/<role>/x`") == {"scripts/nothing.py"}
