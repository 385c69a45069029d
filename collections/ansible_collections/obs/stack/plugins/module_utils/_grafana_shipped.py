# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The dashboards that ship with the role: which of them are wanted, and what things cost. Pure."""

from __future__ import annotations

import copy
import json
import os
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._names import did_you_mean

PRICES = ("thousand_series", "billion_samples", "log_gigabyte", "trace_gigabyte", "bucket_gigabyte")
# Currencies that Grafana writes in their own way; any other is written as its code in front.
CURRENCIES = re.compile(
    "^(USD|GBP|EUR|JPY|RUB|UAH|BRL|DKK|ISK|NOK|SEK|CZK|CHF|PLN|ZAR|INR|KRW|IDR|PHP|VND|TRY|MYR|XPF|BGN|PYG|UYU|ILS)$"
)
# The unit of whatever has a price, until it is known.
UNPRICED = "none"


def _refuse(what: str, why: str, hint: str) -> StackError:
    return StackError(what, why=why, hint=hint, step="input", doc="input")


def shipped_dashboards(
    paths: Sequence[str], *, without: Sequence[str] = (), contents: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Place the dashboards that ship below ``dashboards/<folder>`` of the live folder.

    Args:
        paths: ``<folder>/<uid>.json`` on the controller; the last folder is the one in Grafana.
        without: uids of those that are not wanted.
        contents: uid to what is written in place of the file.

    Returns:
        Items of ``live`` of release_service.

    Raises:
        StackError: ``without`` names one that is not there.
    """
    found = {os.path.basename(path)[: -len(".json")]: path for path in sorted(paths)}
    for uid in without:
        if uid not in found:
            raise _refuse(
                f"Could not leave out the dashboard '{uid}'",
                "none of those that ship has this uid" + did_you_mean(uid, found),
                "Correct grafana_shipped_dashboards_without; there are: {}.".format(", ".join(found)),
            )
    items = []
    for uid, path in found.items():
        if uid in without:
            continue
        folder = os.path.basename(os.path.dirname(path))
        source = {"content": contents[uid]} if contents and uid in contents else {"src": path}
        items.append({"path": f"dashboards/{folder}/{uid}.json", "variable": "grafana_shipped_dashboards", **source})
    return items


def priced_dashboard(text: str, prices: Mapping[str, t.Any]) -> str:
    """A dashboard with prices filled in; a panel about one that is not given is left out, and so is an empty row.

    Args:
        text: the dashboard's JSON. Its constants ``price_<key>`` stand for ``PRICES``.
        prices: some of ``PRICES``, numbers, and ``currency``, a code of three letters.

    Raises:
        StackError: a price of something else, or one that is none.
    """
    board = json.loads(text)
    known = _numbers(prices)
    unit = _unit(str(prices.get("currency") or ""))
    for variable in board["templating"]["list"]:
        if variable["type"] == "constant" and variable["name"] in known:
            variable["query"] = known[variable["name"]]
    missing = {f"price_{key}" for key in PRICES} - set(known)
    board["panels"] = _without_empty_rows([panel for panel in board["panels"] if not _names(panel, missing)])
    board["panels"] = [_in_money(panel, unit) if _names(panel, set(known)) else panel for panel in board["panels"]]
    return json.dumps(board, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _numbers(prices: Mapping[str, t.Any]) -> dict[str, str]:
    """Constant of the dashboard to its value."""
    known = {}
    for key, price in prices.items():
        if key == "currency" or price in (None, ""):
            continue
        if key not in PRICES:
            raise _refuse(
                f"Could not use '{key}' of grafana_prices",
                "nothing of this name has a price" + did_you_mean(key, PRICES),
                "Prices are: {}.".format(", ".join(PRICES)),
            )
        try:
            number = float(price)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number < float("inf"):
            raise _refuse(
                f"Could not use {key} of grafana_prices",
                f"'{price}' is no price",
                "Write a number that is not negative.",
            )
        known[f"price_{key}"] = repr(number)
    return known


def _unit(currency: str) -> str:
    code = currency.upper()
    if not code:
        return UNPRICED
    return f"currency{code}" if CURRENCIES.match(code) else f"currency:{currency} "


def _names(panel: Mapping[str, t.Any], constants: set[str]) -> bool:
    queries = [str(target.get("expr") or "") for target in panel.get("targets", ())]
    return any(f"${name}" in query for query in queries for name in constants)


def _without_empty_rows(panels: Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Open rows hold what follows them."""
    kept = []
    for number, panel in enumerate(panels):
        last = number + 1 == len(panels) or panels[number + 1]["type"] == "row"
        if panel["type"] != "row" or panel.get("panels") or not last:
            kept.append(panel)
    return kept


def _in_money(panel: Mapping[str, t.Any], unit: str) -> dict[str, t.Any]:
    changed = copy.deepcopy(dict(panel))
    fields = changed["fieldConfig"]
    if fields["defaults"].get("unit") == UNPRICED:
        fields["defaults"]["unit"] = unit
    for override in fields.get("overrides", ()):
        for item in override["properties"]:
            if item["id"] == "unit" and item["value"] == UNPRICED:
                item["value"] = unit
    return changed
