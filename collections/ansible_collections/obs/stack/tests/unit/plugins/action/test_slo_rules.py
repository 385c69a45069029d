# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half of slo_rules, and _slo_sources: files to rules, one call; what is wrong reaches no host."""

from __future__ import annotations

import base64
import json
import types
import typing as t
import zlib
from pathlib import Path

import pytest
import yaml
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.action import slo_rules
from ansible_collections.obs.stack.plugins.modules import slo_rules as module
from ansible_collections.obs.stack.tests.unit.documentation import documented, essence

SLI = {"events": {"error_query": "sum(rate(e[$window]))", "total_query": "sum(rate(t[$window]))"}}
SHOP: dict[str, t.Any] = {"service": "shop", "slos": [{"name": "a", "objective": 99, "sli": SLI}]}
FILE = """
version: prometheus/v1
service: {service}
slos:
  - name: a
    objective: {objective}
    sli:
      events:
        error_query: sum(rate(e[{{{{.window}}}}]))
        total_query: sum(rate(t[{{{{.window}}}}]))
    alerting:
      name: Burn
      annotations: {{text: "{{{{ $labels.x }}}} \u00e9"}}
"""


class Action(slo_rules.ActionModule):
    """The action with the edges to Ansible cut off."""

    def __init__(self, **args: t.Any) -> None:
        self._task = types.SimpleNamespace(args=args, check_mode=False, diff=True)  # type: ignore[assignment]
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))  # type: ignore[assignment]
        self.called: list[dict[str, t.Any]] = []

    def _execute_module(self, module_name: str, module_args: dict[str, t.Any], task_vars: t.Any) -> t.Any:
        self.called.append({"module": module_name, **module_args})
        return {"changed": True, "invocation": {"module_args": module_args}, "warnings": ["of the host"]}

    def _find_needle(self, dirname: str, needle: str) -> str:
        if not Path(needle).exists():
            raise LookupError("Could not find '{0}'\nmore".format(needle))
        return needle

    def payload(self) -> t.Any:
        (call,) = self.called
        return json.loads(zlib.decompress(base64.b64decode(call["payload"])))


@pytest.fixture(autouse=True)
def base_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})


def test_files_become_rules_in_one_call(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "shop.yml").write_text(FILE.format(service="shop", objective=99.9), encoding="utf-8")
    more = FILE.format(service="billing", objective=99) + "---\n" + FILE.format(service="mail", objective=99)
    (tmp_path / "both.yaml").write_text(more, encoding="utf-8")
    (tmp_path / ".hidden.yml").write_text("no: slo")
    (tmp_path / "both.yaml~").write_text("no: slo")
    action = Action(src=[str(tmp_path)], dest="/rules", purge=True)
    result = action.run()
    payload = action.payload()
    assert result["files"] == sorted(payload["files"]) == ["slo-billing.yml", "slo-mail.yml", "slo-shop.yml"]
    assert result["warnings"] == ["of the host"] and "invocation" not in result
    assert payload["options"]["purge"] and payload["options"]["dest"] == action.called[0]["dest"] == "/rules"
    rules = yaml.safe_load(payload["files"]["slo-shop.yml"])
    texts = [
        rule["annotations"]["text"]
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "Burn"
    ]
    assert texts == ["{{ $labels.x }} \u00e9"] * 2
    shop = next(slo for slo in result["slos"] if slo["id"] == "shop-a")
    assert (shop["objective"], shop["period"], shop["error_budget"]) == (99.9, "30d", "ratio")
    assert shop["tiers"][0] == {
        "tier": "page-quick",
        "long": "1h",
        "short": "5m",
        "factor": 14.4,
        "budget_percent": 2.0,
        "threshold": 0.0144,
    }


def test_inline_slos_windows_and_settings() -> None:
    tier = {"errorBudgetPercent": 5, "shortWindow": "5m", "longWindow": "1h"}
    spec = {"sloPeriod": "7d", "page": {"quick": tier, "slow": tier}, "ticket": {"quick": tier, "slow": tier}}
    action = Action(
        slos=[SHOP],
        service_windows=[{"spec": spec}],
        period="7d",
        ruleset="team",
        alerts="per_window",
        labels={"n": 1},
        no_data=False,
        min_history=False,
        url_password="secret",
    )
    result = action.run()
    (slo,) = result["slos"]
    assert slo["tiers"][0]["factor"] == 8.4 and slo["error_budget"] == "weighted"
    text = action.payload()["files"]["slo-team-shop.yml"]
    assert (
        "slo_burn_tier: page-quick" in text and '"n": "1"' in text and "SLONoData" not in text and "offset" not in text
    )
    assert "secret" not in json.dumps(result)


