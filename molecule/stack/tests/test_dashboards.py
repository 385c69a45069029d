"""Every query of every dashboard that ships returns data under load, or stands in silent_queries.yml with a reason."""

from __future__ import annotations

import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import ask
from lab import PROJECT, Run, converge, get, process, query, wait_for

sys.path.insert(0, str(PROJECT))
from scripts.dashboards import queries

HERE = Path(__file__).parent
ROLE = PROJECT / "collections" / "ansible_collections" / "obs" / "stack" / "roles" / "grafana"
BOARDS = queries.load(ROLE / "files" / "dashboards")
SILENT = yaml.safe_load((HERE / "silent_queries.yml").read_text())
BASES = {
    "prometheus": ("http://127.0.0.1:9090", "http://127.0.0.1:10904"),
    "loki": ("http://127.0.0.1:3100",),
}
# Where only one value can be chosen there is no "all".
CHOSEN = {"obs-slo-detail": {"service": "demo", "slo": "requests-answered"}}
DEMO = "http://127.0.0.1:8000"
GRAFANA = "http://127.0.0.1:3000"


@pytest.fixture(scope="module")
def busy(host: Any):
    """Some requests fail."""
    wish = json.dumps({"error_ratio": 0.3, "seconds": 45})
    header = ("-X", "PUT", "-H", "Content-Type: application/json", "--data", wish)
    assert get(host, f"{DEMO}/faults", *header).status == 200
    yield
    get(host, f"{DEMO}/faults", "-X", "DELETE")


@functools.cache
def questions() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Where a query stands, and how it is asked, once for each that can answer it."""
    found = []
    for board in BOARDS:
        values = {**queries.values(board), **CHOSEN.get(board["uid"], {})}
        for one in queries.queries(board):
            text = queries.expand(one.text, values)
            for base in BASES.get(one.kind, ()):
                found.append((one.where, {"base": base, "kind": one.kind, "text": text, "instant": one.instant}))
    return tuple(found)


def listed(kind: str) -> set[str]:
    """Queries of one half of the table."""
    return {one for entry in SILENT[kind] for one in entry["queries"]}


def not_judged(lab: dict[str, Any]) -> set[str]:
    """Queries that only a stand-in does not answer, where the real one runs."""
    origins = {name: component["origin"] for name, component in lab.get("obs_lab_components", {}).items()}
    stood_in = [entry for entry in SILENT["silent"] if "stand_in" in entry]
    return {one for entry in stood_in if origins.get(entry["stand_in"]) != "stand-in" for one in entry["queries"]}


def asked(host: Any, wanted: set[str]) -> dict[tuple[str, str], Any]:
    """(query, base) -> what came of it."""
    chosen = [(where, question) for where, question in questions() if where in wanted]
    answers = ask(host, [question for _where, question in chosen])
    return {(where, question["base"]): answer for (where, question), answer in zip(chosen, answers)}


def test_every_query_returns_data_or_is_listed(host: Any, busy: None, lab: dict[str, Any]) -> None:
    everything = {where for where, _question in questions()}
    everything -= not_judged(lab)
    silent, sometimes = listed("silent"), listed("sometimes")
    wanted = everything - silent - sometimes
    found = asked(host, everything)
    refused = {key: answer for key, answer in found.items() if isinstance(answer, str)}
    assert not refused, refused
    spoke = sorted({where for (where, _base), answer in found.items() if answer and where in silent})
    assert not spoke, f"listed in silent_queries.yml, and they return data now: {spoke}"
    # What is recorded once a minute, or rated over one, comes a little later; budgets are counted at marks of five
    # minutes, and the rules that do it come round every two.
    begun = time.monotonic()
    empty = {key for key, answer in found.items() if not answer and key[0] in wanted}
    while empty and time.monotonic() - begun < (450 if all(key[0].startswith("obs-slo-") for key in empty) else 100):
        time.sleep(3)
        again = asked(host, {where for where, _base in empty})
        empty = {key for key, answer in again.items() if not answer}
    assert not empty, "no data:\n" + "\n".join(sorted(f"{where} at {base}" for where, base in empty))


def test_the_list_names_queries_that_are_there() -> None:
    entries = SILENT["silent"] + SILENT["sometimes"]
    known = {one.where: one.kind for board in BOARDS for one in queries.queries(board)}
    named = [one for entry in entries for one in entry["queries"]]
    assert not sorted(set(named) - set(known))
    assert len(named) == len(set(named)) and all(entry["reason"] for entry in entries)
    unasked = {where for where, kind in known.items() if kind not in BASES}
    assert unasked <= set(named), f"neither asked nor listed: {sorted(unasked - set(named))}"


def grafana(**variables: Any) -> Run:
    """Converge Grafana alone, with variables over those of the scenario."""
    return converge(variables, arguments=("--tags", "grafana"))


def api(host: Any, path: str) -> Any:
    """A page of Grafana's API as the administrator."""
    secret = host.file("/etc/grafana/secrets/admin_password").content_string.strip()
    answer = get(host, GRAFANA + path, "--user", f"admin:{secret}")
    return answer.json if answer.status == 200 else None


