# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health, signing in, organisations of requests, and the shapes of refusals."""

from __future__ import annotations

import re
import time

import pytest

from tests.grafana.servers import Api, name

source = pytest.mark.source
UNAUTHORIZED = {"message", "messageId", "statusCode"}


@source("§2 M pkg/api/http_server.go, OA health_response.go, X11.5")
def test_health_needs_nobody(grafana: Api) -> None:
    answer = grafana.seen_as(login="").get("/api/health")
    assert (answer.status, answer.body["database"]) == (200, "ok")
    assert grafana.seen_as(login="").get("/healthz").body == "Ok"


@source("§1 shape C, server transcripts 9.2 to 13")
def test_nobody_is_unauthorized(grafana: Api) -> None:
    answer = grafana.seen_as(login="").get("/api/org")
    assert (answer.status, answer.code, answer.message) == (401, "auth.unauthorized", "Unauthorized")
    assert set(answer.body) >= UNAUTHORIZED


@source("§1 M pkg/api/http_server.go applyRoutes, X13.2.1")
def test_an_unknown_route_is_404_for_who_is_known_only(grafana: Api) -> None:
    answer = grafana.get("/api/no-such-thing")
    assert (answer.status, answer.message) == (404, "Not found")
    assert grafana.seen_as(login="").get("/api/no-such-thing").status == 401


@source("§1 S:04725f2c clients/api_key.go")
@pytest.mark.parametrize("token", ["glsa_nonsense", "glsa_" + "a" * 32 + "_00000000"])
def test_an_unknown_token_is_invalid(grafana: Api, token: str) -> None:
    answer = grafana.seen_as(token=token).get("/api/org")
    assert (answer.status, answer.code) == (401, "api-key.invalid")


@source("§1 S:04725f2c clients/api_key.go")
def test_a_token_may_come_as_the_password_of_api_key(api: Api, viewer: Api) -> None:
    assert viewer.get("/api/org").body["id"] == api.org
    assert api.seen_as(login="api_key", password=viewer.token, org=0).get("/api/org").body["id"] == api.org


@source("§1 S:04725f2c clients/api_key.go")
def test_a_token_is_of_one_organisation(viewer: Api) -> None:
    answer = viewer.seen_as(org=1).get("/api/org")
    assert (answer.status, answer.code) == (401, "api-key.organization-mismatch")


@source("§1 D authentication.md")
def test_a_header_chooses_the_organisation_of_one_request(grafana: Api, api: Api) -> None:
    before = grafana.get("/api/org").body["id"]
    assert api.get("/api/org").body["id"] == api.org
    assert grafana.get("/api/org").body["id"] == before


@source("§1 CG grafana_datasource.py, X13.2.1")
def test_using_an_organisation_stays(grafana: Api, api: Api) -> None:
    before = grafana.get("/api/org").body["id"]
    answer = grafana.post(f"/api/user/using/{api.org}")
    assert (answer.status, answer.message) == (200, "Active organization changed")
    assert grafana.get("/api/org").body["id"] == api.org
    assert grafana.post(f"/api/user/using/{before}").status == 200


@source("§1 X13.2.1")
def test_objects_of_another_organisation_are_not_there(grafana: Api, api: Api) -> None:
    uid = name()
    assert api.post("/api/folders", {"uid": uid, "title": uid}).status == 200
    assert grafana.seen_as(org=1).get(f"/api/folders/{uid}").status == 404
    assert uid not in [one["uid"] for one in grafana.seen_as(org=1).get("/api/folders").body]


@source("§1 S:1b6639d4 login_attempt.go, password.go")
def test_five_wrong_passwords_lock_the_right_one_out(grafana: Api) -> None:
    login = name()
    number = grafana.post("/api/admin/users", {"login": login, "password": "canary-right"}).body["id"]
    try:
        wrong = grafana.seen_as(login=login, password="canary-wrong")
        for _attempt in range(5):
            answer = wrong.get("/api/user")
            assert (answer.status, answer.code) == (401, "password-auth.failed")
            assert answer.message == "Invalid username or password"
        answer = grafana.seen_as(login=login.upper(), password="canary-right").get("/api/user")
        assert (answer.status, answer.code) == (401, "login-attempt.blocked")
        assert answer.message == "Invalid username or password"
    finally:
        grafana.delete(f"/api/admin/users/{number}")


@source("§1 S:1b6639d4 login_attempt.go")
def test_unknown_tokens_lock_nobody_out(grafana: Api) -> None:
    for _attempt in range(6):
        assert grafana.seen_as(token="glsa_nonsense").get("/api/user").status == 401
    assert grafana.get("/api/user").status == 200


@source("§1 S:04725f2c clients/api_key.go")
def test_a_token_expires(api: Api) -> None:
    account = api.post("/api/serviceaccounts", {"name": name()}).body["id"]
    token = api.post(f"/api/serviceaccounts/{account}/tokens", {"name": name(), "secondsToLive": 1}).body["key"]
    holder, deadline = api.seen_as(token=token), time.monotonic() + 20
    while (answer := holder.get("/api/org")).status == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (answer.status, answer.code, answer.message) == (401, "api-key.expired", "Expired API key")


@source("§1 shape D, S:03b26ef0 accesscontrol/middleware.go, X13.2.1")
def test_a_missing_permission_is_named(editor: Api) -> None:
    answer = editor.post("/api/datasources", {"name": name(), "type": "prometheus", "access": "proxy"})
    assert (answer.status, answer.body["title"]) == (403, "Access denied")
    assert answer.message.endswith("Permissions needed: datasources:create")
    assert re.fullmatch(r"ACE\d{10}", answer.body["accessErrorId"])


@source("§1 shape D, X13.2.1")
def test_a_viewer_may_save_no_dashboard(viewer: Api) -> None:
    answer = viewer.post("/api/dashboards/db", {"dashboard": {"title": name()}})
    assert answer.status == 403


@source("§1 S:2ac2c5db pkg/web/binding.go")
@pytest.mark.parametrize("body", [{}, {"name": "", "type": "", "access": ""}, {"type": "loki"}])
def test_what_is_required_and_missing_is_bad_request_data(api: Api, body: dict[str, str]) -> None:
    answer = api.post("/api/datasources", body)
    assert (answer.status, answer.message) == (400, "bad request data")


@source("§2 D, OA org_details_dto.go")
def test_the_organisation_is_told_to_every_token(api: Api, viewer: Api) -> None:
    assert viewer.get("/api/org").body["id"] == api.org


@source("§2 OA user_profile_dto.go")
def test_a_user_is_told_about_itself(grafana: Api) -> None:
    answer = grafana.get("/api/user")
    assert (answer.status, answer.body["login"], answer.body["isGrafanaAdmin"]) == (200, grafana.login, True)
    assert {"id", "email", "name", "theme", "orgId", "isDisabled", "isExternal", "authLabels"} <= set(answer.body)


@source("§2 CG grafana_dashboard.py")
def test_frontend_settings_hold_the_version(grafana: Api) -> None:
    version = grafana.get("/api/frontend/settings").body["buildInfo"]["version"]
    assert version == grafana.get("/api/health").body["version"]


@source("§1 X13.2.1")
@pytest.mark.since(13)
def test_legacy_api_keys_are_gone(grafana: Api) -> None:
    answer = grafana.get("/api/auth/keys")
    assert (answer.status, answer.message) == (404, "Not found")
