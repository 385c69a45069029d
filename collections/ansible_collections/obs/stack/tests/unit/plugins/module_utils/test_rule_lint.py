# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._rule_lint import bare, findings, is_rules, kept_labels, lost_le

RULE: dict[str, t.Any] = {
    "alert": "ShopDown",
    "expr": 'up{job="shop"} == 0',
    "for": "5m",
    "labels": {"severity": "page"},
    "annotations": {"summary": "a", "description": "b", "runbook": "ShopDown", "dashboard": "shop"},
}


def said(**changes: t.Any) -> list[str]:
    """Findings of a good alert with changes; None takes a key away."""
    rule = copy.deepcopy(RULE)
    for key, value in changes.items():
        if key in rule["annotations"]:
            rule["annotations"][key] = value
        elif value is None:
            del rule[key]
        else:
            rule[key] = value
    return [text.partition(": ")[2] for text in findings({"groups": [{"name": "g", "rules": [rule]}]})]


def test_a_good_alert_is_let_pass() -> None:
    assert said() == []


def test_where_it_is_is_told() -> None:
    (found,) = findings({"groups": [{"name": "g", "rules": [{**RULE, "for": "0s"}]}]})
    assert found.startswith("g / ShopDown: neither a for nor a window")


@pytest.mark.parametrize(
    ("document", "yes"),
    [
        ({"groups": [{"name": "g", "rules": []}]}, True),
        ({"groups": []}, False),
        ({"groups": ["a"]}, False),
        ([], False),
        ({"groups": {"all": {}}}, False),
        (None, False),
    ],
)
def test_rule_files_are_known(document: t.Any, yes: bool) -> None:
    assert is_rules(document) is yes and bool(findings(document)) is not yes


@pytest.mark.parametrize(
    "expr",
    [
        "sum by (le) (rate(x_bucket[5m]))",
        "sum(rate(x_bucket[5m])) by (job, le)",
        "sum without (instance) (rate(x_bucket[5m]))",
        'sum by (job) (rate(x_bucket{le="0.5"}[5m]))',
        'sum by (job) (rate(x_bucket{job="a", le=~"0.5|1.0"}[5m]))',
        "sum by (job) (rate(thanos_objstore_bucket_operations_total[5m]))",
        "topk(5, rate(x_bucket[5m]))",
        "histogram_quantile(0.9, sum by (job) (rate(native_seconds[5m])))",
        'sum(up{note="rate(x_bucket)"})',
        "sum(up) # not sum(x_bucket)",
    ],
)
def test_le_is_kept(expr: str) -> None:
    assert not list(lost_le(bare(expr)))


@pytest.mark.parametrize(
    "expr",
    [
        "histogram_quantile(0.9, sum(rate(x_bucket[5m])))",
        "histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))",
        "histogram_quantile(0.9, sum(rate(x_bucket[5m])) by (job))",
        "histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m])))",
        "max by (job) (sum by (job, le) (rate(x_bucket[5m])))",
        'avg by (job) (rate(x_bucket{file="le=1"}[5m]))',
    ],
)
def test_le_is_lost(expr: str) -> None:
    (found,) = lost_le(bare(expr))
    assert "x_bucket loses le" in found


@pytest.mark.parametrize(
    "changes",
    [
        {"for": None, "expr": "increase(x_total[5m]) > 0"},
        {"for": None, "expr": "slo:sli_error:ratio_rate1h > 0.1"},
        {"for": None, "expr": "vector(1)"},
        {"for": "30s"},
    ],
)
def test_it_waits(changes: dict[str, t.Any]) -> None:
    assert not said(**changes)


@pytest.mark.parametrize("changes", [{"for": None}, {"for": "0m"}, {"for": None, "expr": 'up{path="a[5m]"} == 0'}])
def test_it_does_not_wait(changes: dict[str, t.Any]) -> None:
    assert said(**changes) == ["neither a for nor a window: one sample makes it fire"]


@pytest.mark.parametrize("label", ["id", "trace_id", "user_id", "requestId", "session_uuid", "traceID"])
def test_ids_are_no_labels(label: str) -> None:
    (found,) = said(labels={"severity": "page", label: "1"})
    assert found.startswith(f"the label {label} is an id")
    (found,) = said(expr=f"sum by (job, {label}) (x) > 0")
    assert found.startswith(f"the label {label} is an id")
    recorded = {"groups": [{"name": "g", "rules": [{"record": "a:b:c", "expr": f"sum(x) by ({label})"}]}]}
    assert len(findings(recorded)) == 1


@pytest.mark.parametrize("label", ["sloth_id", "grid", "idle", "provider"])
def test_others_are(label: str) -> None:
    assert not said(expr=f"sum by (job, {label}) (x) > 0")


def test_a_label_must_not_hold_the_value() -> None:
    (found,) = said(labels={"severity": "page", "now": "{{ $value }}"})
    assert "the label now holds the value" in found


@pytest.mark.parametrize("severity", [{}, {"severity": "critical"}, {"severity": "none"}])
def test_severity_is_one_that_is_routed(severity: dict[str, str]) -> None:
    assert said(labels=severity) == ["severity is none of page, ticket, info"]


@pytest.mark.parametrize("name", ["summary", "description", "runbook", "dashboard"])
def test_annotations_are_there(name: str) -> None:
    (found,) = said(**{name: " "})
    assert found.startswith(f"no annotation {name}")


def test_whole_addresses_do_as_well() -> None:
    kept = {
        "summary": "a",
        "description": "b",
        "runbook_url": "https://x.example",
        "dashboard_url": "https://y.example",
    }
    assert not said(annotations=kept)


def test_a_threshold_is_in_the_expression() -> None:
    kept = dict(RULE["annotations"], threshold="5")
    assert not said(expr="x > 5", annotations=kept) and not said(expr="x < -5", annotations=kept)
    (found,) = said(expr="x > 50", annotations=kept)
    assert "compares with no 5" in found


def test_labels_that_are_kept_by_name() -> None:
    assert kept_labels(bare('sum by (a, b) (x) / sum(y{c="by (d)"}) by (e)')) == {"a", "b", "e"}
