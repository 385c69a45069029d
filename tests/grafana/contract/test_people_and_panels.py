# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organisations, users, teams and library elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.grafana.contract.test_dashboards import made as dashboard
from tests.grafana.contract.test_folders import made as folder
from tests.grafana.servers import Api, name

source = pytest.mark.source
USERS = "S:01602584 pkg/api/admin_users.go"
ORGS = "S:00ce3e49 pkg/api/org.go"
MEMBERS = "pkg/api/org_users.go id 736591054"
PANELS = "S:02d0e5b1 libraryelements/api.go, S:078e7ef2 model/model.go"


@pytest.fixture
def user(grafana: Api) -> Iterator[dict[str, Any]]:
    """A user, gone after the test."""
    login = name()
    body = {"login": login, "email": f"{login}@example.com", "name": login, "password": "canary-right"}
    answer = grafana.post("/api/admin/users", body)
    assert (answer.status, answer.message) == (200, "User created")
    yield {**body, "id": answer.body["id"]}
    grafana.delete(f"/api/admin/users/{answer.body['id']}")


@source(USERS, "CG grafana_user.py")
def test_a_user_is_found_by_login_and_address(grafana: Api, user: dict[str, Any]) -> None:
    for key in ("login", "email"):
        found = grafana.get(f"/api/users/lookup?loginOrEmail={user[key]}").body
        assert (found["id"], found["login"], found["isGrafanaAdmin"]) == (user["id"], user["login"], False)
    assert grafana.get(f"/api/users/lookup?loginOrEmail={name()}").status == 404


@source(USERS)
def test_a_user_is_there_once(grafana: Api, user: dict[str, Any]) -> None:
    answer = grafana.post("/api/admin/users", {"login": user["login"], "password": "canary-right"})
    assert answer.status == 412 and "already exists" in answer.message
    assert grafana.post("/api/admin/users", {"login": name(), "password": ""}).status == 400


@source(USERS, "CG grafana_user.py")
def test_a_user_is_changed_and_deleted(grafana: Api, user: dict[str, Any]) -> None:
    body = {"login": user["login"], "email": user["email"], "name": "Another name"}
    assert grafana.put(f"/api/users/{user['id']}", body).status == 200
    assert grafana.get(f"/api/users/{user['id']}").body["name"] == "Another name"
    answer = grafana.put(f"/api/admin/users/{user['id']}/permissions", {"isGrafanaAdmin": True})
    assert (answer.status, answer.message) == (200, "User permissions updated")
    assert grafana.get(f"/api/users/{user['id']}").body["isGrafanaAdmin"]
    answer = grafana.delete(f"/api/admin/users/{user['id']}")
    assert (answer.status, answer.message) == (200, "User deleted")
    assert grafana.get(f"/api/users/{user['id']}").status == 404


@source("§2 X11.5", USERS)
def test_passwords_are_changed_by_their_user_and_by_the_administrator(grafana: Api, user: dict[str, Any]) -> None:
    own = grafana.seen_as(login=user["login"], password="canary-right")
    body = {"oldPassword": "canary-right", "newPassword": "canary-another", "confirmNew": "canary-another"}
    answer = own.put("/api/user/password", body)
    assert (answer.status, answer.message) == (200, "User password changed")
    assert own.get("/api/user").status == 401
    answer = grafana.put(f"/api/admin/users/{user['id']}/password", {"password": "canary-third"})
    assert (answer.status, answer.message) == (200, "User password updated")
    assert grafana.seen_as(login=user["login"], password="canary-third").get("/api/user").status == 200


@source("§1 X13.2.1", USERS)
def test_users_are_no_business_of_users(grafana: Api, user: dict[str, Any]) -> None:
    own = grafana.seen_as(login=user["login"], password="canary-right")
    assert own.post("/api/admin/users", {"login": name(), "password": "canary-right"}).status == 403
    assert own.get("/api/user").body["login"] == user["login"]


@source(ORGS)
def test_an_organisation_comes_and_goes(grafana: Api) -> None:
    title = name()
    answer = grafana.post("/api/orgs", {"name": title})
    assert (answer.status, answer.message) == (200, "Organization created")
    number = answer.body["orgId"]
    assert grafana.get(f"/api/orgs/name/{title}").body["id"] == number
    assert set(grafana.get(f"/api/orgs/{number}").body) == {"id", "name", "address"}
    answer = grafana.post("/api/orgs", {"name": title})
    assert (answer.status, answer.message) == (409, "Organization name taken")
    assert {"orgId": number, "name": title, "role": "Admin"} in grafana.get("/api/user/orgs").body
    other = name()
    assert grafana.put(f"/api/orgs/{number}", {"name": other}).message == "Organization updated"
    assert grafana.get(f"/api/orgs/{number}").body["name"] == other
    answer = grafana.delete(f"/api/orgs/{number}")
    assert (answer.status, answer.message) == (200, "Organization deleted")
    answer = grafana.get(f"/api/orgs/name/{other}")
    assert (answer.status, answer.message) == (404, "Organization not found")


