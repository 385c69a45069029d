# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runbooks that run: what several hosts know, as one report."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.diagnosis import FilterModule
from ansible_collections.obs.stack.plugins.plugin_utils import _diagnosis_report

FILTERS = FilterModule().filters()
LABELS = {"alertname": "TargetDown", "instance": "app-1:80", "job": "loki", "host": "app-1", "site": "main"}


def series(value: str, **labels: str) -> dict[str, t.Any]:
    return {"metric": labels, "value": [0, value]}


def hostvars(**more: t.Any) -> dict[str, t.Any]:
    firing = [
        {"result": [series("1", __name__="ALERTS", alertstate="firing", **LABELS)]},
        {"result": [series("1000", __name__="ALERTS_FOR_STATE", **LABELS)]},
        {"result": []},
    ]
    prom = {"obs_site": "main", "diagnosis_service": "prometheus", "obs_diagnosis_first": {"answers": firing}}
    return {"p": {**prom, **more}, "app-1": {"obs_site": "main"}}


def page() -> dict[str, t.Any]:
    return FILTERS["diagnosis_page"]("TargetDown")


def subject(found: dict[str, t.Any], **given: str) -> dict[str, t.Any]:
    return FILTERS["diagnosis_subject"](found, list(found), page(), given)


def test_pages_that_ship_and_pages_of_ones_own(tmp_path: pathlib.Path) -> None:
    (tmp_path / "Mine.md").write_text("# Mine\n\n## Meaning\n\nIt is mine.\n")
    assert FILTERS["diagnosis_page"]("Mine", str(tmp_path))["texts"]["Meaning"] == "It is mine."
    assert 'up{job="$job", instance="$instance"}' in page()["promql"]
    with pytest.raises(AnsibleFilterError, match="Did you mean TargetDown"):
        FILTERS["diagnosis_page"]("TargetDwn")
    with pytest.raises(AnsibleFilterError, match="no alert was named"):
        FILTERS["diagnosis_page"]("")
    assert FILTERS["diagnosis_first"]("TargetDown", {})[0] == 'ALERTS{alertname="TargetDown"}'


def test_the_labels_of_what_fires_are_put_into_the_queries() -> None:
    about = subject(hostvars())
    assert about["labels"]["service"] == "loki" and about["unit"] == "loki" and about["state"] == "firing"
    assert 'up{job="loki", instance="app-1:80"}' in about["promql"]
    assert about["logql"] == ['{service_name="loki"} | host="app-1" | detected_level=~"error|critical|fatal"']


def test_what_follows_from_what_was_given_is_known() -> None:
    quiet = {"p": {"obs_diagnosis_first": {"answers": [{"result": []}] * 3}}, "app-1": {"obs_site": "main"}}
    about = subject(quiet, instance="app-1:9100", job="node_exporter")
    assert about["labels"]["host"] == "app-1" and about["state"] == "inactive"
    assert about["unit"] == "", "a host's own journal says more than that of node_exporter"
    assert subject(quiet, service="shop")["unit"] == "shop"
    lacking = [one for one in subject(quiet)["queries"] if one["lacks"]]
    assert lacking[0]["lacks"] == ("job", "instance")


def report(found: dict[str, t.Any], form: str = "text", **given: str) -> dict[str, t.Any]:
    return FILTERS["diagnosis_report"](found, list(found), page(), form, subject(found, **given))


def whole() -> dict[str, t.Any]:
    up = 'up{job="loki", instance="app-1:80"}'
    found = hostvars(
        obs_diagnosis_queries={"answers": [{"query": up, "error": "", "result": [series("0", __name__="up", x="y")]}]},
        obs_diagnosis_logs={
            "answers": [
                {
                    "query": '{service_name="loki"} | host="app-1" | detected_level=~"error|critical|fatal"',
                    "error": "",
                    "result": [
                        {"stream": {"service_name": "loki"}, "values": [["2000000000", "b"], ["1000000000", "a"]]}
                    ],
                }
            ]
        },
    )
    found["q"] = {"diagnosis_service": "prometheus", "obs_diagnosis_queries": {"failed": True, "msg": "refused"}}
    found["app-1"]["obs_diagnosis_journal"] = {"rc": 0, "stdout_lines": ["it broke"]}
    generation = {
        "number": 2,
        "created": "2026-11-22T16:53:40+00:00",
        "version": "3.7",
        "state": "failed",
        "failure": "x",
    }
    services = [{"name": "loki", "generations": [generation]}]
    found["app-1"]["obs_diagnosis_changes"] = {"results": [{"services": services}]}
    return found


def test_one_report_holds_what_all_know() -> None:
    told = report(whole())
    assert told["wrong"] == []
    lines = told["lines"]
    assert lines[0].startswith("TargetDown of app-1:80 at main fires since 1970-01-01 00:16:40 UTC, for ")
    assert lines[1] == "q could not be asked: refused"
    assert '  0  up{x="y"}' in lines and "  it broke" in lines
    assert [line for line in lines if line.endswith(("  a", "  b"))] == [
        "  1970-01-01 00:00:01 UTC  loki  a",
        "  1970-01-01 00:00:02 UTC  loki  b",
    ]
    assert "  2026-11-22 16:53:40 UTC  loki 3.7, generation 2, failed: x" in lines
    assert "  make logs SERVICE=loki HOST=app-1 SINCE=1h FOLLOW=0" in lines
    assert lines.count("  could not be answered: no Prometheus of the site answered") == 3


def test_forms() -> None:
    assert "## Journal of loki on app-1" in report(whole(), "markdown")["lines"]
    document = json.loads("\n".join(report(whole(), "json")["lines"]))
    assert document["verdict"].startswith("TargetDown of app-1:80") and document["labels"]["host"] == "app-1"
    with pytest.raises(AnsibleFilterError, match="text, markdown, json"):
        report(whole(), "table")


def test_that_nobody_answered_is_wrong() -> None:
    assert "Could not ask any query" in report(hostvars())["wrong"][0]


def test_what_does_not_fire_and_what_is_not_asked_is_said() -> None:
    quiet = {"p": {"obs_diagnosis_first": {"answers": [{"result": []}] * 3}}}
    told = report(quiet)
    assert told["lines"][0] == "TargetDown at default does not fire now; nor has it in the last 24 h."
    assert "  not asked: job and instance not known; give JOB=" in told["lines"]


def test_much_is_cut() -> None:
    many = [series("1", n=str(number)) for number in range(12)]
    assert _diagnosis_report.series_lines(many)[-1] == "and 2 more"
    values = [[str(number), "x"] for number in range(25)]
    assert _diagnosis_report.log_lines([{"stream": {}, "values": values}])[0] == "5 before"
    assert _diagnosis_report.series_lines([]) == _diagnosis_report.log_lines([]) == ["nothing"]
