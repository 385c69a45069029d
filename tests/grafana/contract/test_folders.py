# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/folders: nesting, moving, versions in both storages, permissions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.servers import Api, name

source = pytest.mark.source
CHANGED = "the folder has been changed by someone else"


def made(api: Api, **more: Any) -> dict[str, Any]:
    """A folder that is there."""
    uid = name()
    answer = api.post("/api/folders", {"uid": uid, "title": uid, **more})
    assert answer.status == 200, answer
    return dict(answer.body)


@source("§5 M pkg/api/folder.go, OA folder.go; checklist 16")
def test_a_new_one_answers_200_with_itself(api: Api) -> None:
    uid = name()
    answer = api.post("/api/folders", {"uid": uid, "title": f"  {uid} of Ops "})
    assert answer.status == 200
    keys = {"id", "uid", "orgId", "title", "url", "hasAcl", "canSave", "canEdit", "canAdmin", "version", "createdBy"}
    assert set(answer.body) >= keys | {"created", "updated", "updatedBy"}
    assert answer.body["url"].endswith(f"/dashboards/f/{uid}/{uid}-of-ops")
    assert (answer.body["version"], answer.body.get("parentUid")) == (1, None)
    assert api.get(f"/api/folders/{uid}").body["uid"] == uid


@source("§5 S:3e9248b7 api/apierrors/folder.go, folder_test id 70129610366, X13.2.1; checklist 9")
def test_an_existing_uid_is_412(api: Api) -> None:
    answer = api.post("/api/folders", {"uid": made(api)["uid"], "title": name()})
    assert (answer.status, answer.message) == (412, CHANGED)
    assert answer.body["status"] == "version-mismatch"


@source("§5 M pkg/api/folder.go")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"title": "General"}, "A folder with that name already exists"),
        ({"title": "x", "uid": "has blank"}, "uid contains illegal characters"),
        ({"title": "x", "uid": "a" * 41}, "uid too long, max 40 characters"),
    ],
)
def test_bad_ones_are_refused(api: Api, body: dict[str, str], words: str) -> None:
    answer = api.post("/api/folders", body)
    assert (answer.status, answer.message) == (400, words)


@source("§5 M, OA folder.go")
def test_a_nested_one_knows_all_above_it(api: Api) -> None:
    top = made(api)
    middle = made(api, parentUid=top["uid"])
    low = made(api, parentUid=middle["uid"])
    assert low["parentUid"] == middle["uid"]
    found = api.get(f"/api/folders/{low['uid']}").body
    assert [one["uid"] for one in found["parents"]] == [top["uid"], middle["uid"]]


@source("§5 M; checklist 10")
def test_the_list_has_one_level(api: Api) -> None:
    top = made(api)
    inner = made(api, parentUid=top["uid"])
    below = made(api, parentUid=inner["uid"])
    root = [one["uid"] for one in api.get("/api/folders").body]
    assert top["uid"] in root and inner["uid"] not in root
    found = api.get(f"/api/folders?parentUid={top['uid']}").body
    assert [(one["uid"], one["parentUid"]) for one in found] == [(inner["uid"], top["uid"])]
    assert below["uid"] not in [one["uid"] for one in found]
    assert api.get(f"/api/folders?parentUid={name()}").status == 404


@source("§5 M MaxNestedFolderDepth")
def test_there_is_a_bottom(api: Api) -> None:
    parent = made(api)["uid"]
    for _level in range(3):
        parent = made(api, parentUid=parent)["uid"]
    for _level in range(3):
        answer = api.post("/api/folders", {"uid": name(), "title": name(), "parentUid": parent})
        if answer.status != 200:
            break
        parent = answer.body["uid"]
    assert (answer.status, answer.code) == (400, "folder.maximum-depth-reached")


@source("§5 S:83c170f9 folderimpl/unifiedstore.go, OA update_folder_command.go; checklist 1")
def test_an_old_version_is_refused_by_legacy_storage_only(api: Api, unified: bool, version: tuple[int, ...]) -> None:
    one, other = made(api), name()
    path = f"/api/folders/{one['uid']}"
    assert api.put(path, {"title": other, "overwrite": True}).body["title"] == other
    if unified and version >= (13,):
        return  # a check may be there again since 13
    answer = api.put(path, {"title": name(), "version": 1})
    if unified:
        assert answer.status == 200
    else:
        assert (answer.status, answer.message) == (412, CHANGED)
        assert api.get(path).body["title"] == other


