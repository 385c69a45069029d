# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_shipped: which dashboards are wanted, and what things cost."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_shipped import (
    PRICES,
    priced_dashboard,
    shipped_dashboards,
)

ROLE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "grafana"
COST = (ROLE / "files" / "dashboards" / "Platform" / "obs-cost.json").read_text(encoding="utf-8")
PATHS = ["/r/SLOs/obs-slo.json", "/r/Platform/obs-host.json", "/r/Platform/obs-cost.json"]


def panel(title: str, expr: str, unit: str = "none") -> dict[str, t.Any]:
    properties = [{"id": "unit", "value": unit}]
    return {
        "type": "stat",
        "title": title,
        "targets": [{"expr": expr}],
        "fieldConfig": {
            "defaults": {"unit": unit},
            "overrides": [{"matcher": {"id": "byName", "options": "Cost"}, "properties": properties}],
        },
    }


def board() -> str:
    rows = [{"type": "row", "title": title} for title in ("One", "Money", "Last")]
    logs, series = panel("Logs", "x * $price_log_gigabyte"), panel("Series", "y * $price_thousand_series")
    constants = [{"type": "constant", "name": f"price_{key}", "query": "0"} for key in PRICES]
    panels = [rows[0], panel("Plain", "x"), rows[1], logs, series, rows[2], panel("Bytes", "z", "bytes")]
    return json.dumps({"panels": panels, "templating": {"list": [{"type": "query", "name": "site"}, *constants]}})


def titles(text: str) -> list[str]:
    return [one["title"] for one in json.loads(text)["panels"]]


def test_each_lies_in_the_folder_it_comes_from() -> None:
    assert shipped_dashboards(PATHS) == [
        {
            "path": f"dashboards/{folder}/{uid}.json",
            "src": f"/r/{folder}/{uid}.json",
            "variable": "grafana_shipped_dashboards",
        }
        for folder, uid in (("Platform", "obs-cost"), ("Platform", "obs-host"), ("SLOs", "obs-slo"))
    ]


def test_some_can_be_left_out_and_some_be_written() -> None:
    items = shipped_dashboards(PATHS, without=["obs-slo"], contents={"obs-cost": "{}"})
    assert [item["path"] for item in items] == [
        "dashboards/Platform/obs-cost.json",
        "dashboards/Platform/obs-host.json",
    ]
    assert items[0]["content"] == "{}" and "src" not in items[0]


def test_what_is_left_out_must_be_there() -> None:
    with pytest.raises(StackError, match=r"did you mean obs-host\?"):
        shipped_dashboards(PATHS, without=["obs-hosts"])


def test_without_prices_nothing_tells_of_money() -> None:
    assert titles(priced_dashboard(board(), {})) == ["One", "Plain", "Last", "Bytes"]
    assert titles(priced_dashboard(board(), {"currency": "EUR", "log_gigabyte": None})) == [
        "One",
        "Plain",
        "Last",
        "Bytes",
    ]


def test_what_has_a_price_is_shown_in_its_currency() -> None:
    text = priced_dashboard(board(), {"currency": "EUR", "log_gigabyte": "0.5"})
    assert titles(text) == ["One", "Plain", "Money", "Logs", "Last", "Bytes"]
    document = json.loads(text)
    constants = {one["name"]: one["query"] for one in document["templating"]["list"] if one["type"] == "constant"}
    assert constants["price_log_gigabyte"] == "0.5" and constants["price_thousand_series"] == "0"
    units = {one["title"]: one["fieldConfig"] for one in document["panels"] if one["type"] != "row"}
    assert units["Logs"]["defaults"]["unit"] == "currencyEUR"
    assert units["Logs"]["overrides"][0]["properties"][0]["value"] == "currencyEUR"
    assert (units["Plain"]["defaults"]["unit"], units["Bytes"]["defaults"]["unit"]) == ("none", "bytes")


@pytest.mark.parametrize(("currency", "unit"), [("", "none"), ("usd", "currencyUSD"), ("XAF", "currency:XAF ")])
def test_currencies(currency: str, unit: str) -> None:
    document = json.loads(priced_dashboard(board(), {"currency": currency, "log_gigabyte": 1}))
    assert document["panels"][3]["fieldConfig"]["defaults"]["unit"] == unit


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ({"log_gigabytes": 1}, r"did you mean log_gigabyte\?"),
        ({"log_gigabyte": "cheap"}, "'cheap' is no price"),
        ({"log_gigabyte": -1}, "'-1' is no price"),
        ({"log_gigabyte": "nan"}, "'nan' is no price"),
    ],
)
def test_a_price_is_a_number_of_something_known(prices: dict[str, t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        priced_dashboard(board(), prices)


def test_the_one_that_ships_has_every_price() -> None:
    plain, rich = priced_dashboard(COST, {}), priced_dashboard(COST, dict.fromkeys(PRICES, 1))
    assert "$price_" not in plain
    assert titles(rich) == titles(COST) and "In money" in titles(rich) and "In money" not in titles(plain)
    assert all(f"$price_{key}" in COST for key in PRICES)


def test_a_second_rendering_is_the_same() -> None:
    once = priced_dashboard(COST, {"currency": "EUR", "log_gigabyte": 0.4})
    assert once == priced_dashboard(COST, {"log_gigabyte": 0.4, "currency": "EUR"})
