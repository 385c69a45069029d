# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as Ansible calls them: their names, and errors without a traceback. What they do is tested by module."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import config, estate, wiring

FILTERS: dict[str, t.Callable[..., t.Any]] = {
    **config.FilterModule().filters(),
    **wiring.FilterModule().filters(),
    **estate.FilterModule().filters(),
}
WEB = {"tls": {}, "web_config": {}, "username": "", "password": "", "server_name": ""}
GROUPS = {"prometheus": ["a"], "alertmanager": ["a"], "monitored": ["a"]}


@pytest.mark.parametrize(
    ("name", "arguments", "options", "expected"),
    [
        ("config_merge", ({"a": 1}, {"b": 2}, {"a": None}), {}, {"b": 2}),
        ("layers_for", ([{"config": {"a": 1}}], "1.0.0"), {}, {"a": 1}),
        ("cli_flags", ({"a": True},), {}, ["--a"]),
        ("collector_flags", ({"wifi": False},), {}, {"collector.wifi": False}),
        ("retention_size", ("80%", "flag"), {}, {"size": "@data_filesystem_80_percent@"}),
        ("pem_source", ("-----BEGIN CERTIFICATE-----",), {}, {"content": "-----BEGIN CERTIFICATE-----"}),
        ("pem_source", ("/a/b.pem",), {}, {"src": "/a/b.pem"}),
        ("template_files", ([],), {}, []),
        ("file_sd_jobs", ({},), {}, []),
        ("file_sd_files", ({},), {}, []),
        ("ec2_jobs", ([],), {}, []),
        ("host_variables", ({"a": {"obs_site": "x"}, "b": {}}, "a"), {}, {"obs_site": "x"}),
        ("url_prefix", ({}, "https://x/p/"), {}, "/p"),
        ("estate_problems", (GROUPS, {"a": {}}), {}, []),
        ("service_group", ("node_exporter",), {}, "monitored"),
        ("service_role", ("thanos-query",), {}, "thanos"),
        ("service_role", ("otelcol-agent",), {}, "otelcol"),
    ],
)
def test_filter(name: str, arguments: tuple[t.Any, ...], options: dict[str, t.Any], expected: t.Any) -> None:
    assert FILTERS[name](*arguments, **options) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("config_merge", ({}, [1]), "not a dictionary"),
        ("layers_for", ([{"wrong": 1}], "1.0.0"), "layer 1"),
        ("service_group", ("x",), "Could not find the service 'x'"),
        ("service_role", ("x",), "Could not find the service 'x'"),
        ("web_access", ("9090",), "prometheus_listen_address"),
    ],
)
def test_expected_failures_are_ansibles_own(name: str, arguments: tuple[t.Any, ...], words: str) -> None:
    options = {"name": "prometheus", **WEB} if name == "web_access" else {}
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](*arguments, **options)
    assert words in str(caught.value)


def test_every_filter_has_its_documentation() -> None:
    folder = pathlib.Path(config.__file__).parent
    modules = [
        importlib.import_module(f"ansible_collections.obs.stack.plugins.filter.{path.stem}")
        for path in folder.glob("*.py")
        if path.stem != "__init__"
    ]
    names = [name for module in modules for name in module.FilterModule().filters()]
    assert {path.stem for path in folder.glob("*.yml")} == set(names)
    assert len(names) == len(set(names)), "two files define the same filter"


def test_estate_brings_the_rules_of_the_other_components_of_the_site() -> None:
    rules = FILTERS["estate"](GROUPS, {"a": {}}, "a")["prometheus"]["rules"]
    assert [pathlib.Path(rule["src"]).parts[-3] for rule in rules] == ["alertmanager", "node_exporter"]
    assert all(any(pathlib.Path(rule["src"]).glob("alerts/*.yml")) for rule in rules)
    alone = FILTERS["estate"]({"prometheus": ["a"]}, {"a": {}}, "a")["prometheus"]["rules"]
    assert alone == []


def test_estate_problems_hold_variables_against_their_specification() -> None:
    (found,) = FILTERS["estate_problems"](GROUPS, {"a": {"obs_adress": "10.0.0.1"}})
    assert "Did you mean obs_address?" in found


def test_variables_of_a_host_are_put_together_once() -> None:
    class Slow(dict):  # type: ignore[type-arg]
        asked = 0

        def __getitem__(self, host: str) -> t.Any:
            Slow.asked += 1
            return {}

    FILTERS["estate"](GROUPS, Slow(), "a")
    assert Slow.asked == 1


def test_rule_files_refuses_what_would_not_be_loaded(tmp_path: pathlib.Path) -> None:
    rule_files = FILTERS["rule_files"]
    (tmp_path / "alerts" / "deep").mkdir(parents=True)
    (tmp_path / "alerts" / "a.yml").touch()
    assert rule_files([{"src": str(tmp_path)}])[0]["path"] == "rules"
    (tmp_path / "alerts" / "deep" / "b.yml").touch()
    with pytest.raises(AnsibleFilterError, match=r"deep/b\.yml"):
        rule_files([{"src": str(tmp_path)}])


def test_health_report_reads_what_the_loop_registered() -> None:
    good = {"component": "prometheus", "check": "targets", "healthy": True, "detail": "1 up"}
    hostvars = {
        "a": {"obs_health": {"results": [{"findings": [good]}, {"failed": True, "msg": "no python"}]}},
        "b": {},
    }
    report = FILTERS["health_report"](hostvars, ["a", "b"])
    assert report["unhealthy"] == ["a - -: no python", "b - -: could not be asked"]
    assert len(report["table"]) == 4
