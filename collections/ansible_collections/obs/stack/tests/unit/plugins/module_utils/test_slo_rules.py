# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules themselves and what lint says: _slo_rules, _slo_recordings, _slo_alerts, _slo_lint."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
from ansible_collections.obs.stack.plugins.module_utils._slo_lint import lint
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of, header, quoted, ruleset_of

EVENTS = {"error_query": "sum(rate(e[{{.window}}]))", "total_query": "sum(rate(t[{{.window}}]))"}
WHERE = '{sloth_id="shop-a", sloth_service="shop", sloth_slo="a"}'


def document(*, version: str = "prometheus/v1", objective: float = 99.9, **slo: t.Any) -> dict[str, t.Any]:
    one = {"name": "a", "objective": objective, "sli": {"events": EVENTS}, "alerting": {"name": "Burn"}, **slo}
    return {"version": version, "service": "shop", "labels": {"owner": "x"}, "slos": [one]}


def groups(made: dict[str, t.Any], **given: t.Any) -> dict[str, t.Any]:
    (text,) = files_of(read_documents([("f", made)], Given(**given))).values()
    return {group["name"]: group for group in yaml.safe_load(text)["groups"]}


def records(found: dict[str, t.Any]) -> dict[str, t.Any]:
    return {rule["record"]: rule for group in found.values() for rule in group["rules"] if "record" in rule}


def alerts(found: dict[str, t.Any]) -> list[t.Any]:
    return [rule for group in found.values() for rule in group["rules"] if "alert" in rule]


def test_names_and_labels_are_those_of_sloth() -> None:
    """As Sloth 0.16 emits them; the group of the period and the tickets in it are ours."""
    found = groups(document())
    assert list(found) == [
        "sloth-slo-sli-recordings-shop-a",
        "sloth-slo-period-shop-a",
        "sloth-slo-meta-recordings-shop-a",
        "sloth-slo-alerts-shop-a",
    ]
    rules = records(found)
    windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]
    assert list(rules) == [f"slo:sli_error:ratio_rate{window}" for window in windows] + [
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    ]
    labels = {"owner": "x", "sloth_id": "shop-a", "sloth_service": "shop", "sloth_slo": "a"}
    assert rules["slo:objective:ratio"]["labels"] == labels
    assert rules["slo:sli_error:ratio_rate1d"]["labels"] == {**labels, "sloth_window": "1d"}
    assert rules["sloth_slo_info"]["labels"] == {
        **labels,
        "sloth_version": "obs.stack",
        "sloth_mode": "ansible",
        "sloth_spec": "prometheus/v1",
        "sloth_objective": "99.9",
    }
    assert (
        rules["slo:error_budget:ratio"]["expr"] == "vector(0.001)"
        and rules["slo:time_period:days"]["expr"] == "vector(30)"
    )
    page, ticket = [rule for rule in alerts(found) if rule["alert"] == "Burn"]
    assert page["labels"]["sloth_severity"] == page["labels"]["severity"] == "page"
    assert ticket["labels"]["sloth_severity"] == "ticket" and "for" not in page
    assert page["annotations"]["title"] == (
        "(page) {{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is too fast."
    )


def test_without_guards_the_expressions_are_those_of_sloth() -> None:
    found = groups(document(guards=False))
    assert records(found)["slo:sli_error:ratio_rate1h"]["expr"] == "(sum(rate(e[1h])))\n/\n(sum(rate(t[1h])))"
    page = alerts(found)[1]
    assert " ".join(page["expr"].split()) == (
        f"( max(slo:sli_error:ratio_rate5m{WHERE} > (14.4 * 0.001)) without (sloth_window)"
        f" and max(slo:sli_error:ratio_rate1h{WHERE} > (14.4 * 0.001)) without (sloth_window) )"
        f" or ( max(slo:sli_error:ratio_rate30m{WHERE} > (6 * 0.001)) without (sloth_window)"
        f" and max(slo:sli_error:ratio_rate6h{WHERE} > (6 * 0.001)) without (sloth_window) )"
    )


def test_four_weeks_are_written_as_prometheus_writes_them() -> None:
    rules = records(groups(document(period="28d")))
    assert "slo:sli_error:ratio_rate4w" in rules and rules["slo:time_period:days"]["expr"] == "vector(28)"


def test_the_period_is_asked_for_rarely() -> None:
    found = groups(document(version="obs.stack/v1"))
    assert found["sloth-slo-period-shop-a"]["interval"] == "2m"
    assert "[30d:5m]" in records(found)["slo:sli_error:ratio_rate30d"]["expr"]
    assert {"slo:sli_errors:rate5m", "slo:sli_total:rate5m"} <= set(records(found))
    assert not {"slo:sli_errors:rate5m"} & set(records(groups(document())))


def test_alerts_for_each_window_and_their_waits() -> None:
    windows = {"page": {"quick": {"for": "2m", "keep_firing_for": "5m"}}}
    found = groups(document(alerts="per_window", windows=windows))
    burning = [rule for rule in alerts(found) if rule["alert"] == "Burn"]
    assert [rule["labels"]["slo_burn_tier"] for rule in burning] == [
        "page-quick",
        "page-slow",
        "ticket-quick",
        "ticket-slow",
    ]
    assert (burning[0]["for"], burning[0]["keep_firing_for"]) == ("2m", "5m") and "for" not in burning[1]


def test_alerts_can_be_left_out() -> None:
    off = {"disable": True}
    found = groups(document(alerting={"page_alert": off, "ticket_alert": off}, no_data=False))
    assert not alerts(found) and "sloth-slo-alerts-shop-a" not in found


