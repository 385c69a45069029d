# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances that ask by tags become a job; molecule/verbs proves with a real Prometheus what it finds."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _estate, _estate_ec2, _estate_problems
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

WEB = {"region": "eu-central-1"}


def found(*items: t.Any) -> dict[str, t.Any]:
    """What is derived from obs_scrape_ec2."""
    return _estate_ec2.discoveries({"obs_scrape_ec2": list(items)}, "main", "p")


def test_a_job_per_region_named_after_it() -> None:
    jobs = found(WEB, {"region": "eu-west-1", "job": "west"})["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["ec2-eu-central-1", "west"]
    assert jobs[0]["ec2_sd_configs"] == [
        {
            "region": "eu-central-1",
            "port": 80,
            "filters": [{"name": "instance-state-name", "values": ["running"]}],
        }
    ]


def test_upstreams_keys_are_passed_on_and_ours_are_not() -> None:
    (job,) = found({**WEB, "port": 9000, "role_arn": "arn", "refresh_interval": "30s", "labels": {"team": "a"}})[
        "scrape_configs"
    ]
    (discovery,) = job["ec2_sd_configs"]
    assert {"role_arn", "refresh_interval", "region", "port", "filters"} == set(discovery)
    assert discovery["port"] == 9000
    assert {"target_label": "team", "replacement": "a"} in job["relabel_configs"]
    assert {"target_label": "site", "replacement": "main"} in job["relabel_configs"]


def test_users_relabelling_comes_last() -> None:
    mine = {"target_label": "x", "replacement": "y"}
    assert found({**WEB, "relabel_configs": [mine]})["scrape_configs"][0]["relabel_configs"][-1] == mine


def test_access_is_told_by_files() -> None:
    derived = found({**WEB, "scheme": "https", "ca": "/ca.pem", "username": "m", "password": "canary"})
    (job,) = derived["scrape_configs"]
    assert job["scheme"] == "https"
    assert job["tls_config"] == {"ca_file": "/etc/prometheus/ca/ec2-eu-central-1.pem"}
    assert "canary" not in json.dumps(job)
    assert derived["secrets"] == [{"path": "secrets/scrape_ec2-eu-central-1_password", "content": "canary"}]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({}, "it has no region"),
        ("eu", "it has no region"),
        ({**WEB, "job": "prometheus"}, "the stack's own"),
        ({**WEB, "labels": {"site": "x"}}, "the label 'site'"),
        ({**WEB, "port": "x"}, "the port 'x'"),
        ({**WEB, "scheme": "ftp"}, "the scheme 'ftp'"),
        ({**WEB, "username": "m"}, "only one of username and password"),
    ],
)
def test_what_cannot_be_a_job_is_refused(item: t.Any, words: str) -> None:
    with pytest.raises(StackError) as caught:
        found(item)
    assert "obs_scrape_ec2[1] of p" in str(caught.value)
    assert words in str(caught.value)


def estate(**variables: t.Any) -> tuple[dict[str, list[str]], dict[str, dict[str, t.Any]]]:
    """Two replicas; ``variables`` is obs_scrape_ec2 by host."""
    groups = {"prometheus": ["p", "q"]}
    return groups, {host: {"obs_scrape_ec2": variables.get(host, [])} for host in "pq"}


def test_every_replica_has_the_job() -> None:
    groups, hostvars = estate(p=[WEB], q=[WEB])
    assert _estate_problems.problems(groups, hostvars) == []
    for host in "pq":
        names = [job["job_name"] for job in _estate.derive(groups, hostvars, host)["prometheus"]["scrape_configs"]]
        assert names == ["prometheus", "ec2-eu-central-1"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"p": [WEB]}, "obs_scrape_ec2 of p and q differ"),
        ({"p": [WEB, WEB], "q": [WEB, WEB]}, "The job ec2-eu-central-1 of site default is named twice"),
        ({"p": [{}], "q": [{}]}, "it has no region"),
    ],
)
def test_what_cannot_work_is_named(variables: dict[str, t.Any], words: str) -> None:
    (problem,) = _estate_problems.problems(*estate(**variables))
    assert words in problem


def test_a_site_without_prometheus_is_told() -> None:
    (problem,) = _estate_problems.problems({"monitored": ["a"]}, {"a": {"obs_scrape_ec2": [WEB]}})
    assert "obs_scrape_ec2 of a is read by nobody: site default has no Prometheus" in problem
