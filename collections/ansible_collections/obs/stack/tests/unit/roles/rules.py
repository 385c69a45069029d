# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prometheus' own simulator played to the shipped rules, from tables of series and times in alerts/<role>.yml."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import yaml

from ansible_collections.obs.stack.plugins.module_utils._alert_overrides import alerts_of
from ansible_collections.obs.stack.plugins.module_utils._red_rules import KNOWN, red_rules
from ansible_collections.obs.stack.tests.unit.programs import program

PROMTOOL = program("prometheus", "promtool")
HERE = pathlib.Path(__file__).resolve().parent
ROLES = HERE.parents[2] / "roles"
# promtool's own files, where a case has more to it than series and times.
STORIES = sorted((HERE / "rules").glob("*.test.yml"))
TABLES = sorted((HERE / "alerts").glob("*.yml"))
# Annotations that say the same in each firing alert as in its rule.
FIXED = ("runbook", "dashboard", "threshold")
RENDERED = ("summary", "description", "deploy")


def files_of(role: str) -> list[pathlib.Path]:
    """The rule files that ship with a role."""
    return sorted((ROLES / role / "files").glob("rule*/*/*.yml"))


def shipped() -> dict[str, t.Mapping[str, t.Any]]:
    """Every alert that ships, those of the ruler too, by its name."""
    return alerts_of(yaml.safe_load(path.read_text()) for path in sorted(ROLES.glob("*/files/rule*/alerts/*.yml")))


def table(path: pathlib.Path) -> dict[str, t.Any]:
    """A table, with the labels of its target in the place of T."""
    text = path.read_text()
    target = yaml.safe_load(text)["target"]
    filled: dict[str, t.Any] = yaml.safe_load(text)
    for case in filled["alerts"] + filled.get("expressions", []):
        case["series"] = {
            name.replace("{T", "{" + target, 1): values for name, values in (case.get("series") or {}).items()
        }
    return filled


def simulation(filled: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The tests of a table as promtool takes them."""
    rules = shipped()
    tests = []
    for case in filled["alerts"]:
        rule = rules[case["alert"]]
        expected = {
            "exp_labels": {"severity": rule["labels"]["severity"], **(case.get("labels") or {})},
            "exp_annotations": {
                **{key: case[key] for key in RENDERED if key in case},
                **{key: rule["annotations"][key] for key in FIXED if key in rule["annotations"]},
            },
        }
        times = [(case.get("quiet"), []), (case["fires"], [expected]), (case.get("resolved"), [])]
        asked = [
            {"alertname": case["alert"], "eval_time": when, "exp_alerts": alerts} for when, alerts in times if when
        ]
        tests.append(_test(case, case["alert"], alert_rule_test=asked))
    for case in filled.get("expressions", []):
        asked = [
            {"expr": name, "eval_time": case["at"], "exp_samples": [{"labels": name, "value": value}]}
            for name, value in case["expect"].items()
        ]
        tests.append(_test(case, "expressions", promql_expr_test=asked))
    return tests


def _test(case: t.Mapping[str, t.Any], name: str, **asked: t.Any) -> dict[str, t.Any]:
    series = [{"series": one, "values": values} for one, values in case["series"].items()]
    return {"name": name, "interval": case.get("every", "1m"), "input_series": series, **asked}


class Simulator:
    """Runs promtool in a folder of its own."""

    def __init__(self, tool: str, folder: pathlib.Path) -> None:
        self.tool = tool
        self.folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """promtool's answer; its output is the test's words."""
        return subprocess.run([self.tool, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def rule_files(self, role: str) -> list[str]:
        """A role's rules; of Prometheus also those that are made for the metrics of requests."""
        files = [str(path) for path in files_of(role)]
        if role == "prometheus":
            made = self.folder / "requests.yml"
            made.write_text(yaml.safe_dump(red_rules(list(KNOWN)), sort_keys=False))
            files.append(str(made))
        return files

    def play(self, role: str, tests: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
        """Play tests to the rules of a role; what promtool has to say against them."""
        files = self.rule_files(role)
        groups = [group["name"] for path in files for group in yaml.safe_load(pathlib.Path(path).read_text())["groups"]]
        # Recorded first: promtool has no order of its own.
        order = sorted(groups, key=lambda name: not (name.startswith("red-") or name.endswith("-recording")))
        said = []
        # Days are not played minute by minute.
        for interval in sorted({test["interval"] for test in tests}):
            document = {
                "rule_files": files,
                "group_eval_order": order,
                "evaluation_interval": interval,
                "fuzzy_compare": True,
                "tests": [test for test in tests if test["interval"] == interval],
            }
            (self.folder / "play.test.yml").write_text(json.dumps(document))
            done = self.run("test", "rules", "play.test.yml")
            said += [done.stdout + done.stderr] if done.returncode else []
        return said