@source(MEMBERS, "CG grafana_organization_user.py")
def test_members_come_change_and_go(grafana: Api, api: Api, user: dict[str, Any]) -> None:
    base = f"/api/orgs/{api.org}/users"
    answer = grafana.post(base, {"loginOrEmail": user["login"], "role": "Viewer"})
    assert (answer.status, answer.message) == (200, "User added to organization")
    answer = grafana.post(base, {"loginOrEmail": user["login"], "role": "Viewer"})
    assert (answer.status, answer.message) == (409, "User is already member of this organization")
    answer = grafana.patch(f"{base}/{user['id']}", {"role": "Editor"})
    assert (answer.status, answer.message) == (200, "Organization user updated")
    roles = {one["login"]: one["role"] for one in grafana.get(base).body}
    assert roles[user["login"]] == "Editor"
    answer = grafana.delete(f"{base}/{user['id']}")
    assert (answer.status, answer.message) == (200, "User removed from organization")
    answer = grafana.post(base, {"loginOrEmail": name(), "role": "Viewer"})
    assert (answer.status, answer.message) == (404, "User not found")


@source("CG grafana_team.py")
def test_a_team_comes_and_goes(api: Api, grafana: Api, user: dict[str, Any]) -> None:
    title = name()
    answer = api.post("/api/teams", {"name": title, "email": "team@example.com"})
    assert (answer.status, answer.message) == (200, "Team created")
    number = answer.body["teamId"]
    assert api.post("/api/teams", {"name": title}).status == 409
    found = api.get(f"/api/teams/search?name={title}").body
    assert [(one["id"], one["name"], one["email"]) for one in found["teams"]] == [(number, title, "team@example.com")]
    grafana.post(f"/api/orgs/{api.org}/users", {"loginOrEmail": user["login"], "role": "Viewer"})
    assert api.post(f"/api/teams/{number}/members", {"userId": user["id"]}).status == 200
    assert [one["login"] for one in api.get(f"/api/teams/{number}/members").body] == [user["login"]]
    assert api.delete(f"/api/teams/{number}/members/{user['id']}").status == 200
    assert api.delete(f"/api/teams/{number}").status == 200
    assert api.get(f"/api/teams/{number}").status == 404


def panel(api: Api, **more: Any) -> dict[str, Any]:
    """A library panel that is there."""
    uid = name()
    model = {"type": "stat", "title": uid, "description": "told"}
    answer = api.post("/api/library-elements", {"uid": uid, "name": uid, "kind": 1, "model": model, **more})
    assert answer.status == 200, answer
    return dict(answer.body["result"])


@source(PANELS, "OA library_element_dto.go")
def test_a_library_panel_is_made_read_and_listed(api: Api) -> None:
    inside = folder(api)
    one = panel(api, folderUid=inside["uid"])
    assert (one["kind"], one["version"], one["type"], one["folderUid"]) == (1, 1, "stat", inside["uid"])
    assert one["meta"]["folderName"] == inside["title"] and one["meta"]["connectedDashboards"] == 0
    assert api.get(f"/api/library-elements/{one['uid']}").body["result"]["name"] == one["name"]
    assert [item["uid"] for item in api.get(f"/api/library-elements/name/{one['name']}").body["result"]] == [one["uid"]]
    found = api.get(f"/api/library-elements?searchString={one['name']}").body["result"]
    assert (found["totalCount"], found["elements"][0]["uid"]) == (1, one["uid"])


@source(PANELS)
def test_a_library_panel_is_there_once(api: Api) -> None:
    one = panel(api)
    answer = api.post(
        "/api/library-elements", {"uid": one["uid"], "name": name(), "kind": 1, "model": {"type": "stat"}}
    )
    assert (answer.status, answer.message) == (400, "library element with that name or UID already exists")


@source(PANELS)
def test_a_library_panel_wants_its_version(api: Api) -> None:
    one, other = panel(api), name()
    path = f"/api/library-elements/{one['uid']}"
    found = api.patch(path, {"name": other, "kind": 1, "version": 1}).body["result"]
    assert (found["name"], found["version"], found["model"]["description"]) == (other, 2, "told")
    answer = api.patch(path, {"name": name(), "kind": 1, "version": 1})
    assert (answer.status, answer.message) == (412, "the library element has been changed by someone else")


@source(PANELS)
def test_a_library_panel_in_use_stays(api: Api) -> None:
    one = panel(api)
    board = dashboard(api, {"panels": [{"id": 1, "libraryPanel": {"uid": one["uid"], "name": one["name"]}}]})["uid"]
    path = f"/api/library-elements/{one['uid']}"
    assert [item["connectionUid"] for item in api.get(f"{path}/connections").body["result"]] == [board]
    answer = api.delete(path)
    assert (answer.status, answer.message) == (403, "the library element has connections")
    assert api.delete(f"/api/dashboards/uid/{board}").status == 200
    answer = api.delete(path)
    assert (answer.status, answer.message) == (200, "Library element deleted")
    answer = api.get(path)
    assert (answer.status, answer.message) == (404, "library element could not be found")
