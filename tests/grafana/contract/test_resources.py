# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/apis: dashboards and folders as resources, with resourceVersion. From 12 on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.contract.test_folders import made as legacy_folder
from tests.grafana.servers import Api, name

source = pytest.mark.source
pytestmark = pytest.mark.since(12)
DASHBOARDS, FOLDERS = "dashboard.grafana.app", "folder.grafana.app"


class Resource:
    """One kind in the namespace of the tests' organisation."""

    def __init__(self, api: Api, group: str) -> None:
        self.api = api
        self.group = group
        self.version = str(api.get(f"/apis/{group}").body["preferredVersion"]["version"])
        self.kind, plural = ("Dashboard", "dashboards") if group == DASHBOARDS else ("Folder", "folders")
        self.space = "default" if api.org == 1 else f"org-{api.org}"
        self.path = f"/apis/{group}/{self.version}/namespaces/{self.space}/{plural}"

    def body(self, uid: str, spec: dict[str, Any], folder: str = "", **metadata: Any) -> dict[str, Any]:
        notes = {"annotations": {"grafana.app/folder": folder}} if folder else {}
        about = {"name": uid, **notes, **metadata}
        return {"kind": self.kind, "apiVersion": f"{self.group}/{self.version}", "metadata": about, "spec": spec}

    def made(self, uid: str = "", folder: str = "", **spec: Any) -> dict[str, Any]:
        uid = uid or name()
        answer = self.api.post(self.path, self.body(uid, {"title": uid, **spec}, folder))
        assert answer.status == 201, answer
        return dict(answer.body)


@pytest.fixture(params=[DASHBOARDS, FOLDERS])
def resource(request: pytest.FixtureRequest, api: Api) -> Resource:
    return Resource(api, request.param)


@pytest.fixture
def boards(api: Api) -> Resource:
    return Resource(api, DASHBOARDS)


@source("§6 D apis: available from 12")
def test_groups_tell_their_versions(api: Api, version: tuple[int, ...]) -> None:
    for group in (DASHBOARDS, FOLDERS):
        found = api.get(f"/apis/{group}").body
        assert ("v1" if version >= (13,) else "v1beta1") in [one["version"] for one in found["versions"]]
        assert found["preferredVersion"]["groupVersion"].startswith(group)


@source("§6 D dashboard.md, mutate.go; checklist 16")
def test_a_new_one_answers_201_with_itself(resource: Resource) -> None:
    uid = name()
    found = resource.made(uid, title="A title")
    about = found["metadata"]
    assert (about["name"], about["namespace"], about["generation"]) == (uid, resource.space, 1)
    assert about["resourceVersion"] and about["uid"] != uid and about["creationTimestamp"]
    assert (found["kind"], found["spec"]["title"]) == (resource.kind, "A title")
    assert resource.api.get(f"{resource.path}/{uid}").body["metadata"]["uid"] == about["uid"]


@source("§6 D: 409 AlreadyExists")
def test_an_existing_name_is_a_conflict(resource: Resource) -> None:
    uid = resource.made()["metadata"]["name"]
    answer = resource.api.post(resource.path, resource.body(uid, {"title": "x"}))
    assert (answer.status, answer.body["reason"], answer.body["status"]) == (409, "AlreadyExists", "Failure")


@source("§6: resourceVersion in a create is an error")
def test_a_create_has_no_resource_version(resource: Resource) -> None:
    answer = resource.api.post(resource.path, resource.body(name(), {"title": "x"}, resourceVersion="12"))
    assert answer.status >= 400


@source("§6 D: name or generateName")
def test_a_name_can_be_made(boards: Resource) -> None:
    body = boards.body("", {"title": "x"}, generateName="made-")
    del body["metadata"]["name"]
    assert boards.api.post(boards.path, body).body["metadata"]["name"].startswith("made-")


@source("§6 [derived: k8s apimachinery] 409 Conflict")
def test_an_update_of_an_old_one_is_refused(resource: Resource) -> None:
    first = resource.made()
    uid, old = first["metadata"]["name"], first["metadata"]["resourceVersion"]
    answer = resource.api.put(f"{resource.path}/{uid}", resource.body(uid, {"title": "b"}, resourceVersion=old))
    assert (answer.status, answer.body["metadata"]["generation"]) == (200, 2)
    answer = resource.api.put(f"{resource.path}/{uid}", resource.body(uid, {"title": "c"}, resourceVersion=old))
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert resource.api.put(f"{resource.path}/{uid}", resource.body(uid, {"title": "d"})).status == 200


