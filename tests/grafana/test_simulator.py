# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator for tests on this machine: how it is started, what it can be told to get wrong, its YAML."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml

from tests.grafana.servers import ROOT, SIMULATOR, Api, free_port, name, ready, simulated


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with simulated("13.2.3", "", "--faults", "--search-lag", "0.5") as found:
        yield found


def faults(api: Api, *wished: dict[str, Any]) -> None:
    assert api.ask("PUT", "/sim/faults", list(wished)).status == 200


def refused(*words: str, **environment: str) -> str:
    """What it says where it does not start."""
    command = [sys.executable, "-B", str(SIMULATOR), "sim", *words]
    kept = {key: value for key, value in os.environ.items() if key != "GRAFANA_SIM_PASSWORD"}
    run = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 1, run
    return run.stderr


def test_it_has_no_default_password() -> None:
    assert "GRAFANA_SIM_PASSWORD is not set" in refused()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--version", "11.6.0", "--storage", "unified"], "has no unified storage"),
        (["--version", "latest"], "'latest' is no version"),
    ],
)
def test_what_there_never_was_is_refused(words: list[str], said: str) -> None:
    assert said in refused(*words, GRAFANA_SIM_PASSWORD="pw")


def test_without_the_option_nobody_makes_it_fail() -> None:
    with simulated("13.0.1+security-01") as plain:
        assert plain.version == (13, 0, 1)
        plain.ask("PUT", "/sim/faults", [{"match": "GET /api/org", "do": "html"}])
        assert plain.get("/api/org").body["id"] == 1


def test_it_sends_what_proxies_send(api: Api) -> None:
    faults(api, {"match": "GET /api/org", "do": "bad_gateway"}, {"match": "GET /api/user", "do": "html"})
    assert api.get("/api/org").status == 502
    answer = api.get("/api/user")
    assert answer.status == 200 and answer.body.startswith("<html>")
    assert api.get("/api/org").status == api.get("/api/user").status == 200


def test_it_cuts_answers_and_hangs(api: Api) -> None:
    faults(api, {"match": "GET /api/org", "do": "cut"}, {"match": "GET /api/user", "do": "hang", "seconds": 0.5})
    with pytest.raises(requests.RequestException):
        api.get("/api/org")
    begin = time.monotonic()
    with pytest.raises(requests.RequestException):
        api.get("/api/user")
    assert time.monotonic() - begin >= 0.5


def test_it_does_what_was_asked_and_loses_the_answer(api: Api) -> None:
    uid = name()
    faults(api, {"match": "POST /api/folders", "do": "lose"})
    with pytest.raises(requests.ConnectionError):
        api.post("/api/folders", {"uid": uid, "title": uid})
    assert api.get(f"/api/folders/{uid}").status == 200


def test_it_is_started_by_make() -> None:
    port = free_port()
    environment = {**os.environ, "GRAFANA_SIM_PASSWORD": "canary-made"}
    command = ["make", "-s", "grafana-sim", f"PORT={port}", "VERSION=12.0.2"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:
        try:
            made = ready(Api(f"http://127.0.0.1:{port}", password="canary-made"), process)
            assert made.version == (12, 0, 2) and made.get("/api/user").body["login"] == "admin"
        finally:
            process.terminate()
            process.wait(30)


def test_it_says_that_its_database_is_down(api: Api) -> None:
    """§2: 503 with database failing; checklist 12."""
    faults(api, {"do": "down"})
    answer = api.get("/api/health")
    assert (answer.status, answer.body["database"]) == (503, "failing")
    faults(api)
    assert api.get("/api/health").status == 200


def test_somebody_else_may_come_first(api: Api) -> None:
    """A concurrent edit: between a reader's GET and its save."""
    uid = name()
    api.post("/api/dashboards/db", {"dashboard": {"uid": uid, "title": uid}})
    theirs = {"method": "POST", "path": "/api/dashboards/db"}
    body = {"dashboard": {"uid": uid, "title": "Theirs"}, "overwrite": True}
    faults(api, {"match": "POST /api/dashboards/db", "do": "first", **theirs, "body": body})
    answer = api.post("/api/dashboards/db", {"dashboard": {"uid": uid, "title": "Mine", "version": 1}})
    assert answer.status == 412
    assert api.get(f"/api/dashboards/uid/{uid}").body["dashboard"]["title"] == "Theirs"


def test_it_tells_what_was_asked_of_it(api: Api) -> None:
    faults(api)
    api.get("/api/org")
    api.post("/api/folders", {"title": "x"})
    assert api.get("/sim/requests").body == ["GET /api/org", "POST /api/folders"]


def test_search_comes_behind_the_writes(api: Api) -> None:
    """§4.4: no read after write; checklist 17."""
    uid = name()
    api.post("/api/dashboards/db", {"dashboard": {"uid": uid, "title": uid}})
    assert api.get(f"/api/search?query={uid}").body == []
    assert api.get(f"/api/dashboards/uid/{uid}").status == 200
    deadline = time.monotonic() + 20
    while not api.get(f"/api/search?query={uid}").body:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_kept_database_is_there_again(tmp_path: Any) -> None:
    uid = name()
    for expected in (404, 200):
        with simulated("12.0.2", "legacy", "--data", str(tmp_path)) as api:
            # The administrator's password is that of the first start.
            if expected == 404:
                kept = api.password
            api = api.seen_as(password=kept)
            assert api.get(f"/api/folders/{uid}").status == expected
            api.post("/api/folders", {"uid": uid, "title": uid})


def test_the_old_versions_have_no_resources() -> None:
    """§6: available from 12."""
    with simulated("11.6.3") as api:
        answer = api.get("/apis/dashboard.grafana.app")
        assert (answer.status, answer.message) == (404, "Not found")


DOCUMENTS = [
    {
        "apiVersion": 1,
        "prune": True,
        "deleteDatasources": [],
        "datasources": [{"name": "a", "jsonData": {"b": {"c": 1}}}],
    },
    {"plain": "text", "yes": True, "none": None, "number": 12, "negative": -3, "float": 1.5, "empty": ""},
    {
        "text": "a: b",
        "hash": "a # b",
        "dash": "- a",
        "brace": "{a}",
        "star": "*a",
        "quote": "it's",
        "double": 'say "so"',
    },
    {"version": "1.10", "digits": "0123", "truth": "true", "null": "null", "percent": "%a"},
    {"lines": "one\ntwo\n", "list": [1, "two", [3, 4], {"five": [6]}], "nested": [[{"a": 1}], []]},
    {"a long one": "word " * 60, "unicode": "Übersicht → Grafana", "key with: colon": 1},
    [{"a": 1, "b": [{"c": 2}]}, "plain", 3],
    {},
]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("style", [{}, {"width": 1 << 20}, {"indent": 4}])
def test_it_reads_the_yaml_that_roles_write(
    document: Any, style: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SIMULATOR))
    reader = importlib.import_module("grafana_sim.yaml")
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, **style)
    assert reader.load(text) == document, text
