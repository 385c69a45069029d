# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_datasources, which is _grafana_api_datasources over _grafana_api_datasource."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.modules import grafana_datasources

LIST = "GET /api/datasources"
POST = "POST /api/datasources"


def stored(name: str, **more: t.Any) -> dict[str, t.Any]:
    """A data source as Grafana tells it."""
    uid = name.lower()
    base = {"uid": uid, "name": name, "type": "loki", "access": "proxy", "url": "http://" + uid, "version": 3}
    return {**base, "jsonData": {}, "isDefault": False, "secureJsonFields": {}, **more}


def wish(name: str, **more: t.Any) -> dict[str, t.Any]:
    """The same as it is wanted."""
    return {"name": name, "uid": name.lower(), "ds_type": "loki", "ds_url": "http://" + name.lower(), **more}


def test_each_is_brought_and_told_in_its_list(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources/uid/a", stored("A"))
    grafana.on("GET /api/datasources/uid/b", stored("B", version=7))
    grafana.on("GET /api/datasources/uid/c", stored("C"))
    grafana.on("PUT /api/datasources/uid/b", {"datasource": stored("B", version=8)})
    grafana.on("DELETE /api/datasources/uid/c", {"message": "Data source deleted"})
    grafana.on(LIST, [])
    grafana.on(POST, {"datasource": stored("D")})
    wanted = [wish("A"), wish("B", json_data={"maxLines": "9"}), wish("C", state="absent"), wish("D")]
    done = ask(grafana_datasources, datasources=wanted)
    lists = {key: done[key] for key in ("created", "updated", "deleted", "unchanged")}
    assert lists == {"created": ["d"], "updated": ["b"], "deleted": ["c"], "unchanged": ["a"]}
    assert [one["name"] for one in done["datasources"]] == ["A", "B", "D"]
    assert done["diff"]["after"]["b"] == {"jsonData.maxLines": "9"} and "b" not in done["diff"]["before"]
    assert dict(grafana.written)["PUT /api/datasources/uid/b"]["version"] == 7


def test_check_mode_writes_nothing(ask: t.Any, grafana: t.Any) -> None:
    grafana.on(LIST, [])
    done = ask(grafana_datasources, datasources=[wish("A"), wish("B")], check_mode=True)
    assert done["created"] == ["a", "b"] and done["changed"] and not grafana.written


def test_names_are_looked_up_in_one_list(ask: t.Any, grafana: t.Any) -> None:
    names = ["A", "B", "C"]
    grafana.on(LIST, [stored(name) for name in names])
    for name in names:
        grafana.on("GET /api/datasources/uid/" + name.lower(), stored(name))
    done = ask(grafana_datasources, datasources=[{"name": name, "ds_type": "loki"} for name in names])
    assert done["unchanged"] == ["a", "b", "c"]
    assert len([request for request, _body in grafana.asked if request == LIST]) == 1


def test_one_that_somebody_else_makes_meanwhile_is_looked_up_again(ask: t.Any, grafana: t.Any) -> None:
    grafana.on(LIST, [], [stored("B", uid="theirs")])
    grafana.on(POST, {"datasource": stored("A")}, (409, {"message": "data source with the same name already exists"}))
    grafana.on("GET /api/datasources/uid/theirs", stored("B", uid="theirs"))
    done = ask(grafana_datasources, datasources=[{"name": name, "ds_type": "loki"} for name in ("A", "B")])
    assert (done["failed"], done["created"], done["unchanged"]) == (False, ["a"], ["theirs"])


def test_the_default_one_comes_last_and_is_told_in_its_place(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources/uid/a", stored("A"))
    grafana.on("GET /api/datasources/uid/b", stored("B", isDefault=True))
    for name in ("A", "B"):
        grafana.on("PUT /api/datasources/uid/" + name.lower(), {"datasource": stored(name)})
    done = ask(grafana_datasources, datasources=[wish("A", is_default=True), wish("B", is_default=False)])
    assert [request for request, _body in grafana.written] == ["PUT /api/datasources/uid/" + uid for uid in ("b", "a")]
    assert [one["name"] for one in done["datasources"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (wish("A", uid="other"), "two have the name 'A'"),
        (wish("B", uid="a"), "two have the uid 'a'"),
        (wish("B", is_default=True), "'A' and 'B' are both the default"),
        (wish("B", uid="x" * 41), "it has 41 characters"),
        ({"uid": "b"}, "state is present but all of the following are missing: name"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    ask: t.Any, grafana: t.Any, second: dict[str, t.Any], said: str
) -> None:
    result = ask(grafana_datasources, datasources=[wish("A", is_default=True), second])
    assert result["failed"] and said in result["msg"] and not grafana.asked


def test_one_that_is_refused_leaves_the_others_done(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources/uid/a", stored("A", readOnly=True))
    grafana.on(LIST, [])
    grafana.on(POST, {"datasource": stored("B")})
    result = ask(grafana_datasources, datasources=[wish("A", ds_url="http://other"), wish("B")])
    assert result["failed"] and result["created"] == ["b"] and result["changed"]
    assert [(one["uid"], one["source"]) for one in result["refused"]] == [("a", "A")]
    assert result["msg"].startswith("Could not sync 1 of 2 data sources at http://grafana:3000: A: Could not update")


def test_wrong_token_ends_it_at_once(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources/uid/a", (401, {"message": "Invalid API key", "messageId": "api-key.invalid"}))
    result = ask(grafana_datasources, datasources=[wish("A"), wish("B")])
    assert "HTTP 401 Invalid API key" in result["msg"] and "0 of 2 data sources were looked at" in result["msg"]
    assert len(grafana.asked) == 1


def test_secrets_are_sent_and_never_told(ask: t.Any, grafana: t.Any) -> None:
    grafana.on(LIST, [])
    grafana.on(POST, {"datasource": stored("A", secureJsonFields={"token": True})})
    wanted = [wish("A", secure_json_data={"token": "canary-1"})]
    done = ask(grafana_datasources, datasources=wanted, fingerprint_key="canary-key")
    ((_request, body),) = grafana.written
    assert body["secureJsonData"] == {"token": "canary-1"} and body["jsonData"]["obsStackFingerprints"]
    told = json.dumps({key: done[key] for key in ("diff", "datasources")})
    assert "canary" not in told and "obsStackFingerprints" not in told