@source("§5 M: not bound, and moving is a request of its own")
def test_a_put_changes_neither_uid_nor_parent(api: Api) -> None:
    one, other = made(api), made(api)
    body = {"title": one["title"], "uid": name(), "parentUid": other["uid"], "overwrite": True}
    found = api.put(f"/api/folders/{one['uid']}", body).body
    assert (found["uid"], found.get("parentUid")) == (one["uid"], None)


@source("§5 [derived] version = generation")
def test_the_same_again_keeps_the_version_in_unified_storage(api: Api, unified: bool) -> None:
    one = made(api)
    found = api.put(f"/api/folders/{one['uid']}", {"title": one["title"], "overwrite": True}).body
    if unified:
        assert found["version"] == one["version"]
    assert api.put(f"/api/folders/{one['uid']}", {"title": name(), "overwrite": True}).body["version"] == (
        found["version"] + 1
    )


@source("§5 M")
def test_moving_down_and_up_again(api: Api) -> None:
    one, other = made(api), made(api)
    answer = api.post(f"/api/folders/{one['uid']}/move", {"parentUid": other["uid"]})
    assert (answer.status, answer.body["parentUid"]) == (200, other["uid"])
    answer = api.post(f"/api/folders/{one['uid']}/move", {"parentUid": ""})
    assert (answer.status, answer.body.get("parentUid")) == (200, None)


@source("§5 M; checklist 11")
def test_deleting_takes_all_that_is_inside(api: Api) -> None:
    top = made(api)
    inner = made(api, parentUid=top["uid"])
    board = api.post("/api/dashboards/db", {"dashboard": {"title": name()}, "folderUid": inner["uid"]}).body["uid"]
    counts = api.get(f"/api/folders/{top['uid']}/counts").body
    assert (counts.get("folder"), counts.get("dashboard")) == (1, 1)
    answer = api.delete(f"/api/folders/{top['uid']}")
    assert (answer.status, answer.message) == (200, "Folder deleted")
    for path in (f"/api/folders/{inner['uid']}", f"/api/dashboards/uid/{board}"):
        assert api.get(path).status == 404


@source("§5 M, X13.2.1")
def test_what_is_not_there(api: Api) -> None:
    answer = api.get(f"/api/folders/{name()}")
    assert (answer.status, answer.message) == (404, "folder not found")


@source("§1, §5 X13.2.1")
@pytest.mark.since(13)
def test_only_administrators_learn_that_it_is_not_there(viewer: Api) -> None:
    answer = viewer.get(f"/api/folders/{name()}")
    assert answer.status == 403 and "folders:read" in answer.message


@source("§5 X13.2.1")
def test_permissions_are_replaced_as_a_whole(api: Api, viewer: Api) -> None:
    one = made(api)
    path = f"/api/folders/{one['uid']}"
    assert viewer.get(path).status == 200
    assert api.post(f"{path}/permissions", {"items": [{"role": "Editor", "permission": 2}]}).status == 200
    own = [item for item in api.get(f"{path}/permissions").body if not item.get("inherited")]
    assert ("Editor", 2, "Edit") in [(item.get("role"), item["permission"], item["permissionName"]) for item in own]
    assert "Viewer" not in [item.get("role") for item in own]
    assert viewer.get(path).status == 403


@source("§1 shape E, X13.2.1")
def test_a_folder_one_may_not_write_to(api: Api, viewer: Api, editor: Api, version: tuple[int, ...]) -> None:
    one = made(api)
    assert (
        api.post(f"/api/folders/{one['uid']}/permissions", {"items": [{"role": "Viewer", "permission": 1}]}).status
        == 200
    )
    body = {"dashboard": {"title": name()}, "folderUid": one["uid"]}
    answer = editor.post("/api/dashboards/db", body)
    assert answer.status == 403
    if version >= (13,):
        assert answer.message == f'folders.folder.grafana.app "{one["uid"]}" is forbidden: access denied to folder'
    assert viewer.put(f"/api/folders/{one['uid']}", {"title": name(), "overwrite": True}).status == 403
