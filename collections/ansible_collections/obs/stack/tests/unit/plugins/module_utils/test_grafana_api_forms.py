# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normal forms: _grafana_api_folder, _grafana_api_datasource_form, _grafana_api_secrets, _grafana_api_annotation."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import (
    _grafana_api_annotation,
    _grafana_api_datasource_form,
    _grafana_api_folder,
)
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_secrets import (
    CHANGED,
    GONE,
    SET,
    fingerprint,
    policy_of,
    secrets_for,
)

MARK = fingerprint("key", "prom", "token", "one")


def test_folder_keeps_what_is_not_wanted_otherwise() -> None:
    current = {"uid": "a", "title": "A", "parent_uid": "top"}
    wish = _grafana_api_folder.Wish(True, title=" B ")
    assert _grafana_api_folder.desired(current, wish, "a") == {"uid": "a", "title": "B", "parent_uid": "top"}
    assert _grafana_api_folder.desired(current, wish._replace(parent_uid=""), "a")["parent_uid"] == ""
    assert _grafana_api_folder.desired(None, wish, "new") == {"uid": "new", "title": "B", "parent_uid": ""}


def test_rights_are_told_by_who_has_them() -> None:
    stored = [
        {"role": "Viewer", "permission": 1},
        {"teamId": 3, "team": "ops", "permission": 2},
        {"userId": 4, "userLogin": "ann", "permission": 4},
        {"role": "Editor", "permission": 2, "inherited": True},
    ]
    wanted = [
        {"user": "ann", "permission": "admin"},
        {"team": "ops", "permission": "edit"},
        {"role": "Viewer", "permission": "view"},
    ]
    assert _grafana_api_folder.rights_of(stored) == _grafana_api_folder.rights_of(wanted)


@pytest.mark.parametrize(
    ("current", "wanted", "keep", "after"),
    [
        ({"a": 1}, {"b": 2}, True, {"a": 1, "b": 2}),
        ({"a": 1}, {"b": 2}, False, {"b": 2}),
        ({"a": 1, "b": 1}, {"a": None}, True, {"b": 1}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, True, {"a": {"y": 2}}),
    ],
)
def test_json_data(current: t.Any, wanted: t.Any, keep: bool, after: t.Any) -> None:
    wish = _grafana_api_datasource_form.Wish(True, json_data=wanted, keep_unknown=keep)
    assert _grafana_api_datasource_form.merged_json(current, wish, {}) == after
    marked = _grafana_api_datasource_form.merged_json({**current, "obsStackFingerprints": {"x": "0"}}, wish, {"x": "1"})
    assert marked == {**after, "obsStackFingerprints": {"x": "1"}}


def test_user_that_is_not_used_any_more_is_not_compared() -> None:
    body = _grafana_api_datasource_form.body_of({"basicAuth": False, "basicAuthUser": "old"})
    assert "basicAuthUser" not in _grafana_api_datasource_form.form_of(body, {})
    assert body["basicAuthUser"] == "old"


@pytest.mark.parametrize(
    ("wanted", "present", "remembered", "policy", "sent", "told"),
    [
        ("one", None, {}, "on_create", True, SET),
        ("one", ["token"], {}, "on_create", False, SET),
        ("one", [], {"token": MARK}, "on_create", True, SET),
        ("one", ["token"], {"token": MARK}, "on_change", False, SET),
        ("two", ["token"], {"token": MARK}, "on_change", True, CHANGED),
        ("one", ["token"], {}, "on_change", True, CHANGED),
        ("one", ["token"], {"token": MARK}, "always", True, CHANGED),
        ("", ["token"], {"token": MARK}, "on_create", True, GONE),
        ("", [], {}, "on_create", False, None),
    ],
)
def test_secrets(wanted: str, present: t.Any, remembered: t.Any, policy: str, sent: bool, told: str | None) -> None:
    found = secrets_for({"token": wanted}, uid="prom", present=present, remembered=remembered, policy=policy, key="key")
    assert ("token" in found.send, found.told.get("token")) == (sent, told)
    if sent:
        assert found.send == {"token": wanted}
        assert found.fingerprints == ({"token": fingerprint("key", "prom", "token", wanted)} if wanted else {})


def test_fingerprint_tells_nothing_without_the_key() -> None:
    assert len({fingerprint(key, uid, "token", "one") for key in "ab" for uid in "xy"}) == 4
    assert fingerprint("key", "prom", "token", "one") == MARK


def test_policy() -> None:
    assert policy_of(None, "") == "on_create" and policy_of(None, "key") == "on_change"
    assert policy_of("always", "") == "always"
    with pytest.raises(StackError, match="there is no fingerprint_key"):
        policy_of("on_change", "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1790000000", 1790000000000),
        ("1790000000123", 1790000000123),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01+01:00", 1000),
        ("1970-01-01T00:00:01", 1000),
        (None, None),
    ],
)
def test_times(text: str | None, number: int | None) -> None:
    assert _grafana_api_annotation.milliseconds(text, "time") == number


def test_annotation_as_it_is_wanted() -> None:
    Wish = _grafana_api_annotation.Wish
    current = _grafana_api_annotation.form_of({"text": "a", "tags": ["x", "key:k"], "time": 5, "timeEnd": 5})
    desired = _grafana_api_annotation.desired
    assert desired(current, Wish(True, "k", "a")) == current
    assert desired(current, Wish(True, "k", "a", time=9))["time_end"] == 9
    assert desired({**current, "time_end": 7}, Wish(True, "k", "a", time=9))["time_end"] == 7
    assert desired(current, Wish(True, "k", "a", tags=["y"]))["tags"] == ["key:k", "y"]
    assert "time" not in desired(None, Wish(True, "k", "a"))
