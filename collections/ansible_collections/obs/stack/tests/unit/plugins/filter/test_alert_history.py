# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on alerts: who answered, since when there are samples, forms."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.alert_history import FilterModule

FILTERS = FilterModule().filters()
PERIOD = {"start": 0.0, "end": 1209600.0, "step": 60, "data_step": 3600}
LABELS = {"alertname": "Full", "severity": "page", "host": "a"}


def part(*results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return {"answers": [{"query": "q", "error": "", "result": result} for result in results]}


def host(starts: list[float], ends: list[float], *, begun: float = 0.0, site: str = "main") -> dict[str, t.Any]:
    def series(points: list[float]) -> list[dict[str, t.Any]]:
        return [{"metric": LABELS, "values": [[at, "1"] for at in points]}]

    return {
        "obs_site": site,
        "obs_alert_edges": part(series(starts), series(ends)),
        "obs_alert_open": part([]),
        "obs_alert_data": part([{"metric": {}, "values": [[begun, "1"]]}]),
    }


def report(hostvars: dict[str, t.Any], *more: t.Any) -> dict[str, t.Any]:
    return FILTERS["alert_report"](hostvars, list(hostvars), PERIOD, *more)


def test_a_pair_counts_once_and_sites_apart() -> None:
    pair = {"a": host([6000], [7200]), "b": host([6060], [7260]), "c": host([6000], [9600], site="far"), "d": {}}
    told = report(pair)
    assert told["wrong"] == []
    assert [line.split()[:6] for line in told["lines"][3:]] == [
        ["far", "Full", "page", "0.5", "1", "1"],
        ["main", "Full", "page", "0.5", "1", "1"],
    ]
    assert told["lines"][0].endswith(": page 1.0 a week (2).")


def test_a_site_is_told_as_long_as_one_answers() -> None:
    down = {"obs_site": "main", "obs_alert_edges": {"failed": True, "msg": "refused"}}
    told = report({"a": host([6000], [7200]), "b": down})
    assert told["wrong"] == [] and told["lines"][1] == "b could not be asked: refused"
    assert report({"b": down})["wrong"] == ["b: refused"]
    broken = host([6000], [7200])
    broken["obs_alert_open"]["answers"][0]["error"] = "HTTP 503"
    assert report({"a": broken})["wrong"] == ["a: HTTP 503"]
    assert "Could not ask anybody" in report({"a": {}})["wrong"][0]


def test_less_data_than_the_period_is_said() -> None:
    told = report({"a": host([605000], [605600], begun=608400.0)})
    assert told["lines"][1] == "There are no samples before 1970-01-08 00:00:00 UTC."
    assert told["lines"][0].endswith("page 1.0 a week (1).")


def test_forms_and_severities() -> None:
    found = {"a": host([6000 + 90000 * n for n in range(5)], [6060 + 90000 * n for n in range(5)])}
    assert "To be dropped or changed:" in report(found)["lines"]
    markdown = report(found, "markdown")["lines"]
    assert "| main | Full | page | 2.5 | 5 | 5 | 1 min | 1 min | 0 | 0.0% |" in markdown
    assert markdown[-1] == "- Full at main: over within 5 min in 5 of 5 times: nobody can act so fast"
    assert json.loads("\n".join(report(found, "json")["lines"]))["alerts"][0]["times"] == 5
    assert report(found, "table", "ticket")["lines"][0].endswith(": none fired.")
    assert "To be dropped" not in "".join(report(found, "table", "", 6)["lines"])
    with pytest.raises(AnsibleFilterError, match="table, json, markdown"):
        report(found, "pdf")
    with pytest.raises(AnsibleFilterError, match="as a duration"):
        report(found, "table", "", 4, "soon")


def test_the_period_has_its_queries() -> None:
    period = FILTERS["alert_period"](2)
    assert period["end"] - period["start"] == 1209600 and len(period["edges"]) == 2
    fine = FILTERS["alert_period"](1, "", "5s")
    assert fine["step"] == 5 and "offset 5s" in fine["edges"][0]
    with pytest.raises(AnsibleFilterError, match="not between"):
        FILTERS["alert_period"](0)
