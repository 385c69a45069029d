# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_dashboard and _grafana_api_server: both forms of a dashboard, planned and written."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Access, Answer, Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import APPLIED_NOTE, Wish, thing_for
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import Definition, recognise
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import converge
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server

GROUP = "/apis/dashboard.grafana.app"
OBJECT = GROUP + "/v1beta1/namespaces/org-3/dashboards"


class Grafana:
    """Answers by method and path; keeps what is written."""

    def __init__(self, **answers: t.Any) -> None:
        self.answers = answers
        self.written: list[tuple[str, t.Any]] = []

    def __call__(self, method: str, target: str, data: bytes | None) -> Answer:
        request = "{0} {1}".format(method, target.partition("//x")[2])
        if method != "GET":
            self.written.append((request, json.loads(data or b"null")))
        status, body = self.answers.get(request, (404, {"message": "no"}))
        return Answer(status, {}, json.dumps(body).encode())

    def server(self, **access: t.Any) -> Server:
        return Server(Client(Access("http://x", org_id=3, **access), send=self, sleep=lambda seconds: None))


def given(**more: t.Any) -> Definition:
    return recognise({"uid": "d", "title": "D", **more}, "x.json")


def test_minimum_of_refresh_is_what_the_server_says() -> None:
    settings = {"GET /api/frontend/settings": (200, {"minRefreshInterval": "30s"})}
    assert Grafana(**settings).server().minimum_refresh == "30s"
    admin = {"GET /api/admin/settings": (200, {"dashboards": {"min_refresh_interval": "1m"}})}
    assert Grafana(**admin).server().minimum_refresh == "1m"
    assert Grafana().server().minimum_refresh == "5s"


def test_who_we_are() -> None:
    assert Grafana(**{"GET /api/user": (200, {"login": "ann"})}).server(username="ann@example.com").login == "ann"
    assert Grafana().server(username="me").login == "me" and Grafana().server(token="t").login == ""


def test_namespace_and_versions() -> None:
    grafana = Grafana(**{"GET " + GROUP: (200, {"versions": [{"version": "v1"}, {"version": "v2"}]})})
    assert grafana.server().versions == ("v1", "v2") and grafana.server().namespace == "org-3"
    assert Grafana().server().versions == ()


def test_classic_one_stays_in_its_folder_with_the_version_that_was_read() -> None:
    stored = {"dashboard": {"id": 7, "uid": "d", "version": 4, "title": "Old"}, "meta": {"folderUid": "ops"}}
    grafana = Grafana(
        **{"GET /api/dashboards/uid/d": (200, stored), "POST /api/dashboards/db": (200, {"version": 5, "url": "/d/d"})}
    )
    thing = thing_for(grafana.server(), Wish("d", given(tags=["x"]), message="why"))
    plan, found = converge(thing, check_mode=False)
    ((_request, body),) = grafana.written
    assert body["folderUid"] == "ops" and body["dashboard"]["version"] == 4 and body["dashboard"]["id"] is None
    assert body["message"] == "why" and body["overwrite"] is False
    assert thing.result(plan, found)["dashboard"] == {
        "uid": "d", "title": "D", "folder_uid": "ops", "tags": ["x"], "version": 5, "url": "http://x/d/d",
    }  # fmt: skip


def test_one_in_schema_v2_is_not_overwritten_by_a_classic_one() -> None:
    grafana = Grafana(**{"GET /api/dashboards/uid/d": (406, {"message": "use /apis"})})
    with pytest.raises(StackError, match="it is stored in schema v2"):
        converge(thing_for(grafana.server(), Wish("d", given())), check_mode=False)
    grafana.answers["DELETE /api/dashboards/uid/d"] = (200, {})
    assert converge(thing_for(grafana.server(), Wish("d")), check_mode=False)[0].action == "delete"


def kind(spec: t.Any = None, **metadata: t.Any) -> dict[str, t.Any]:
    return {
        "apiVersion": "dashboard.grafana.app/v1beta1",
        "kind": "Dashboard",
        "metadata": {"name": "d", **metadata},
        "spec": spec or {"title": "D", "schemaVersion": 30},
    }


def test_spec_that_grafana_migrates_is_known_to_be_the_same() -> None:
    served = {"GET " + GROUP: (200, {"versions": [{"version": "v1beta1"}]})}
    grafana = Grafana(**served, **{"POST " + OBJECT: (201, {"metadata": {"generation": 1}})})
    wish = Wish("d", recognise(kind(), "x"))
    assert converge(thing_for(grafana.server(), wish), check_mode=False)[0].action == "create"
    ((_request, body),) = grafana.written
    assert "resourceVersion" not in body["metadata"] and body["metadata"]["namespace"] == "org-3"
    note = {APPLIED_NOTE: body["metadata"]["annotations"][APPLIED_NOTE]}
    migrated = kind({"title": "D", "schemaVersion": 42}, generation=1, resourceVersion="9", annotations=note)
    grafana.answers["GET " + OBJECT + "/d"] = (200, migrated)
    assert not converge(thing_for(grafana.server(), wish), check_mode=False)[0].changed
    # Somebody has changed it since.
    migrated["metadata"]["generation"] = 2
    grafana.answers["PUT " + OBJECT + "/d"] = (200, migrated)
    assert converge(thing_for(grafana.server(), wish), check_mode=False)[0].action == "update"
    assert grafana.written[-1][1]["metadata"]["resourceVersion"] == "9"


def test_provisioned_object_names_its_file() -> None:
    notes = {"grafana.app/managedBy": "classic-file-provisioning", "grafana.app/sourcePath": "team/d.json"}
    grafana = Grafana(
        **{
            "GET " + GROUP: (200, {"versions": [{"version": "v1beta1"}]}),
            "GET " + OBJECT + "/d": (200, kind({"title": "Other"}, annotations=notes)),
        }
    )
    with pytest.raises(StackError, match=r"provisioned from the file team/d\.json"):
        converge(thing_for(grafana.server(), Wish("d", recognise(kind(), "x"))), check_mode=True)
