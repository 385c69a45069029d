# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Addresses in annotations of rules, for channels that get annotations and none of our templates.

Rules are never templated, since what stands in double braces is Prometheus' own. Two fixed words are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.obs.stack.plugins.module_utils._routing_links import NAME
from ansible_collections.obs.stack.plugins.module_utils._rule_lint import is_rules

GRAFANA, RUNBOOK = "@grafana_url@", "@runbook_url@"


def has_tokens(content: bytes) -> bool:
    """Whether a file has one of the words. Most have none, and stay as they are byte for byte."""
    return GRAFANA.encode() in content or RUNBOOK.encode() in content


def linked(document: Any, links: Mapping[str, str]) -> Any:
    """Rules with the words in their annotations replaced; what is no file of rules as it is.

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
                rule["annotations"] = {key: _replaced(value, name, links) for key, value in annotations.items()}
    return document


def _replaced(value: Any, name: str, links: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    if links.get("grafana_url"):
        value = value.replace(GRAFANA, links["grafana_url"].rstrip("/"))
    if links.get("runbook_url"):
        page = links["runbook_url"]
        page = page if NAME in page else page.rstrip("/") + "/" + NAME
        value = value.replace(RUNBOOK, page.replace(NAME, quote(name)))
    return value
