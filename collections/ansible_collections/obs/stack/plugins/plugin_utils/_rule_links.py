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
from urllib.parse import quote

from ansible_collections.obs.stack.plugins.module_utils._routing_links import NAME
from ansible_collections.obs.stack.plugins.module_utils._rule_lint import is_rules
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import from_yaml, to_yaml

GRAFANA, RUNBOOK = "@grafana_url@", "@runbook_url@"
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
    between = _NAMED.sub(lambda line: _with_address(line, links), text)
    if from_yaml(between) == wanted:
        return between
    return to_yaml(wanted)


def _with_address(line: re.Match[str], links: Mapping[str, str]) -> str:
    address = _address(line["name"], line["value"], links)
    return line[0] + (f"\n{line['indent']}{line['name']}_url: {address}" if address else "")


def _address(name: str, value: str, links: Mapping[str, str]) -> str:
    """Where the page or the dashboard of a name is; "" where nobody knows."""
    if name == "dashboard":
        grafana = links.get("grafana_url", "").rstrip("/")
        return f"{grafana}/d/{quote(value)}" if grafana else ""
    page = links.get("runbook_url", "")
    page = page if NAME in page or not page else page.rstrip("/") + "/" + NAME
    return page.replace(NAME, quote(value))


def linked(document: Any, links: Mapping[str, str]) -> Any:
    """Rules with addresses in their annotations; what is no file of rules as it is.

    Args:
        document: the file, parsed; it is changed.
        links: ``grafana_url``, and ``runbook_url`` with ``{name}`` where the name goes, else it goes to the end. A word
            without an address stays, so that a link that leads nowhere is seen for what it is.
    """
    if not is_rules(document):
        return document
    for group in document["groups"]:
        for rule in group["rules"] or []:
            annotations = rule.get("annotations")
            if isinstance(annotations, dict):
                name = str(annotations.get("runbook") or rule.get("alert") or "")
                rule["annotations"] = _linked(annotations, name, links)
    return document


def _linked(annotations: Mapping[str, Any], name: str, links: Mapping[str, str]) -> dict[str, Any]:
    found = {key: _replaced(value, name, links) for key, value in annotations.items()}
    for key in ("runbook", "dashboard"):
        address = _address(key, str(found.get(key) or ""), links) if found.get(key) else ""
        if address and f"{key}_url" not in found:
            found[f"{key}_url"] = address
    return found


def _replaced(value: Any, name: str, links: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    if links.get("grafana_url"):
        value = value.replace(GRAFANA, links["grafana_url"].rstrip("/"))
    page = _address("runbook", name, links)
    return value.replace(RUNBOOK, page) if page else value
