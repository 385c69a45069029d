# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/datasources: shapes, defaults, full replacement, secrets, optimistic locking."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.servers import Answer, Api, name

source = pytest.mark.source
ALONE = {
    "id",
    "uid",
    "orgId",
    "name",
    "type",
    "typeLogoUrl",
    "access",
    "url",
    "user",
    "database",
    "basicAuth",
    "basicAuthUser",
    "withCredentials",
    "isDefault",
    "jsonData",
    "secureJsonFields",
    "version",
    "readOnly",
}


def wish(**more: Any) -> dict[str, Any]:
    """A data source as it is sent."""
    title = name()
    plain = {"name": title, "uid": title, "type": "prometheus", "access": "proxy", "url": "http://127.0.0.1:9090"}
    return {**plain, **more}


def made(api: Api, **more: Any) -> dict[str, Any]:
    """A data source that is there."""
    answer = api.post("/api/datasources", wish(**more))
    assert answer.status == 200, answer
    return dict(answer.body["datasource"])


def put(api: Api, uid: str, body: dict[str, Any]) -> Answer:
    return api.put(f"/api/datasources/uid/{uid}", body)


def get(api: Api, uid: str) -> dict[str, Any]:
    answer = api.get(f"/api/datasources/uid/{uid}")
    assert answer.status == 200, answer
    return dict(answer.body)


@source("§3.2 S:78b76973 service/datasource.go, S:01d820ab dtos/datasource.go")
def test_a_new_one_answers_200_with_itself(api: Api) -> None:
    body = wish(jsonData={"httpMethod": "POST"}, secureJsonData={"basicAuthPassword": "canary"})
    answer = api.post("/api/datasources", body)
    assert (answer.status, answer.message, answer.body["name"]) == (200, "Datasource added", body["name"])
    found = answer.body["datasource"]
    assert set(found) >= ALONE and answer.body["id"] == found["id"]
    assert (found["version"], found["readOnly"], found["jsonData"]) == (1, False, {"httpMethod": "POST"})
    assert found["secureJsonFields"] == {"basicAuthPassword": True}
    assert "canary" not in str(answer.body) + str(get(api, body["uid"]))
    assert "secureJsonData" not in found


@source("§3.1 M convertModelToDtos; sorting by name; checklist 5")
def test_the_list_lacks_what_a_comparison_needs(api: Api) -> None:
    one = made(api)
    listed = api.get("/api/datasources").body
    found = next(item for item in listed if item["uid"] == one["uid"])
    assert not {"version", "secureJsonFields", "basicAuthUser", "withCredentials"} & set(found)
    assert {"typeName", "isDefault", "jsonData", "readOnly"} <= set(found)
    assert [item["name"].lower() for item in listed] == sorted(item["name"].lower() for item in listed)


@source("§3.2 S:78b76973 service/datasource.go AddDataSource")
def test_the_first_of_an_organisation_is_its_default(grafana: Api) -> None:
    fresh = grafana.new_org()
    try:
        first, second = made(fresh, isDefault=False), made(fresh, isDefault=False)
        assert (get(fresh, first["uid"])["isDefault"], get(fresh, second["uid"])["isDefault"]) == (True, False)
    finally:
        grafana.seen_as(org=1).delete(f"/api/orgs/{fresh.org}")


@source("§3.3 store.go updateIsDefaultFlag")
def test_a_new_default_takes_it_from_the_others_and_leaves_their_version(api: Api) -> None:
    first = made(api, isDefault=True)
    second = made(api, isDefault=True)
    found = get(api, first["uid"])
    assert (found["isDefault"], found["version"]) == (False, first["version"])
    assert get(api, second["uid"])["isDefault"]


@source("§3.3 store.go updateIsDefaultFlag")
def test_a_default_may_be_given_up_without_another(api: Api) -> None:
    one = made(api, isDefault=True)
    assert put(api, one["uid"], {**wish(), "name": one["name"], "uid": one["uid"], "isDefault": False}).status == 200
    assert not any(item["isDefault"] for item in api.get("/api/datasources").body)


@source("§3.2 S:78b76973 service/datasource.go")
def test_a_uid_is_made_where_none_is_given(api: Api) -> None:
    body = wish()
    del body["uid"]
    assert len(api.post("/api/datasources", body).body["datasource"]["uid"]) >= 9


