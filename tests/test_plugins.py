# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin is documented, honest about what it can do, and has tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tree import COLLECTION, ROOT, UNIT, filter_names, plugins, relative, texts

ATTRIBUTES = {"check_mode", "diff_mode"}
# Thin edges to systemd, accounts and files of a host: molecule/faults and molecule/upgrade prove them on real ones.
EDGES = {
    "_accounts", "_check", "_hooks", "_http", "_inspect", "_phase", "_removal", "_sandbox", "_stage", "_switch",
    "_transaction",
}
SUPPORT = {"full", "partial", "none", "N/A"}


def doc_breaches(kind: str, doc: dict[str, Any]) -> list[str]:
    """What ansible-doc's answer about one plugin lacks."""
    found = [] if doc["doc"].get("short_description") else ["short_description"]
    if not doc.get("examples"):
        found.append("EXAMPLES")
    if doc.get("return") is None:
        found.append("RETURN")
    if kind == "module":
        attributes = doc["doc"].get("attributes") or {}
        found += [f"attribute {name}" for name in sorted(ATTRIBUTES - set(attributes))]
        for name, attribute in attributes.items():
            if attribute.get("support") not in SUPPORT:
                found.append(f"attribute {name}: support {attribute.get('support')!r}")
            if attribute.get("support") == "partial" and not attribute.get("details"):
                found.append(f"attribute {name}: partial needs details")
    found += [f"option {name}: no description" for name, option in (doc["doc"].get("options") or {}).items()
              if not option.get("description")]
    return found


@pytest.fixture(scope="session")
def documented() -> dict[str, dict[str, Any]]:
    """kind -> full name -> what ansible-doc says, asked once per kind."""
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / "collections"))
    answers = {}
    for kind, folder in (("module", "modules"), ("filter", "filter")):
        names = sorted(name for path in plugins(folder) for name in _names(kind, path))
        answers[kind] = {} if not names else json.loads(subprocess.run(
            [Path(sys.executable).with_name("ansible-doc"), "--type", kind, "--json", *names],
            check=True, capture_output=True, text=True, env=environment).stdout)
    return answers


def _names(kind: str, path: Path) -> list[str]:
    """The full names one file defines: a module file one, a filter file one per DOCUMENTATION beside it."""
    if kind == "filter" and "DOCUMENTATION" not in path.read_text():
        return sorted(f"obs.stack.{other.stem}" for other in path.parent.glob("*.yml"))
    return [f"obs.stack.{path.stem}"]


def test_there_are_modules() -> None:
    names = {path.stem for path in plugins("modules")}
    assert {"release_service", "release_service_info", "release_service_rollback"} <= names


@pytest.mark.parametrize("kind", ["module", "filter"])
def test_ansible_doc_reads_every_plugin(documented: dict[str, dict[str, Any]], kind: str) -> None:
    assert documented[kind], f"no {kind} is documented"
    breaches = {name: doc_breaches(kind, doc) for name, doc in documented[kind].items()}
    assert not {name: found for name, found in breaches.items() if found}


def test_every_filter_is_documented_by_its_name() -> None:
    # FilterModule.filters() is the list Ansible loads; each entry needs documentation of that name.
    for path in plugins("filter"):
        defined = filter_names(path)
        assert defined, f"{relative(path)}: no filter found"
        assert {f"obs.stack.{name}" for name in defined} <= set(_names("filter", path)), relative(path)


def test_every_action_plugin_is_a_documented_module() -> None:
    assert {path.stem for path in plugins("action")} <= {path.stem for path in plugins("modules")}


def test_connection_of_grafana_can_be_written_once_for_every_module_of_it() -> None:
    group = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text())["action_groups"]["grafana"]
    # The host half is handed what the module in front of it was given. One more tells Grafana among others.
    assert set(group) == {path.stem for path in plugins("modules") if path.stem.startswith("grafana_")} - {
        "grafana_dashboards_apply"} | {"deploy_marker"}
    for name in group:
        fragments = re.search(r"^extends_documentation_fragment: (.*)$", (COLLECTION / "plugins" / "modules" /
                              f"{name}.py").read_text(), re.MULTILINE)
        assert fragments and "obs.stack.grafana" in fragments.group(1), name


