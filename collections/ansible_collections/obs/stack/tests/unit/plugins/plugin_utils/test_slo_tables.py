# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on error budgets in its forms: _slo_tables."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.plugin_utils import _slo_tables as tables

DAY = 86400


def row(slo: str = "a", **more: t.Any) -> dict[str, t.Any]:
    found = {"site": "x", "service": "shop", "slo": slo, "objective": 99.9, "period": "30 d", "period_days": 30}
    found.update(attained=99.75, budget_left=0.75, burn_rate=2.0, exhausted_in=972000, state="burning")
    return {**found, **more}


def test_three_forms_say_the_same() -> None:
    rows = [row("a|b"), row("b", attained=None, budget_left=None, burn_rate=None, exhausted_in=None, state="no data")]
    lines = tables.table(rows)
    assert lines[0].split("  ")[0] == "SITE" and "99.75 %" in lines[1] and "75.0 %" in lines[1]
    assert "11 d 6 h" in lines[1] and lines[0].index("STATE") == lines[1].index("burning")
    assert tables.markdown(rows)[2].startswith("| x | shop | a\\|b | 99.9 % | 30 d | 99.75 % |")
    assert tables.markdown(rows)[3].endswith("| - | - | - | - | no data |")
    assert json.loads("\n".join(tables.as_json(rows))) == rows


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "less than a minute"), (90, "1 min"), (3700, "1 h 1 min"), (DAY, "1 d"), (DAY + 60, "1 d")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert tables.in_words(seconds) == words


def test_of_several_answers_the_first_with_data_counts() -> None:
    silent = row(budget_left=None)
    assert tables.merged([[row(budget_left=0.5)], [row(budget_left=0.25)]])[0]["budget_left"] == 0.5
    assert tables.merged([[silent], [row(budget_left=0.25)]])[0]["budget_left"] == 0.25
    assert tables.merged([[silent], [silent]]) == [silent]
    assert [one["site"] for one in tables.merged([[row()], [row(site="a")]])] == ["a", "x"]
