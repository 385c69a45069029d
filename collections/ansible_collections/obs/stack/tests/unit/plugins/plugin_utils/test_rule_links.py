# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.plugin_utils._payload import expand_files
from ansible_collections.obs.stack.plugins.plugin_utils._rule_links import linked, linked_text

LINKS = {"grafana_url": "https://grafana.example.com/", "runbook_url": "https://git.example.com/{name}.md"}
ANNOTATIONS = {"summary": "{{ $labels.job }}", "runbook_url": "@runbook_url@", "dashboard_url": "@grafana_url@/d/shop"}


def rules(**annotations: t.Any) -> dict[str, t.Any]:
    rule = {"alert": "ShopDown", "expr": "up == 0", "annotations": {**ANNOTATIONS, **annotations}}
    return {"groups": [{"name": "shop", "rules": [rule, {"record": "a:b", "expr": "up"}]}]}


def annotations_of(document: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", document["groups"][0]["rules"][0]["annotations"])


def test_the_words_are_addresses_and_braces_stay() -> None:
    found = annotations_of(linked(rules(), LINKS))
    assert found["summary"] == "{{ $labels.job }}"
    assert found["runbook_url"] == "https://git.example.com/ShopDown.md"
    assert found["dashboard_url"] == "https://grafana.example.com/d/shop"
    assert annotations_of(linked(rules(runbook="Shop"), LINKS))["runbook_url"].endswith("/Shop.md")
    at_its_end = {"runbook_url": "https://wiki.example.com/x"}
    assert annotations_of(linked(rules(), at_its_end))["runbook_url"] == "https://wiki.example.com/x/ShopDown"


def test_a_word_without_an_address_stays() -> None:
    assert annotations_of(linked(rules(), {"grafana_url": "", "runbook_url": ""})) == ANNOTATIONS
    assert linked({"x": "@grafana_url@"}, LINKS) == {"x": "@grafana_url@"}


def content_of(content: str, **more: t.Any) -> str:
    item = {"path": "rules/shop.yml", "content": content, "mode": "0640", "on_change": "reload", **more}
    (found,) = expand_files([item], name="prometheus", find=str, secret=False, reloads=True, links=LINKS)
    return str(yaml.safe_load("!!binary " + found["content"]).decode())


NAMED = """groups:
  - name: shop
    rules:
      # Kept.
      - alert: ShopDown
        expr: up == 0
        annotations:
          summary: '{{ $labels.job }}'
          runbook: ShopDown
          dashboard: shop
"""


def test_names_of_page_and_dashboard_get_their_addresses_beside_them_and_comments_stay() -> None:
    placed = content_of(NAMED)
    assert (
        placed.replace("          runbook_url: https://git.example.com/ShopDown.md\n", "").replace(
            "          dashboard_url: https://grafana.example.com/d/shop\n", ""
        )
        == NAMED
    )
    found = annotations_of(yaml.safe_load(placed))
    assert found["runbook_url"] == "https://git.example.com/ShopDown.md"
    assert found["dashboard_url"] == "https://grafana.example.com/d/shop"


@pytest.mark.parametrize(
    "text",
    [
        NAMED.replace("runbook: ShopDown", 'runbook: "ShopDown"'),
        NAMED.replace("dashboard: shop", "dashboard: {quoted}".replace("{quoted}", "'shop'")),
        NAMED.replace("          runbook: ShopDown\n          dashboard: shop", "          {runbook: x}")
        .replace("        annotations:\n          summary: '{{ $labels.job }}'\n          {runbook: x}", "")
        .rstrip()
        + "\n        annotations: {runbook: ShopDown, dashboard: shop}\n",
        NAMED.replace("summary: '{{ $labels.job }}'", "summary: |\n            runbook: Other\n            x"),
    ],
)
def test_however_names_are_written_the_rule_has_their_addresses(text: str) -> None:
    found = annotations_of(yaml.safe_load(content_of(text)))
    assert found["runbook_url"] == "https://git.example.com/ShopDown.md"
    assert found["dashboard_url"] == "https://grafana.example.com/d/shop"
    assert "runbook_url" not in str(found.get("summary"))


def test_an_address_of_ones_own_stays() -> None:
    own = NAMED.replace("runbook: ShopDown", "runbook: ShopDown\n          runbook_url: https://x.example.com")
    assert annotations_of(yaml.safe_load(content_of(own)))["runbook_url"] == "https://x.example.com"


def test_every_alert_that_ships_has_its_addresses() -> None:
    roles = pathlib.Path(__file__).resolve().parents[4] / "roles"
    paths = sorted(roles.glob("*/files/rule*/alerts/*.yml"))
    assert paths
    for path in paths:
        text = path.read_text()
        placed = linked_text(text, yaml.safe_load(text), LINKS) or ""
        # By lines in between, so that comments stay.
        assert [line for line in placed.splitlines() if "_url: http" not in line] == text.splitlines()
        for group in yaml.safe_load(placed)["groups"]:
            for rule in group["rules"]:
                told = rule.get("annotations") or {}
                assert ("runbook" in told) == ("runbook_url" in told)
                assert ("dashboard" in told) == ("dashboard_url" in told)


def test_files_with_a_word_are_written_anew_and_others_pass_byte_for_byte() -> None:
    placed = yaml.safe_load(content_of(yaml.safe_dump(rules())))
    assert annotations_of(placed)["runbook_url"] == "https://git.example.com/ShopDown.md"
    assert placed["groups"][0]["rules"][1] == {"record": "a:b", "expr": "up"}
    text = "# by hand\ngroups: [{name: a,   rules: []}]\n"
    assert content_of(text) == text
