# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error-budget report: _slo_report."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _slo_metrics
from ansible_collections.obs.stack.plugins.module_utils import _slo_report as report
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

DAY = 86400


def series(value: float, slo: str = "a", **labels: str) -> dict[str, t.Any]:
    return {"metric": {"sloth_service": "shop", "sloth_slo": slo, **labels}, "value": [0, str(value)]}


def answers(**more: t.Any) -> dict[str, t.Any]:
    found = {"objective": [series(0.99)], "budget": [series(0.01)], "days": [series(30)]}
    return {**found, "burned": [series(0.25)], "hour": [series(0.02)], **more}


def test_attained_left_and_when_it_runs_out() -> None:
    (row,) = report.rows(answers())
    assert (row.objective, row.attained, row.budget_left, row.burn_rate) == (99, 99.75, 0.75, 2)
    # Three quarters of a budget for 30 days, at twice the rate.
    assert row.exhausted_in == 0.75 * 30 * DAY / 2 and row.state == "burning"


@pytest.mark.parametrize(
    ("more", "state", "runs_out"),
    [
        ({"hour": [series(0.005)]}, "ok", False),
        ({"hour": [series(0)]}, "ok", False),
        ({"hour": []}, "ok", False),
        ({"burned": [series(1)]}, "SPENT", False),
        ({"burned": [series(1.5)]}, "SPENT", False),
        ({"burned": []}, "no data", False),
        ({"burned": [series(float("nan"))]}, "no data", False),
        ({"burned": [series(0.25), series(0.5, instance="b")]}, "burning", True),
    ],
)
def test_states(more: dict[str, t.Any], state: str, runs_out: bool) -> None:
    (row,) = report.rows(answers(**more))
    assert row.state == state and (row.exhausted_in is not None) == runs_out


def test_the_worst_of_several_series_counts() -> None:
    (row,) = report.rows(answers(burned=[series(0.5, instance="b"), series(0.25)]))
    assert row.budget_left == 0.5


def test_questions_are_about_what_the_rules_record() -> None:
    from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
    from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of

    sli = {"events": {"error_query": "sum(rate(x[$window]))", "total_query": "sum(rate(y[$window]))"}}
    document = {"service": "shop", "slos": [{"name": "a", "objective": 99, "sli": sli}]}
    (text,) = files_of(read_documents([("f", document)], Given())).values()
    asked = [*report.QUERIES.values(), f"{_slo_metrics.RATIO}5m", _slo_metrics.ERRORS, _slo_metrics.TOTAL]
    for query in asked:
        assert f"record: {query}\n" in text


def test_series_of_other_sites_are_left_out() -> None:
    several = [series(0.5, site="a"), series(0.75, site="b"), series(0.25)]
    (row,) = report.rows(answers(burned=several), site="a")
    assert row.site == "a" and row.budget_left == 0.5
    (row,) = report.rows(answers(burned=several))
    assert row.budget_left == 0.25


OCTOBER = report.month_of("2026-10", 4e9)


def test_months() -> None:
    assert (OCTOBER.end - OCTOBER.start) / DAY == 31 and OCTOBER.until == OCTOBER.end and OCTOBER.over
    december = report.month_of("2026-12", OCTOBER.end + 61 * DAY)
    assert december.start == OCTOBER.end + 30 * DAY and (december.end - december.start) / DAY == 31
    now = report.month_of("2026-10", OCTOBER.start + 10 * DAY)
    assert not now.over and now.until - now.start == 10 * DAY
    assert report.queries(now)["mean"] == "avg_over_time(slo:sli_error:ratio_rate5m[864000s:5m])"
    assert "hour" in report.queries(now) and "hour" not in report.queries(OCTOBER)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "October", "2026-10-01", "2026-00", "2999-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(StackError, match=text):
        report.month_of(text, OCTOBER.end)


def of_month(**more: t.Any) -> dict[str, t.Any]:
    return {"objective": [series(0.99)], "budget": [series(0.01)], "mean": [series(0.002)], "weighted": [], **more}


def test_a_month_that_is_over() -> None:
    (row,) = report.rows(of_month(), month=OCTOBER)
    assert (row.period, row.period_days, row.attained, row.budget_left) == ("2026-10", 31, 99.8, 0.8)
    assert row.burn_rate is None and row.exhausted_in is None and row.state == "ok"


def test_a_month_counts_events_where_they_are_recorded() -> None:
    (row,) = report.rows(of_month(weighted=[series(0.02)]), month=OCTOBER)
    assert (row.attained, row.budget_left, row.state) == (98, -1, "SPENT")


def test_half_a_month_has_spent_half() -> None:
    half = report.month_of("2026-10", OCTOBER.start + 15.5 * DAY)
    (row,) = report.rows(of_month(mean=[series(0.01)], hour=[series(0.04)]), month=half)
    assert row.attained == 99 and row.budget_left == 0.5
    # Half of a budget for 31 days, at four times the rate: before the month ends.
    assert row.exhausted_in == 0.5 * 31 * DAY / 4 and row.state == "burning"
    (row,) = report.rows(of_month(mean=[series(0.01)], hour=[series(0.009)]), month=half)
    assert row.exhausted_in is None and row.state == "ok"


def test_a_month_without_samples_has_no_data() -> None:
    (row,) = report.rows(of_month(mean=[]), month=OCTOBER)
    assert row.state == "no data" and row.attained is None
