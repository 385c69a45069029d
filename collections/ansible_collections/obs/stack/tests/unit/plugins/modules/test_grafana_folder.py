# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_folder."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_folder

OPS = {"uid": "ops", "title": "Ops", "version": 3, "url": "/dashboards/f/ops/ops"}


def test_folder_that_is_as_wanted_is_left_alone(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders/ops", OPS)
    result = ask(grafana_folder, uid="ops", title="Ops")
    assert (result["failed"], result["changed"], grafana.written) == (False, False, [])
    assert result["url"] == "http://grafana:3000/dashboards/f/ops/ops"


def test_folder_is_made_with_its_uid(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("POST /api/folders", OPS)
    result = ask(grafana_folder, uid="ops", title=" Ops ", parent_uid="top")
    assert grafana.written == [("POST /api/folders", {"uid": "ops", "title": "Ops", "parentUid": "top"})]
    assert result["diff"]["before"] == {} and result["diff"]["after"]["parent_uid"] == "top"


def test_check_mode_writes_nothing(ask: t.Any, grafana: t.Any) -> None:
    assert ask(grafana_folder, uid="ops", title="Ops", check_mode=True)["changed"] and not grafana.written


def test_folder_is_moved_and_renamed_with_the_version_that_was_read(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders/ops", OPS)
    grafana.on("POST /api/folders/ops/move", {**OPS, "parentUid": "top", "version": 4})
    grafana.on("PUT /api/folders/ops", {**OPS, "title": "Operations"})
    ask(grafana_folder, uid="ops", title="Operations", parent_uid="top")
    assert grafana.written == [
        ("POST /api/folders/ops/move", {"parentUid": "top"}),
        ("PUT /api/folders/ops", {"title": "Operations", "version": 4, "overwrite": False}),
    ]


def test_folder_of_files_is_not_touched(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders/ops", {**OPS, "managedBy": "classic-file-provisioning"})
    for options in ({"title": "Other"}, {"state": "absent"}):
        result = ask(grafana_folder, uid="ops", check_mode=True, **options)
        assert result["failed"] and "it is managed by classic-file-provisioning" in result["msg"]
    assert not ask(grafana_folder, uid="ops", title="Ops")["failed"]


def test_two_folders_of_one_title_are_not_guessed_between(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders", [{"uid": "b", "title": "Ops"}, {"uid": "a", "title": "Ops"}])
    assert "there are 2 of that title: a, b" in ask(grafana_folder, title="Ops")["msg"]


def test_folder_that_may_not_be_read_is_told_as_such(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders/ops", (403, {"message": "Permissions needed: folders:read"}))
    grafana.on("POST /api/folders", (412, {"message": "the folder has been changed by someone else"}))
    assert "HTTP 403 Permissions needed: folders:read" in ask(grafana_folder, uid="ops", title="Ops")["msg"]


def test_needed_options(ask: t.Any) -> None:
    assert ask(grafana_folder, uid="ops")["failed"]
    assert ask(grafana_folder, state="absent")["failed"]