def test_5m_and_1h_are_always_recorded() -> None:
    rules = records(groups(document(period="90d")))
    assert {"slo:sli_error:ratio_rate5m", "slo:sli_error:ratio_rate1h"} <= set(rules)


def test_labels_of_the_info_metric_are_on_nothing_else() -> None:
    found = groups(document(info_labels={"commit": "c1"}))
    having = [rule.get("record") for group in found.values() for rule in group["rules"] if "commit" in rule["labels"]]
    assert having == ["sloth_slo_info"]


def _rules(text: str) -> list[t.Any]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_every_alert_leads_to_its_page_and_the_dashboard_of_the_objective() -> None:
    made = read_documents([("f", document(budget_exhausted=True, no_data=True))], Given())
    links = {"grafana_url": "https://g.example.com", "runbook_url": "https://w.example.com/{name}.md"}
    for given in ({}, links):
        (text,) = files_of(made, links=given).values()
        told = {rule["alert"]: rule["annotations"] for rule in alerts({"": {"rules": _rules(text)}})}
        pages = {name: said["runbook"] for name, said in told.items()}
        assert pages == {
            "Burn": "SLOErrorBudgetBurn",
            "SLONoData": "SLONoData",
            "SLOErrorBudgetExhausted": "SLOErrorBudgetExhausted",
        }
        for name, said in told.items():
            assert said["dashboard"] == "obs-slo-detail"
            where = {key: said.get(f"{key}_url") for key in ("runbook", "dashboard")}
            assert where == (
                {
                    "runbook": f"https://w.example.com/{pages[name]}.md",
                    "dashboard": "https://g.example.com/d/obs-slo-detail",
                }
                if given
                else {"runbook": None, "dashboard": None}
            )


def test_a_page_of_ones_own_wins() -> None:
    own = {"annotations": {"runbook": "https://wiki.example.com/shop"}, "name": "Burn"}
    made = read_documents([("f", document(alerting=own))], Given())
    (text,) = files_of(made, links={"runbook_url": "https://w.example.com"}).values()
    burning = [rule["annotations"] for rule in alerts({"": {"rules": _rules(text)}}) if rule["alert"] == "Burn"]
    assert [(said["runbook"], said["runbook_url"]) for said in burning] == [("https://wiki.example.com/shop",) * 2] * 2


def test_one_file_for_each_service_with_a_mark_of_its_set() -> None:
    other = {**document(), "service": "billing"}
    files = files_of(read_documents([("a", document()), ("b", other)], Given()), "team")
    assert list(files) == ["slo-team-billing.yml", "slo-team-shop.yml"]
    assert ruleset_of(next(iter(files.values())).partition("\n")[0]) == "team"
    assert ruleset_of(header("")) == "default" and ruleset_of("groups:") is None


@pytest.mark.parametrize("text", ["yes", "1", "5m", "", "a: b", "\u2028", "\x85", "- x", "{{ $value }}", "x\ny", "é"])
def test_texts_survive(text: str) -> None:
    assert yaml.safe_load(quoted(text)) == text


def codes(made: dict[str, t.Any], **more: t.Any) -> list[str]:
    return [finding.code for finding in lint(read_documents([("f", made)], Given()), **more)]


@pytest.mark.parametrize(
    ("slo", "found"),
    [
        ({}, []),
        ({"objective": 50}, ["unreachable", "unreachable", "unreachable"]),
        ({"objective": 92}, ["unreachable"]),
        ({"objective": 92, "alerting": {"page_alert": {"disable": True}}}, []),
        ({"objective": 100}, ["no-budget"]),
        ({"objective": 0.999}, ["ratio-as-percent", *["unreachable"] * 3]),
        ({"windows": {"ticket": {"slow": {"factor": 0.5}}}}, ["below-budget"]),
        ({"windows": {"page": {"quick": {"shortWindow": "30s"}}}}, ["short-window"]),
        ({"windows": {"page": {"quick": {"for": "2m"}}}}, ["for-of-tiers"]),
        ({"windows": {"page": {"quick": {"for": "2m"}}}, "alerts": "per_window"}, []),
        ({"min_history": "30d"}, ["history"] * 4),
        ({"period": "28d"}, []),
    ],
)
def test_lint_of_objectives_and_windows(slo: dict[str, t.Any], found: list[str]) -> None:
    assert codes(document(**slo)) == found


@pytest.mark.parametrize(
    ("errors", "total", "found"),
    [
        ("e[$window] or vector(0)", "t[$window]", ["one-sided-vector"]),
        ("e[$window]", "t[$window] or vector( 0 )", ["one-sided-vector"]),
        ("e[$window] or vector(0)", "t[$window] or vector(0)", []),
        ('e{le="1"}[$window]', "t[$window]", ["integer-le"]),
        ('e{le="1.0"}[$window]', "t[$window]", []),
    ],
)
def test_lint_of_queries(errors: str, total: str, found: list[str]) -> None:
    sli = {"events": {"error_query": errors, "total_query": total}}
    assert codes(document(sli=sli)) == found


def test_lint_of_what_is_around() -> None:
    assert codes(document(), retention=15 * 86400) == ["retention"] and codes(document(), retention=30 * 86400) == []
    assert codes(document(), scrape_interval=120) == ["short-window"]
    (finding,) = lint(read_documents([("f", document(objective=92))], Given()))
    assert str(finding).startswith("SLO shop/a of f: page-quick can never fire") and "above 93.06 %" in str(finding)
