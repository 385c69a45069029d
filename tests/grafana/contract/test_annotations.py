# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/annotations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.grafana.contract.test_dashboards import made as dashboard
from tests.grafana.servers import Api, name

source = pytest.mark.source
BASE = "/api/annotations"


def made(api: Api, **more: Any) -> int:
    """Number of an annotation that is there."""
    answer = api.post(BASE, {"text": "deploy", **more})
    assert (answer.status, answer.message) == (200, "Annotation added")
    return int(answer.body["id"])


def found(api: Api, query: str) -> list[dict[str, Any]]:
    return list(api.get(f"{BASE}?{query}").body)


@source("§8 D api-legacy/annotations.md, OA post_annotations_cmd.go; checklist 18")
def test_every_post_makes_one(api: Api) -> None:
    tag = name()
    body = {"tags": [tag], "time": 1790000000000, "timeEnd": 1790000060000}
    first, second = made(api, **body), made(api, **body)
    assert first != second
    assert {one["id"] for one in found(api, f"tags={tag}")} == {first, second}


@source("§8 OA annotation.go")
def test_one_is_shown_with_its_times_and_tags(api: Api) -> None:
    tag = name()
    number = made(api, text="deploy 1.4.2", tags=["deploy", tag], time=1790000000000, timeEnd=1790000060000)
    (one,) = found(api, f"tags={tag}")
    assert (one["id"], one["text"], one["time"], one["timeEnd"]) == (
        number,
        "deploy 1.4.2",
        1790000000000,
        1790000060000,
    )
    assert sorted(one["tags"]) == sorted(["deploy", tag])
    assert {"panelId", "userId", "newState", "prevState", "created", "updated", "login", "email"} <= set(one)


@source("§8: tags AND, matchAny OR")
def test_tags_have_to_fit_all_or_any(api: Api) -> None:
    first, second = name(), name()
    both, only = made(api, tags=[first, second]), made(api, tags=[first])
    assert [one["id"] for one in found(api, f"tags={first}&tags={second}")] == [both]
    assert {one["id"] for one in found(api, f"tags={first}&tags={second}&matchAny=true")} == {both, only}


@source("§8 OA: from, to, limit, dashboardUID")
def test_time_and_dashboard_choose(api: Api) -> None:
    tag, board = name(), dashboard(api)["uid"]
    early = made(api, tags=[tag], time=1700000000000)
    late = made(api, tags=[tag], time=1790000000000, dashboardUID=board, panelId=2)
    assert [one["id"] for one in found(api, f"tags={tag}&from=1699999999000&to=1700000001000")] == [early]
    assert [one["id"] for one in found(api, f"dashboardUID={board}")] == [late]
    assert len(found(api, f"tags={tag}&limit=1")) == 1


@source("§8: codes 400 (empty text)")
def test_an_empty_text_is_refused(api: Api) -> None:
    assert api.post(BASE, {"text": ""}).status == 400


@source("§8 D: PUT replaces, PATCH changes, DELETE")
def test_changing_and_deleting(api: Api) -> None:
    tag, other = name(), name()
    number = made(api, tags=[tag], time=1790000000000)
    answer = api.patch(f"{BASE}/{number}", {"text": "patched"})
    assert (answer.status, answer.message) == (200, "Annotation patched")
    (one,) = found(api, f"tags={tag}")
    assert (one["text"], one["time"]) == ("patched", 1790000000000)
    answer = api.put(f"{BASE}/{number}", {"text": "put", "tags": [other], "time": 1790000000000})
    assert (answer.status, answer.message) == (200, "Annotation updated")
    assert found(api, f"tags={tag}") == [] and [one["text"] for one in found(api, f"tags={other}")] == ["put"]
    answer = api.delete(f"{BASE}/{number}")
    assert (answer.status, answer.message) == (200, "Annotation deleted")
    assert found(api, f"tags={other}") == []


@source("§8 D: graphite, when in seconds")
def test_graphites_form(api: Api) -> None:
    tag = name()
    answer = api.post(f"{BASE}/graphite", {"what": "deploy", "tags": [tag], "when": 1790000000, "data": "more"})
    assert (answer.status, answer.message) == (200, "Graphite annotation added")
    assert [one["time"] for one in found(api, f"tags={tag}")] == [1790000000000]


@source("§8: codes 401, 403")
def test_a_viewer_may_read_only(api: Api, viewer: Api) -> None:
    assert viewer.get(BASE).status == 200
    assert viewer.post(BASE, {"text": "deploy"}).status == 403
