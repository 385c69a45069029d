# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays and tasks may say: full names, told reasons, nothing of an inventory inside a role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tree import COLLECTION, ROOT, filter_names, load_yaml, plugins, relative, roles, task_files, texts

BLOCKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
# What a task or a play may hold besides its module.
KEYWORDS = frozenset("""
    action any_errors_fatal args async become become_exe become_flags become_method become_user changed_when
    check_mode collections connection debugger delay delegate_facts delegate_to diff environment failed_when
    fact_path force_handlers gather_facts gather_subset gather_timeout hosts ignore_errors ignore_unreachable
    listen local_action loop loop_control max_fail_percentage module_defaults name no_log notify order poll port
    register remote_user retries roles run_once serial strategy tags throttle timeout until validate_argspec
    vars vars_files vars_prompt when
""".split()) | frozenset(BLOCKS)  # noqa: SIM905  (a list of fifty quoted words reads worse)
FULL_NAME = re.compile(r"\w+\.\w+\.\w+(\.\w+)*")
# Of a role, the last part may come from a variable; the collection is always written out.
ROLE_NAME = re.compile(r"\w+\.\w+\.(\w+|\{\{ \w+( \| [\w.]+)? \}\})")
ROLE_CALLS = {"ansible.builtin.import_role", "ansible.builtin.include_role"}


def tasks_of(document: Any) -> Iterator[dict[str, Any]]:
    """Every play and task of a document, outer ones first."""
    for entry in document if isinstance(document, list) else []:
        if isinstance(entry, dict):
            yield entry
            for block in BLOCKS:
                yield from tasks_of(entry.get(block))


def short_names(document: Any) -> list[str]:
    """Modules, roles and playbooks that are called by a short name."""
    found = []
    for entry in tasks_of(document):
        for key, value in entry.items():
            if key.startswith("with_"):
                found.append(f"{key}: use loop")
            elif key in ("action", "local_action"):
                found.append(f"{key}: name the module as the key")
            elif key not in KEYWORDS and not FULL_NAME.fullmatch(key):
                found.append(key)
            if key in ROLE_CALLS and not ROLE_NAME.fullmatch(str(value.get("name", ""))):
                found.append(f"role {value.get('name')}")
        for role in entry.get("roles", []):
            name = role if isinstance(role, str) else role.get("role") or role.get("name")
            if not FULL_NAME.fullmatch(str(name)):
                found.append(f"role {name}")
    return found


def short_filters(text: str, names: set[str]) -> list[str]:
    """Our own filters and tests that are called without obs.stack."""
    return [name for name in re.findall(r"(?:\||\bis(?:\s+not)?)\s*([a-z_]\w*)(?![\w.])", text) if name in names]


NEEDS_REASON = re.compile(
    r"^\s*(?:-\s+)?(changed_when:\s*false|ignore_errors:\s*(?:true|yes)|failed_when:\s*false"
    r"|ansible\.builtin\.(?:shell|command|raw|script):)", re.IGNORECASE)