def shown(host: Any) -> dict[str, str]:
    """uid -> folder, of the dashboards that ship."""
    return {hit["uid"]: hit.get("folderTitle", "") for hit in api(host, "/api/search?tag=obs-stack&limit=5000") or []}


def test_grafana_shows_all_of_them_in_their_folders(host: Any) -> None:
    folders = {path.stem: path.parent.name for path in (ROLE / "files" / "dashboards").rglob("*.json")}
    wait_for("the dashboards", lambda: shown(host) == folders, 30)
    board = api(host, "/api/dashboards/uid/obs-red")
    assert board["meta"]["provisioned"] and board["dashboard"]["title"] == "Applications (RED)"
    assert not host.file("/etc/obs/grafana/live/dashboards").is_symlink


def money(host: Any) -> bool:
    """Whether the dashboard of costs tells of money."""
    board = api(host, "/api/dashboards/uid/obs-cost")
    return "In money" in [panel["title"] for panel in board["dashboard"]["panels"]]


def test_some_are_left_out_and_prices_filled_in_without_a_restart(host: Any) -> None:
    before = process(host, "grafana")
    assert not money(host)
    try:
        run = grafana(
            obs_prices={"currency": "EUR", "log_gigabyte": 0.4},
            grafana_shipped_dashboards_without=["obs-host", "obs-tempo"],
        )
        assert run.code == 0 and run.changed == 1, run.errors or run.output
        wait_for("what was left out to go", lambda: not {"obs-host", "obs-tempo"} & shown(host).keys(), 30)
        wait_for("money", lambda: money(host), 30)
    finally:
        assert grafana().code == 0
    wait_for("all of them again", lambda: len(shown(host)) == len(BOARDS) and not money(host), 30)
    assert process(host, "grafana") == before


def test_an_exemplar_is_behind_the_durations(host: Any, busy: None) -> None:
    """The dots of the panel: asked of the query as it stands in the dashboard."""
    board = next(board for board in BOARDS if board["uid"] == "obs-red")
    panel = next(panel for panel in queries.panels(board) if panel["title"] == "Duration")
    text = queries.expand(panel["targets"][0]["expr"], {"job": "demo"})
    times = host.check_output("date +'start=%s' -d '-10 minutes'; date +'end=%s' -d '+1 minute'").split()
    options = [part for item in (*times, f"query={text}") for part in ("--data-urlencode", item)]

    def found() -> list[str]:
        answer = get(host, f"{BASES['prometheus'][1]}/api/v1/query_exemplars", "-G", *options)
        data = answer.json["data"] or [] if answer.status == 200 else []
        return [one["labels"]["trace_id"] for series in data for one in series["exemplars"]]

    assert wait_for("exemplars", found, 45)
    assert query(host, "up")
