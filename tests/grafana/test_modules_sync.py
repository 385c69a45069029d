# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many dashboards in one go against each kind of server, and what pruning removes and what it never does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import sha256_of
from ansible_collections.obs.stack.plugins.plugin_utils._dashboard_sources import pack, sources_of
from tests.grafana.modules import KINDS, Modules

servers = pytest.importorskip("tests.grafana.servers")
APPLY = "grafana_dashboards_apply"


@pytest.fixture(scope="module", params=[KINDS[0], KINDS[-1]], ids="-".join)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A simulated Grafana."""
    with servers.simulated(*request.param, "--faults") as api:
        yield api


@pytest.fixture
def grafana(server: Any) -> Modules:
    """The modules, in an organisation of their own, by a token."""
    return Modules(server.new_org().with_role("Admin"))


class Tree:
    """A folder of dashboards, and how it is synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "dashboards"
        self.archive = folder / "archive.zip"

    def write(self, **files: str) -> None:
        """Dashboards by path, with ``__`` for a slash: their title, uid and what else is in them."""
        for name, title in files.items():
            path = self.folder / (name.replace("__", "/") + ".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"uid": path.stem, "title": title, "refresh": "1s", "panels": []}))

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink()

    def options(self, **more: Any) -> dict[str, Any]:
        """Options of the host half, with the archive packed anew."""
        chosen = {"owner": "repo", "prune": True, "folders_from_tree": True, **more}
        pack(str(self.archive), sources_of([str(self.folder)]), inputs={}, owner=chosen["owner"],
             folder_uid=chosen.get("folder_uid"))
        return {**chosen, "archive": str(self.archive), "sha256": sha256_of(str(self.archive))}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Five dashboards in nested folders."""
    tree = Tree(tmp_path)
    tree.write(top="Top", a__one="One", a__two="Two", a__deep__three="Three", b__four="Four")
    return tree


def titles(grafana: Modules) -> dict[str, str]:
    """Folders by uid."""
    return {one["uid"]: one["title"] for one in grafana.run("grafana_folder_info", recursive=True)["folders"]}


def test_tree_is_synced_once(grafana: Modules, tree: Tree) -> None:
    done = grafana.changes(APPLY, **tree.options())
    assert sorted(done["created"]) == ["four", "one", "three", "top", "two"]
    folders = titles(grafana)
    assert sorted(folders.values()) == ["a", "b", "deep"]
    place = grafana.api.get("/api/dashboards/uid/three").body["meta"]["folderUid"]
    assert folders[place] == "deep"
    assert folders[grafana.api.get(f"/api/folders/{place}").body["parentUid"]] == "a"
    assert grafana.run("grafana_folder_info")["folders"] != []


def test_only_what_differs_is_written(grafana: Modules, tree: Tree, server: Any) -> None:
    grafana.changes(APPLY, **tree.options())
    tree.write(a__one="One more")
    done = grafana.changes(APPLY, **tree.options())
    assert (done["updated"], len(done["unchanged"])) == (["one"], 4)
    assert done["diff"]["before"] == {"one": {"dashboard.title": "One"}}
    assert done["diff"]["after"] == {"one": {"dashboard.title": "One more"}}
    server.put("/sim/faults", [])
    grafana.run(APPLY, **tree.options())
    assert not [one for one in server.get("/sim/requests").body if not one.startswith("GET ")]


def test_what_is_gone_from_the_sources_goes_with_its_folders(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    tree.remove("b/four")
    tree.remove("a/deep/three")
    done = grafana.changes(APPLY, **tree.options())
    assert sorted(done["deleted"]) == ["four", "three"]
    assert len(done["folders"]["deleted"]) == 2
    assert list(titles(grafana).values()) == ["a"]


def test_folder_that_was_renamed_is_moved_with_what_is_in_it(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    (tree.folder / "a").rename(tree.folder / "c")
    done = grafana.changes(APPLY, **tree.options())
    assert (sorted(done["updated"]), done["deleted"]) == (["one", "three", "two"], [])
    assert sorted(titles(grafana).values()) == ["b", "c", "deep"]


def test_nothing_of_others_is_pruned(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    stored = grafana.api.get("/api/dashboards/uid/one").body["dashboard"]
    folder = grafana.api.get("/api/dashboards/uid/one").body["meta"]["folderUid"]
    others = {
        "own": {"uid": "own", "title": "Own"},
        # Somebody's copy keeps the tags.
        "copy": {**stored, "id": None, "uid": "copy", "title": "Copy"},
        "tagged": {"uid": "tagged", "title": "Tagged", "tags": ["obs:repo"]},
    }
    for document in others.values():
        saved = grafana.api.post("/api/dashboards/db", {"dashboard": document, "folderUid": folder})
        assert saved.status == 200, saved.body
    for name in ("a/one", "a/two", "a/deep/three"):
        tree.remove(name)
    done = grafana.changes(APPLY, **tree.options())
    assert sorted(done["deleted"]) == ["one", "three", "two"]
    assert done["warned"] == []  # none of them was ever thought of
    for uid in others:
        assert grafana.api.get(f"/api/dashboards/uid/{uid}").status == 200
    assert "a" in titles(grafana).values()
    told = grafana.run("grafana_dashboards_info", owner="repo")
    assert {one["uid"]: one["proven"] for one in told["dashboards"]}["copy"] is False


def test_what_somebody_else_wrote_last_is_kept(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    stored = grafana.api.get("/api/dashboards/uid/one").body
    somebody = grafana.api.seen_as(token="").with_role("Admin")
    body = {"dashboard": {**stored["dashboard"], "description": "theirs"}, "folderUid": stored["meta"]["folderUid"]}
    assert somebody.post("/api/dashboards/db", body).status == 200
    tree.remove("a/one")
    done = grafana.settles(APPLY, **tree.options())
    assert not done["changed"] and done["deleted"] == []
    assert "Dashboard 'one' is kept: it was last changed by sa-" in done["warned"][0]


def test_by_password_our_login_is_known(server: Any, tree: Tree) -> None:
    grafana = Modules(server.new_org())
    grafana.changes(APPLY, **tree.options())
    tree.remove("top")
    assert grafana.changes(APPLY, **tree.options())["deleted"] == ["top"]


def test_two_owners_leave_each_other_alone(grafana: Modules, tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "other")
    other.write(theirs="Theirs")
    grafana.changes(APPLY, **tree.options())
    grafana.changes(APPLY, **other.options(owner="other"))
    assert not grafana.settles(APPLY, **tree.options())["changed"]


def test_too_many_to_prune_are_refused_before_anything_is_done(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    for name in ("a/one", "a/two"):
        tree.remove(name)
    tree.write(new="New")
    message = grafana.refuses(APPLY, **tree.options(prune_limit=1))
    assert "2 would be removed (one, two), and prune_limit is 1" in message
    assert grafana.api.get("/api/dashboards/uid/new").status == 404
    assert grafana.changes(APPLY, **tree.options(prune_limit=1, prune_force=True))["deleted"] == ["one", "two"]


def test_refused_dashboard_stops_pruning_but_not_the_others(grafana: Modules, tree: Tree) -> None:
    grafana.changes(APPLY, **tree.options())
    tree.remove("top")
    tree.write(b__four="Four more", a__two="Two more")
    grafana.api.put("/sim/faults", [{"match": "POST /api/dashboards/db", "do": "status", "status": 403,
                                     "body": {"message": "Access denied to save dashboard"}}])
    failed = grafana.run(APPLY, **tree.options())
    assert failed["failed"] and [one["uid"] for one in failed["refused"]] == ["two"]
    assert failed["msg"].startswith("Could not sync 1 of 4 dashboards at ") and "a/two.json" in failed["msg"]
    assert failed["updated"] == ["four"] and grafana.api.get("/api/dashboards/uid/top").status == 200
    assert grafana.changes(APPLY, **tree.options())["deleted"] == ["top"]


def test_run_that_was_cut_off_is_finished_by_the_next(grafana: Modules, tree: Tree) -> None:
    grafana.api.put("/sim/faults", [{"match": "POST /api/dashboards/db", "do": "cut"}])
    message = grafana.refuses(APPLY, **tree.options())
    assert "of 5 dashboards were looked at" in message
    grafana.changes(APPLY, **tree.options())


def test_into_a_folder_that_is_there_and_flat(grafana: Modules, tree: Tree) -> None:
    grafana.changes("grafana_folder", uid="base", title="Base")
    grafana.changes(APPLY, **tree.options(folder_uid="base", folders_from_tree=False))
    assert grafana.api.get("/api/folders/base/counts").body.get("dashboard") == 5
    done = grafana.changes(APPLY, **tree.options(folder_uid="base"))
    assert sorted(done["updated"]) == ["four", "one", "three", "two"]
    assert "a" in titles(grafana).values()


def test_dashboards_of_schema_v2_are_synced_and_pruned(grafana: Modules, tree: Tree) -> None:
    if grafana.api.version < (12,):
        return  # refused: see test_schema_v2_with_and_without_an_envelope
    tree.write(a__new="New")
    path = tree.folder / "a" / "new.json"
    spec = {"title": "New", "elements": {}, "layout": {"kind": "GridLayout", "spec": {"items": []}}}
    path.write_text(json.dumps({"apiVersion": "dashboard.grafana.app/v2", "kind": "Dashboard",
                                "metadata": {"name": "new"}, "spec": spec}))
    assert "new" in grafana.changes(APPLY, **tree.options())["created"]
    tree.remove("a/new")
    assert grafana.changes(APPLY, **tree.options())["deleted"] == ["new"]


def test_folder_that_is_not_there_is_told_once(grafana: Modules, tree: Tree, server: Any) -> None:
    for from_tree in (True, False):
        server.put("/sim/faults", [])
        message = grafana.refuses(APPLY, **tree.options(folder_uid="nowhere", folders_from_tree=from_tree))
        first, hint = message.splitlines()
        assert first == f"Could not sync dashboards into folder 'nowhere' at {grafana.api.url}: there is none."
        assert hint.startswith("Make the folder first")
        assert server.get("/sim/requests").body == ["GET /api/folders/nowhere"]
    # A task before it may be about to make it.
    assert len(grafana.run(APPLY, **tree.options(folder_uid="nowhere"), check_mode=True)["created"]) == 5


def test_archive_that_is_another_is_refused(grafana: Modules, tree: Tree) -> None:
    options = {**tree.options(), "sha256": "0" * 64}
    assert "it is not the one that was sent" in grafana.refuses(APPLY, **options)
