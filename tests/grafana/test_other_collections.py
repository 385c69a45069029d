# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of another collection run against the simulator as they do against Grafana: a change, then none.

They know nothing of the simulator: what they read and compare are its answers. Beside folders, data sources,
dashboards, organisations, users and contact points that is members and teams. On Grafana 13 two things of theirs do
nothing, there as here: numeric ids of data sources in updates, and of folders in dashboards.
"""

from __future__ import annotations

import copy
import importlib
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from tests.grafana import servers
from tests.grafana.servers import Api, name

MODULES = "ansible_collections.community.grafana.plugins.modules"
Module = Callable[..., dict[str, Any]]


class Ended(Exception):
    """A module has ended; its result is the argument."""


@pytest.fixture(scope="module", params=["-".join(kind) for kind in servers.SIMULATED])
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    version, storage = request.param.split("-")
    with servers.simulated(version, storage) as found:
        yield found


@pytest.fixture
def module(api: Api, monkeypatch: pytest.MonkeyPatch) -> Module:
    """Run a module as the administrator; fails with its words where it fails."""
    pytest.importorskip(f"{MODULES}.grafana_folder", reason="community.grafana is not installed")

    def exit_json(self: Any, **result: Any) -> None:
        raise Ended({"failed": False, **result})

    def fail_json(self: Any, **result: Any) -> None:
        raise Ended({**result, "failed": True})

    # Reading the trusted authorities anew takes most of the time of a request, and here is none of TLS.
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", lambda _self: None)
    monkeypatch.setattr(basic.AnsibleModule, "exit_json", exit_json)
    monkeypatch.setattr(basic.AnsibleModule, "fail_json", fail_json)

    def run(kind: str, **arguments: Any) -> dict[str, Any]:
        who = {"url": api.url, "url_username": api.login, "url_password": api.password}
        given = json.loads(json.dumps({**who, **arguments}))
        with patch_module_args(given), pytest.raises(Ended) as caught:
            importlib.import_module(f"{MODULES}.grafana_{kind}").main()
        result = dict(caught.value.args[0])
        assert not result["failed"], result
        return result

    return run


def twice(module: Module, kind: str, **arguments: Any) -> dict[str, Any]:
    """Changed at first, then not; gives the second result."""
    first = module(kind, **copy.deepcopy(arguments))
    assert first["changed"], first
    second = module(kind, **copy.deepcopy(arguments))
    assert not second.get("changed"), second
    return second


def test_folders(module: Module, api: Api) -> None:
    top, inner = name(), name()
    assert twice(module, "folder", title=top, uid=top)["folder"]["uid"] == top
    found = twice(module, "folder", title=inner, uid=inner, parent_uid=top)
    assert found["folder"]["parentUid"] == top
    twice(module, "folder", title=top, uid=top, state="absent")
    assert api.get(f"/api/folders/{inner}").status == 404


def test_folders_by_title_alone(module: Module) -> None:
    title = name()
    twice(module, "folder", title=title)
    twice(module, "folder", title=title, state="absent")


PROMETHEUS = {
    "ds_type": "prometheus",
    "ds_url": "http://127.0.0.1:9090",
    "time_interval": "15s",
    "tls_skip_verify": True,
}
LOKI = {"ds_type": "loki", "ds_url": "http://127.0.0.1:3100", "additional_json_data": {"maxLines": "1000"}}
SECRET = {"basic_auth_user": "graf", "basic_auth_password": "canary"}


# The first one of a server is its default, whatever is wished.
@pytest.mark.parametrize("wish", [{**PROMETHEUS, "is_default": True}, LOKI, {**LOKI, **SECRET}])
def test_data_sources(module: Module, api: Api, wish: dict[str, Any]) -> None:
    title = name()
    if not wish.get("is_default"):
        api.post("/api/datasources", {"name": name(), "type": "loki", "access": "proxy", "url": "http://127.0.0.1:1"})
    found = twice(module, "datasource", name=title, uid=title, **wish)["datasource"]
    assert (found["name"], found["uid"], found["type"]) == (title, title, wish["ds_type"])
    assert "canary" not in str(api.get(f"/api/datasources/uid/{title}").body)
    twice(module, "datasource", name=title, state="absent")


def test_a_data_source_is_updated(module: Module, api: Api) -> None:
    title = name()
    api.post("/api/datasources", {"name": name(), "type": "loki", "access": "proxy", "url": "http://127.0.0.1:1"})
    module("datasource", name=title, uid=title, **LOKI)
    if api.version >= (13,):
        # The module updates by number, which is off there, and takes no notice of the 404.
        assert module("datasource", name=title, uid=title, **{**LOKI, "ds_url": "http://127.0.0.1:3101"})["changed"]
        assert api.get(f"/api/datasources/uid/{title}").body["url"] == LOKI["ds_url"]
        return
    twice(module, "datasource", name=title, uid=title, **{**LOKI, "ds_url": "http://127.0.0.1:3101"})
    assert api.get(f"/api/datasources/uid/{title}").body["url"] == "http://127.0.0.1:3101"


def test_dashboards(module: Module, api: Api, tmp_path: Path) -> None:
    uid, file = name(), tmp_path / "board.json"
    board = {"uid": uid, "title": uid, "panels": [{"id": 1, "type": "stat", "title": "Up"}], "refresh": "30s"}
    file.write_text(json.dumps(board))
    twice(module, "dashboard", path=str(file), overwrite=True, commit_message="as code")
    file.write_text(json.dumps({**board, "tags": ["new"]}))
    twice(module, "dashboard", path=str(file), overwrite=True)
    assert api.get(f"/api/dashboards/uid/{uid}").body["dashboard"]["tags"] == ["new"]
    exported = tmp_path / "export.json"
    module("dashboard", uid=uid, path=str(exported), state="export")
    assert json.loads(exported.read_text())["dashboard"]["title"] == uid
    twice(module, "dashboard", uid=uid, state="absent")


def test_dashboards_in_a_folder(module: Module, api: Api, tmp_path: Path) -> None:
    inside, uid, file = name(), name(), tmp_path / "board.json"
    module("folder", title=inside, uid=inside)
    file.write_text(json.dumps({"uid": uid, "title": uid}))
    arguments = {"path": str(file), "folder": inside, "overwrite": True}
    if api.version >= (13,):
        # It asks by number, which is passed over: there it lands in General, and is changed by every run.
        assert module("dashboard", **arguments)["changed"] and module("dashboard", **arguments)["changed"]
        expected = ""
    else:
        twice(module, "dashboard", **arguments)
        expected = inside
    assert api.get(f"/api/dashboards/uid/{uid}").body["meta"]["folderUid"] == expected


def test_organisations(module: Module) -> None:
    title = name()
    assert twice(module, "organization", name=title)["org"]["name"] == title
    twice(module, "organization", name=title, state="absent")


def test_objects_of_another_organisation(module: Module, api: Api) -> None:
    title, uid = name(), name()
    number = module("organization", name=title)["org"]["id"]
    twice(module, "folder", title=uid, uid=uid, org_id=number)
    assert api.seen_as(org=number).get(f"/api/folders/{uid}").status == 200
    assert api.seen_as(org=1).get(f"/api/folders/{uid}").status == 404
    api.post("/api/user/using/1")


def test_users_and_members(module: Module, api: Api) -> None:
    login, title = name(), name()
    whole = {"login": login, "name": "Somebody", "email": f"{login}@example.com", "password": "canary-right"}
    assert twice(module, "user", **whole)["user"]["login"] == login
    assert twice(module, "user", **{**whole, "name": "Somebody else", "is_admin": True})["user"]["isGrafanaAdmin"]
    number = module("organization", name=title)["org"]["id"]
    twice(module, "organization_user", login=login, role="viewer", org_id=number)
    twice(module, "organization_user", login=login, role="editor", org_name=title)
    twice(module, "organization_user", login=login, org_id=number, state="absent")
    twice(module, "user", login=login, state="absent")


def test_teams(module: Module, api: Api) -> None:
    title, login = name(), name()
    body = {"login": login, "email": f"{login}@example.com", "password": "canary-right"}
    api.post("/api/admin/users", body)
    twice(module, "team", name=title, email="team@example.com", members=[body["email"]])
    number = api.get(f"/api/teams/search?name={title}").body["teams"][0]["id"]
    assert [one["login"] for one in api.get(f"/api/teams/{number}/members").body] == [login]
    twice(module, "team", name=title, email="team@example.com", state="absent")


@pytest.mark.parametrize(
    "wish",
    [
        {"type": "email", "email_addresses": ["a@example.com", "b@example.com"]},
        {"type": "webhook", "webhook_url": "http://127.0.0.1:9/hook", "webhook_password": "canary"},
        {"type": "slack", "slack_recipient": "#ops", "slack_token": "canary", "slack_url": "http://127.0.0.1:9/slack"},
        {"type": "alertmanager", "alertmanager_url": "http://127.0.0.1:9093"},
    ],
)
def test_contact_points(module: Module, api: Api, wish: dict[str, Any]) -> None:
    uid = name()
    found = twice(module, "contact_point", uid=uid, name=uid, **wish)["contact_point"]
    assert (found["uid"], found["name"]) == (uid, uid)
    assert "canary" not in str(api.get("/api/v1/provisioning/contact-points").body)
    twice(module, "contact_point", uid=uid, state="absent")