@pytest.mark.parametrize("path", [pytest.param(path, id=relative(path)) for kind in ("modules", "action")
                                  for path in plugins(kind)])
def test_every_plugin_has_a_unit_test_file(path: Path) -> None:
    if path.parent.name == "modules" and path.stem in {action.stem for action in plugins("action")}:
        return  # only the documentation of the action plugin, which is tested
    test = UNIT / path.parent.name / f"test_{path.stem.lstrip('_')}.py"
    assert test.is_file(), f"{relative(test)} is missing"
    assert re.search(r"^\s*def test_", test.read_text(), re.MULTILINE)


def unit_tests() -> str:
    """The text of all unit tests of the collection."""
    return "".join(text for _path, text in texts(".py", under=COLLECTION / "tests" / "unit"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in plugins("filter")])
def test_every_filter_is_called_by_a_unit_test(path: Path) -> None:
    tests = unit_tests()
    assert not [name for name in sorted(filter_names(path)) if not re.search(rf"\b{name}\b", tests)]


def test_every_shared_file_is_named_by_a_unit_test() -> None:
    tests = unit_tests()
    untested = {path.stem for path in plugins("module_utils") if not re.search(rf"\b{path.stem}\b", tests)}
    assert untested <= EDGES, f"without a unit test: {sorted(untested - EDGES)}"
    assert {path.stem for path in plugins("module_utils")} >= EDGES


def test_private_files_say_so() -> None:
    open_ones = [relative(path) for path in plugins("module_utils")
                 if path.stem.startswith("_") and "Private to this collection" not in path.read_text()[:800]]
    assert not open_ones


def _code(path: Path) -> str:
    """A plugin's text without its documentation blocks, whose prose may begin a line with "from"."""
    return re.sub(r'"""(?:.|\n)*?"""', "", path.read_text())


def test_code_for_managed_hosts_uses_the_standard_library() -> None:
    known = sys.stdlib_module_names | {"ansible", "ansible_collections", "__future__"}
    for kind in ("modules", "module_utils"):
        for path in plugins(kind):
            imported = set(re.findall(r"^\s*(?:from|import)\s+([A-Za-z_]\w*)", _code(path), re.MULTILINE))
            assert imported <= known, f"{relative(path)}: {sorted(imported - known)}"


def test_examples_call_plugins_by_full_name() -> None:
    for path in plugins("modules"):
        match = re.search(r'^EXAMPLES = r?"""(.*?)"""', path.read_text(), re.MULTILINE | re.DOTALL)
        assert match, relative(path)
        keys = {key for task in yaml.safe_load(match.group(1)) for key in task}
        assert any(key.startswith("obs.stack.") for key in keys), relative(path)


def test_rule_finds_what_a_document_lacks() -> None:
    attributes = {name: {"support": "full"} for name in ATTRIBUTES}
    doc = {"short_description": "x", "attributes": attributes, "options": {"a": {"description": ["x"]}}}
    good: dict[str, Any] = {"doc": doc, "examples": "x", "return": {}}
    assert not doc_breaches("module", good)
    changes: list[dict[str, Any]] = [
        {"short_description": ""}, {"attributes": {}}, {"options": {"a": {}}},
        {"attributes": {**attributes, "diff_mode": {"support": "partial"}}},
        {"attributes": {**attributes, "diff_mode": {"support": "yes"}}},
    ]
    for change in changes:
        assert doc_breaches("module", {**good, "doc": {**good["doc"], **change}})
    assert doc_breaches("module", {**good, "examples": ""})
    assert doc_breaches("module", {**good, "return": None})
