"""/api/annotations."""

from __future__ import annotations

import json
import time
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.errors import bad_request, denied, plain
from grafana_sim.routing import Call, route

from .users import avatar


def _now() -> int:
    return int(time.time() * 1000)


def _row(call: Call) -> Row:
    number = call.integer("id", plain(400, "annotationId is invalid"))
    row = call.database.one("SELECT * FROM annotation WHERE org_id = ? AND id = ?", call.org, number)
    if not row:
        raise plain(404, "Annotation not found")
    return row


def _shape(call: Call, row: Row) -> dict[str, t.Any]:
    author = call.database.one("SELECT * FROM user WHERE id = ?", row["user_id"]) or {}
    board = store.get(call.database, call.org, row["dashboard_uid"]) if row["dashboard_uid"] else None
    email = author.get("email") or ""
    return {
        "id": row["id"],
        "alertId": 0,
        "alertName": "",
        "dashboardId": board["id"] if board else 0,
        "dashboardUID": row["dashboard_uid"] or None,
        "panelId": row["panel_id"] or 0,
        "userId": row["user_id"],
        "userName": "",
        "newState": "",
        "prevState": "",
        "created": row["created"],
        "updated": row["updated"],
        "time": row["epoch"],
        "timeEnd": row["epoch_end"],
        "text": row["text"],
        "tags": json.loads(row["tags"]),
        "login": author.get("login", ""),
        "email": email,
        "avatarUrl": avatar(email or author.get("login", "")),
        "data": json.loads(row["data"]),
    }


def _tags(given: dict[str, t.Any]) -> list[str]:
    tags = given.get("tags") or []
    if not isinstance(tags, list):
        raise bad_request()
    return [str(tag) for tag in tags]


def _wanted(call: Call, row: Row) -> bool:
    query = call.query
    tags, own = {tag for tag in query.get("tags", []) if tag}, set(json.loads(row["tags"]))
    if tags and not (tags & own if call.first("matchAny") == "true" else tags <= own):
        return False
    if call.first("dashboardUID") and row["dashboard_uid"] != call.first("dashboardUID"):
        return False
    if call.first("panelId") and str(row["panel_id"]) != call.first("panelId"):
        return False
    if call.number("alertId", 0) or call.first("alertUID") or call.first("type") == "alert":
        return False
    since, until = call.number("from", 0), call.number("to", 0)
    return not (since and until) or (row["epoch"] <= until and row["epoch_end"] >= since)


@route("GET", "/api/annotations", "annotations:read")
def listed(call: Call) -> t.Any:
    statement = "SELECT * FROM annotation WHERE org_id = ? ORDER BY epoch_end DESC, epoch DESC, id DESC"
    rows = [row for row in call.database.ask(statement, call.org) if _wanted(call, row)]
    return [_shape(call, row) for row in call.paged(rows, "limit", 100)]


@route("POST", "/api/annotations", "annotations:create")
def add(call: Call) -> t.Any:
    given = call.body()
    if not given.get("text"):
        raise plain(400, "Failed to save annotation", error="text field should not be empty")
    board = str(given.get("dashboardUID") or "")
    if board:
        row = store.get(call.database, call.org, board, is_folder=False)
        if not row:
            raise plain(404, "Dashboard not found")
        if access.level(call, row["folder_uid"], row) < access.EDIT:
            raise denied("annotations:create")
    elif not call.who.includes("Editor"):
        raise denied("annotations:create")
    begin = int(given.get("time") or _now())
    number = call.database.insert(
        "annotation",
        org_id=call.org,
        dashboard_uid=board,
        panel_id=int(given.get("panelId") or 0),
        user_id=call.who.number,
        text=given["text"],
        tags=_tags(given),
        epoch=begin,
        epoch_end=int(given.get("timeEnd") or begin),
        data=given.get("data") or {},
        created=_now(),
        updated=_now(),
    )
    return {"message": "Annotation added", "id": number}


@route("POST", "/api/annotations/graphite", "annotations:create")
def add_graphite(call: Call) -> t.Any:
    given = call.body()
    if not given.get("what"):
        raise plain(400, "Failed to save Graphite annotation")
    tags = given.get("tags") or []
    begin = int(given.get("when") or time.time()) * 1000
    what, data = str(given["what"]), str(given.get("data") or "")
    number = call.database.insert(
        "annotation",
        org_id=call.org,
        dashboard_uid="",
        panel_id=0,
        user_id=call.who.number,
        text=f"{what}\n{data}" if data else what,
        tags=tags.split() if isinstance(tags, str) else tags,
        epoch=begin,
        epoch_end=begin,
        data={},
        created=_now(),
        updated=_now(),
    )
    return {"message": "Graphite annotation added", "id": number}


@route("GET", "/api/annotations/tags", "annotations:read")
def tags(call: Call) -> t.Any:
    counts: dict[str, int] = {}
    for row in call.database.ask("SELECT tags FROM annotation WHERE org_id = ?", call.org):
        for tag in json.loads(row["tags"]):
            counts[tag] = counts.get(tag, 0) + 1
    text = call.first("tag").lower()
    found = [{"tag": tag, "count": count} for tag, count in sorted(counts.items()) if text in tag.lower()]
    return {"result": {"tags": found[: call.number("limit", 100)]}}


@route("GET", "/api/annotations/:id", "annotations:read")
def shown(call: Call) -> t.Any:
    return _shape(call, _row(call))


@route("PUT", "/api/annotations/:id", "annotations:write")
def replace(call: Call) -> t.Any:
    row, given = _row(call), call.body()
    begin = int(given.get("time") or row["epoch"])
    call.database.update(
        "annotation",
        row["id"],
        text=str(given.get("text") or ""),
        tags=_tags(given),
        epoch=begin,
        epoch_end=int(given.get("timeEnd") or begin),
        data=given.get("data") or json.loads(row["data"]),
        updated=_now(),
    )
    return {"message": "Annotation updated"}


@route("PATCH", "/api/annotations/:id", "annotations:write")
def patch(call: Call) -> t.Any:
    row, given = _row(call), call.body()
    changes: dict[str, t.Any] = {"updated": _now()}
    if given.get("text"):
        changes["text"] = given["text"]
    if given.get("tags") is not None:
        changes["tags"] = _tags(given)
    for key, column in (("time", "epoch"), ("timeEnd", "epoch_end")):
        if given.get(key):
            changes[column] = int(given[key])
    call.database.update("annotation", row["id"], **changes)
    return {"message": "Annotation patched"}


@route("DELETE", "/api/annotations/:id", "annotations:delete")
def remove(call: Call) -> t.Any:
    call.database.ask("DELETE FROM annotation WHERE id = ?", _row(call)["id"])
    return {"message": "Annotation deleted"}
