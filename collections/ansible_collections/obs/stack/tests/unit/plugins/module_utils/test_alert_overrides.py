# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils._alert_overrides import (
    alerts_of,
    check_overrides,
    comparisons,
    overridden,
)
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._alert_sources import shipped_alerts

FILE = yaml.safe_load(
    """
groups:
  - name: one
    rules:
      - record: job:up:avg
        expr: avg by (job) (up)
      - alert: DiskFull
        expr: avail / size < 0.03 and readonly == 0
        for: 30m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.host }} is full', threshold: "0.03"}
  - name: two
    rules:
      - alert: ClockWrong
        expr: |
          (offset > 0.05 and deriv(offset[5m]) >= 0)
          or (offset < -0.05 and deriv(offset[5m]) <= 0)
        labels: {severity: ticket}
        annotations: {threshold: "0.05"}
      - alert: TargetDown
        expr: up == 0
        for: 5m
        labels: {severity: ticket, team: a}
        annotations: {summary: gone}
"""
)
SHIPPED = alerts_of([FILE])


def after(**overrides: t.Mapping[str, t.Any]) -> dict[str, t.Mapping[str, t.Any]]:
    check_overrides(overrides, SHIPPED)
    document = overridden(FILE, overrides)
    return alerts_of([document]) if document else {}


def test_nothing_is_changed_by_nothing() -> None:
    assert overridden(FILE, {}) == FILE


def test_what_is_given_stays_as_it_is() -> None:
    before = copy.deepcopy(FILE)
    after(DiskFull={"threshold": 0.1, "severity": "info", "for": "1h"}, TargetDown={"enabled": False})
    assert before == FILE


def test_severity_and_for() -> None:
    rule = after(TargetDown={"severity": "page", "for": "10m"})["TargetDown"]
    assert rule["for"] == "10m" and rule["labels"] == {"severity": "page", "team": "a"}
    assert rule["annotations"] == {"summary": "gone"}


@pytest.mark.parametrize("no_time", ["0s", "0m", "0", 0])
def test_for_can_be_taken_away(no_time: t.Any) -> None:
    assert after(TargetDown={"for": no_time})["TargetDown"]["for"] in ("0s", "0m")


def test_threshold_replaces_the_number_that_the_annotation_names_and_no_other() -> None:
    rule = after(DiskFull={"threshold": 0.1})["DiskFull"]
    assert rule["expr"] == "avail / size < 0.1 and readonly == 0"
    assert rule["annotations"]["threshold"] == "0.1" and "{{ $labels.host }}" in rule["annotations"]["summary"]


def test_threshold_keeps_the_sign() -> None:
    expression = after(ClockWrong={"threshold": 1.0})["ClockWrong"]["expr"]
    assert "offset > 1 and deriv(offset[5m]) >= 0" in expression and "offset < -1 and" in expression


def test_switched_off_takes_its_group_along_when_it_was_alone() -> None:
    both = {"ClockWrong": {"enabled": False}, "TargetDown": {"enabled": False}}
    document = overridden(FILE, both)
    assert document is not None and [group["name"] for group in document["groups"]] == ["one"]
    only = {"groups": [FILE["groups"][1]]}
    assert overridden(only, both) is None
    assert overridden(only, {"TargetDown": {"enabled": True}}) == only


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"TargetDwn": {}}, ("TargetDwn", "did you mean TargetDown?")),
        ({"Quux": {}}, ("no alert of this name ships",)),
        ({"TargetDown": {"serverity": "page"}}, ("'serverity' is not known (did you mean severity?)", "threshold")),
        ({"TargetDown": {"severity": "critical"}}, ("'critical' is none of page, ticket, info",)),
        ({"TargetDown": {"for": "soon"}}, ("for of the override of TargetDown", "'soon' is not a duration")),
        ({"TargetDown": {"enabled": "no"}}, ("neither true nor false",)),
        ({"TargetDown": {"threshold": 3}}, ("compares with nothing that could be set",)),
        ({"DiskFull": {"threshold": "much"}}, ("'much' is not a number",)),
        ({"DiskFull": {"threshold": True}}, ("True is not a number",)),
        ({"DiskFull": {"threshold": -1}}, ("-1 is not a number",)),
        ({"DiskFull": "off"}, ("'off' is not a dictionary",)),
        (["DiskFull"], ("is not a dictionary",)),
    ],
)
def test_what_cannot_be_done_is_refused(overrides: t.Any, words: tuple[str, ...]) -> None:
    with pytest.raises(StackError) as caught:
        check_overrides(overrides, SHIPPED)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    "name", sorted(name for name, rule in shipped_alerts().items() if "threshold" in rule["annotations"])
)
def test_each_threshold_that_ships_can_be_set(name: str) -> None:
    rule = shipped_alerts()[name]
    old = rule["annotations"]["threshold"]
    times = len(comparisons(old).findall(rule["expr"]))
    changed = overridden({"groups": [{"name": "g", "rules": [rule]}]}, {name: {"threshold": 123.25}})
    assert changed is not None
    expression = changed["groups"][0]["rules"][0]["expr"]
    assert times >= 1 and expression.count("123.25") == times and not comparisons(old).search(expression)