def unexplained(text: str) -> list[str]:
    """`changed_when: false`, ignored errors and commands with no comment in their task or right above it."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        if NEEDS_REASON.match(line) and not any("#" in near for near in _task_around(lines, number)):
            found.append(f"line {number + 1}: {line.strip()}")
    return found


def _task_around(lines: list[str], number: int) -> list[str]:
    """The lines of the task a line belongs to, with the comments right above it."""
    start = number
    while start > 0 and not re.match(r"\s*- (name|block|hosts)\b", lines[start]):
        start -= 1
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = number + 1
    while end < len(lines) and not (lines[end].strip() and len(lines[end]) - len(lines[end].lstrip()) <= indent):
        end += 1
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return lines[start:end]


INVENTORY = re.compile(
    r"\b(groups\s*[\[.|]|group_names\b|hostvars\b|inventory_hostname_short\b"
    r"|obs_(?!exporter_)[a-z]\w*(?!\w|\.\w+:))"  # but module:function of a Python release of ours, and its metrics
)


def inventory_in_role(text: str) -> list[str]:
    """Names of the inventory or of the estate (groups, hostvars, obs_*) in a role's YAML or templates."""
    code = "\n".join(line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [match.group(0) for match in INVENTORY.finditer(code)]


TASK_FILES = [pytest.param(path, text, id=relative(path)) for path, text in task_files()]


def test_there_are_plays_and_tasks_to_look_at() -> None:
    seen = {relative(path) for path, _text in task_files()}
    for folder in (COLLECTION / "playbooks", COLLECTION / "roles", ROOT / "molecule"):
        assert any(path.startswith(relative(folder)) for path in seen), folder
    assert "site.yml" in seen


@pytest.mark.parametrize(("path", "text"), TASK_FILES)
def test_everything_is_called_by_its_full_name(path: Path, text: str) -> None:
    assert not short_names(load_yaml(text))
    own = {name for plugin in plugins("filter") for name in filter_names(plugin)}
    assert own
    assert not short_filters(text, own)


@pytest.mark.parametrize(("path", "text"), TASK_FILES)
def test_exceptions_give_their_reason(path: Path, text: str) -> None:
    assert not unexplained(text)


def test_roles_know_nothing_of_the_inventory() -> None:
    found = {
        relative(path): inventory_in_role(text)
        for role in roles()
        for path, text in texts(".yml", ".yaml", ".j2", under=role)
        if path.name != "argument_specs.yml" and "files" not in path.relative_to(role).parts
    }
    assert not {path: names for path, names in found.items() if names}


def test_there_is_no_roles_path() -> None:
    config = (ROOT / "ansible.cfg").read_text()
    assert not re.search(r"^\s*(roles_path|library|filter_plugins|action_plugins)\s*=", config, re.MULTILINE)
    paths = re.search(r"^\s*collections_path\s*=\s*(.*)$", config, re.MULTILINE)
    assert paths and paths.group(1).split(":")[0].strip() in ("./collections", "collections")


def test_the_site_at_the_root_imports_the_one_that_ships() -> None:
    plays = load_yaml((ROOT / "site.yml").read_text())
    assert [play.get("ansible.builtin.import_playbook") for play in plays] == ["obs.stack.site"]
    assert (COLLECTION / "playbooks" / "site.yml").is_file()


@pytest.mark.parametrize("task", [
    {"name": "x", "copy": {}}, {"name": "x", "with_items": []}, {"name": "x", "action": "copy"},
    {"block": [{"command": "true"}]}, {"hosts": "all", "tasks": [{"stat": {}}]},
    {"hosts": "all", "roles": ["prometheus"]},
    {"ansible.builtin.import_role": {"name": "prometheus"}}, {"ansible.builtin.include_role": {"name": "{{ role }}"}},
    {"hosts": "all", "roles": [{"role": "prometheus"}]},
])
def test_rule_finds_a_short_name(task: dict[str, Any]) -> None:
    assert short_names([task])


def test_rule_takes_full_names() -> None:
    assert not short_names([{
        "hosts": "all", "become": True, "roles": ["obs.stack.prometheus"],
        "tasks": [{"name": "x", "ansible.builtin.import_role": {"name": "obs.stack.prometheus"}, "when": "x"}],
    }])


def test_rule_finds_a_short_filter() -> None:
    assert short_filters("{{ a | config_merge(b) }}", {"config_merge"})
    assert not short_filters("{{ a | obs.stack.config_merge(b) | default({}) }}", {"config_merge"})


@pytest.mark.parametrize("text", [
    "- name: X\n  ansible.builtin.command: ls\n", "- name: X\n  a.b.c:\n  changed_when: false\n",
    "# why\n- name: A\n  a.b.c:\n- name: X\n  a.b.c:\n  ignore_errors: true\n",
    "- name: X\n  a.b.c:\n  failed_when: false\n- name: Y  # of another task\n  a.b.c:\n",
])
def test_rule_finds_an_unexplained_exception(text: str) -> None:
    assert unexplained(text)


@pytest.mark.parametrize("text", [
    "# lists only\n- name: X\n  ansible.builtin.command: ls\n",
    "- name: X\n  a.b.c:\n  changed_when: false  # reads only\n", "- name: X\n  a.b.docker:\n    command: ls\n",
    "- name: X\n  # no module for it\n  ansible.builtin.command:\n    argv: [ls]\n  changed_when: true\n",
])
def test_rule_takes_an_explained_exception(text: str) -> None:
    assert not unexplained(text)


@pytest.mark.parametrize("text", ["x: '{{ groups.prometheus }}'", "x: '{{ obs_site }}'", "x: '{{ hostvars[h] }}'"])
def test_rule_finds_the_inventory_in_a_role(text: str) -> None:
    assert inventory_in_role(text)


def test_rule_lets_paths_and_comments_be() -> None:
    assert not inventory_in_role("# obs_site is the playbook's\nx: /opt/obs\ny: obs.stack.z\nevents: groups\n")
