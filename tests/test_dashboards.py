# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards that ship: current, told, and asking only what can be asked."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from ansible_collections.obs.stack.tests.unit.programs import program
from scripts.dashboards import files, queries
from tests.tree import COLLECTION

PROMTOOL = program("prometheus", "promtool")
BOARDS = queries.load(files.FOLDER)
ALL = [pytest.param(board, id=board["uid"]) for board in BOARDS]
UID = re.compile(r"[a-z0-9-]{1,40}")
SOURCES = {"prometheus": "${prometheus}", "loki": "${loki}", "tempo": "${tempo}"}
# A table has units by column; logs and traces have none.
WITHOUT_UNIT = {"table", "logs"}


def breaches(board: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a dashboard."""
    if not UID.fullmatch(board.get("uid", "")):
        yield "uid: not of at most 40 small letters, digits and -"
    if {"id", "version"} & board.keys():
        yield "id or version: a server's own"
    variables = {one["name"]: one["type"] for one in board["templating"]["list"]}
    for panel in queries.panels(board):
        where = panel.get("title") or "a panel without a title"
        if not panel.get("title") or not str(panel.get("description", "")).endswith("."):
            yield f"{where}: no title or no description"
        if panel["type"] not in WITHOUT_UNIT and not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"{where}: no unit"
        for target in panel["targets"]:
            kind, uid = target["datasource"]["type"], target["datasource"]["uid"]
            if SOURCES.get(kind) != uid or variables.get(uid.strip("${}")) != "datasource":
                yield f"{where}: asks {kind} {uid}, which no variable names"
    text = json.dumps([board["panels"], [one.get("query") for one in board["templating"]["list"]]])
    used = set(re.findall(r"\$\{?([a-z]\w*)", re.sub(r"\$\{?__\w+(\.\w+)*\}?", "", text)))
    for name in sorted(used - variables.keys()):
        yield f"${name}: no such variable"
    for name in sorted(variables.keys() - used):
        yield f"${name}: a variable that nothing uses"


def linked(board: dict[str, Any]) -> set[str]:
    """uids of the dashboards that links of values lead to."""
    return set(re.findall(r'"/d/([^?"]+)', json.dumps(board)))


def panes(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What Explore is to open by each link of a dashboard, its variables filled in as Grafana would."""
    for text in re.findall(r"panes=([^\"]+)", json.dumps(board, ensure_ascii=False)):
        (pane,) = json.loads(unquote(re.sub(r"\$\{[^}]+\}", "x", text))).values()
        yield pane


def refused(boards: list[dict[str, Any]], folder: Path) -> str:
    """What promtool says against the PromQL of dashboards: all of it as rules of one file."""
    found = [(board, one) for board in boards for one in queries.queries(board) if one.kind == "prometheus"]
    rules = [
        {
            "record": "x",
            "expr": queries.expand(one.text, queries.values(board)),
            "labels": {"where": f"{number} {one.where}"},
        }
        for number, (board, one) in enumerate(found)
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(folder / "rules.yml")], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 and f"{len(rules)} rules" in done.stdout else done.stdout + done.stderr


def test_files_are_current() -> None:
    assert not files.stale(), "run make dashboards"


def test_the_ones_that_were_asked_for_are_there() -> None:
    wanted = "stack host prometheus alertmanager thanos loki tempo otelcol exporter cost red errors slo-overview"
    wanted += " slo-detail"
    assert {board["uid"] for board in BOARDS} == {f"obs-{name}" for name in wanted.split()}


def test_each_lies_at_its_uid_once() -> None:
    uids = [board["uid"] for board in BOARDS]
    assert sorted(path.stem for path in files.FOLDER.rglob("*.json")) == sorted(uids) and len(set(uids)) == len(uids)
    titles = [board["title"] for board in BOARDS]
    assert len(set(titles)) == len(titles)


def test_the_role_takes_every_folder() -> None:
    variables = yaml.safe_load((files.ROLE / "vars" / "main" / "config.yml").read_text())
    assert variables["__grafana_shipped_folders"] == sorted(path.name for path in files.FOLDER.iterdir())


@pytest.mark.parametrize("board", ALL)
def test_a_dashboard_is_whole(board: dict[str, Any]) -> None:
    assert not list(breaches(board))


def test_links_lead_to_dashboards_that_ship() -> None:
    uids = {board["uid"] for board in BOARDS}
    assert {uid for board in BOARDS for uid in linked(board)} <= uids
    assert "obs-slo-detail" in linked(next(board for board in BOARDS if board["uid"] == "obs-slo-overview"))


@pytest.mark.parametrize("board", ALL)
def test_deploys_are_marked_on_all(board: dict[str, Any]) -> None:
    (markers,) = board["annotations"]["list"]
    assert markers["target"]["tags"] == ["deploy"] and markers["enable"]


def test_requests_lead_to_logs_and_traces_by_one_click() -> None:
    board = next(board for board in BOARDS if board["uid"] == "obs-red")
    panel = next(one for one in queries.panels(board) if one["title"] == "Duration")
    assert panel["targets"][0]["exemplar"]
    links = " ".join(one["url"] for one in panel["fieldConfig"]["defaults"]["links"])
    assert "${loki}" in links and "${tempo}" in links and "${__field.labels.job}" in links


def test_explore_can_read_its_links() -> None:
    found = [pane for board in BOARDS for pane in panes(board)]
    assert len(found) > 5
    assert all(pane["datasource"] and pane["queries"][0].get("expr", pane["queries"][0].get("query")) for pane in found)


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the PATH nor in the artifact store")
def test_prometheus_own_parser_takes_every_query(tmp_path: Path) -> None:
    assert not refused(BOARDS, tmp_path)
    broken = copy.deepcopy(BOARDS[0])
    next(queries.panels(broken))["targets"][0].update(
        expr="sum(rate(x[$__rate_interval])", datasource={"type": "prometheus"}
    )
    assert "parse" in refused([broken], tmp_path)


def test_a_dashboard_is_small_enough_to_be_handed_over_each_run() -> None:
    """All of them cross to the host with each run, to be compared there."""
    assert sum(path.stat().st_size for path in files.FOLDER.rglob("*.json")) < 512 * 1024


def test_the_role_s_documentation_names_each() -> None:
    page = (COLLECTION / "docs" / "dashboards.md").read_text()
    assert all(f"`{board['uid']}`" in page for board in BOARDS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uid": "X" * 41}, "uid"),
        ({"version": 3}, "id or version"),
        ({"title": ""}, "no title"),
        ({"description": "Much"}, "no description"),
        ({"unit": ""}, "no unit"),
        ({"datasource": {"type": "prometheus", "uid": "abc"}}, "which no variable names"),
        ({"expr": "up{a='$nobody'}"}, "$nobody"),
        ({"variable": "lonely"}, "a variable that nothing uses"),
    ],
)
def test_rule_finds(change: dict[str, Any], words: str) -> None:
    board = copy.deepcopy(next(board for board in BOARDS if board["uid"] == "obs-prometheus"))
    panel = next(queries.panels(board))
    for key, item in change.items():
        if key in ("uid", "version"):
            board[key] = item
        elif key in ("title", "description"):
            panel[key] = item
        elif key == "unit":
            panel["fieldConfig"]["defaults"][key] = item
        elif key == "variable":
            board["templating"]["list"].append({"name": item, "type": "constant", "query": "0"})
        else:
            panel["targets"][0][key] = item
    assert any(words in one for one in breaches(board))


def test_expansion_fills_in_what_grafana_would() -> None:
    text = 'a{x=~"$site", y="${job:regex}"}[$__rate_interval] * $price_x $__range'
    assert queries.expand(text, {"price_x": "2", "job": "demo"}) == 'a{x=~".*", y="demo"}[1m] * 2 1h'
