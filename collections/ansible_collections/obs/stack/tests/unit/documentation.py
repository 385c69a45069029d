# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of a module promises, read as ansible-doc reads it."""

from __future__ import annotations

import importlib
from typing import Any

import yaml

SAME = ("type", "required", "default", "choices", "elements")
FRAGMENTS = "ansible_collections.obs.stack.plugins.doc_fragments."


def documented_options(module: Any) -> dict[str, Any]:
    """The options of a module by name: those of the fragments that it extends, and its own, which win."""
    told = yaml.safe_load(module.DOCUMENTATION)
    options: dict[str, Any] = {}
    for fragment in told.get("extends_documentation_fragment") or []:
        name = fragment.removeprefix("obs.stack.")
        text = importlib.import_module(FRAGMENTS + name).ModuleDocFragment.DOCUMENTATION
        options.update(yaml.safe_load(text).get("options") or {})
    return {**options, **(told.get("options") or {})}


def essence(options: dict[str, Any], below: str) -> dict[str, Any]:
    """Options as a flat table of what documentation and argument spec both say.

    Args:
        below: the key of what lies in an option: ``suboptions`` in documentation, ``options`` in an argument spec.
    """
    found: dict[str, Any] = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in SAME if key in option}
        found.update({f"{name}.{key}": value for key, value in essence(option.get(below) or {}, below).items()})
    return found


def documented(module: Any) -> dict[str, Any]:
    """The options of a module, with those of its fragments, as such a table."""
    return essence(documented_options(module), "suboptions")
