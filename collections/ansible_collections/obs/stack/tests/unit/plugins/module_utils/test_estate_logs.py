# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say of their logs becomes entries of either agent; what one of them could not read is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _estate_logs as logs
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._otelcol_logs import otelcol_log_sources
from ansible_collections.obs.stack.plugins.module_utils._promtail import promtail_jobs, promtail_scrape_configs

SHOP = {"name": "shop", "paths": ["/var/log/shop/*.log"], "format": "json"}
AT_HOME = "/".join(("", "home", "shop", "out.log"))
FULL = {
    "name": "shop",
    "paths": ["/var/log/shop/*.log", "/srv/shop/**/out.log"],
    "exclude": ["/var/log/shop/debug.log", "/var/log/shop/old*.log"],
    "format": "logfmt",
    "service": "store",
    "labels": {"team": "web", "beta": True},
    "keep": ["path", "status"],
}


def both(*items: t.Any, **variables: t.Any) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """Entries of both agents."""
    found = logs.log_files({"obs_log_paths": list(items), **variables})
    return logs.for_otelcol(found), logs.for_promtail(found)


def test_an_item_in_the_words_of_either_agent() -> None:
    otelcol, promtail = both(SHOP)
    assert otelcol == [{"name": "shop", "include": ["/var/log/shop/*.log"], "json": True}]
    assert promtail == [
        {"name": "shop", "paths": ["/var/log/shop/*.log"], "format": "json", "labels": {"service": "shop"}}
    ]


def test_everything_both_can_do() -> None:
    otelcol, promtail = both(FULL)
    assert otelcol[0]["service"] == "store" and otelcol[0]["attributes"] == {"team": "web", "beta": "true"}
    assert otelcol[0]["operators"][0]["type"] == "key_value_parser"
    assert otelcol[0]["keep"] == ["path", "status"] and otelcol[0]["exclude"] == FULL["exclude"]
    assert promtail[0]["exclude"] == "{/var/log/shop/debug.log,/var/log/shop/old*.log}"
    assert promtail[0]["labels"] == {"service": "store", "team": "web", "beta": "true"}
    assert promtail[0]["pipeline_stages"] == [
        {"logfmt": {"mapping": {"path": "path", "status": "status"}}},
        {"structured_metadata": {"path": "path", "status": "status"}},
    ]


def test_records_of_several_lines() -> None:
    otelcol, promtail = both({**SHOP, "format": "plain", "multiline": r"^\d{4}-"})
    assert otelcol[0]["options"] == {"multiline": {"line_start_pattern": r"^\d{4}-"}}
    assert promtail[0]["pipeline_stages"] == [{"multiline": {"firstline": r"^\d{4}-"}}]


def test_the_roles_take_what_comes_out() -> None:
    otelcol, promtail = both(FULL, {**SHOP, "name": "other"}, {"name": "trace", "paths": ["/a/b"], "multiline": "^x"})
    assert otelcol_log_sources(otelcol, journal=None)["names"] == ["file_log/other", "file_log/shop", "file_log/trace"]
    assert [job["job_name"] for job in promtail_scrape_configs(promtail_jobs(promtail, None))] == [
        "other", "shop", "trace",
    ]


def test_every_variable_of_the_family_counts() -> None:
    otelcol, promtail = both(SHOP, obs_log_paths_web=[{"name": "nginx", "paths": ["/var/log/nginx/access.log"]}])
    assert [entry["name"] for entry in otelcol] == [entry["name"] for entry in promtail] == ["nginx", "shop"]
    assert both(obs_log_pathsx=[SHOP]) == ([], [])


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("shop", "it is not a dictionary"),
        ({"paths": ["/a/b"]}, "it has no name"),
        ({**SHOP, "name": "a b"}, "not that of a log"),
        ({**SHOP, "name": "journal"}, "is the log"),
        ({**SHOP, "paths": []}, "it has no paths"),
        ({**SHOP, "paths": "/var/log/a"}, "paths is not a list"),
        ({**SHOP, "paths": ["shop.log"]}, "not the absolute path"),
        ({**SHOP, "paths": ["/var/log/shop/"]}, "not the absolute path"),
        ({**SHOP, "paths": ["/var/log/shop.log.1.gz"]}, "is compressed"),
        ({**SHOP, "paths": ["/**"]}, "is everything"),
        ({**SHOP, "paths": [AT_HOME]}, f"does not see '{AT_HOME}': its unit has no home folders"),
        ({**SHOP, "paths": ["/tmp/out.log"]}, "its unit has a /tmp of its own"),
        ({**SHOP, "exclude": ["/a/{b,c}"]}, "has braces or a comma"),
        ({**SHOP, "format": "xml"}, "the format is 'xml'"),
        ({**SHOP, "format": "plain", "keep": ["a"]}, "plain lines have none"),
        ({**SHOP, "keep": ["a.b"]}, "keep names 'a.b'"),
        ({**SHOP, "labels": {"host": "x"}}, "the label 'host' is set by the stack"),
        ({**SHOP, "labels": {"a-b": "x"}}, "'a-b' is not a label name"),
        ({**SHOP, "labels": {"a": ["x"]}}, "'a' is not a single value"),
        ({**SHOP, "multiline": "^x"}, "multiline does not go with json"),
        ({**SHOP, "format": "plain", "multiline": {"a": 1}}, "multiline is not a text"),
    ],
)
def test_what_one_of_the_agents_could_not_read_is_refused(item: t.Any, words: str) -> None:
    with pytest.raises(StackError) as caught:
        both(item)
    assert words in str(caught.value)
    assert str(caught.value).startswith("Could not use obs_log_paths[1]")


def test_a_home_folder_is_read_where_the_unit_shows_it() -> None:
    item = {**SHOP, "paths": [AT_HOME]}
    assert both(item, otelcol_sandbox={"ProtectHome": "read-only"})[0]
    with pytest.raises(StackError):
        both(item, otelcol_sandbox={"ProtectHome": "read-only"}, obs_log_agent="promtail")


def test_problems_name_their_hosts_once() -> None:
    bad = {"obs_log_paths": [{"name": "shop"}]}
    groups = {"all": ["l", "x", "y", "z"], "loki": ["l"], "monitored": ["l", "x", "y"]}
    hostvars: dict[str, dict[str, t.Any]] = {"l": {}, "x": dict(bad), "y": dict(bad), "z": {"obs_log_paths": [SHOP]}}
    found = logs.problems(groups, hostvars)
    assert len(found) == 2
    assert found[0].startswith("Could not use obs_log_paths[1] of x, y: it has no paths.")
    assert found[1].startswith("obs_log_paths of z is read by nobody: they are not in the group monitored")


def test_a_site_without_loki_reads_nothing() -> None:
    groups = {"all": ["x"], "monitored": ["x"]}
    variables: dict[str, t.Any] = {"obs_log_paths": [SHOP], "obs_site": "far"}
    assert "site far has no Loki" in logs.problems(groups, {"x": variables})[0]
    assert logs.problems(groups, {"x": variables}, elsewhere=["far"]) == []


def test_a_name_is_there_once() -> None:
    with pytest.raises(StackError, match="'shop' is there twice"):
        both(SHOP, obs_log_paths_web=[SHOP])
