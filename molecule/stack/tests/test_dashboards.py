"""Every query of every dashboard that ships returns data under load, or stands in silent_queries.yml with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lab import Run, converge, get, process, query, wait_for
from panels import BASES, BOARDS, OBJECTIVES, ROLE, SILENT, not_judged, problems, queries, questions

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


def test_every_query_returns_data_or_is_listed(host: Any, busy: None, lab: dict[str, Any]) -> None:
    """Of objectives' dashboards see test_objectives_shown.py."""
    wanted = {where for where, _question in questions() if not where.startswith(OBJECTIVES)} - not_judged(lab)
    # What is recorded once a minute, or rated over one, comes a little later.
    found = problems(host, wanted, 100)
    assert not found, found


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
