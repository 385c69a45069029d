# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/provisioning: what alerting can be given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.contract.test_folders import made as folder
from tests.grafana.servers import Api, name

source = pytest.mark.source
BASE = "/api/v1/provisioning"
HOOK = {"url": "http://127.0.0.1:9/hook", "password": "canary", "username": "u"}


def point(api: Api, **more: Any) -> dict[str, Any]:
    """A contact point that is there."""
    uid = name()
    answer = api.post(f"{BASE}/contact-points", {"uid": uid, "name": uid, "type": "webhook", "settings": HOOK, **more})
    assert answer.status == 202, answer
    return dict(answer.body)


@source("§7 OA, TF resource_alerting_contact_point.go; CG grafana_contact_point.py; checklist 16")
def test_a_contact_point_comes_and_goes_with_its_secret_hidden(api: Api) -> None:
    one = point(api)
    (found,) = api.get(f"{BASE}/contact-points?name={one['name']}").body
    assert (found["settings"]["password"], found["settings"]["username"]) == ("[REDACTED]", "u")
    assert (found["uid"], found["type"], found["provenance"]) == (one["uid"], "webhook", "api")
    body = {**found, "settings": {**HOOK, "username": "v"}}
    assert api.put(f"{BASE}/contact-points/{one['uid']}", body).status == 202
    (found,) = api.get(f"{BASE}/contact-points?name={one['name']}").body
    assert found["settings"]["username"] == "v"
    assert api.delete(f"{BASE}/contact-points/{one['uid']}").status in (202, 204)
    assert api.get(f"{BASE}/contact-points?name={one['name']}").body == []


@source("§7: one entry per receiver, several may share a name")
def test_contact_points_may_share_a_name(api: Api) -> None:
    one = point(api)
    other = point(api, name=one["name"])
    found = api.get(f"{BASE}/contact-points?name={one['name']}").body
    assert {item["uid"] for item in found} == {one["uid"], other["uid"]}


@source("§7: X-Disable-Provenance")
def test_a_header_leaves_it_to_the_interface(api: Api) -> None:
    uid = name()
    body = {"uid": uid, "name": uid, "type": "webhook", "settings": HOOK}
    assert api.post(f"{BASE}/contact-points", body, X_Disable_Provenance="true").status == 202
    assert not api.get(f"{BASE}/contact-points?name={uid}").body[0].get("provenance")


@source("§7: the whole tree, DELETE resets")
def test_policies_are_one_tree(api: Api) -> None:
    one = point(api)["name"]
    tree = {"receiver": one, "group_by": ["alertname"], "group_wait": "30s"}
    child = {"receiver": one, "object_matchers": [["severity", "=", "critical"]], "continue": True}
    assert api.put(f"{BASE}/policies", {**tree, "routes": [child]}).status == 202
    found = api.get(f"{BASE}/policies").body
    assert (found["receiver"], found["group_wait"]) == (one, "30s")
    assert found["routes"][0]["object_matchers"] == [["severity", "=", "critical"]]
    assert api.put(f"{BASE}/policies", {**tree, "receiver": name()}).status == 400
    assert api.delete(f"{BASE}/policies").status == 202
    assert api.get(f"{BASE}/policies").body["receiver"] != one


@source("§7: POST 201, PUT 202, DELETE 204")
def test_a_mute_timing_comes_and_goes(api: Api) -> None:
    title = name()
    night = {"name": title, "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "23:59"}]}]}
    assert api.post(f"{BASE}/mute-timings", night).status == 201
    found = api.get(f"{BASE}/mute-timings/{title}").body
    assert found["time_intervals"][0]["times"] == night["time_intervals"][0]["times"]  # type: ignore[index]
    week = {"name": title, "time_intervals": [{"weekdays": ["saturday", "sunday"]}]}
    assert api.put(f"{BASE}/mute-timings/{title}", week).status == 202
    assert title in [one["name"] for one in api.get(f"{BASE}/mute-timings").body]
    assert api.delete(f"{BASE}/mute-timings/{title}").status == 204
    assert api.get(f"{BASE}/mute-timings/{title}").status == 404


@source("§7: upsert by PUT, 202; DELETE 204")
def test_a_template_comes_and_goes(api: Api) -> None:
    title = name()
    text = f'{{{{ define "{title}" }}}}told{{{{ end }}}}'
    answer = api.put(f"{BASE}/templates/{title}", {"template": text})
    assert answer.status == 202
    assert "told" in api.get(f"{BASE}/templates/{title}").body["template"]
    assert api.delete(f"{BASE}/templates/{title}").status == 204


@source("§7 X13.2.1; §5 M: alert rules and folders")
def test_a_rule_wants_a_folder_and_keeps_it(api: Api) -> None:
    inside = folder(api)["uid"]
    query = {"refId": "A", "datasourceUid": "__expr__", "model": {"refId": "A", "type": "math", "expression": "1"}}
    data = [{**query, "relativeTimeRange": {"from": 600, "to": 0}}]
    state = {"noDataState": "NoData", "execErrState": "Error", "for": "1m", "condition": "A", "data": data}
    rule = {"title": name(), "ruleGroup": "g", "orgID": api.org, **state}
    answer = api.post(f"{BASE}/alert-rules", rule)
    assert answer.status == 400 and "folderUID must be set" in answer.message
    answer = api.post(f"{BASE}/alert-rules", {**rule, "folderUID": inside})
    assert answer.status == 201
    refused = api.delete(f"/api/folders/{inside}?forceDeleteRules=false")
    assert (refused.status, refused.code) == (400, "folder.not-empty")
    assert api.delete(f"{BASE}/alert-rules/{answer.body['uid']}").status == 204
    assert api.delete(f"/api/folders/{inside}").status == 200
