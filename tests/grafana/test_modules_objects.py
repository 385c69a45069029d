# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana modules against each kind of server: check mode predicts, the second run changes nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.modules import KINDS, Modules

servers = pytest.importorskip("tests.grafana.servers")


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A simulated Grafana."""
    with servers.simulated(*request.param, "--faults") as api:
        yield api


@pytest.fixture
def grafana(server: Any) -> Modules:
    """The modules, in an organisation of their own."""
    # By token, which is also much faster: a password is hashed for each request.
    return Modules(server.new_org().with_role("Admin"))


def faults(grafana: Modules, *wanted: dict[str, Any]) -> None:
    """Let the server misbehave."""
    grafana.api.put("/sim/faults", list(wanted))


def test_folder_is_made_renamed_moved_and_removed(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    grafana.changes("grafana_folder", uid="team", title="Team", parent_uid="ops")
    assert grafana.changes("grafana_folder", uid="team", title="Team two")["folder"]["parent_uid"] == "ops"
    grafana.changes("grafana_folder", uid="team", title="Team two", parent_uid="")
    assert grafana.api.get("/api/folders/team").body["title"] == "Team two"
    grafana.changes("grafana_folder", uid="team", state="absent")
    assert grafana.api.get("/api/folders/team").status == 404


def test_folder_with_blanks_around_its_title_is_the_same(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="ops", title="  Ops ")


def test_folder_is_found_by_its_title_below_its_parent(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="a", title="A")
    made = grafana.api.post("/api/folders", {"title": "Team", "uid": "by-hand", "parentUid": "a"})
    assert made.status == 200
    assert grafana.settles("grafana_folder", title="Team", parent_uid="a")["uid"] == "by-hand"
    assert grafana.changes("grafana_folder", title="Team")["uid"] != "by-hand"


def test_folder_that_holds_something_is_only_removed_by_force(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D"}, folder_uid="ops")
    for check_mode in (True, False):
        assert "it holds 1 dashboard" in grafana.refuses(
            "grafana_folder", uid="ops", state="absent", check_mode=check_mode
        )
    grafana.changes("grafana_folder", uid="ops", state="absent", force=True)
    assert grafana.api.get("/api/dashboards/uid/d").status == 404


def test_permissions_of_a_folder_are_the_list_that_is_given(grafana: Modules) -> None:
    team = grafana.api.post("/api/teams", {"name": "ops"})
    assert team.status == 200
    rights = [{"role": "Viewer", "permission": "view"}, {"team": "ops", "permission": "edit"}]
    grafana.changes("grafana_folder", uid="ops", title="Ops", permissions=rights)
    assert not grafana.settles("grafana_folder", uid="ops", title="Ops", permissions=rights[::-1])["changed"]
    grafana.changes("grafana_folder", uid="ops", title="Ops", permissions=rights[1:])
    told = grafana.run("grafana_folder_info", uid="ops", permissions=True)
    assert told["folders"][0]["permissions"] == {"team ops": "edit"}
    assert "there is no team 'dev'" in grafana.refuses(
        "grafana_folder", uid="ops", title="Ops", permissions=[{"team": "dev", "permission": "edit"}]
    )
    for nobody in ({"team": "dev"}, {"user": "nobody"}):
        grafana.refuses("grafana_folder", uid="new", title="New", permissions=[{**nobody, "permission": "edit"}])
        assert grafana.api.get("/api/folders/new").status == 404  # nothing is half done


def test_folder_renamed_by_somebody_else_at_the_same_time(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    mismatch = {"status": "version-mismatch", "message": "the folder has been changed by someone else"}
    fault = {"match": "PUT /api/folders/ops", "do": "status", "status": 412, "body": mismatch}
    faults(grafana, fault)
    grafana.changes("grafana_folder", uid="ops", title="Ours")
    faults(grafana, fault, fault)
    message = grafana.refuses("grafana_folder", uid="ops", title="Mine")
    assert message.startswith(f"Could not rename folder 'Mine' at {grafana.api.url}: HTTP 412 the folder has been")


def test_dashboard_is_made_changed_moved_and_removed(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    panel = {"type": "text", "title": "one"}
    done = grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D", "panels": [panel]})
    assert done["url"].startswith(f"{grafana.api.url}/d/d/")
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D", "panels": [panel]}, folder_uid="ops")
    # The folder is left out: it stays there.
    changed = grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D", "panels": []})
    assert changed["dashboard"]["folder_uid"] == "ops"
    assert grafana.api.get("/api/dashboards/uid/d").body["meta"]["folderUid"] == "ops"
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D"}, folder_uid="")
    grafana.changes("grafana_dashboard", uid="d", state="absent")


@pytest.mark.parametrize("refresh", ["1s", "100ms", "soon", "10s", "auto", ""])
def test_refresh_that_the_server_raises_is_no_change(grafana: Modules, refresh: str) -> None:
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D", "refresh": refresh})


def test_title_with_blanks_is_no_change(grafana: Modules) -> None:
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "  D "})


def test_dashboard_without_a_uid_keeps_the_one_it_got(grafana: Modules) -> None:
    first = grafana.changes("grafana_dashboard", definition={"title": "Shop"})["uid"]
    assert grafana.settles("grafana_dashboard", definition={"title": "Shop", "tags": ["x"]})["uid"] == first


def test_change_by_hand_is_changed_back(grafana: Modules) -> None:
    wanted = {"uid": "d", "title": "D", "panels": [{"type": "text"}]}
    grafana.changes("grafana_dashboard", definition=wanted)
    version = grafana.api.get("/api/dashboards/uid/d").body["dashboard"]["version"]
    by_hand = {"uid": "d", "title": "D", "panels": [], "version": version}
    assert grafana.api.post("/api/dashboards/db", {"dashboard": by_hand}).status == 200
    grafana.changes("grafana_dashboard", definition=wanted)


def test_dashboard_changed_by_somebody_else_at_the_same_time(grafana: Modules, server: Any) -> None:
    grafana = Modules(server)  # "first" acts in the first organisation
    uid = servers.name()
    grafana.changes("grafana_dashboard", definition={"uid": uid, "title": "D"})
    theirs = {"dashboard": {"uid": uid, "title": "Theirs"}, "overwrite": True}
    first = {"match": "POST /api/dashboards/db", "do": "first", "method": "POST", "path": "/api/dashboards/db",
             "body": theirs}
    faults(grafana, first)
    done = grafana.run("grafana_dashboard", definition={"uid": uid, "title": "Ours"})
    assert not done["failed"] and done["changed"]
    assert done["diff"]["before"]["dashboard"]["title"] == "Theirs"
    assert grafana.api.get(f"/api/dashboards/uid/{uid}").body["dashboard"]["title"] == "Ours"
    # Somebody who does so each time: a clear error after the second.
    bodies = [{**theirs, "dashboard": {"uid": uid, "title": f"Theirs {number}"}} for number in range(2)]
    faults(grafana, *({**first, "body": body} for body in bodies))
    message = grafana.refuses("grafana_dashboard", definition={"uid": uid, "title": "Last"})
    assert "HTTP 412 The dashboard has been changed by someone else" in message and "Run again" in message
    faults(grafana, first)
    grafana.run("grafana_dashboard", definition={"uid": uid, "title": "Last"}, overwrite=True)
    assert grafana.api.get(f"/api/dashboards/uid/{uid}").body["dashboard"]["title"] == "Last"


def test_kind_dashboard_goes_by_the_new_api(grafana: Modules) -> None:
    document: dict[str, Any] = {
        "apiVersion": "dashboard.grafana.app/v1beta1",
        "kind": "Dashboard",
        "metadata": {"name": "k", "labels": {"team": "ops"}},
        "spec": {"title": "Kind", "schemaVersion": 30, "panels": []},
    }
    if grafana.api.version < (12,):
        message = grafana.refuses("grafana_dashboard", definition=document)
        assert "it does not serve dashboard.grafana.app/v1beta1" in message
        return
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    grafana.changes("grafana_dashboard", definition=document)
    document["spec"]["tags"] = ["x"]
    grafana.changes("grafana_dashboard", definition=document, folder_uid="ops", commit_message="why")
    grafana.settles("grafana_dashboard", definition=document)
    assert grafana.api.get("/api/dashboards/uid/k").body["meta"]["folderUid"] == "ops"
    grafana.changes("grafana_dashboard", uid="k", state="absent")
    wrong = {**document, "apiVersion": "dashboard.grafana.app/v9"}
    message = grafana.refuses("grafana_dashboard", definition=wrong)
    assert "it does not serve dashboard.grafana.app/v9, only v" in message


def test_schema_v2_with_and_without_an_envelope(grafana: Modules) -> None:
    bare: dict[str, Any] = {"title": "V2", "elements": {}, "layout": {"kind": "GridLayout", "spec": {"items": []}}}
    if grafana.api.version < (12,):
        assert "only the classic form" in grafana.refuses("grafana_dashboard", definition=bare, uid="v2")
        return
    grafana.changes("grafana_folder", uid="ops", title="Ops")
    grafana.changes("grafana_dashboard", definition=bare, uid="v2", folder_uid="ops")
    assert grafana.api.get("/api/dashboards/uid/v2").status == 406
    bare["tags"] = ["x"]
    grafana.changes("grafana_dashboard", definition=bare, uid="v2")
    message = grafana.refuses("grafana_dashboard", definition={"title": "Classic"}, uid="v2")
    assert "it is stored in schema v2" in message
    version = "v2" if grafana.api.version >= (13,) else "v2alpha2"
    whole = {"apiVersion": f"dashboard.grafana.app/{version}", "kind": "Dashboard", "metadata": {"name": "v2"},
             "spec": bare}
    assert not grafana.settles("grafana_dashboard", definition=whole)["changed"]
    grafana.changes("grafana_dashboard", uid="v2", state="absent")


def test_kind_dashboard_changed_by_somebody_else_at_the_same_time(server: Any) -> None:
    grafana, uid = Modules(server), servers.name()
    if grafana.api.version < (12,):
        return  # no /apis: see test_kind_dashboard_goes_by_the_new_api
    path = f"/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/{uid}"

    def board(title: str) -> dict[str, Any]:
        return {"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard", "metadata": {"name": uid},
                "spec": {"title": title}}

    grafana.changes("grafana_dashboard", definition=board("K"))
    first = {"match": f"PUT {path}", "do": "first", "method": "PUT", "path": path}
    faults(grafana, {**first, "body": board("Theirs")})
    done = grafana.run("grafana_dashboard", definition=board("Ours"))
    assert not done["failed"] and done["diff"]["before"]["dashboard"]["title"] == "Theirs"
    assert grafana.api.get(path).body["spec"]["title"] == "Ours"
    faults(grafana, *({**first, "body": board(f"Theirs {number}")} for number in range(2)))
    message = grafana.refuses("grafana_dashboard", definition=board("Last"))
    assert f"Could not update dashboard 'Last' at {grafana.api.url}: HTTP 409" in message
    assert grafana.api.get(path).body["spec"]["title"] == "Theirs 1"


def test_datasource_is_made_changed_renamed_and_removed(grafana: Modules) -> None:
    base = {"name": "Prom", "uid": "prom", "ds_type": "prometheus", "ds_url": "http://127.0.0.1:9090"}
    grafana.changes("grafana_datasource", **base)
    grafana.changes("grafana_datasource", **base, json_data={"httpMethod": "POST"})
    by_hand = grafana.api.get("/api/datasources/uid/prom").body
    by_hand["jsonData"]["manageAlerts"] = True
    assert grafana.api.put("/api/datasources/uid/prom", by_hand).status == 200
    assert not grafana.settles("grafana_datasource", **base, json_data={"httpMethod": "POST"})["changed"]
    grafana.changes("grafana_datasource", **base, json_data={"httpMethod": None})
    assert grafana.api.get("/api/datasources/uid/prom").body["jsonData"] == {"manageAlerts": True}
    grafana.changes("grafana_datasource", **base, keep_unknown_json_data=False)
    grafana.changes("grafana_datasource", **{**base, "name": "Prometheus"})
    assert grafana.api.get("/api/datasources/name/Prometheus").body["uid"] == "prom"
    assert "Grafana does not empty the url" in grafana.refuses("grafana_datasource", name="x", uid="prom", ds_url="")
    grafana.changes("grafana_datasource", uid="prom", state="absent")


def test_first_data_source_turns_default(grafana: Modules) -> None:
    first = {"name": "A", "ds_type": "loki", "ds_url": "http://127.0.0.1:1"}
    done = grafana.changes("grafana_datasource", **first)
    assert "isDefault" not in done["diff"]["after"] and done["datasource"]["isDefault"] is True
    assert grafana.api.get("/api/datasources/uid/a").body["isDefault"] is True
    grafana.changes("grafana_datasource", name="B", ds_type="loki", ds_url="http://127.0.0.1:1", is_default=True)
    assert not grafana.settles("grafana_datasource", **first)["changed"]


def test_first_data_source_that_is_not_to_be_default(grafana: Modules) -> None:
    wanted = {"name": "A", "ds_type": "loki", "ds_url": "http://127.0.0.1:1", "is_default": False}
    grafana.changes("grafana_datasource", **wanted)
    assert grafana.api.get("/api/datasources/uid/a").body["isDefault"] is False


def test_secret_that_was_rotated_is_seen_by_its_fingerprint(grafana: Modules) -> None:
    base: dict[str, Any] = {"name": "A", "ds_type": "loki", "ds_url": "http://127.0.0.1:1", "basic_auth_user": "me",
            "fingerprint_key": "key-of-test"}
    for secret in ("canary-one", "canary-two"):
        done = grafana.changes("grafana_datasource", **base, secure_json_data={"basicAuthPassword": secret})
        stored = json.dumps(grafana.api.get("/api/datasources/uid/a").body)
        assert secret not in json.dumps(done) + stored
        assert "obsStackFingerprints" not in json.dumps(done)
    assert list(done["diff"]["after"]["secureJsonData"].values()) == ["(changed)"]
    without_key = {key: value for key, value in base.items() if key != "fingerprint_key"}
    third = "canary-three"
    other: dict[str, Any] = {"secure_json_data": {"basicAuthPassword": third}}
    assert not grafana.settles("grafana_datasource", **without_key, **other)["changed"]
    assert grafana.run("grafana_datasource", **without_key, **other, update_secrets="always")["changed"]
    assert "no fingerprint_key" in grafana.refuses(
        "grafana_datasource", **without_key, **other, update_secrets="on_change")
    grafana.changes("grafana_datasource", **base, secure_json_data={"basicAuthPassword": ""})
    assert grafana.api.get("/api/datasources/uid/a").body["secureJsonFields"] == {}


def test_data_source_with_another_uid_is_refused(grafana: Modules) -> None:
    grafana.changes("grafana_datasource", name="A", uid="one", ds_type="loki", ds_url="http://127.0.0.1:1")
    message = grafana.refuses("grafana_datasource", name="A", uid="two", ds_type="loki", ds_url="http://127.0.0.1:1")
    assert "a data source of that name has the uid 'one', not 'two'" in message


def test_data_source_changed_by_somebody_else_at_the_same_time(server: Any) -> None:
    grafana, uid = Modules(server), servers.name()
    base = {"name": uid, "uid": uid, "ds_type": "loki", "ds_url": "http://127.0.0.1:1"}
    grafana.changes("grafana_datasource", **base)
    theirs = {"name": uid, "type": "loki", "access": "proxy", "url": "http://127.0.0.1:2", "jsonData": {"theirs": 1},
              "version": 9}
    path = f"/api/datasources/uid/{uid}"
    faults(grafana, {"match": f"PUT {path}", "do": "first", "method": "PUT", "path": path, "body": theirs})
    done = grafana.run("grafana_datasource", **base, json_data={"ours": 1})
    assert done["changed"] and not done["failed"]
    stored = grafana.api.get(f"/api/datasources/uid/{uid}").body
    assert (stored["url"], stored["jsonData"]) == ("http://127.0.0.1:1", {"theirs": 1, "ours": 1})


def test_many_data_sources_in_one_task(grafana: Modules) -> None:
    def source(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "ds_type": "loki", "ds_url": "http://127.0.0.1:1", **more}

    secret = {"secure_json_data": {"basicAuthPassword": "canary-one"}, "basic_auth_user": "me"}
    wanted = [source("A", is_default=True), source("B", **secret), source("C", is_default=False)]
    done = grafana.changes("grafana_datasources", datasources=wanted, fingerprint_key="key-of-test")
    assert sorted(done["created"]) == ["a", "b", "c"] and "canary" not in json.dumps(done)
    told = grafana.run("grafana_datasource_info")["datasources"]
    assert [one["name"] for one in told if one["isDefault"]] == ["A"]
    # The one alone agrees with the list, and what was done to one is all that is done.
    assert not grafana.settles("grafana_datasource", **wanted[1], fingerprint_key="key-of-test")["changed"]
    wanted[1]["secure_json_data"] = {"basicAuthPassword": "canary-two"}
    done = grafana.changes("grafana_datasources", datasources=wanted, fingerprint_key="key-of-test")
    assert (done["updated"], done["unchanged"]) == (["b"], ["c", "a"])
    assert list(done["diff"]["after"]) == ["b"] and list(done["diff"]["after"]["b"].values()) == ["(changed)"]
    # Another default, one that goes, and what is not on the list stays.
    wanted = [source("C", is_default=True), source("A", is_default=False), {"name": "B", "state": "absent"}]
    done = grafana.changes("grafana_datasources", datasources=wanted)
    assert (sorted(done["updated"]), done["deleted"]) == (["a", "c"], ["b"])
    grafana.changes("grafana_datasources", datasources=[source("D")])
    told = grafana.run("grafana_datasource_info")["datasources"]
    assert [(one["name"], one["isDefault"]) for one in told] == [("A", False), ("C", True), ("D", False)]


def test_many_data_sources_of_which_one_is_changed_by_somebody_else(server: Any) -> None:
    grafana = Modules(server)  # "first" acts in the first organisation
    names = [servers.name() for _number in range(3)]
    wanted = [{"name": name, "uid": name, "ds_type": "loki", "ds_url": "http://127.0.0.1:1"} for name in names]
    grafana.changes("grafana_datasources", datasources=wanted)
    path = f"/api/datasources/uid/{names[1]}"
    theirs = {"name": names[1], "type": "loki", "access": "proxy", "url": "http://127.0.0.1:2", "version": 9}
    fault = {"match": f"PUT {path}", "do": "first", "method": "PUT", "path": path, "body": theirs}
    faults(grafana, fault)
    wanted[1]["json_data"] = {"ours": 1}
    done = grafana.run("grafana_datasources", datasources=wanted)
    assert done["updated"] == [names[1]] and done["diff"]["before"][names[1]]["url"] == "http://127.0.0.1:2"
    # Somebody who does so each time: a clear error after the second.
    faults(grafana, *({**fault, "body": {**theirs, "version": version}} for version in (50, 99)))
    wanted[1]["json_data"] = {"ours": 2}
    result = grafana.run("grafana_datasources", datasources=wanted)
    assert result["failed"] and "HTTP 409 Datasource has already been updated by someone else" in result["msg"]
    assert result["unchanged"] == [names[0], names[2]]


def test_annotation_is_there_once(grafana: Modules) -> None:
    grafana.changes("grafana_annotation", key="shop-1", text="shop 1", tags=["deploy"])
    grafana.changes("grafana_annotation", key="shop-1", text="shop one", time="2026-11-22T20:00:00Z")
    grafana.changes("grafana_annotation", key="shop-1", text="shop one", time_end="2026-11-22T20:05:00Z")
    grafana.api.post("/api/annotations", {"text": "a copy", "tags": ["key:shop-1"]})
    grafana.changes("grafana_annotation", key="shop-1", text="shop one")
    told = grafana.run("grafana_annotation_info", key="shop-1")["annotations"]
    assert [(one["key"], one["text"]) for one in told] == [("shop-1", "shop one")]
    assert told[0]["time_end"] - told[0]["time"] == 300000
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D"})
    grafana.changes("grafana_annotation", key="shop-1", text="shop one", dashboard_uid="d")
    assert len(grafana.run("grafana_annotation_info", dashboard_uid="d")["annotations"]) == 1
    grafana.changes("grafana_annotation", key="shop-1", state="absent")


def test_deploy_is_marked_once_whoever_tells_it(grafana: Modules) -> None:
    shop: dict[str, Any] = {"service": "shop", "environment": "production"}
    first = grafana.changes("deploy_marker", **shop, version="1", commit="0a1b2c3", time="2026-11-22T20:00:00Z")
    assert first["told"] == ["grafana"]
    again = grafana.run("deploy_marker", **shop, version="1", commit="0a1b2c3")
    assert not again["changed"] and again["deploy"]["at"] == "2026-11-22T20:00:00Z"
    # As a CI's curl does, without a key; then back to the first.
    tags = ["deploy", "service:shop", "environment:production", "version:2"]
    grafana.api.post("/api/annotations", {"text": "shop 2 deployed", "tags": tags, "time": 1795400000000})
    assert not grafana.run("deploy_marker", **shop, version="2")["changed"]
    assert grafana.run("deploy_marker", **shop, version="1", commit="0a1b2c3")["changed"]
    assert grafana.run("deploy_marker", service="shop", version="2")["changed"]
    told = grafana.run("grafana_annotation_info", tags=["deploy", "service:shop"])["annotations"]
    assert [one["text"] for one in told if one["time"] < 1795400000001] == [
        "shop 2 deployed", "shop 1 (0a1b2c3) deployed to production"]
    assert len(told) == 4


def test_service_account_and_its_token(grafana: Modules, tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = {"name": "ci", "dest": str(file), "expires_in": "90d"}
    done = grafana.changes("grafana_service_account", name="boards", role="Editor", tokens=[token])
    secret = file.read_text().strip()
    assert secret and secret not in json.dumps(done)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    mine = Modules(grafana.api.seen_as(token=secret, org=0))
    mine.changes("grafana_folder", uid="by-token", title="By token")
    # Another mode, another life, a file that somebody has changed, one that is gone.
    grafana.changes("grafana_service_account", name="boards", tokens=[{**token, "mode": "0600"}])
    assert file.read_text().strip() == secret
    rotated = grafana.changes(
        "grafana_service_account", name="boards", tokens=[{**token, "expires_in": "30d", "keep_old_for": "1d"}])
    assert rotated["rotated"] == {"ci": "it expires too late"}
    assert mine.run("grafana_folder_info")["failed"] is False  # the former one is kept for a day
    file.write_text("somebody's own\n")
    os.utime(file)
    token["expires_in"] = "30d"
    done = grafana.changes("grafana_service_account", name="boards", tokens=[token])
    assert done["rotated"] == {"ci": "the file holds another one"}
    assert mine.run("grafana_folder_info")["failed"] is True
    file.unlink()
    assert grafana.changes("grafana_service_account", name="boards", tokens=[token])["rotated"]
    told = grafana.run("grafana_service_account_info", name="boards")["service_accounts"][0]
    assert len(told["tokens"]) == 1 and told["role"] == "Editor"
    grafana.changes("grafana_service_account", name="boards", disabled=True, role="Viewer")
    grafana.changes("grafana_service_account", name="boards", tokens=[{**token, "state": "absent"}])
    assert not file.exists()
    grafana.changes("grafana_service_account", name="boards", state="absent")


def test_token_that_was_revoked_in_grafana_is_made_anew(grafana: Modules, tmp_path: Path) -> None:
    token = {"name": "ci", "dest": str(tmp_path / "token")}
    grafana.changes("grafana_service_account", name="boards", tokens=[token])
    account = grafana.run("grafana_service_account_info", name="boards")["service_accounts"][0]
    path = f"/api/serviceaccounts/{account['id']}/tokens"
    grafana.api.delete(f"{path}/{grafana.api.get(path).body[0]['id']}")
    assert grafana.changes("grafana_service_account", name="boards", tokens=[token])["rotated"]


def test_token_that_cannot_be_written_is_not_left_behind(grafana: Modules, tmp_path: Path) -> None:
    token = {"name": "ci", "dest": str(tmp_path / "nowhere" / "token")}
    assert "there is no folder" in grafana.refuses("grafana_service_account", name="boards", tokens=[token])
    account = grafana.run("grafana_service_account_info", name="boards")["service_accounts"][0]
    assert account["tokens"] == []


def test_organisation_by_name(grafana: Modules, server: Any) -> None:
    name = next(org["name"] for org in server.get("/api/user/orgs").body if org["orgId"] == grafana.api.org)
    before = server.get("/api/org").body["id"]
    first = Modules(server)
    first.changes("grafana_folder", uid="in-org", title="In an organisation", org_name=name)
    assert grafana.api.get("/api/folders/in-org").status == 200
    assert server.get("/api/folders/in-org").status == 404
    assert server.get("/api/org").body["id"] == before  # nobody's own organisation was switched
    assert "Could not find organisation 'nobody'" in first.refuses("grafana_folder", title="x", org_name="nobody")


def test_what_is_there_is_told(grafana: Modules) -> None:
    grafana.changes("grafana_folder", uid="a", title="A")
    grafana.changes("grafana_folder", uid="b", title="B", parent_uid="a")
    grafana.changes("grafana_dashboard", definition={"uid": "d", "title": "D", "tags": ["x"]}, folder_uid="b")
    grafana.changes("grafana_datasource", name="L", ds_type="loki", ds_url="http://127.0.0.1:1",
                    secure_json_data={"token": "canary-1"}, fingerprint_key="k")
    tree = grafana.run("grafana_folder_info", recursive=True)["folders"]
    assert [(one["uid"], one["parent_uid"]) for one in tree] == [("a", ""), ("b", "a")]
    assert grafana.run("grafana_folder_info", uid="nobody")["folders"] == []
    for asked in ({"tags": ["x"]}, {"query": "d"}, {"folder_uid": "b"}):
        found = grafana.run("grafana_dashboard_info", **asked)["dashboards"]
        assert [(one["uid"], one["folder_uid"]) for one in found] == [("d", "b")]
    told = grafana.run("grafana_dashboard_info", uid="d")["dashboards"][0]
    assert told["definition"] == {"uid": "d", "title": "D", "tags": ["x"]}
    assert not grafana.settles("grafana_dashboard", definition=told["definition"])["changed"]
    source = grafana.run("grafana_datasource_info", health=True)
    assert source["datasources"][0]["secureJsonData"] == {"token": "(set)"}
    assert source["datasources"][0]["health"]["status"] in ("OK", "ERROR", "UNKNOWN")
    assert "obsStackFingerprints" not in json.dumps(source)
