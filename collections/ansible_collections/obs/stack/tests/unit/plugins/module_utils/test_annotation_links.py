# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses in annotations of a rule."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._annotation_links import address, linked_annotations

LINKS = {"grafana_url": "https://g.example.com/", "runbook_url": "https://w.example.com/r/"}


@pytest.mark.parametrize(
    ("kind", "name", "links", "expected"),
    [
        ("dashboard", "shop", LINKS, "https://g.example.com/d/shop"),
        ("runbook", "Shop Down", LINKS, "https://w.example.com/r/Shop%20Down"),
        ("runbook", "Down", {"runbook_url": "https://w.example.com/{name}.md"}, "https://w.example.com/Down.md"),
        ("runbook", "https://x.example.com/y", {}, "https://x.example.com/y"),
        ("runbook", "Down", {}, ""),
        ("dashboard", "shop", {}, ""),
        ("dashboard", "", LINKS, ""),
    ],
)
def test_where_a_page_or_a_dashboard_is(kind: str, name: str, links: dict[str, str], expected: str) -> None:
    assert address(kind, name, links) == expected


def test_annotations_of_its_own_stay_and_words_are_addresses() -> None:
    own = {"summary": "{{ $value }}", "runbook": "Down", "runbook_url": "https://own", "seconds": 3}
    assert linked_annotations(own, "X", LINKS) == own
    words = {"runbook_url": "@runbook_url@", "panel": "@grafana_url@/d/a?viewPanel=1"}
    assert linked_annotations(words, "X", LINKS) == {
        "runbook_url": "https://w.example.com/r/X",
        "panel": "https://g.example.com/d/a?viewPanel=1",
    }
    assert linked_annotations(words, "X", {}) == words
