# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A component role is data: the same files, one task, and a specification that equals the defaults."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tree import ROOT, WITHOUT_SERVICE, load_yaml, roles, tracked

REQUIRED = {"README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml"}
# Besides the required ones. templates: only for what is not YAML; files: rules and the like, never templated.
ALLOWED = re.compile(r"(meta/ports\.yml|vars/main/\w+\.yml|templates/[\w./-]+\.j2|files/[\w./-]+)")
TASK_LINES = 20
SERVICE = "obs.stack.release_service"
SERVICES = "obs.stack.release_services"
OF_SEVERAL = {"thanos", "demo"}
RULES = "obs.stack.slo_rules"
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}

ROLES = [pytest.param(role, id=role.name) for role in roles()]
every_role = pytest.mark.parametrize("role", ROLES)


def stray_files(names: set[str]) -> list[str]:
    """What is missing from a role's files, and what has no place there."""
    return [f"missing: {name}" for name in sorted(REQUIRED - names)] + [
        f"no place for: {name}" for name in sorted(names - REQUIRED) if not ALLOWED.fullmatch(name)]


def spec_breaches(role: str, defaults: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """Where defaults/main.yml and the argument specification of a role say different things."""
    found = [f"{key}: the prefix {role}_ is missing" for key in defaults if not key.startswith(f"{role}_")]
    found += [f"{key}: in the defaults, not in the specification" for key in defaults if key not in options]
    for key, option in options.items():
        if option.get("required"):
            found += [f"{key}: required and has a default"] if key in defaults else []
        elif key not in defaults:
            found.append(f"{key}: in the specification, not in the defaults")
        elif defaults[key] != option.get("default") or type(defaults[key]) is not type(option.get("default")):
            found.append(f"{key}: default {defaults[key]!r}, specification {option.get('default')!r}")
    return found


def told(value: Any) -> list[str]:
    """Every description below a specification."""
    if isinstance(value, list):
        return [text for item in value for text in told(item)]
    if not isinstance(value, dict):
        return []
    own = value.get("description", [])
    own = [own] if isinstance(own, str) else own if isinstance(own, list) else []
    return [str(text) for text in own] + [text for item in value.values() for text in told(item)]


def untold_options(options: dict[str, Any], path: str = "") -> list[str]:
    """Options with no known type, no description, or a list whose elements are not typed."""
    found = []
    for key, option in options.items():
        name = f"{path}{key}"
        if option.get("type") not in TYPES:
            found.append(f"{name}: type {option.get('type')!r}")
        if not option.get("description"):
            found.append(f"{name}: no description")
        if option.get("type") == "list" and option.get("elements") not in TYPES:
            found.append(f"{name}: elements {option.get('elements')!r}")
        found += untold_options(option.get("options", {}), f"{name}.")
    return found


def task_breaches(role: str, text: str) -> list[str]:
    """What is wrong with tasks/main.yml: length, more than one task, another module."""
    lines = [line for line in text.splitlines() if line.strip()]
    tasks = load_yaml(text)
    found = [f"{len(lines)} lines, {TASK_LINES} are enough"] if len(lines) > TASK_LINES else []
    module = RULES if role in WITHOUT_SERVICE else SERVICES if role in OF_SEVERAL else SERVICE
    if len(tasks) != 1 or module not in tasks[0]:
        found.append(f"one task, and it is {module}")
    elif "loop" in tasks[0]:
        found.append("no loop: it would template and ask the host anew for each item")
    return found


def test_there_are_roles() -> None:
    assert {"prometheus", "alertmanager", "node_exporter"} <= {role.name for role in roles()}


@every_role
def test_role_has_exactly_the_files_of_a_role(role: Path) -> None:
    assert not stray_files({path.relative_to(role).as_posix() for path in tracked() if role in path.parents})


@every_role
def test_role_is_one_task(role: Path) -> None:
    assert not task_breaches(role.name, (role / "tasks" / "main.yml").read_text())


@every_role
def test_defaults_equal_the_specification(role: Path) -> None:
    defaults = load_yaml((role / "defaults" / "main.yml").read_text()) or {}
    options = load_yaml((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert not spec_breaches(role.name, defaults, options)
    assert not untold_options(options)


@every_role
def test_words_of_a_specification_are_no_templates(role: Path) -> None:
    """Ansible templates all of a specification; a slip there fails every run of the role."""
    spec = load_yaml((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    found = [text for text in told(spec) if re.search(r"\{[{%#]", text)]
    assert not found


@every_role
def test_internal_variables_have_the_internal_prefix(role: Path) -> None:
    for path in sorted((role / "vars" / "main").glob("*.yml")):
        for key in load_yaml(path.read_text()) or {}:
            assert key.startswith(f"__{role.name}_"), f"{path.name}: {key}"


def test_role_readmes_are_generated_and_current() -> None:
    done = subprocess.run([sys.executable, "scripts/role_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rule_finds_a_stray_file_and_a_missing_one() -> None:
    assert not stray_files(REQUIRED | {"vars/main/service.yml", "templates/web/x.tmpl.j2"})
    assert stray_files(REQUIRED - {"README.md"})
    assert stray_files(REQUIRED | {"handlers/main.yml"})
    assert stray_files(REQUIRED | {"tasks/install.yml"})


@pytest.mark.parametrize(("defaults", "options"), [
    ({"x_a": 1}, {}), ({}, {"x_a": {"default": 1}}), ({"x_a": 1}, {"x_a": {"default": 2}}),
    ({"x_a": True}, {"x_a": {"default": 1}}), ({"x_a": 1}, {"x_a": {"required": True}}),
    ({"a": 1}, {"a": {"default": 1}}),
])
def test_rule_finds_defaults_that_differ(defaults: dict[str, Any], options: dict[str, Any]) -> None:
    assert spec_breaches("x", defaults, options)


def test_rule_finds_untold_options() -> None:
    good = {"type": "str", "description": "What it is."}
    assert not untold_options({"a": good})
    assert untold_options({"a": {**good, "type": "text"}})
    assert untold_options({"a": {**good, "description": ""}})
    assert untold_options({"a": {**good, "type": "list"}})
    assert untold_options({"a": {**good, "type": "dict", "options": {"b": {"type": "str"}}}})


def test_rule_finds_a_role_that_is_more_than_data() -> None:
    task = f"- name: X\n  {SERVICE}:\n    name: x\n"
    assert not task_breaches("x", task)
    assert task_breaches("x", task + task)
    assert task_breaches("x", "- name: X\n  ansible.builtin.copy:\n    dest: x\n")
    assert task_breaches("x", task + "  loop: [1]\n")
    assert task_breaches("x", task.replace(SERVICE, SERVICES))
    assert not task_breaches("thanos", task.replace(SERVICE, SERVICES))
    assert task_breaches("x", task + "    a: 1\n" * TASK_LINES)
