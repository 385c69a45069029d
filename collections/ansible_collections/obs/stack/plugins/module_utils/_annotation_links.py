# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Addresses in annotations of a rule: beside the names of page and dashboard, and for two fixed words. Pure.

For channels that get annotations and none of our templates.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from urllib.parse import quote

GRAFANA, RUNBOOK = "@grafana_url@", "@runbook_url@"
# In the address of pages: where the name of one goes.
NAME = "{name}"

Links = t.Mapping[str, str]


def linked_annotations(annotations: Mapping[str, t.Any], alert: str, links: Links) -> dict[str, t.Any]:
    """Annotations with addresses.

    Args:
        annotations: of a rule; those of its own stay.
        alert: its name, which is its page's where it names none.
        links: ``grafana_url``, and ``runbook_url`` with ``{name}`` where the name goes, else it goes to the end. A word
            without an address stays, so that a link that leads nowhere is seen for what it is.
    """
    page = address("runbook", str(annotations.get("runbook") or alert), links)
    found = {key: _replaced(value, page, links) for key, value in annotations.items()}
    for key in ("runbook", "dashboard"):
        there = address(key, str(found.get(key) or ""), links)
        if there and f"{key}_url" not in found:
            found[f"{key}_url"] = there
    return found


def address(kind: str, name: str, links: Links) -> str:
    """Where a page (``runbook``) or a ``dashboard`` is; "" where nobody knows. A name that is a URL is its own."""
    if not name or name.startswith(("https://", "http://")):
        return name
    if kind == "dashboard":
        grafana = links.get("grafana_url", "").rstrip("/")
        return f"{grafana}/d/{quote(name)}" if grafana else ""
    page = links.get("runbook_url", "")
    page = page if NAME in page or not page else page.rstrip("/") + "/" + NAME
    return page.replace(NAME, quote(name))


def _replaced(value: t.Any, page: str, links: Links) -> t.Any:
    if not isinstance(value, str):
        return value
    if links.get("grafana_url"):
        value = value.replace(GRAFANA, links["grafana_url"].rstrip("/"))
    return value.replace(RUNBOOK, page) if page else value
