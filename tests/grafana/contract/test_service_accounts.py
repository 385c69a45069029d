# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/serviceaccounts and their tokens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.servers import Api, name

source = pytest.mark.source
BASE = "/api/serviceaccounts"
M = "M serviceaccounts/api/api.go, serviceaccounts/models.go id 730238218"


def made(api: Api, **more: Any) -> dict[str, Any]:
    """A service account that is there."""
    answer = api.post(BASE, {"name": name(), **more})
    assert answer.status == 201, answer
    return dict(answer.body)


@source(M)
def test_a_new_one_answers_201_with_itself(api: Api) -> None:
    title = f"Deploy Bot {name()}"
    found = made(api, name=title, role="Editor", isDisabled=True)
    assert (found["name"], found["role"], found["isDisabled"], found["tokens"]) == (title, "Editor", True, 0)
    assert {"id", "login", "orgId", "avatarUrl"} <= set(found) and found["orgId"] == api.org
    assert made(api)["role"] == "Viewer"


@source("M serviceaccounts/database/store.go generateLogin")
def test_its_login_is_of_organisation_and_name(api: Api) -> None:
    title = name()
    assert made(api, name=f"My {title}")["login"] == f"sa-{api.org}-my-{title}"


@source(M, "grafana/grafana#84269")
def test_a_name_is_there_once(api: Api) -> None:
    title = made(api)["name"]
    answer = api.post(BASE, {"name": title})
    assert (answer.status, answer.code) == (400, "serviceaccounts.ErrAlreadyExists")


@source(M)
@pytest.mark.parametrize(
    ("body", "code"), [({"name": "x", "role": "Owner"}, "serviceaccounts.ErrInvalidRoleSpecified"), ({}, "")]
)
def test_bad_ones_are_refused(api: Api, body: dict[str, str], code: str) -> None:
    answer = api.post(BASE, body)
    assert (answer.status, answer.code) == (400, code)


@source(M)
def test_it_is_read_searched_changed_and_deleted(api: Api) -> None:
    one, other = made(api), name()
    path = f"{BASE}/{one['id']}"
    assert api.get(path).body["login"] == one["login"]
    found = api.get(f"{BASE}/search?query={one['name']}").body
    assert (found["totalCount"], [item["id"] for item in found["serviceAccounts"]]) == (1, [one["id"]])
    answer = api.patch(path, {"name": other, "role": "Admin", "isDisabled": True})
    assert (answer.status, answer.message) == (200, "Service account updated")
    whole = answer.body["serviceaccount"]
    assert (whole["name"], whole["role"], whole["isDisabled"]) == (other, "Admin", True)
    assert api.patch(path, {"isDisabled": False}).body["serviceaccount"]["role"] == "Admin"
    answer = api.delete(path)
    assert (answer.status, answer.message) == (200, "Service account deleted")
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, "serviceaccounts.ErrNotFound")


@source(M)
def test_none_but_administrators(editor: Api) -> None:
    answer = editor.post(BASE, {"name": name()})
    assert answer.status == 403 and "serviceaccounts:create" in answer.message


@source("M serviceaccounts/api/token.go S:32f7d9a0, OA token_dto.go; §1 glsa_")
def test_a_token_is_told_once(api: Api) -> None:
    base = f"{BASE}/{made(api)['id']}"
    answer = api.post(f"{base}/tokens", {"name": name(), "secondsToLive": 3600})
    assert answer.status == 200 and answer.body["key"].startswith("glsa_")
    assert set(answer.body) == {"id", "name", "key"}
    (found,) = api.get(f"{base}/tokens").body
    assert answer.body["key"] not in str(found)
    assert (found["id"], found["hasExpired"], found["isRevoked"] or False) == (answer.body["id"], False, False)
    assert 3000 < found["secondsUntilExpiration"] <= 3600 and found["expiration"]
    assert api.get(base).body["tokens"] == 1
    assert api.seen_as(token=answer.body["key"]).get("/api/org").status == 200


@source("M serviceaccounts/api/token.go: no expiry where none is asked")
def test_a_token_may_stay(api: Api) -> None:
    base = f"{BASE}/{made(api)['id']}/tokens"
    assert api.post(base, {"name": name()}).status == 200
    (found,) = api.get(base).body
    assert (found["expiration"], found["secondsUntilExpiration"]) == (None, 0)


@source("models.go id 730238218; transcripts: unique in the organisation")
def test_token_names_are_unique_in_the_organisation(api: Api) -> None:
    title = name()
    assert api.post(f"{BASE}/{made(api)['id']}/tokens", {"name": title}).status == 200
    answer = api.post(f"{BASE}/{made(api)['id']}/tokens", {"name": title})
    assert (answer.status, answer.code) == (400, "serviceaccounts.ErrTokenAlreadyExists")


@source("M serviceaccounts/api/token.go S:32f7d9a0")
def test_a_deleted_token_lets_in_nobody(api: Api) -> None:
    base = f"{BASE}/{made(api)['id']}/tokens"
    token = api.post(base, {"name": name()}).body
    answer = api.delete(f"{base}/{token['id']}")
    assert (answer.status, answer.message) == (200, "Service account token deleted")
    assert api.seen_as(token=token["key"]).get("/api/org").code == "api-key.invalid"
    assert api.delete(f"{base}/{token['id']}").status == 404


@source("M serviceaccounts/database/store.go: api_key rows go with it")
def test_tokens_go_with_their_account(api: Api) -> None:
    account, title = made(api)["id"], name()
    token = api.post(f"{BASE}/{account}/tokens", {"name": title}).body["key"]
    assert api.delete(f"{BASE}/{account}").status == 200
    assert api.seen_as(token=token).get("/api/org").status == 401
    assert api.post(f"{BASE}/{made(api)['id']}/tokens", {"name": title}).status == 200