@source("§6 S:03cefe7f apistore/prepare.go")
@pytest.mark.storage("unified")
def test_the_same_again_keeps_the_generation(resource: Resource) -> None:
    first = resource.made()
    uid = first["metadata"]["name"]
    found = resource.api.put(f"{resource.path}/{uid}", resource.body(uid, first["spec"])).body
    assert found["metadata"]["generation"] == 1


@source("§6 D: no upsert")
def test_what_is_not_there_is_not_made_by_an_update(resource: Resource) -> None:
    uid = name()
    answer = resource.api.put(f"{resource.path}/{uid}", resource.body(uid, {"title": "x"}))
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert resource.api.get(f"{resource.path}/{uid}").body["reason"] == "NotFound"


@source("§6 D folder.md 13.2.1, dashboard.md: the annotation grafana.app/folder")
def test_the_folder_is_an_annotation_and_moves(resource: Resource) -> None:
    inside = legacy_folder(resource.api)["uid"]
    uid = resource.made(folder=inside)["metadata"]["name"]
    found = resource.api.get(f"{resource.path}/{uid}").body
    assert found["metadata"]["annotations"]["grafana.app/folder"] == inside
    answer = resource.api.put(f"{resource.path}/{uid}", resource.body(uid, found["spec"]))
    assert answer.status == 200 and "grafana.app/folder" not in answer.body["metadata"].get("annotations", {})


@source("§6: unknown folder 404")
def test_an_unknown_folder_is_not_found(boards: Resource) -> None:
    assert boards.api.post(boards.path, boards.body(name(), {"title": "x"}, folder=name())).status == 404


@source("§6 mutate.go: stripped on write")
def test_the_servers_keys_are_taken_out_of_the_spec(boards: Resource) -> None:
    spec = boards.made(uid=name(), version=7, id=12)["spec"]
    assert not {"id", "uid", "version"} & set(spec)


@source("§6 mutate.go: strict field validation")
def test_a_spec_of_wrong_types_is_invalid(boards: Resource) -> None:
    answer = boards.api.post(boards.path, boards.body(name(), {"title": "x", "panels": "none", "tags": {"a": 1}}))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


@source("§6 D: both APIs show the same objects")
def test_both_apis_see_it(boards: Resource) -> None:
    uid = boards.made(tags=["a"])["metadata"]["name"]
    found = boards.api.get(f"/api/dashboards/uid/{uid}").body
    assert (found["dashboard"]["tags"], found["dashboard"]["uid"]) == (["a"], uid)


@source("§6 D: limit and continue")
def test_lists_come_in_pages(boards: Resource) -> None:
    made = {boards.made()["metadata"]["name"] for _number in range(3)}
    seen: set[str] = set()
    following = ""
    while True:
        page = boards.api.get(f"{boards.path}?limit=2&continue={following}").body
        seen |= {item["metadata"]["name"] for item in page["items"]}
        following = page["metadata"].get("continue", "")
        assert len(page["items"]) <= 2
        if not following:
            break
    assert made <= seen


@source("§6 D")
def test_deleting(resource: Resource) -> None:
    uid = resource.made()["metadata"]["name"]
    assert resource.api.delete(f"{resource.path}/{uid}").status == 200
    assert resource.api.get(f"{resource.path}/{uid}").status == 404


@source("§4.2 M, §6 TF; checklist 15")
@pytest.mark.since(13)
def test_one_of_schema_v2_is_not_shown_by_the_old_api(api: Api) -> None:
    boards = Resource(api, DASHBOARDS)
    uid, kept = name(), f"/apis/{DASHBOARDS}/v2/namespaces/{boards.space}/dashboards"
    layout = {"kind": "GridLayout", "spec": {"items": []}}
    time = {"from": "now-6h", "to": "now", "autoRefresh": "", "autoRefreshIntervals": [], "hideTimepicker": False}
    spec = {"title": uid, "elements": {}, "layout": layout, "variables": [], "annotations": [], "links": [], "tags": []}
    more = {"cursorSync": "Off", "preload": False, "timeSettings": {**time, "fiscalYearStartMonth": 0}}
    body = {**boards.body(uid, {**spec, **more}), "apiVersion": f"{DASHBOARDS}/v2"}
    assert api.post(kept, body).status == 201
    answer = api.get(f"/api/dashboards/uid/{uid}")
    assert answer.status == 406
    assert answer.message.startswith("dashboard api version not supported, use /apis/dashboard.grafana.app/v2")