def test_latencies_are_handed_on_to_be_looked_up() -> None:
    sli = {"latency": {"metric": "d_seconds", "selector": '{job="a"}', "threshold": 0.3}}
    action = Action(slos=[{"service": "shop", "slos": [{"name": "a", "objective": 99, "sli": sli}]}])
    action.run()
    assert action.payload()["options"]["buckets"] == [
        {"metric": "d_seconds", "selector": 'job="a"', "threshold": 0.3, "where": "SLO shop/a of number 1 of slos"}
    ]


def test_what_lint_finds_is_a_warning_or_with_strict_an_error() -> None:
    slos = [{**SHOP, "slos": [{**SHOP["slos"][0], "objective": 92}]}]
    result = Action(slos=slos).run()
    assert not result.get("failed") and "page-quick can never fire" in result["warnings"][0]
    strict = Action(slos=slos, strict=True)
    assert "page-quick can never fire" in strict.run()["msg"] and not strict.called
    assert "samples are kept for 2w1d" not in str(Action(slos=[SHOP], retention="30d").run()["warnings"])
    assert "samples are kept for 15d" in str(Action(slos=[SHOP], retention="15d").run()["warnings"])


def test_removing_everything_has_to_be_said(tmp_path: Path) -> None:
    nothing = Action(slos=[], purge=True)
    assert not nothing.run().get("failed") and nothing.payload()["files"] == {}
    (tmp_path / "w.yml").write_text("# nothing\n")
    action = Action(src=[str(tmp_path)], purge=True)
    assert "there is no SLO in it" in action.run()["msg"] and not action.called


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "it has neither src nor slos"),
        ({"src": ["/nowhere"]}, "Could not find '/nowhere'"),
        ({"slos": [], "ruleset": "A b"}, "'A b' is not of the form"),
        ({"slos": [], "period": "soon"}, "'soon' is not a duration"),
        ({"slos": [], "labels": {"sloth_id": "x"}}, "sloth_id is a label that the rules set themselves"),
        ({"slos": [], "prune": True}, "Could not use the options of slo_rules: prune"),
        ({"slos": [], "error_budget": "mean"}, "Could not use the options of slo_rules"),
        ({"slos": [SHOP, SHOP]}, "its id shop-a is that of"),
        ({"slos": [], "service_windows": ["/nowhere"]}, "Could not find '/nowhere'"),
        ({"slos": [], "service_windows": [{"spec": {}}]}, "it has no sloPeriod"),
    ],
)
def test_what_is_wrong_reaches_no_host(args: dict[str, t.Any], said: str) -> None:
    action = Action(**args)
    result = action.run()
    assert result["failed"] and said in result["msg"] and not action.called


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", "line 2, column 1"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"- x\n", "it is a list, not a mapping"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "shop.yml").write_bytes(content)
    result = Action(src=[str(tmp_path / "shop.yml")]).run()
    assert result["failed"] and said in result["msg"] and "shop.yml" in result["msg"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "it holds no .yml or .yaml file" in Action(src=[str(empty)]).run()["msg"]


def test_documentation_and_options_are_the_same() -> None:
    assert documented(module) == essence(slo_rules.ARGUMENT_SPEC, "options")


def test_rules_are_made_and_checked_on_the_controller_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    action = Action(slos=[SHOP], render_only=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = action.run(task_vars={})
    assert done["validated"] and not done["checked"] and not done["changed"] and done["files"] == ["slo-shop.yml"]
    promtool = tmp_path / "promtool"
    promtool.write_text("#!/bin/sh\necho \"$3: no such function\"; exit 3\n")
    promtool.chmod(0o755)
    done = Action(slos=[SHOP], render_only=True).run(task_vars={})
    assert done["failed"] and "the rules folder/slo-shop.yml: no such function" in done["msg"]
    assert not action.called
