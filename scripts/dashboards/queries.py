"""Every query of a dashboard's JSON, and what Grafana would make of it before it asks.

Standard library only: the tests of hosts use it as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What Grafana fills in by itself, at a range of an hour.
BUILT_IN = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__auto": "1m",
    "__range": "1h",
    "__range_s": "3600",
    "__from": "0",
    "__to": "0",
}
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_VALUES = re.compile(r"^label_values\((?:(?P<metric>.+),\s*)?(?P<label>\w+)\)$")


@dataclass(frozen=True)
class Query:
    """One query. where: dashboard's uid, panel and ref; kind: type of data source; instant: at one moment only."""

    where: str
    kind: str
    text: str
    instant: bool


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, those of folded rows too."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def queries(board: Mapping[str, Any]) -> Iterator[Query]:
    """Every query of panels and of variables, as it is written."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield Query(
                where="{} / {} / {}".format(board["uid"], panel["title"], target["refId"]),
                kind=target["datasource"]["type"],
                text=target.get("expr") or target.get("query") or "",
                instant=bool(target.get("instant")) or target.get("queryType") == "instant",
            )
    for variable in board["templating"]["list"]:
        found = _VALUES.match(variable["query"]["query"]) if variable["type"] == "query" else None
        if found:
            text = "group by ({}) ({})".format(found["label"], found["metric"])
            yield Query(f"{board['uid']} / variable {variable['name']}", "prometheus", text, instant=True)


def values(board: Mapping[str, Any]) -> dict[str, str]:
    """What a dashboard's variables stand for when nobody has chosen anything: constants, and everything."""
    variables = board["templating"]["list"]
    constants = {one["name"]: str(one["query"]) for one in variables if one["type"] == "constant"}
    return {**constants, **{one["name"]: one["allValue"] for one in variables if one.get("allValue")}}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """A query with values in place of variables; one that is not named takes anything (``.*``)."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return variables.get(name, BUILT_IN.get(name, ".*"))

    return _VARIABLE.sub(value, text)


def load(folder: Path) -> list[dict[str, Any]]:
    """Dashboards below a folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))]
