# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped rules: Prometheus' own checker and simulator run over them, and each alert is in the tables."""

from __future__ import annotations

import copy
import pathlib
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import rules

ALERTS = rules.shipped()
FILES = sorted(rules.ROLES.glob("*/files/rule*/*/*.yml"))


@pytest.fixture
def simulator(tmp_path: pathlib.Path) -> rules.Simulator:
    tool = rules.PROMTOOL
    if tool is None:
        pytest.skip("no promtool on the PATH nor in the artifact store")
    return rules.Simulator(tool, tmp_path)


def test_checker_has_nothing_to_say(simulator: rules.Simulator) -> None:
    files = [str(path) for path in FILES] + simulator.rule_files("prometheus")[-1:]
    done = simulator.run("check", "rules", "--lint=all", "--lint-fatal", *files)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in rules.TABLES])
def test_alerts_fire_when_they_should_and_end(simulator: rules.Simulator, path: pathlib.Path) -> None:
    said = simulator.play(path.stem, rules.simulation(rules.table(path)))
    assert not said, "\n".join(said)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.split(".")[0]) for path in rules.STORIES])
def test_what_takes_more_than_a_table(simulator: rules.Simulator, path: pathlib.Path) -> None:
    done = simulator.run("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_simulation_can_fail(simulator: rules.Simulator) -> None:
    good = rules.simulation(rules.table(rules.HERE / "alerts" / "grafana.yml"))[0]
    for place, word in ((0, "before it should"), (2, "although it is over")):
        test = copy.deepcopy(good)
        test["alert_rule_test"][place]["eval_time"] = test["alert_rule_test"][1]["eval_time"]
        assert simulator.play("grafana", [test]), word
    test = copy.deepcopy(good)
    test["alert_rule_test"][1]["exp_alerts"][0]["exp_annotations"]["summary"] = "other words"
    assert simulator.play("grafana", [test])


def test_every_alert_is_in_a_table_once() -> None:
    told = [case["alert"] for path in rules.TABLES for case in rules.table(path)["alerts"]]
    assert sorted(told) == sorted(ALERTS)


def test_every_alert_is_tried_before_and_after() -> None:
    for path in rules.TABLES:
        for case in rules.table(path)["alerts"]:
            always = ALERTS[case["alert"]]["expr"] == "vector(1)"
            assert always or (case.get("quiet") and case.get("resolved")), case["alert"]


def test_what_is_rendered_has_no_holes() -> None:
    for path in rules.TABLES:
        for case in rules.table(path)["alerts"]:
            rule = ALERTS[case["alert"]]
            assert set(rule["annotations"]) - set(rules.FIXED) == {key for key in rules.RENDERED if key in case}
            for text in (case[key] for key in rules.RENDERED if key in case):
                assert "<error" not in text and "<no value>" not in text, case["alert"]
                # A label that the expression has dropped leaves a hole.
                assert "  " not in text and text == text.strip() and "()" not in text, case["alert"]


def test_a_deploy_is_told_where_one_is_known_and_where_none_is() -> None:
    told = {case.get("deploy") for path in rules.TABLES for case in rules.table(path)["alerts"]} - {None}
    assert "none known" in told and any(text.startswith("1.2.3 at ") for text in told)


def test_names_are_unique_over_all_roles() -> None:
    documents = [yaml.safe_load(path.read_text()) for path in FILES]
    names = [
        rule["alert"]
        for document in documents
        for group in document["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert sorted(names) == sorted(set(names))
    groups = [group["name"] for document in documents for group in document["groups"]]
    assert sorted(groups) == sorted(set(groups))
    # All of them lie in one folder on the host.
    places = [path.relative_to(path.parents[1]) for path in FILES]
    assert len(places) == len(set(places))


def test_limits_that_are_set_have_their_alert() -> None:
    text = (rules.ROLES / "prometheus" / "files" / "rules" / "alerts" / "prometheus.yml").read_text()
    for limit in ("sample_limit", "label_limits", "target_limit", "body_size_limit"):
        assert f"exceeded_{limit}_total" in text


def test_what_every_estate_needs_is_there() -> None:
    wanted = {
        "ErrorRatioHigh",
        "LatencyHigh",
        "DeploymentFailed",
        "TargetDown",
        "NodeFilesystemSpaceFillingUp",
        "CertificateExpiresSoon",
        "NodeClockSkewDetected",
        "BackupMissing",
        "PrometheusScrapeSampleLimitHit",
        "LokiLinesDiscarded",
        "TempoSeriesLimitHit",
        "ThanosCompactHalted",
        "Watchdog",
    }
    assert wanted <= set(ALERTS)
    # What an SLO covers is judged by its budget.
    tickets = {"ErrorRatioHigh", "LatencyHigh"}
    assert {ALERTS[name]["labels"]["severity"] for name in tickets} == {"ticket"}
    assert all("unless on (job) label_replace(sloth_slo_info" in ALERTS[name]["expr"] for name in tickets)
