# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Grafana modules say of bad input, and of servers that are half dead: one line with the cause, and a hint."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.modules import KINDS, Modules

servers = pytest.importorskip("tests.grafana.servers")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A simulated Grafana of version 13."""
    with servers.simulated("13.2.3", "unified", "--faults") as api:
        yield api


@pytest.fixture
def grafana(server: Any) -> Modules:
    """The modules, in an organisation of their own, by a token."""
    return Modules(server.new_org().with_role("Admin"))


def fault(grafana: Modules, match: str, do: str, **more: Any) -> None:
    """Let the next such requests go wrong."""
    grafana.api.put("/sim/faults", [{"match": match, "do": do, "times": 9, **more}])


@pytest.mark.parametrize(("do", "said"), [
    ("bad_gateway", "HTTP 502 with an HTML page (502 Bad Gateway)"),
    ("html", "HTTP 200 with an HTML page instead of JSON (502 Bad Gateway)"),
    ("cut", "the answer was cut off"),
])
def test_half_dead_server(grafana: Modules, monkeypatch: pytest.MonkeyPatch, do: str, said: str) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fault(grafana, "GET /api/folders/.*", do)
    message = grafana.refuses("grafana_folder", uid="ops", title="Ops")
    first, hint = message.splitlines()
    assert first.startswith(f"Could not read folder 'Ops' at {grafana.api.url}: ") and said in first
    assert hint.endswith("See docs/troubleshooting.md#grafana-api.")
    assert grafana.api.token not in message
    fault(grafana, "nothing", "html")
    grafana.changes("grafana_folder", uid="ops", title="Ops")


def test_server_that_accepts_and_never_answers(grafana: Modules) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://127.0.0.1:{}".format(silent.getsockname()[1])
        message = grafana.refuses("grafana_folder", title="Ops", url=url, timeout=1)
    assert f"at {url}: no answer in 1 s" in message


def test_nothing_listens(grafana: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    url = f"http://127.0.0.1:{servers.free_port()}"
    assert "refused: nothing listens there" in grafana.refuses("grafana_folder", title="Ops", url=url)


def test_tls_where_there_is_none(grafana: Modules) -> None:
    url = grafana.api.url.replace("http:", "https:")
    message = grafana.refuses("grafana_folder", title="Ops", url=url)
    assert "TLS failed" in message and "Look at the scheme of url" in message


def test_busy_server_is_asked_again(grafana: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    grafana.api.put("/sim/faults", [{"match": "GET /api/folders/.*", "do": "bad_gateway", "times": 2}])
    assert grafana.run("grafana_folder", uid="ops", title="Ops")["changed"]
    assert waited[:2] == [0.5, 1.0]


def test_what_writes_is_not_sent_twice(grafana: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    grafana.api.put("/sim/faults", [{"match": "POST /api/annotations", "do": "cut"}])
    assert "the answer was cut off" in grafana.refuses("grafana_annotation", key="once", text="x")
    asked = grafana.api.get("/sim/requests").body
    assert len([one for one in asked if one.startswith("POST")]) == 1
    # It may have been taken in: the next run looks.
    grafana.settles("grafana_annotation", key="once", text="x")
    assert len(grafana.run("grafana_annotation_info", key="once")["annotations"]) == 1


LOKI = {"name": "L", "ds_type": "loki", "ds_url": "http://127.0.0.1:1", "fingerprint_key": "key-of-test"}
# What is done, its options, and a request whose answer is lost.
LOST: list[tuple[str, str, dict[str, Any]]] = [
    ("POST /api/folders", "grafana_folder", {"uid": "f", "title": "F"}),
    ("POST /api/folders/f/permissions", "grafana_folder",
     {"uid": "f", "title": "F", "permissions": [{"role": "Viewer", "permission": "view"}]}),
    ("POST /api/dashboards/db", "grafana_dashboard", {"definition": {"uid": "d", "title": "D"}}),
    ("POST /api/datasources", "grafana_datasource", {**LOKI, "secure_json_data": {"token": "canary-1"}}),
    ("POST /api/datasources", "grafana_datasource", {**LOKI, "is_default": False}),
    ("PUT /api/datasources/uid/l", "grafana_datasource", {**LOKI, "is_default": False}),
    ("POST /api/annotations", "grafana_annotation", {"key": "k", "text": "x"}),
    ("POST /api/serviceaccounts", "grafana_service_account", {"name": "a"}),
    ("POST /api/serviceaccounts/.*/tokens", "grafana_service_account", {"name": "a", "tokens": [{"name": "ci"}]}),
]


@pytest.mark.parametrize(("request_", "module", "options"), LOST, ids=[f"{one[1]} {one[0]}" for one in LOST])
def test_what_was_done_although_the_answer_was_lost_is_not_done_again(
    grafana: Modules, tmp_path: Path, request_: str, module: str, options: dict[str, Any]
) -> None:
    for token in options.get("tokens", []):
        token["dest"] = str(tmp_path / "token")
    grafana.api.put("/sim/faults", [{"match": request_, "do": "lose"}])
    message = grafana.refuses(module, **options)
    assert "the connection was closed without an answer" in message
    grafana.settles(module, **options)
    if module == "grafana_annotation":
        assert len(grafana.run("grafana_annotation_info", key="k")["annotations"]) == 1
    if module == "grafana_datasource":
        told = grafana.run("grafana_datasource_info")["datasources"]
        assert [(one["uid"], one["isDefault"]) for one in told] == [("l", "is_default" not in options)]
    if module == "grafana_service_account":
        (told,) = grafana.run("grafana_service_account_info", name="a")["service_accounts"]
        # The one whose key nobody knows is gone, and the file holds the other.
        assert len(told["tokens"]) == len(options.get("tokens", []))
        if options.get("tokens"):
            held = Modules(grafana.api.seen_as(token=(tmp_path / "token").read_text().strip(), org=0))
            assert not held.run("grafana_folder_info")["failed"]


def test_redirect_is_not_followed_with_the_token(grafana: Modules) -> None:
    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "https://grafana.example.com/login?token=x")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as there:
        thread = threading.Thread(target=there.serve_forever, daemon=True)
        thread.start()
        message = grafana.refuses("grafana_folder", title="Ops", url=f"http://127.0.0.1:{there.server_port}")
        there.shutdown()
    assert "HTTP 302 it leads to https://grafana.example.com/login" in message
    assert "Name that address as url" in message


@pytest.mark.parametrize(("options", "said"), [
    ({"url": "grafana:3000"}, "url is not of the form http(s)://host"),
    ({"url": "http://me:canary@127.0.0.1"}, "url holds credentials"),
    ({"url": "http://127.0.0.1/api"}, "url is of a page"),
    ({"uid": "x" * 41, "title": "x"}, "it has 41 characters"),
    ({"uid": "a b", "title": "x"}, "it holds other characters"),
    ({"uid": "a", "parent_uid": "a", "title": "x"}, "it would be its own parent"),
    ({"title": "x", "permissions": [{"permission": "edit"}]}, "names not exactly one of role, team and user"),
])
def test_options_that_cannot_be_used(grafana: Modules, options: dict[str, Any], said: str) -> None:
    message = grafana.refuses("grafana_folder", **{"title": "Ops", **options})
    assert said in message and "canary" not in message


def test_no_url_and_no_credentials(grafana: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFANA_URL", "GRAFANA_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    nobody = Modules(grafana.api.seen_as(token="", login="", password=""))
    assert "no credentials" in nobody.refuses("grafana_folder", title="x", url_username=None, url_password=None)
    monkeypatch.setenv("GRAFANA_TOKEN", grafana.api.token)
    monkeypatch.setenv("GRAFANA_URL", grafana.api.url)
    given: dict[str, Any] = {"url": None, "url_username": None, "url_password": None}
    assert nobody.run("grafana_folder", title="By environment", **given)["changed"]


def test_wrong_password_and_wrong_token(server: Any, grafana: Modules) -> None:
    wrong = Modules(server.seen_as(password="canary-wrong"))
    message = wrong.refuses("grafana_folder", title="x")
    assert "HTTP 401 Invalid username or password" in message and "url_password" in message
    wrong = Modules(server.seen_as(token="glsa_canary"))
    message = wrong.refuses("grafana_folder", title="x")
    assert "HTTP 401 Invalid API key" in message and "canary" not in message


def test_token_of_another_organisation(server: Any, grafana: Modules) -> None:
    wrong = Modules(grafana.api.seen_as(org=1))
    message = wrong.refuses("grafana_folder", title="x")
    assert "HTTP 401 API key does not belong to the requested organization" in message
    assert "leave out org_id" in message


def test_viewer_lacks_the_permission(server: Any) -> None:
    viewer = Modules(server.new_org().with_role("Viewer"))
    message = viewer.refuses("grafana_datasource", name="x", ds_type="loki", ds_url="http://127.0.0.1:1")
    assert "HTTP 403" in message and "lacks the permission" in message


def test_editor_makes_a_folder_although_he_may_not_see_that_there_is_none(server: Any) -> None:
    editor = Modules(server.new_org().with_role("Editor"))
    done = editor.run("grafana_folder", uid="new", title="New")
    assert done["changed"] and not done["failed"]


def test_editor_removes_twice_what_he_may_not_see_the_second_time(server: Any) -> None:
    admin = Modules(server.new_org())
    editor = Modules(admin.api.with_role("Editor"))
    admin.changes("grafana_folder", uid="f", title="F")
    admin.changes("grafana_dashboard", definition={"uid": "d", "title": "D"})
    for module, uid, kind in (("grafana_folder", "f", "Folder"), ("grafana_dashboard", "d", "Dashboard")):
        assert not editor.changes(module, uid=uid, state="absent")["warned"]
        again = editor.run(module, uid=uid, state="absent")
        assert not again["failed"] and not again["changed"]
        assert again["warned"] == [f"{kind} '{uid}' may not be read, and was taken for one that is not there."]


def test_folder_that_is_not_there(grafana: Modules) -> None:
    message = grafana.refuses("grafana_dashboard", definition={"title": "x"}, folder_uid="nowhere")
    assert "HTTP 400 folder not found" in message and "Make the folder first" in message
    assert grafana.run("grafana_dashboard", definition={"title": "x"}, folder_uid="nowhere", check_mode=True)["changed"]


@pytest.mark.parametrize(("definition", "said"), [
    ({"uid": "x"}, "it has no title"),
    ({"title": " "}, "it has no title"),
    ({"title": "x", "uid": "a/b"}, "it holds other characters"),
    ({"title": "x", "uid": "x" * 41}, "it has 41 characters"),
    ({"kind": "Folder", "apiVersion": "folder.grafana.app/v1", "spec": {}}, "it is of kind Folder"),
    ({"title": "x", "__inputs": [{"name": "DS_P", "pluginId": "prometheus"}]}, "its inputs DS_P (prometheus) have no"),
])
def test_definition_that_cannot_be_used(grafana: Modules, definition: dict[str, Any], said: str) -> None:
    assert said in grafana.refuses("grafana_dashboard", definition=definition)


@pytest.mark.parametrize(("version", "storage"), KINDS)
def test_provisioned_objects_name_their_file(tmp_path: Path, version: str, storage: str) -> None:
    data = tmp_path / "data"
    sources, boards = tmp_path / "provisioning" / "datasources", tmp_path / "provisioning" / "dashboards"
    for folder in (sources, boards, tmp_path / "files" / "team"):
        folder.mkdir(parents=True)
    (sources / "x.yaml").write_text(yaml.safe_dump({"apiVersion": 1, "datasources": [
        {"name": "Fixed", "uid": "fixed", "type": "loki", "access": "proxy", "url": "http://127.0.0.1:1"}]}))
    (boards / "x.yaml").write_text(yaml.safe_dump({"apiVersion": 1, "providers": [
        {"name": "files", "type": "file", "options": {"path": str(tmp_path / "files"),
                                                     "foldersFromFilesStructure": True}}]}))
    (tmp_path / "files" / "team" / "b.json").write_text(json.dumps({"uid": "board", "title": "Board"}))
    config = tmp_path / "grafana.ini"
    config.write_text(f"[paths]\nprovisioning = {tmp_path / 'provisioning'}\n")
    with servers.simulated(version, storage, "--data", str(data), "--config", str(config)) as api:
        grafana = Modules(api)
        wanted = {"name": "Fixed", "uid": "fixed", "ds_type": "loki", "ds_url": "http://127.0.0.1:1"}
        assert not grafana.settles("grafana_datasource", **wanted)["changed"]
        for check_mode in (True, False):
            message = grafana.refuses("grafana_datasource", **{**wanted, "ds_url": "http://127.0.0.1:2"},
                                      check_mode=check_mode)
            assert "it is read-only, as it comes from a file in provisioning/datasources" in message
            for options in ({"definition": {"uid": "board", "title": "Other"}}, {"uid": "board", "state": "absent"}):
                message = grafana.refuses("grafana_dashboard", **options, check_mode=check_mode)
                assert "it is provisioned from the file team/b.json" in message
                assert "#grafana-provisioned" in message
            message = grafana.refuses("grafana_datasources", datasources=[{**wanted, "ds_url": "http://127.0.0.1:2"}],
                                      check_mode=check_mode)
            assert "Fixed: Could not update data source 'Fixed'" in message and "it is read-only" in message
        # As it is wanted, it is no error.
        kept = api.get("/api/dashboards/uid/board").body["dashboard"]
        assert not grafana.settles("grafana_dashboard", definition=kept)["changed"]
        (folder,) = [one for one in api.get("/api/folders").body if one["title"] == "team"]
        assert not grafana.settles("grafana_folder", uid=folder["uid"], title="team")["changed"]
        changes: list[dict[str, Any]] = [{"title": "Other"}, {"state": "absent", "force": True}]
        for change in changes:
            message = grafana.refuses("grafana_folder", uid=folder["uid"], **change)
            assert "it is managed by classic-file-provisioning" in message
