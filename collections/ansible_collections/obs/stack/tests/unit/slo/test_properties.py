# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any valid objective, period and catalog: thresholds are what they must be, and promtool takes the rules."""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal, getcontext

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import seconds_of, text_of
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of, quoted

getcontext().prec = 40
MINUTE, DAY = 60, 86400
UNIT = {"s": 1, "m": MINUTE, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
PLACES = [("page", "quick"), ("page", "slow"), ("ticket", "quick"), ("ticket", "slow")]
# Anything a person may write into a label or an annotation, and what YAML and PromQL might make something else of.
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["yes", "null", "1", "1e3", "~", "a: b", "# x", "'", '"', "\\", "{{ $value }}"]),
)
PRINTABLE = TEXTS.filter(lambda text: max(text, default="a") < "\ud800" or max(text, default="a") > "\udfff")

objectives = st.decimals(min_value="0.001", max_value="99.9999", places=4).map(str)
periods = st.one_of(
    st.integers(1, 400).map(lambda days: days * DAY), st.integers(24, 2400).map(lambda hours: hours * 3600)
)


@st.composite
def catalogs(draw: t.Any, period: int) -> dict[str, t.Any]:
    """A catalog in Sloth's schema."""
    spec: dict[str, t.Any] = {"sloPeriod": text_of(period), "page": {}, "ticket": {}}
    for severity, speed in PLACES:
        long = draw(st.integers(2, period // MINUTE - 1)) * MINUTE
        short = draw(st.integers(1, long // MINUTE - 1)) * MINUTE
        percent = draw(st.decimals(min_value="0.01", max_value="100", places=2))
        spec[severity][speed] = {
            "errorBudgetPercent": float(percent),
            "shortWindow": text_of(short),
            "longWindow": text_of(long),
        }
    return {"apiVersion": "sloth.slok.dev/v1", "kind": "AlertWindows", "spec": spec}


@st.composite
def cases(draw: t.Any) -> tuple[dict[str, t.Any], dict[str, t.Any] | None]:
    """An SLO's document, and a catalog or none."""
    period = draw(periods)
    document = {
        "version": draw(st.sampled_from(["prometheus/v1", "obs.stack/v1"])),
        "service": "shop",
        "period": text_of(period),
        "alerts": "per_window",
        "labels": draw(st.dictionaries(st.sampled_from(["team", "tier", "a_b"]), PRINTABLE, max_size=2)),
        "slos": [
            {
                "name": "a",
                "objective": draw(objectives),
                "error_budget": draw(st.sampled_from(["ratio", "weighted"])),
                "long_windows": draw(st.sampled_from(["direct", "recorded"])),
                "guards": draw(st.booleans()),
                "alerting": {
                    "name": draw(st.sampled_from(["Burn", "yes", "Burning fast"])),
                    "annotations": {"text": draw(PRINTABLE.filter(lambda text: "{{" not in text))},
                },
                "sli": {
                    "events": {
                        "error_query": "sum(rate(e_total[{{.window}}]))",
                        "total_query": "sum(\n  rate(t_total[{{ .window }}])\n)",
                    }
                },
            }
        ],
    }
    return document, draw(st.one_of(st.none(), catalogs(period)))


def rules_of(case: t.Any) -> tuple[t.Any, dict[str, t.Any]]:
    document, catalog = case
    documents = [("d", document)] + ([("c", catalog)] if catalog else [])
    slos = read_documents(documents, Given())
    (text,) = files_of(slos).values()
    return slos[0], yaml.safe_load(text)


def duration(text: str) -> int:
    """Seconds, by another way than the code's."""
    return sum(int(count) * UNIT[unit] for count, unit in re.findall(r"(\d+)([smhdwy])", text))


@settings(max_examples=120, deadline=None)
@given(cases())
def test_thresholds_equal_an_independent_computation(case: t.Any) -> None:
    document, catalog = case
    _slo, rules = rules_of(case)
    by_tier = {
        rule["labels"]["slo_burn_tier"]: rule["expr"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "slo_burn_tier" in rule.get("labels", {})
    }
    assert sorted(by_tier) == sorted(f"{severity}-{speed}" for severity, speed in PLACES)
    period = Decimal(duration(document["period"]))
    budget = 1 - Decimal(document["slos"][0]["objective"]) / 100
    for severity, speed in PLACES:
        found = re.findall(r"ratio_rate(\w+)\{[^}]*\} > \(([^\s)]+) \* ([^\s)]+)\)", by_tier[f"{severity}-{speed}"])
        (short, *one), (long, *other) = found
        assert one == other, "both windows are held against one threshold"
        threshold = Decimal(one[0]) * Decimal(one[1])
        assert duration(short) <= duration(long) <= period
        if catalog:
            given_tier = catalog["spec"][severity][speed]
            share = Decimal(str(given_tier["errorBudgetPercent"])) / 100
            assert (duration(long), duration(short)) == (
                duration(given_tier["longWindow"]),
                duration(given_tier["shortWindow"]),
            )
        else:
            standard = {
                "page-quick": ("14.4", 3600),
                "page-slow": ("6", 21600),
                "ticket-quick": ("3", DAY),
                "ticket-slow": ("1", 3 * DAY),
            }[f"{severity}-{speed}"]
            month = Decimal(28 * DAY) if period == 28 * DAY else period
            share = Decimal(standard[0]) * duration(long) / month
            if period == 28 * DAY:
                share = Decimal({"page-quick": "0.02", "page-slow": "0.05"}.get(f"{severity}-{speed}", "0.1"))
        expected = share * period / duration(long) * budget
        assert abs(threshold - expected) <= expected * Decimal("1e-12")
    meta = {rule.get("record"): rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    assert abs(Decimal(meta["slo:error_budget:ratio"][7:-1]) - budget) < Decimal("1e-15")
    assert Decimal(meta["slo:time_period:days"][7:-1]) * DAY - period < Decimal("0.001")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cases(), min_size=6, max_size=6))
def test_promtool_takes_the_rules_of_any_of_them(simulator: t.Any, many: t.Any) -> None:
    slos = []
    for number, (document, catalog) in enumerate(many):
        document = {**document, "service": f"shop{number}"}
        slos += read_documents([("d", document)] + ([("c", catalog)] if catalog else []), Given())
    simulator.check(slos)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_every_text_is_read_as_what_it_is(text: str) -> None:
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert yaml.safe_load(quoted(text)) == text


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 400 * DAY))
def test_durations_are_read_as_they_are_written(seconds: int) -> None:
    assert seconds_of(text_of(seconds)) == seconds == duration(text_of(seconds))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_same_input_gives_the_same_bytes(case: t.Any) -> None:
    document, catalog = case
    again = {key: document[key] for key in reversed(list(document))}
    documents = [[("d", one)] + ([("c", catalog)] if catalog else []) for one in (document, again)]
    first, second = (files_of(read_documents(one, Given())) for one in documents)
    assert first == second


@pytest.mark.parametrize("text", ["", "0d", "5", "1.5h", "5M", "-5m", "1h1d", None])
def test_what_is_no_duration_is_refused(text: t.Any) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds_of(text)
