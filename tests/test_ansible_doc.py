# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-doc tells everything: each plugin and role that ships, each option to its last level, each value returned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tree import COLLECTION, PLUGINS, ROOT, filter_names, plugins, roles

KINDS = ("module", "filter", "callback", "role")
# Folders of plugins that users call, or configure, by name; the others are shared code.
FOLDERS = {"modules": "module", "filter": "filter", "callback": "callback", "action": "module"}
SHARED = {"module_utils", "plugin_utils", "doc_fragments"}


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """kind -> full name -> what ansible-doc says of it, for the whole collection in one question."""
    done = subprocess.run([Path(sys.executable).with_name("ansible-doc"), "--metadata-dump", "obs.stack"], check=False,
                          capture_output=True, text=True,
                          env=dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / "collections")))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["all"]


def shipped() -> dict[str, set[str]]:
    """kind -> full names, read from the files."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for folder, kind in FOLDERS.items():
        for path in plugins(folder):
            names[kind] |= filter_names(path) if kind == "filter" else {path.stem}
    names["role"] = {role.name for role in roles()}
    return {kind: {f"obs.stack.{name}" for name in found} for kind, found in names.items()}


def untold(options: dict[str, Any], path: str = "") -> list[str]:
    """Options, or returned values, that lack a description or a type on any level."""
    found = []
    for key, option in options.items():
        name = f"{path}{key}"
        found += [f"{name}: no {what}" for what in ("description", "type") if not option.get(what)]
        if option.get("type") == "list" and not option.get("elements"):
            found.append(f"{name}: no elements")
        for below in ("options", "suboptions", "contains"):
            found += untold(option.get(below) or {}, f"{name}.")
    return found


def breaches(kind: str, doc: dict[str, Any]) -> list[str]:
    """What ansible-doc's answer about one plugin or role lacks."""
    if kind == "role":
        entry = doc["entry_points"].get("main", {})
        found = [f"no {key}" for key in ("short_description", "description", "options") if not entry.get(key)]
        return found + untold(entry.get("options") or {})
    text = doc["doc"]
    wanted = ("short_description", "description", "author", "version_added")
    found = [f"no {key}" for key in wanted if not text.get(key)]
    if kind in ("module", "filter"):
        found += [f"no {key}" for key in ("examples", "return") if not doc.get(key)]
    return found + untold(text.get("options") or {}) + untold(doc.get("return") or {}, "return ")


def test_no_kind_of_plugin_is_forgotten_here() -> None:
    folders = {path.name for path in PLUGINS.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= set(FOLDERS) | SHARED


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_ships_is_told(told: dict[str, dict[str, Any]], kind: str) -> None:
    assert shipped()[kind]
    assert set(told[kind]) == shipped()[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_to_the_last_level(told: dict[str, dict[str, Any]], kind: str) -> None:
    found = {name: breaches(kind, doc) for name, doc in told[kind].items()}
    assert not {name: lacks for name, lacks in found.items() if lacks}


def test_the_page_of_the_collection_names_all_of_it() -> None:
    text = (COLLECTION / "README.md").read_text()
    names = shipped()
    playbooks = {f"obs.stack.{path.stem}" for path in (COLLECTION / "playbooks").glob("*.yml")}
    wanted = playbooks | names["module"] | names["role"] | names["callback"]
    assert not sorted(name for name in wanted if f"`{name}`" not in text)


def test_rule_finds_what_is_not_told() -> None:
    good = {"type": "str", "description": "What it is."}
    assert not untold({"a": good, "b": {**good, "type": "list", "elements": "str"}})
    for below in ("options", "suboptions", "contains"):
        assert untold({"a": {**good, "type": "dict", below: {"b": {"type": "str"}}}})
    assert untold({"a": {**good, "type": "list"}})
    doc: dict[str, Any] = {"short_description": "x", "description": "x", "author": "x", "version_added": "x"}
    plugin = {"doc": doc, "examples": "x", "return": {"a": good}}
    assert not breaches("module", plugin)
    for key in doc:
        assert breaches("callback", {**plugin, "doc": {**doc, key: ""}})
    assert breaches("filter", {**plugin, "examples": ""})
    assert breaches("role", {"entry_points": {}})
