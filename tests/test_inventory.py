# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every obs_* variable that is read is specified, every specified one is read, and docs/inventory.md tells them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._estate_spec import misspelt
from scripts import inventory_docs
from tests.test_roles import untold_options
from tests.tree import COLLECTION, PLUGINS, ROOT, load_yaml, relative, texts

SPEC = inventory_docs.sections()
OPTIONS: dict[str, dict[str, Any]] = {name: option for part in SPEC for name, option in part["options"].items()}
# Attributes of the specification besides those of an argument specification.
OWN = {"family", "other_keys"}
# Names that begin so and are no variables: what tests write into inventories, and the prefix itself.
NOT_OURS = re.compile(r"obs_lab\w*|obs_")
PLAYBOOKS = COLLECTION / "playbooks"
INVENTORIES = ROOT / "inventories"


def read_by_yaml(text: str) -> set[str]:
    """obs_* variables that plays read; what they register themselves and what comments say does not count."""
    code = re.sub(r"(?m)(^|\s)#.*$", "", text)
    registered = set(re.findall(r"^\s*register:\s*(\w+)", code, re.MULTILINE))
    return {name for name in re.findall(r"\bobs_\w+", code) if not NOT_OURS.fullmatch(name)} - registered


def read_by_python(text: str) -> set[str]:
    """obs_* names that stand as a text of their own in code, so that they are looked up."""
    constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    names = {value for value in constants if isinstance(value, str) and re.fullmatch(r"obs_\w+", value)}
    return {name for name in names if not NOT_OURS.fullmatch(name)}


def read_variables() -> dict[str, set[str]]:
    """Where each obs_* variable is read."""
    found: dict[str, set[str]] = {}
    registered: set[str] = set()
    for path, text in texts(".yml", under=PLAYBOOKS):
        registered |= set(re.findall(r"^\s*register:\s*(\w+)", text, re.MULTILINE))
        if path == inventory_docs.SPEC:
            continue
        for name in read_by_yaml(text):
            found.setdefault(name, set()).add(relative(path))
    for path, text in texts(".py", under=PLUGINS):
        # Who looks up variables speaks of them; elsewhere the same prefix may be a metric's.
        for name in read_by_python(text) if "hostvars" in text else ():
            found.setdefault(name, set()).add(relative(path))
    return {name: places for name, places in found.items() if name not in registered}


def defaults_in(text: str) -> list[tuple[str, Any]]:
    """Variables of a play with the default they have there, where that is a plain value."""
    found = []
    for name, value in re.findall(r"\b(obs_\w+)\s*\|\s*default\(([^()]*)\)", text):
        try:
            found.append((name, load_yaml(value)))
        except ValueError:
            continue
    return found


def test_every_variable_that_is_read_is_specified() -> None:
    unknown = {name: sorted(places) for name, places in read_variables().items() if name not in OPTIONS}
    assert not unknown, f"not in {relative(inventory_docs.SPEC)}: {unknown}"


def test_every_specified_variable_is_read() -> None:
    assert not sorted(set(OPTIONS) - set(read_variables()))


def test_defaults_are_those_of_the_plays() -> None:
    plays = texts(".yml", under=PLAYBOOKS)
    seen = [(path, name, default) for path, text in plays for name, default in defaults_in(text)]
    assert seen, "no default found: has the form of the plays changed?"
    wrong = [(relative(path), name, default) for path, name, default in seen
             if name in OPTIONS and (OPTIONS[name].get("default", "") != default)]
    assert not wrong


def test_every_variable_is_told() -> None:
    plain = {name: {key: value for key, value in option.items() if key not in OWN} for name, option in OPTIONS.items()}
    assert not untold_options(plain)
    assert all(section["title"] and section["description"] for section in SPEC)


def test_secrets_say_so() -> None:
    def secrets(options: dict[str, Any]) -> list[str]:
        found = [name for name, option in options.items()
                 if re.search(r"password|token|secret|headers", name) and not option.get("no_log")]
        return found + [name for option in options.values() for name in secrets(option.get("options", {}))]

    assert not secrets(OPTIONS)


def test_page_is_current() -> None:
    assert inventory_docs.PAGE.read_text() == inventory_docs.render(SPEC), "run python -m scripts.inventory_docs"


YAML_OF_INVENTORIES = [pytest.param(path, id=relative(path)) for path, _text in texts(".yml", under=INVENTORIES)]


@pytest.mark.parametrize("path", YAML_OF_INVENTORIES)
def test_examples_have_no_slips(path: Path) -> None:
    slips = {name: misspelt(name, OPTIONS) for name in read_by_yaml(path.read_text())}
    assert not {name: meant for name, meant in slips.items() if meant}


def test_rules_find_what_is_read() -> None:
    play = "# obs_comment\na: '{{ obs_read | default(5) }}' # obs_too\nregister: obs_kept\nb: '{{ obs_kept }}'\n"
    assert read_by_yaml(play) == {"obs_read"}
    assert read_by_python('"""obs_docs"""\nx.get("obs_read")\ny.obs_etc\nf"{obs_x}"\n') == {"obs_docs", "obs_read"}
    assert defaults_in("{{ obs_a | default('x') }} {{ obs_b|default(false) }}") == [("obs_a", "x"), ("obs_b", False)]
