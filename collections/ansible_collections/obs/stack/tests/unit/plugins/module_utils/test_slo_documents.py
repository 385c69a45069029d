# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What documents of SLOs may say, and how they are refused: _slo_documents, _slo_indicators, _slo_openslo, _slo_read,
_slo_settings, _slo_windows, _slo_catalogs, _slo_maths, _slo_durations, _slo_model."""

from __future__ import annotations

import copy
import typing as t
from fractions import Fraction

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._slo_catalogs import built_in, catalog_of, scaled
from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import DAY, HOUR, MINUTE, text_of
from ansible_collections.obs.stack.plugins.module_utils._slo_indicators import bucket_pattern, bucket_texts, unit_of
from ansible_collections.obs.stack.plugins.module_utils._slo_maths import detection_seconds, number, reachable
from ansible_collections.obs.stack.plugins.module_utils._slo_model import Slo, label_in_promql

ERRORS = 'sum(rate(http_total{code=~"5.."}[{{.window}}]))'
TOTAL = "sum(rate(http_total[{{ .window }}]))"
SLOTH: dict[str, t.Any] = {
    "version": "prometheus/v1",
    "service": "shop",
    "labels": {"owner": "team"},
    "slos": [
        {
            "name": "requests",
            "objective": 99.9,
            "description": "Answers without an error.",
            "labels": {"tier": 2},
            "sli": {"events": {"error_query": ERRORS, "total_query": TOTAL}},
            "alerting": {
                "name": "ShopErrors",
                "labels": {"category": "availability"},
                "annotations": {"summary": "High error rate"},
                "page_alert": {"labels": {"severity": "critical"}},
                "ticket_alert": {"disable": True},
            },
        }
    ],
}


def read(document: t.Any, *more: t.Any, **given: t.Any) -> list[Slo]:
    return read_documents([("shop.yml", document)] + [("more.yml", one) for one in more], Given(**given))


def with_(document: t.Any, path: str, value: t.Any) -> t.Any:
    """A copy with another value at a dotted path; what is named delete goes."""
    document = copy.deepcopy(document)
    place = document
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
    key = int(last) if last.isdigit() else last
    if value == "delete":
        del place[key]
    else:
        place[key] = value
    return document


def own(sli: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"service": "shop", "slos": [{"name": "a", "objective": 99, "sli": sli, **more}]}


def test_a_file_of_sloth_is_read_as_sloth_reads_it() -> None:
    (slo,) = read(SLOTH)
    assert (slo.id, slo.objective, slo.period, slo.spec) == (
        "shop-requests",
        Fraction(999, 10),
        30 * DAY,
        "prometheus/v1",
    )
    assert slo.labels == {"owner": "team", "tier": "2"} and slo.alert_name == "ShopErrors"
    assert slo.page.labels == {"severity": "critical"} and slo.page.enabled and not slo.ticket.enabled
    assert slo.indicator.total == "sum(rate(http_total[{{.window}}]))" and slo.indicator.unit == "rate"
    # What changes a file's meaning is off.
    assert (slo.settings.error_budget, slo.settings.min_history, slo.settings.min_bad_events) == ("ratio", 0, 0)
    assert slo.settings.guards and slo.settings.no_data_for == HOUR
    assert slo.catalog == built_in(30 * DAY)


def test_our_own_weigh_events_and_wait_for_a_history() -> None:
    for sli in (
        {"events": {"error_query": ERRORS, "total_query": TOTAL}},
        {"latency": {"metric": "d_seconds_bucket", "threshold": 0.3}},
        {"availability": {"selector": 'instance="x"'}},
    ):
        (slo,) = read(own(sli))
        assert (slo.settings.error_budget, slo.settings.min_history, slo.spec) == ("weighted", None, "obs.stack/v1")
    (latency,) = read(with_(SLOTH, "slos.0.sli", {"latency": {"metric": "d_seconds", "threshold": 0.3}}))
    assert latency.settings.error_budget == "weighted"
    (raw,) = read(own({"raw": {"error_ratio_query": "x[$window]"}}), settings={"error_budget": "weighted"})
    assert raw.settings.error_budget == "ratio"


def test_what_is_said_nearer_wins() -> None:
    document = with_(with_(SLOTH, "alerts", "per_window"), "slos.0.min_bad_events", 3)
    settings = {"alerts": "combined", "min_bad_events": 9, "long_windows": "recorded"}
    (slo,) = read(document, settings=settings, labels={"owner": "all", "site": "s"}, info_labels={"commit": "1"})
    assert (slo.settings.alerts, slo.settings.min_bad_events, slo.settings.long_windows) == (
        "per_window",
        3,
        "recorded",
    )
    assert slo.labels == {"owner": "team", "site": "s", "tier": "2"} and slo.info_labels == {"commit": "1"}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("version", "sloth/v2", "its version is sloth/v2"),
        ("service", "delete", "it has no service"),
        ("service", "-shop", "'-shop' cannot be a name"),
        ("slos", [], "slos is not a list with anything in it"),
        ("servce", "x", "unknown key 'servce'.\nDid you mean service?"),
        ("kind", "Thing", "it is Thing"),
        ("period", "30 days", "'30 days' is not a duration"),
        ("period", "1h", "its period is 1h"),
        ("slo_plugins", {"chain": []}, "plugins are Go programs"),
        ("labels.sloth_id", "x", "sloth_id is a label that the rules set themselves"),
        ("labels.__x", "y", "'__x' cannot be the name of a label"),
        ("labels", ["x"], "it is a list, not a mapping"),
        ("labels.x", ["y"], "x is a list, not a text"),
        ("slos.0.name", "delete", "it has no name"),
        ("slos.0.objective", 0, "0 is not a percentage"),
        ("slos.0.objective", 100.5, "100.5 is not a percentage"),
        ("slos.0.objective", "high", "'high' is not a number"),
        ("slos.0.objective", True, "True is not a number"),
        ("slos.0.sli", {}, "it is empty"),
        ("slos.0.sli.raw", {"error_ratio_query": "x[$window]"}, "it is events and raw"),
        ("slos.0.sli", {"plugin": {"id": "sloth-common/x"}}, "it is the Sloth plugin 'sloth-common/x'"),
        ("slos.0.sli.events.error_query", TOTAL, "error_query and total_query are the same"),
        ("slos.0.sli.events.error_query", "delete", "not exactly one of error_query and good_query"),
        ("slos.0.sli.events.total_query", "sum(rate(x[5m]))", "it does not say where its window goes"),
        ("slos.0.sli.events.total_query", "x[{{.window}}] * {{.factor}}", "a template other than {{.window}}"),
        ("slos.0.sli.events.extra", "x", "unknown key 'extra'"),
        ("slos.0.error_budget", "mean", "'mean' is none of ratio, weighted"),
        ("slos.0.guards", "yes", "'yes' is neither true nor false"),
        ("slos.0.min_bad_events", -1, "-1 is not a whole number"),
        ("slos.0.no_data", {"for": "1h", "severity": "low"}, "'low' is none of page, ticket"),
        ("slos.0.exclude", "{{ x }}", "it has a template in it"),
        ("slos.0.info_labels", {"tier": "1"}, "tier is among both labels and info_labels"),
        ("slos.0.alerting.page_alert.labels", {"sloth_slo": "x"}, "sloth_slo is a label"),
        ("slos.0.alerting.pager", {}, "unknown key 'pager'"),
        ("slos.0.plugins", {"chain": [{"id": "x"}]}, "plugins are Go programs"),
        ("slos.0", "x", "it is a text, not a mapping"),
        ("slos.0.windows", {"page": {"quick": {"longWindow": "31d"}}}, "5m and 31d do not grow"),
        ("slos.0.windows", {"page": {"quick": {"errorBudgetPercent": 2, "factor": 3}}}, "both errorBudgetPercent"),
        ("slos.0.windows", {"page": {"quick": {"errorBudgetPercent": 200}}}, "200 % of the budget"),
        ("slos.0.windows", {"page": {"fast": {}}}, "unknown key 'fast'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(path: str, value: t.Any, said: str) -> None:
    with pytest.raises(StackError) as caught:
        read(with_(SLOTH, path, value))
    assert said in str(caught.value) and "shop.yml" in str(caught.value) and caught.value.doc == "slo"


def test_what_needs_counted_events_says_so() -> None:
    raw, unknown = (
        {"raw": {"error_ratio_query": "x[$window]"}},
        {"events": {"error_query": "e[$window]", "total_query": "t[$window]"}},
    )
    for sli in (raw, unknown):
        for more in ({"min_bad_events": 5}, {"windows": {"page": {"quick": {"min_bad_events": 5}}}}):
            with pytest.raises(StackError, match="needs an indicator that counts events"):
                read(own(sli, **more))
    with pytest.raises(StackError, match="a raw indicator has no events to weigh"):
        read(own(raw, error_budget="weighted"))


def test_one_id_twice_is_refused_over_all_documents() -> None:
    with pytest.raises(StackError, match="its id shop-requests is that of"):
        read(SLOTH, SLOTH)
    other = with_(with_(SLOTH, "service", "shop-requests"), "slos.0.name", "a")
    read(SLOTH, other)
    assert [slo.service for slo in read(other, SLOTH, None)] == ["shop", "shop-requests"]


def test_windows_of_a_catalog_and_of_one_slo() -> None:
    catalog = {
        "apiVersion": "sloth.slok.dev/v1",
        "kind": "AlertWindows",
        "spec": {
            "sloPeriod": "7d",
            "page": {
                "quick": {"errorBudgetPercent": 8, "shortWindow": "5m", "longWindow": "1h", "for": "2m"},
                "slow": {"errorBudgetPercent": 12.5, "shortWindow": "30m", "longWindow": "6h"},
            },
            "ticket": {
                "quick": {"errorBudgetPercent": 20, "shortWindow": "2h", "longWindow": "1d"},
                "slow": {"errorBudgetPercent": 42, "shortWindow": "6h", "longWindow": "3d", "keep_firing_for": "10m"},
            },
        },
    }
    (slo,) = read(catalog, SLOTH, period=7 * DAY)
    assert [float(tier.factor) for tier in slo.catalog.tiers] == [13.44, 3.5, 1.4, 0.98]
    assert (slo.catalog.tiers[0].wait, slo.catalog.tiers[3].keep) == (120, 600)
    assert read(catalog, SLOTH)[0].catalog.origin == "built-in"
    own_windows = {"page": {"quick": {"factor": 10}}, "ticket": {"slow": {"longWindow": "2d"}}}
    (slo,) = read(with_(SLOTH, "slos.0.windows", own_windows))
    quick, slow = slo.catalog.tiers[0], slo.catalog.tiers[3]
    assert float(quick.factor) == 10 and (slow.long, float(slow.factor), float(slow.budget)) == (2 * DAY, 1.5, 0.1)
    for path, said in (("spec.ticket.slow", "it has no slow"), ("spec.sloPeriod", "it has no sloPeriod")):
        with pytest.raises(StackError, match=said):
            read(with_(catalog, path, "delete"))
    with pytest.raises(StackError, match="has windows for the same period"):
        read(catalog, catalog)
    with pytest.raises(StackError, match="its apiVersion is v9"):
        read({**catalog, "apiVersion": "v9"})


def test_windows_grow_with_the_period_and_keep_their_factors() -> None:
    quarter = scaled(90 * DAY)
    assert [(text_of(tier.long), text_of(tier.short)) for tier in quarter.tiers] == [
        ("3h", "15m"),
        ("18h", "1h30m"),
        ("3d", "6h"),
        ("9d", "18h"),
    ]
    year = scaled(365 * DAY)
    assert [float(tier.factor) for tier in year.tiers] == [14.4, 6, 3, 1]
    assert (year.tiers[3].long % DAY, year.tiers[3].short * 12) == (0, year.tiers[3].long)
    slow = scaled(7 * DAY, scrape_interval=60)
    assert min(tier.short for tier in slow.tiers) >= 4 * MINUTE
    assert catalog_of(28 * DAY, {}).origin == "built-in" and catalog_of(14 * DAY, {}).origin == "scaled"
    with pytest.raises(StackError, match="windows cannot be scaled to a period of 12h"):
        read(with_(SLOTH, "period", "12h"))


def test_detection_and_reach() -> None:
    quick = built_in(30 * DAY).tiers[0]
    assert float(detection_seconds(quick, Fraction(999, 10), Fraction(1)) or 0) == pytest.approx(51.84)
    assert detection_seconds(quick, Fraction(999, 10), Fraction(1, 1000)) is None
    assert reachable(quick, Fraction(99)) and not reachable(quick, Fraction(93))
    assert [number(Fraction(one)) for one in ("14.4", "6", "0.001", "1/3")] == [
        "14.4",
        "6",
        "0.001",
        "0.3333333333333333",
    ]


@pytest.mark.parametrize(
    ("threshold", "texts"),
    [
        (1.0, ["1", "1.0"]),
        (0.3, ["0.3"]),
        (1000000.0, ["1000000", "1000000.0", "1e+06"]),
        (1234567.0, ["1.234567e+06", "1234567", "1234567.0"]),
        (100000.0, ["100000", "100000.0"]),
        (0.00001, ["1e-05"]),
    ],
)
def test_buckets_as_prometheus_and_clients_write_them(threshold: float, texts: list[str]) -> None:
    assert bucket_texts(threshold) == texts
    assert bucket_pattern(threshold) == "|".join(texts).replace("+", "[+]").replace(".", "[.]")


def test_units_of_queries() -> None:
    assert unit_of("sum(rate(a[5m]))", "sum( irate (b[5m]))") == "rate"
    assert unit_of("sum(increase(a[5m]))") == unit_of("count_over_time(a[5m])") == "increase"
    assert unit_of("rate(a[5m])", "increase(b[5m])") == unit_of("a", "b") == ""
    assert label_in_promql("team") == "team" and label_in_promql('a.b"') == '"a.b\\""'


OPENSLO: dict[str, t.Any] = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {"name": "api", "displayName": "API"},
    "spec": {
        "service": "shop",
        "description": "x",
        "indicator": {
            "metadata": {"name": "i"},
            "spec": {
                "ratioMetric": {
                    "counter": True,
                    "good": {"metricSource": {"type": "Prometheus", "spec": {"query": 'http_total{code!~"5.."}'}}},
                    "total": {"metricSource": {"type": "Prometheus", "spec": {"query": "http_total"}}},
                }
            },
        },
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.999}, {"displayName": "b", "targetPercent": 99}],
    },
}
RATIO = "spec.indicator.spec.ratioMetric"


def test_openslo_is_read_with_bare_counters_wrapped() -> None:
    first, second = read(OPENSLO)
    assert (first.id, first.objective, first.period, first.spec) == (
        "shop-api-0",
        Fraction(999, 10),
        28 * DAY,
        "openslo/v1",
    )
    assert second.objective == 99 and first.settings.error_budget == "weighted"
    assert first.indicator.total == "sum(rate(http_total[{{.window}}]))" and first.indicator.unit == "rate"
    bad = with_(
        with_(OPENSLO, RATIO + ".good", "delete"), RATIO + ".bad", {"metricSource": {"spec": {"query": ERRORS}}}
    )
    assert read(bad)[0].indicator.errors == ERRORS
    raw = with_(OPENSLO, RATIO, {"rawType": "success", "raw": {"metricSource": {"spec": {"query": "x[$window]"}}}})
    assert read(raw)[0].indicator.ratio == "1 - (x[{{.window}}])"


def test_openslo_of_the_alpha_is_read_as_sloth_does() -> None:
    query = {"source": "prometheus", "queryType": "promql"}
    ratio = {"good": {**query, "query": "g[{{.window}}]"}, "total": {**query, "query": "t[{{.window}}]"}}
    document = {
        "apiVersion": "openslo/v1alpha",
        "kind": "SLO",
        "metadata": {"name": "api"},
        "spec": {
            "service": "shop",
            "budgetingMethod": "Occurrences",
            "timeWindows": [{"count": 30, "unit": "Day"}],
            "objectives": [{"ratioMetrics": ratio, "target": 0.99}],
        },
    }
    (slo,) = read(document)
    assert (slo.id, slo.period, slo.indicator.total) == ("shop-api-0", 30 * DAY, "t[{{.window}}]")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("kind", "SLI", "it is openslo/v1 SLI"),
        ("spec.budgetingMethod", "Timeslices", "its budgetingMethod is Timeslices"),
        ("spec.timeWindow", [{"duration": "1M", "isRolling": True}], "its time window is 1M"),
        ("spec.timeWindow", [{"duration": "1w", "isRolling": False}], "follows the calendar"),
        ("spec.indicatorRef", "i", "its indicator is a document of its own"),
        ("spec.indicator.spec", {"thresholdMetric": {"x": 1}}, "it is a threshold metric"),
        (RATIO + ".total.metricSource.spec.query", "sum(http_total)", "it has no window"),
        (RATIO + ".good", "delete", "not exactly one of good and bad"),
        ("spec.objectives", [{"target": 0.9, "targetPercent": 90}], "not exactly one of target"),
        ("spec.objectives", [{"target": 0.9, "composite": {"x": 1}}], "parts that one ratio does not"),
    ],
)
def test_what_openslo_has_and_rules_do_not_is_refused(path: str, value: t.Any, said: str) -> None:
    with pytest.raises(StackError, match=said):
        read(with_(OPENSLO, path, value))