@source("§3.2 S:78b76973 service/datasource.go")
def test_a_name_is_made_where_none_is_given(grafana: Api) -> None:
    fresh, body = grafana.new_org(), {"type": "loki", "access": "proxy", "url": "http://127.0.0.1:3100"}
    try:
        names = [fresh.post("/api/datasources", body).body["name"] for _number in range(3)]
        assert names == ["loki", "loki-1", "loki-2"]
    finally:
        grafana.seen_as(org=1).delete(f"/api/orgs/{fresh.org}")


@source("§3.2 errors.go, store.go")
@pytest.mark.parametrize("key", ["name", "uid"])
def test_name_and_uid_are_unique(api: Api, key: str) -> None:
    one = made(api)
    answer = api.post("/api/datasources", wish(**{key: one[key]}))
    assert (answer.status, answer.message) == (409, f"data source with the same {key} already exists")


@source("§3.2 M AddDataSource")
def test_of_two_clashes_the_name_is_told_first(api: Api) -> None:
    one = made(api)
    answer = api.post("/api/datasources", wish(name=one["name"], uid=one["uid"]))
    assert answer.message == "data source with the same name already exists"


@source("§3.2 store.go @01d820ab against @ea500b87")
@pytest.mark.parametrize("uid", ["has blank", "a" * 41])
@pytest.mark.since(13)
def test_a_uid_has_its_letters_and_length(api: Api, uid: str) -> None:
    assert api.post("/api/datasources", wish(uid=uid)).status == 400


@source("§3.2 errors.go id 2970629043")
def test_a_long_name_is_refused(api: Api) -> None:
    answer = api.post("/api/datasources", wish(name="n" * 191))
    assert (answer.status, answer.code) == (400, "datasource.nameInvalid")


@source("§3.3 M, store.go")
def test_a_put_replaces_the_whole(api: Api) -> None:
    one = made(api, user="u", database="d", basicAuth=True, withCredentials=True, jsonData={"timeInterval": "15s"})
    bare = {"name": one["name"], "type": one["type"], "access": "proxy", "url": one["url"]}
    assert put(api, one["uid"], bare).status == 200
    found = get(api, one["uid"])
    assert (found["user"], found["database"], found["basicAuth"], found["withCredentials"]) == ("", "", False, False)
    assert (found["jsonData"], found["uid"]) == ({}, one["uid"])


@source("§3.3 store.go")
def test_a_put_may_rename_the_uid(api: Api) -> None:
    one, uid = made(api), name()
    assert put(api, one["uid"], wish(name=one["name"], uid=uid)).body["datasource"]["uid"] == uid
    assert get(api, uid)["id"] == one["id"]
    assert api.get(f"/api/datasources/uid/{one['uid']}").status == 404


@source("§3.3 store.go [xorm writes non-zero columns]")
def test_an_empty_basic_auth_user_clears_nothing(api: Api) -> None:
    one = made(api, basicAuth=True, basicAuthUser="graf")
    assert put(api, one["uid"], wish(name=one["name"], uid=one["uid"], basicAuthUser="")).status == 200
    assert get(api, one["uid"])["basicAuthUser"] == "graf"


@source("§3.3 S:001e0d76 fillWithSecureJSONData")
def test_secrets_not_named_are_kept_and_an_empty_one_goes(api: Api) -> None:
    one = made(api, secureJsonData={"basicAuthPassword": "a", "tlsCACert": "b"})
    body = wish(name=one["name"], uid=one["uid"])
    assert put(api, one["uid"], body).body["datasource"]["secureJsonFields"] == one["secureJsonFields"]
    answer = put(api, one["uid"], {**body, "secureJsonData": {"tlsCACert": ""}})
    assert answer.body["datasource"]["secureJsonFields"] == {"basicAuthPassword": True}


@source("§3.3 S:01d820ab/ea500b87 store.go UpdateDataSource; checklist 3")
def test_the_version_locks_only_where_it_is_sent(api: Api) -> None:
    one = made(api)
    body = wish(name=one["name"], uid=one["uid"])
    assert put(api, one["uid"], {**body, "version": 1}).body["datasource"]["version"] == 2
    assert put(api, one["uid"], {**body, "version": 2}).body["datasource"]["version"] == 3
    answer = put(api, one["uid"], {**body, "version": 2})
    assert answer.status == 409
    assert answer.message.startswith("Datasource has already been updated by someone else.")
    assert put(api, one["uid"], {**body, "version": 7}).body["datasource"]["version"] == 8
    assert put(api, one["uid"], body).body["datasource"]["version"] == 1


