# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploys as they are told: _deploy. The places, _deploy_places, are in the tests of the module deploy_marker."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _deploy
from ansible_collections.obs.stack.plugins.module_utils._deploy import Deploy

ONE = Deploy("shop", "", "1", "", 100)


@pytest.mark.parametrize(
    ("known", "time"),
    [
        ([], 900),
        ([None], 900),
        ([ONE], 100),
        ([ONE._replace(version="2")], 900),
        ([ONE._replace(commit="x")], 900),
        ([ONE, None], 100),
        ([ONE, ONE._replace(time=200)], 200),
        ([ONE, ONE._replace(version="2", time=200)], 900),
        ([ONE._replace(time=300), ONE._replace(version="2", time=200)], 300),
    ],
)
def test_time_is_that_of_the_last_deploy_if_it_was_this_one(known: list[Deploy | None], time: int) -> None:
    assert _deploy.settled(ONE._replace(time=0), known, 900.9).time == time
    assert _deploy.settled(ONE._replace(time=7), known, 900.9).time == 7


def test_metric_is_read_as_it_is_written() -> None:
    deploy = Deploy('a"b\\c\nd', "prod", "1", "", 1790000000)
    text = _deploy.exposition(deploy, grouped=False)
    assert text.count("\n") == 1, "what node_exporter reads says nothing of its type, as other files do not"
    assert _deploy.known_by(text, deploy.service, "prod") == deploy
    assert _deploy.known_by(text, deploy.service, "") is None and _deploy.known_by(text, "x", "prod") is None
    pushed = _deploy.exposition(deploy, grouped=True)
    assert 'service="' not in pushed and "# TYPE deploy_timestamp_seconds gauge" in pushed


def test_push_of_a_deploy_may_become_old() -> None:
    assert _deploy.exposition(ONE, grouped=True).endswith("\npush_max_age_seconds 0\n")
    rules = (
        pathlib.Path(__file__).parents[4] / "roles" / "pushgateway" / "files" / "rules" / "alerts" / "pushgateway.yml"
    )
    assert "unless push_max_age_seconds)" in rules.read_text()


def test_other_groups_of_a_gateway_are_of_somebody_else() -> None:
    lines = [
        'deploy_timestamp_seconds{job="deploy",instance="",service="shop",version="1"} 1e+02',
        'deploy_timestamp_seconds{job="deploy",instance="x",service="shop",version="2"} 2e+02',
        'deploy_timestamp_seconds{job="ci",service="shop",version="3"} 3e+02',
        'deploy_timestamp_seconds{job="deploy",service="shop",version="4"} NaN',
        'deploy_timestamp_seconds_total{job="deploy",service="shop",version="5"} 500',
    ]
    assert _deploy.known_by("\n".join(lines), "shop", "") == ONE


def test_paths_and_names() -> None:
    assert _deploy.group_path("shop", "") == "/metrics/job/deploy/service/shop"
    assert _deploy.group_path("a b", "x") == "/metrics/job/deploy/service/a%20b/environment/x"
    assert _deploy.group_path("a/b", "") == "/metrics/job/deploy/service@base64/YS9i"
    assert _deploy.file_name("../../etc/x", "") == "deploy_..%2F..%2Fetc%2Fx.prom"
    assert _deploy.file_name("a@b", "") != _deploy.file_name("a", "b")


def test_marker_says_what_and_where() -> None:
    deploy = Deploy("shop", "production", "1:2", "0123456789abcdef", 100)
    assert _deploy.text_of(deploy) == "shop 1:2 (0123456789) deployed to production"
    assert _deploy.deploy_of({"tags": _deploy.tags_of(deploy), "time": 100999}) == deploy
    assert set(_deploy.search_tags("shop", "production")) <= set(_deploy.tags_of(deploy))
    assert _deploy.key_of(deploy) == "deploy-shop-production-100"


def test_last_marker_is_the_newest_of_that_environment() -> None:
    tags = ["deploy", "service:shop"]
    markers = [{"id": number, "tags": tags, "time": when} for number, when in ((1, 5), (3, 9), (2, 9))]
    markers.append({"id": 9, "tags": [*tags, "environment:x"], "time": 99})
    assert (_deploy.last_marker(markers, "shop", "") or {})["id"] == 2
    assert (_deploy.last_marker(markers, "shop", "x") or {})["id"] == 9
    assert _deploy.last_marker(markers, "shop", "y") is None
