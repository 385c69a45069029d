# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/dashboards and /api/search."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.grafana.contract.test_folders import made as folder
from tests.grafana.servers import Answer, Api, name

source = pytest.mark.source


def save(api: Api, dashboard: dict[str, Any], **more: Any) -> Answer:
    return api.post("/api/dashboards/db", {"dashboard": dashboard, **more})


def made(api: Api, dashboard: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A dashboard that is there: the answer of its save."""
    uid = name()
    answer = save(api, {"uid": uid, "title": uid, **(dashboard or {})}, **more)
    assert answer.status == 200, answer
    return dict(answer.body)


def get(api: Api, uid: str) -> dict[str, Any]:
    answer = api.get(f"/api/dashboards/uid/{uid}")
    assert answer.status == 200, answer
    return dict(answer.body)


@source("§4.1 M, X")
def test_a_new_one_answers_200_with_where_it_is(api: Api) -> None:
    uid = name()
    answer = save(api, {"uid": uid, "title": "My dash"})
    assert (answer.status, answer.body["status"], answer.body["uid"], answer.body["version"]) == (
        200,
        "success",
        uid,
        1,
    )
    assert answer.body["slug"] == "my-dash" and answer.body["url"].endswith(f"/d/{uid}/my-dash")
    assert answer.body.get("folderUid", "") == ""


@source("§4.1 LegacySaveCommandToUnstructured, database.go; checklist 1")
def test_ids_and_uids_that_the_server_makes(api: Api, unified: bool) -> None:
    answer = save(api, {"title": name()}).body
    assert (answer["id"] > 2**32) == unified
    assert (len(answer["uid"]) == 36) == unified


@source("§4.1 M dashboards/service/dashboard_service.go, S:69d02c72 api/apierrors/dashboard.go")
@pytest.mark.parametrize(
    ("dashboard", "words"),
    [
        ({"title": "  "}, "Dashboard title cannot be empty"),
        ({"title": "x", "uid": "has blank"}, "uid contains illegal characters"),
        ({"title": "x", "uid": "a" * 41}, "uid too long, max 40 characters"),
    ],
)
def test_bad_ones_are_refused(api: Api, dashboard: dict[str, str], words: str) -> None:
    answer = save(api, dashboard)
    assert (answer.status, answer.message) == (400, words)


@source("§4.1 S:69d02c72 api/apierrors/dashboard.go; OpenAPI lists 404 too; checklist 6")
def test_an_unknown_folder_is_refused(api: Api) -> None:
    answer = save(api, {"title": name()}, folderUid=name())
    assert answer.status in (400, 404) and answer.message == "folder not found"


@source("§4.1 M pkg/api/dashboard.go")
def test_folders_are_saved_elsewhere(api: Api) -> None:
    answer = save(api, {"title": name()}, isFolder=True)
    assert (answer.status, answer.message) == (400, "Use folders endpoint for saving folders.")


@source("§4.1 S:04cf05e7 dashboards/errors.go; checklist 6")
def test_the_version_has_to_fit_and_a_missing_one_is_none(api: Api) -> None:
    uid = made(api)["uid"]
    for dashboard in ({"uid": uid, "title": "b"}, {"uid": uid, "title": "b", "version": 7}):
        answer = save(api, dashboard)
        assert (answer.status, answer.body["status"]) == (412, "version-mismatch")
        assert answer.message == "The dashboard has been changed by someone else"
    assert save(api, {"uid": uid, "title": "b", "version": 1}).body["version"] == 2
    assert save(api, {"uid": uid, "title": "c"}, overwrite=True).body["version"] == 3


@source("§4.1 S:8673c5bd database.go, S:03cefe7f apistore/prepare.go, S:04ae7045 mutate.go; checklist 1")
def test_the_same_again_counts_in_legacy_storage_only(api: Api, unified: bool) -> None:
    uid = made(api, {"tags": ["a"]})["uid"]
    again = save(api, {"uid": uid, "title": uid, "tags": ["a"]}, overwrite=True).body
    assert again["version"] == (1 if unified else 2)
    assert save(api, {"uid": uid, "title": uid, "tags": ["b"]}, overwrite=True).body["version"] == again["version"] + 1


@source("§4.1 M SaveDashboard")
def test_the_title_is_trimmed(api: Api) -> None:
    uid = made(api, {"title": "  Spaced out  "})["uid"]
    assert get(api, uid)["dashboard"]["title"] == "Spaced out"


@source("§4.1 M SaveDashboard; checklist 8")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [("1s", "5s"), ("nonsense", "5s"), ("5s", "5s"), ("1m", "1m"), ("", ""), ("auto", "auto")],
)
def test_refresh_has_a_minimum(api: Api, sent: str, kept: str) -> None:
    assert get(api, made(api, {"refresh": sent})["uid"])["dashboard"]["refresh"] == kept


@source("§4.1 X13.2.1")
def test_a_folder_counts_at_the_top_only(api: Api) -> None:
    inside = folder(api)["uid"]
    assert get(api, made(api, {"folderUid": inside, "meta": {"folderUid": inside}})["uid"])["meta"]["folderUid"] == ""
    assert get(api, made(api, folderUid=inside)["uid"])["meta"]["folderUid"] == inside


@source("§4.1 [derived] cmd.FolderUID; checklist 7")
def test_a_save_without_folder_moves_to_the_root(api: Api) -> None:
    uid = made(api, folderUid=folder(api)["uid"])["uid"]
    assert save(api, {"uid": uid, "title": uid}, overwrite=True).status == 200
    meta = get(api, uid)["meta"]
    assert (meta["folderUid"], meta["folderTitle"]) == ("", "General")


@source("§4.1; stolostron/multicluster-observability-operator#2639 on 13.1.0")
@pytest.mark.since(13)
def test_a_numeric_folder_is_nothing(api: Api) -> None:
    assert get(api, made(api, folderId=folder(api)["id"])["uid"])["meta"]["folderUid"] == ""


@source("§4.1 M dashboard_service.go")
def test_a_number_that_is_unknown(api: Api) -> None:
    answer = save(api, {"id": 987654321, "title": name()})
    assert (answer.status, answer.message) == (404, "Dashboard not found")


@source("§4.2 M, OA dashboard_meta.go")
def test_it_is_read_with_what_is_known_of_it(api: Api) -> None:
    inside = folder(api)
    uid = made(api, {"panels": [{"id": 1, "type": "stat"}]}, folderUid=inside["uid"])["uid"]
    found = get(api, uid)
    assert found["dashboard"]["panels"] == [{"id": 1, "type": "stat"}]
    assert (found["dashboard"]["version"], found["meta"]["version"]) == (1, 1)
    keys = {"type", "canSave", "canEdit", "canAdmin", "slug", "url", "created", "updated", "updatedBy", "createdBy"}
    assert set(found["meta"]) >= keys | {"isFolder", "folderId", "folderUid", "folderTitle", "folderUrl", "provisioned"}
    assert (found["meta"]["folderTitle"], found["meta"]["provisioned"]) == (inside["title"], False)


@source("§4.2, §4.3 M")
def test_deleting(api: Api) -> None:
    uid = made(api, {"title": "Gone soon"})["uid"]
    answer = api.delete(f"/api/dashboards/uid/{uid}")
    assert (answer.status, answer.message, answer.body["title"]) == (200, "Dashboard Gone soon deleted", "Gone soon")
    for method in ("GET", "DELETE"):
        answer = api.ask(method, f"/api/dashboards/uid/{uid}")
        assert (answer.status, answer.message) == (404, "Dashboard not found")


@source("§4.3 M")
@pytest.mark.storage("legacy")
def test_a_folder_is_not_deleted_as_a_dashboard(api: Api) -> None:
    answer = api.delete(f"/api/dashboards/uid/{folder(api)['uid']}")
    assert (answer.status, answer.message) == (400, "Use folders endpoint for deleting folders.")


@source("§4 OA: versions and restore")
def test_former_versions_are_kept_and_come_back(api: Api) -> None:
    uid = made(api, {"tags": ["first"]}, message="one")["uid"]
    save(api, {"uid": uid, "title": uid, "tags": ["second"]}, overwrite=True, message="two")
    found = api.get(f"/api/dashboards/uid/{uid}/versions").body
    listed = found["versions"] if isinstance(found, dict) else found
    assert [(one["version"], one["message"]) for one in listed] == [(2, "two"), (1, "one")]
    assert api.post(f"/api/dashboards/uid/{uid}/restore", {"version": 1}).body["version"] == 3
    assert get(api, uid)["dashboard"]["tags"] == ["first"]


def search(api: Api, query: str, count: int) -> list[dict[str, Any]]:
    """Hits, once the index has as many."""
    deadline = time.monotonic() + 20
    while True:
        found = api.get(f"/api/search?{query}").body
        if len(found) == count or time.monotonic() > deadline:
            return list(found)
        time.sleep(0.1)


@source("§4.4 OA search_parameters.go, hit.go, M; checklist 17")
def test_search_finds_by_title_tag_kind_and_folder(api: Api) -> None:
    word, inside = name(), folder(api)
    one = made(api, {"title": f"Board {word}", "tags": [word]}, folderUid=inside["uid"])
    two = made(api, {"title": f"Other {word}"})
    found = search(api, f"query={word.upper()}&type=dash-db", 2)
    assert {hit["uid"] for hit in found} == {one["uid"], two["uid"]}
    found = search(api, f"tag={word}", 1)
    assert [(hit["uid"], hit["folderUid"], hit["type"]) for hit in found] == [(one["uid"], inside["uid"], "dash-db")]
    assert [hit["uid"] for hit in search(api, f"folderUIDs={inside['uid']}", 1)] == [one["uid"]]
    assert [hit["uid"] for hit in search(api, f"query={inside['title']}&type=dash-folder", 1)] == [inside["uid"]]
    assert [hit["uid"] for hit in search(api, f"dashboardUIDs={two['uid']}", 1)] == [two["uid"]]
    assert len(search(api, f"query={word}&limit=1", 1)) == 1


@source("§1, §4 permissions")
def test_permissions_of_one_dashboard(api: Api, editor: Api) -> None:
    uid = made(api)["uid"]
    path = f"/api/dashboards/uid/{uid}/permissions"
    assert api.post(path, {"items": [{"role": "Viewer", "permission": 1}]}).status == 200
    assert ("Viewer", 1) in [(item.get("role"), item["permission"]) for item in api.get(path).body]
