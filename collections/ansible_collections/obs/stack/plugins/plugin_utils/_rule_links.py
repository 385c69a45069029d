# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Addresses in annotations of rules, for channels that get annotations and none of our templates.

Rules are never templated, since what stands in double braces is Prometheus' own. Two fixed words are replaced, and the
names of page and dashboard, which the alerts that ship have, get their addresses beside them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._annotation_links import address, linked_annotations
from ansible_collections.obs.stack.plugins.module_utils._rule_lint import is_rules
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import from_yaml, to_yaml

# An annotation on a line of its own, as the rules that ship have them.
_NAMED = re.compile(r"^(?P<indent> +)(?P<name>runbook|dashboard): (?P<value>[A-Za-z0-9_-]+)$", re.MULTILINE)


def linked_text(text: str, document: Any, links: Mapping[str, str]) -> str | None:
    """A file of rules with addresses, or None where nothing of it changes.

    Lines are put in between where that says the same; else comments and layout are lost.

    Args:
        text: the file.
        document: what it says.
        links: as :func:`linked` takes them.
    """
    wanted = linked(copy.deepcopy(document), links)
    if wanted == document:
        return None
    between = _NAMED.sub(lambda line: _withaddress(line, links), text)
    if from_yaml(between) == wanted:
        return between
    return to_yaml(wanted)


def _withaddress(line: re.Match[str], links: Mapping[str, str]) -> str:
    there = address(line["name"], line["value"], links)
    return line[0] + (f"\n{line['indent']}{line['name']}_url: {there}" if there else "")


def linked(document: Any, links: Mapping[str, str]) -> Any:
    """Rules with addresses in their annotations; what is no file of rules as it is.

    Args:
        document: the file, parsed; it is changed.
        links: as :func:`_annotation_links.linked_annotations` takes them.
    """
    if not is_rules(document):
        return document
    for group in document["groups"]:
        for rule in group["rules"] or []:
            annotations = rule.get("annotations")
            if isinstance(annotations, dict):
                rule["annotations"] = linked_annotations(annotations, str(rule.get("alert") or ""), links)
    return document
