# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._red_rules import ERRORS, KNOWN, P99, RATE, STACK, red_rules
from ansible_collections.obs.stack.plugins.module_utils._rule_lint import findings

RPC = {"name": "rpc", "requests": "rpc_total", "errors": 'code!="OK"', "duration": "rpc_seconds", "unit": "ms"}


def rules(*metrics: t.Any) -> dict[str, str]:
    """Recorded series to expression, of one source."""
    (group,) = red_rules(metrics)["groups"]
    assert {rule["labels"]["source"] for rule in group["rules"]} == {group["name"][len("red-") :]}
    return {rule["record"]: rule["expr"] for rule in group["rules"]}


def test_nothing_counts_nothing() -> None:
    assert red_rules([]) == {"groups": []}


def test_each_known_source_has_all_three_and_passes_the_lint() -> None:
    document = red_rules(list(KNOWN))
    assert [group["name"] for group in document["groups"]] == [f"red-{name}" for name in KNOWN]
    assert all([rule["record"] for rule in group["rules"]] == [RATE, ERRORS, P99] for group in document["groups"])
    assert not findings(document)


def test_ratio_is_of_what_there_is() -> None:
    """No errors count 0 while there are requests, no requests give nothing, and it is never above 1."""
    total = f'sum by (site, job) (rate(rpc_total{{job!~"{STACK}"}}[5m]))'
    bad = f'sum by (site, job) (rate(rpc_total{{job!~"{STACK}", code!="OK"}}[5m]))'
    assert rules(RPC)[ERRORS] == f"clamp_max(({bad} or 0 * {total}) / ({total} > 0), 1)"


def test_durations_are_seconds() -> None:
    assert " / 1000) >= 0" in rules(RPC)[P99] and "/ 1000" not in rules({**RPC, "unit": "s"})[P99]
    assert "sum by (site, job, le)" in rules(RPC)[P99]
    assert P99 not in rules({**RPC, "duration": ""})


def test_several_matchers_count_once() -> None:
    errors = rules("http")[ERRORS].partition(" or 0 *")[0]
    assert errors.count("rate(http_requests_total{") == 3 and errors.count(" or rate(") == 2


def test_a_service_by_another_label_becomes_the_job() -> None:
    rate = rules("spans")[RATE]
    assert rate.startswith("sum by (site, job) (label_replace(sum by (site, service_name) (rate(")
    assert f'service_name!~"{STACK}", span_kind="SPAN_KIND_SERVER"' in rate


def test_the_stack_is_left_out_and_the_demo_is_not() -> None:
    assert re.fullmatch(STACK, "thanos-query") and re.fullmatch(STACK, "grafana") and not re.fullmatch(STACK, "demo")


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (["htp"], "'htp' of the metrics of requests: it is not known (did you mean http?)"),
        ([3], "neither a name nor a dictionary"),
        ([{**RPC, "request": "x"}], "'request' is not known (did you mean requests?)"),
        ([{**RPC, "name": "My RPC"}], "is not of small letters"),
        ([{**RPC, "requests": ""}], "it has no requests"),
        ([{**RPC, "requests": "rpc total"}], "'rpc total' is no metric's name"),
        ([{**RPC, "duration": "rpc{}"}], "'rpc{}' is no metric's name"),
        ([{**RPC, "errors": []}], "it has no errors"),
        ([{**RPC, "errors": "status >= 500"}], "'status >= 500' is no matcher"),
        ([{**RPC, "selector": 'a="b"} or up{'}], "is no matcher"),
        ([{**RPC, "unit": "us"}], "neither s nor ms"),
        ([{**RPC, "job": "the job"}], "is no label"),
        ([RPC, RPC], "it is there twice"),
    ],
)
def test_what_cannot_be_part_of_an_expression_is_refused(metrics: list[t.Any], words: str) -> None:
    with pytest.raises(StackError) as caught:
        red_rules(metrics)
    assert words in str(caught.value)
