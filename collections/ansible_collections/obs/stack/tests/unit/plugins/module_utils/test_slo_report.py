# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error-budget report: _slo_report."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _slo_report as report

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


def test_three_forms_say_the_same() -> None:
    both = answers(objective=[series(0.99, "b"), series(0.999, "a|b")])
    found = report.rows(both)
    assert [row.slo for row in found] == ["a|b", "b"]
    (row,) = report.rows(answers())
    assert json.loads(json.dumps(report.as_json([row])))[0]["budget_left"] == 0.75
    lines = report.table([row]).splitlines()
    assert lines[0].split("  ")[0] == "service" and "99.75 %" in lines[1] and "75.0 %" in lines[1]
    assert "11 d 6 h" in lines[1] and lines[0].index("state") == lines[1].index("burning")
    assert report.markdown(found).splitlines()[2].startswith("| shop | a\\|b | 99.9 % |")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "less than a minute"), (90, "1 min"), (3700, "1 h 1 min"), (DAY, "1 d"), (DAY + 60, "1 d")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert report.in_words(seconds) == words


def test_questions_are_about_what_the_rules_record() -> None:
    from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
    from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of

    sli = {"raw": {"error_ratio_query": "x[$window]"}}
    document = {"service": "shop", "slos": [{"name": "a", "objective": 99, "sli": sli}]}
    (text,) = files_of(read_documents([("f", document)], Given())).values()
    for query in report.QUERIES.values():
        assert f"record: {query}\n" in text