@source("§3.3 M; OA datasources_client.go")
def test_a_put_answers_with_the_new_one(api: Api) -> None:
    one, other = made(api), name()
    answer = put(api, one["uid"], wish(name=other, uid=one["uid"]))
    assert (answer.status, answer.message, answer.body["name"]) == (200, "Datasource updated", other)
    assert answer.body["datasource"]["name"] == other == get(api, one["uid"])["name"]


@source("§3.3 M")
def test_what_is_not_there_is_not_updated(api: Api) -> None:
    answer = put(api, name(), wish())
    assert (answer.status, answer.message) == (404, "Data source not found")


@source("§3.3 M")
def test_a_taken_name_is_a_conflict_of_the_update(api: Api) -> None:
    one, other = made(api), made(api)
    answer = put(api, one["uid"], wish(name=other["name"], uid=one["uid"]))
    assert answer.status == 409
    assert answer.message == "Failed to update datasource: data source with the same name already exists"


@source("§3.3 M: url always on PUT")
def test_an_update_wants_the_url(api: Api) -> None:
    one = made(api)
    answer = put(api, one["uid"], wish(name=one["name"], uid=one["uid"], url=""))
    assert answer.status == 400 and answer.message.startswith("Validation error, invalid URL")


@source("§3.1 M: unknown plugin type is accepted")
def test_a_type_nobody_knows_is_taken(api: Api) -> None:
    assert made(api, type="my-own-datasource")["type"] == "my-own-datasource"


@source("§3.4 M; checklist 16")
@pytest.mark.parametrize("by", ["uid", "name"])
def test_it_is_found_and_deleted_by_uid_and_name(api: Api, by: str) -> None:
    one = made(api)
    assert api.get(f"/api/datasources/{by}/{one[by]}").body["id"] == one["id"]
    answer = api.delete(f"/api/datasources/{by}/{one[by]}")
    assert (answer.status, answer.body["id"], answer.message) == (200, one["id"], "Data source deleted")
    answer = api.get(f"/api/datasources/{by}/{one[by]}")
    assert (answer.status, answer.message) == (404, "Data source not found")


@source("§3 OA; grafana/grafana#119930: numeric ids are off since 13")
def test_numbers_are_no_way_to_one_any_more(api: Api, version: tuple[int, ...]) -> None:
    answer = api.get(f"/api/datasources/{made(api)['id']}")
    assert answer.status == (404 if version >= (13,) else 200)


@source("§3 OA datasources_client.go")
def test_a_name_tells_the_id(api: Api) -> None:
    one = made(api)
    assert api.get(f"/api/datasources/id/{one['name']}").body == {"id": one["id"]}


@source("§3.4 M, X: 400 where the plugin says so, 500 for an unknown uid; checklist 12")
def test_health_is_the_plugins_word(api: Api) -> None:
    answer = api.get(f"/api/datasources/uid/{made(api, url='http://127.0.0.1:9')['uid']}/health")
    assert (answer.status, answer.body["status"]) == (400, "ERROR")
    answer = api.get(f"/api/datasources/uid/{name()}/health")
    assert (answer.status, answer.message) == (500, "Unable to load datasource metadata")


@source("§3.2: uniqueness is per organisation")
def test_another_organisation_may_have_the_same(grafana: Api, api: Api) -> None:
    one, fresh = made(api), grafana.new_org()
    try:
        assert made(fresh, name=one["name"], uid=one["uid"])["orgId"] == fresh.org
    finally:
        grafana.seen_as(org=1).delete(f"/api/orgs/{fresh.org}")


@source("correlations/api.go S:03b26ef0")
def test_correlations_come_and_go(api: Api) -> None:
    one, other = made(api, type="loki"), made(api, type="tempo")
    base = f"/api/datasources/uid/{one['uid']}/correlations"
    config = {"field": "trace_id", "target": {"query": "${__value.raw}"}, "type": "query"}
    answer = api.post(base, {"targetUID": other["uid"], "label": "trace", "type": "query", "config": config})
    assert (answer.status, answer.message) == (200, "Correlation created")
    uid = answer.body["result"]["uid"]
    assert [item["uid"] for item in api.get(base).body] == [uid]
    assert api.patch(f"{base}/{uid}", {"label": "traces"}).body["result"]["label"] == "traces"
    answer = api.delete(f"{base}/{uid}")
    assert (answer.status, answer.message) == (200, "Correlation deleted")
    answer = api.post(f"/api/datasources/uid/{name()}/correlations", {"targetUID": other["uid"], "config": config})
    assert (answer.status, answer.message) == (404, "Data source not found")
