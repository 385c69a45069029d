# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

from ansible_collections.obs.stack.plugins.plugin_utils._rule_findings import rule_findings

SLOPPY = """
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: up{job="shop"} == 0
        labels: {severity: page}
        annotations: {summary: x, description: x}
"""
NOWHERE: tuple[dict[str, str], ...] = ()


def of(path: str, content: str, origins: t.Any = NOWHERE, *, secret: bool = False) -> list[str]:
    item = {"path": path, "content": base64.b64encode(content.encode()).decode(), "secret": secret}
    return rule_findings({"name": "prometheus", "files": [item]}, origins)


def test_rules_of_users_are_looked_at_and_their_source_is_named() -> None:
    origins = [
        {"path": "prometheus.yml", "variable": "prometheus_config", "src": ""},
        {"path": "rules", "variable": "", "src": "/roles/prometheus/files/rules"},
        {"path": "rules/alerts", "variable": "", "src": "rules/shop.yml"},
    ]
    found = of("rules/alerts/shop.yml", SLOPPY, origins)
    assert found[0].startswith(
        "Rules rules/alerts/shop.yml of prometheus (rules/shop.yml): shop / ShopDown: neither a for"
    )
    assert [one.rpartition(": ")[2] for one in found[1:]] == [
        "no annotation runbook or runbook_url.",
        "no annotation dashboard or dashboard_url.",
    ]
    assert of("x.rules", SLOPPY, [{"path": "x.rules", "variable": "v", "src": ""}])[0].startswith(
        "Rules x.rules of prometheus (v)"
    )


def test_other_files_are_passed_over() -> None:
    assert of("prometheus.yml", "global: {}") == of("rules.json", SLOPPY) == of("x.yml", "{{ x") == []
    assert of("x.yml", SLOPPY, secret=True) == [] and of("x.yml", SLOPPY) != []
