# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_ownership, _grafana_api_prune, _grafana_api_sync, _grafana_api_many: whose it is, what may go."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _grafana_api_many, _grafana_api_sync
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, GrafanaError, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import (
    check_owner,
    folder_uid,
    is_folder_of,
    proven,
    tagged,
    tags_of,
    written_by_us,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_prune import Folders, Stale, check_limit


def test_proof_is_of_one_owner_and_one_uid() -> None:
    tags = tags_of("repo", "d")
    assert tags[0] == "obs:repo"
    assert proven("repo", "d", [*tags, "x"])
    assert not proven("repo", "copy", tags) and not proven("other", "d", tags) and not proven("repo", "d", tags[:1])


def test_tags_of_an_owner_take_the_place_of_anothers() -> None:
    assert tagged(["x", "obs:old", "obs:old:123"], "repo", "d") == ["x", *tags_of("repo", "d")]
    assert tagged(None, "repo", "d") == list(tags_of("repo", "d"))


@pytest.mark.parametrize(
    ("meta", "login", "ours"),
    [
        ({"updatedBy": "Admin", "createdBy": "x"}, "admin", True),
        ({"updatedBy": "ann", "createdBy": "admin"}, "admin", False),
        ({"updatedBy": "sa-1-ci", "createdBy": "sa-1-ci"}, "", True),
        ({"updatedBy": "ann", "createdBy": "sa-1-ci"}, "", False),
        ({}, "", False),
        ({}, "admin", False),
    ],
)
def test_who_wrote_last(meta: dict[str, str], login: str, ours: bool) -> None:
    assert written_by_us(meta, login) is ours


def test_folders_of_an_owner() -> None:
    uid = folder_uid("repo", "", "team/Deep & long" + "x" * 40)
    assert len(uid) <= 40 and is_folder_of("repo", uid) and not is_folder_of("other", uid)
    assert uid != folder_uid("repo", "base", "team/Deep & long" + "x" * 40)
    assert is_folder_of("repo", folder_uid("repo", "", "日本"))
    for foreign in ("", "team", "team-0123456789abcdef", "a" * 40):
        assert not is_folder_of("repo", foreign)


@pytest.mark.parametrize("owner", ["", "two words", "-x", "a:b", "x" * 41])
def test_what_is_no_owner(owner: str) -> None:
    with pytest.raises(StackError, match="as the owner"):
        check_owner(owner)


def test_limit_of_pruning() -> None:
    check_limit(["a"] * 10, 10, False, "http://x")
    check_limit(["a"] * 11, 10, True, "http://x")
    with pytest.raises(StackError, match=r"7 would be removed \(a, b, c, d, e, …\), and prune_limit is 3"):
        check_limit(list("abcdefg"), 3, False, "http://x")


class Tree:
    """Answers about folders: what each holds, with all below it."""

    def __init__(self, parents: dict[str, str], held: dict[str, int]) -> None:
        self.parents, self.held = parents, held

    def get(self, path: str, errand: Errand, *, query: t.Any = None, absent: t.Any = ()) -> t.Any:
        if path == "/api/search":
            return [{"uid": uid, "folderUid": parent} for uid, parent in self.parents.items()]
        return {"dashboard": self.held[path.split("/")[3]]}


def test_folders_go_from_the_inside_when_all_in_them_goes() -> None:
    outer, inner, full = (folder_uid("repo", "", path) for path in ("a", "a/b", "c"))
    parents = {outer: "", inner: outer, full: "", "theirs": ""}
    folders = Folders(Tree(parents, {outer: 2, inner: 1, full: 2, "theirs": 0}), "repo", set())  # type: ignore[arg-type]
    folders.leaves(inner)
    folders.leaves(full)
    assert list(folders.stale()) == [inner, outer]
    wanted = Folders(Tree(parents, dict.fromkeys(parents, 0)), "repo", {outer})  # type: ignore[arg-type]
    assert sorted(wanted.stale()) == sorted([inner, full])


class Told:
    """Answers about one dashboard, to whom nobody tells who he is."""

    login = ""

    def __init__(self, tags: t.Any, **meta: t.Any) -> None:
        self.client = self
        meta = {"createdBy": "a", "updatedBy": "a", **meta}
        self.answer: t.Any = {"dashboard": {"title": "D", "tags": tags}, "meta": meta}

    def get(self, path: str, errand: Errand, *, query: t.Any = None, absent: t.Any = ()) -> t.Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("tags", "meta", "kept"),
    [
        (tags_of("repo", "d"), {}, ""),
        (tags_of("repo", "other"), {}, "it has lost its tags"),
        ([], {}, "it has lost its tags"),
        (tags_of("repo", "d"), {"updatedBy": "ann"}, "it was last changed by ann"),
        (tags_of("repo", "d"), {"provisionedExternalId": "d.json"}, "it is provisioned from a file"),
    ],
)
def test_each_is_judged_again_before_it_goes(tags: t.Any, meta: dict[str, str], kept: str) -> None:
    stale = Stale(Told(list(tags), **meta), "d", "repo")  # type: ignore[arg-type]
    assert stale.plan(stale.read()).changed is not bool(kept) and stale.kept_because == kept


def test_one_that_may_not_be_read_is_kept() -> None:
    told = Told([])
    told.answer = Refusal(Errand("read", "dashboard"), "http://x", 403, "no")
    stale = Stale(told, "d", "repo")  # type: ignore[arg-type]
    assert not stale.plan(stale.read()).changed and stale.kept_because == "it may not be read"
    told.answer = Refusal(Errand("read", "dashboard"), "http://x", 500, "no")
    with pytest.raises(Refusal):
        stale.read()


def test_after_which_errors_a_sync_goes_on() -> None:
    errand = Errand("update", "dashboard", "x")
    goes_on = _grafana_api_many.goes_on
    assert goes_on(Refusal(errand, "http://x", 403, "no")) and goes_on(Refusal(errand, "http://x", 412, "no"))
    assert not goes_on(Refusal(errand, "http://x", 401, "no")) and not goes_on(Refusal(errand, "http://x", 502, "no"))
    assert not goes_on(GrafanaError(errand, "http://x", "refused"))
    assert goes_on(StackError("x", doc="grafana-provisioned"))


def test_diff_of_many_has_an_end() -> None:
    outcome = _grafana_api_sync.Outcome()
    form = {"uid": "x", "folder_uid": "", "dashboard": {"title": "x" * 1000}}
    for number in range(400):
        outcome.note(Plan("create", None, form), str(number))
    assert outcome.after["0"] == {"title": "x" * 1000, "folder_uid": ""}
    assert outcome.after["399"] == {"": "(created; too much to show)"}
    assert len(outcome.lists["created"]) == 400 and outcome.changed
