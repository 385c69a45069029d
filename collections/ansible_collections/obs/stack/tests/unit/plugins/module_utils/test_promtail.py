# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Promtail's scrape jobs."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._promtail import (
    promtail_jobs,
    promtail_scrape_configs,
    promtail_sources,
)

SHOP = {"name": "shop", "paths": ["/var/log/shop/*.log", "/srv/shop.log"], "format": "json", "labels": {"env": "prod"}}


def test_log_of_json_lines() -> None:
    (job,) = promtail_jobs([dict(SHOP, exclude="/var/log/shop/debug.log", pipeline_stages=[{"drop": {}}])], None)
    assert job["job_name"] == "shop"
    assert [group["labels"]["__path__"] for group in job["static_configs"]] == SHOP["paths"]
    labels = job["static_configs"][0]["labels"]
    assert labels["service"] == "shop" and labels["env"] == "prod"
    assert labels["__path_exclude__"] == "/var/log/shop/debug.log"
    assert [next(iter(stage)) for stage in job["pipeline_stages"]] == [
        "json",
        "timestamp",
        "labels",
        "structured_metadata",
        "drop",
    ]
    assert job["pipeline_stages"][3]["structured_metadata"] == {"trace_id": "trace_id", "span_id": "span_id"}


def test_other_formats() -> None:
    plain, logfmt = promtail_jobs(
        [
            {"name": "a", "paths": ["/a"], "labels": {"service": "b"}},
            {"name": "c", "paths": ["/c"], "format": "logfmt"},
        ],
        None,
    )
    assert plain["pipeline_stages"] == [] and plain["static_configs"][0]["labels"]["service"] == "b"
    assert "mapping" in logfmt["pipeline_stages"][0]["logfmt"]


def test_journal() -> None:
    (job,) = promtail_jobs([], {"matches": "_TRANSPORT=syslog", "labels": {"x": "y"}})
    assert job["journal"] == {"max_age": "12h", "matches": "_TRANSPORT=syslog", "labels": {"job": "journal", "x": "y"}}
    targets = [rule["target_label"] for rule in job["relabel_configs"]]
    # Units of a single run come last, over what their names said.
    assert targets == ["service", "service", "unit", "service", "unit", "level"]
    assert promtail_jobs([], None) == []


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        (["x"], "item 1 of promtail_logs: it has no name"),
        ([{"name": "a"}], "no list of absolute paths"),
        ([{"name": "a", "paths": "/a"}], "no list of absolute paths"),
        ([{"name": "a", "paths": ["a"]}], "no list of absolute paths"),
        ([{"name": "a", "paths": ["/a"], "format": "xml"}], "format is 'xml'"),
        ([{"name": "journal", "paths": ["/a"]}], "there twice"),
        ([SHOP, SHOP], "there twice"),
    ],
)
def test_logs_refused(logs: list[t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        promtail_jobs(logs, {})


def test_keys_that_stand_for_themselves() -> None:
    stages = [
        {"json": {"expressions": {"user": None, "id": "a.b"}}},
        {"labels": {"level": None}},
        {"match": {"selector": '{a="b"}', "stages": [{"structured_metadata": {"trace_id": None}}]}},
        {"output": {"source": "x"}},
    ]
    (found,) = promtail_scrape_configs([{"job_name": "a", "pipeline_stages": stages}])
    assert found["pipeline_stages"] == [
        {"json": {"expressions": {"user": "user", "id": "a.b"}}},
        {"labels": {"level": "level"}},
        {"match": {"selector": '{a="b"}', "stages": [{"structured_metadata": {"trace_id": "trace_id"}}]}},
        {"output": {"source": "x"}},
    ]
    assert promtail_scrape_configs([{"job_name": "b"}]) == [{"job_name": "b"}]


@pytest.mark.parametrize(
    "stages",
    [["x"], [{"jsn": {}}], [{"json": {}, "labels": {}}], [{"match": {"stages": [{"nope": {}}]}}], "json"],
)
def test_unknown_stages_are_refused(stages: t.Any) -> None:
    with pytest.raises(StackError, match="job 'a'"):
        promtail_scrape_configs([{"job_name": "a", "pipeline_stages": stages}])


def test_no_list_is_refused() -> None:
    with pytest.raises(StackError, match="not a list of dictionaries"):
        promtail_scrape_configs({"job_name": "a"})


def test_what_a_configuration_reads() -> None:
    jobs = promtail_jobs([{"name": "a", "paths": ["/a", "/b"], "exclude": "/a1"}], {"path": "/run/log/journal"})
    assert promtail_sources({"positions": {"filename": "/p"}, "scrape_configs": jobs}) == {
        "positions": "/p",
        "files": [{"path": "/a", "exclude": "/a1"}, {"path": "/b", "exclude": "/a1"}],
        "journals": [{"job": "journal", "path": "/run/log/journal"}],
    }
