"""/api/datasources/correlations: links from the data of one source to another."""

from __future__ import annotations

import json
import typing as t

from grafana_sim.database import Row, short_uid
from grafana_sim.errors import bad_request, plain
from grafana_sim.routing import Call, route

PATH = "/api/datasources/uid/:uid/correlations"


def _source(call: Call, writing: bool, text: str = "Data source not found") -> str:
    statement = "SELECT read_only FROM data_source WHERE org_id = ? AND uid = ?"
    row = call.database.one(statement, call.org, call.params["uid"])
    if not row:
        raise plain(404, text)
    if writing and row["read_only"]:
        raise plain(403, "Data source is read only")
    return call.params["uid"]


def _shape(row: Row) -> dict[str, t.Any]:
    return {"uid": row["uid"], "sourceUID": row["source_uid"], "orgId": row["org_id"], **json.loads(row["entry"])}


def _row(call: Call) -> Row:
    statement = "SELECT * FROM correlation WHERE org_id = ? AND source_uid = ? AND uid = ?"
    row = call.database.one(statement, call.org, call.params["uid"], call.params["correlation"])
    if not row:
        raise plain(404, "Correlation not found")
    return row


@route("GET", "/api/datasources/correlations", "datasources:read")
def listed(call: Call) -> t.Any:
    rows = call.database.ask("SELECT * FROM correlation WHERE org_id = ? ORDER BY source_uid, uid", call.org)
    shown = [_shape(row) for row in call.paged(rows, "limit", 100)]
    return {"correlations": shown, "totalCount": len(rows), "page": 1, "limit": call.number("limit", 100)}


@route("GET", PATH, "datasources:read")
def of_source(call: Call) -> t.Any:
    source = _source(call, False, "Source data source not found")
    rows = call.database.ask("SELECT * FROM correlation WHERE org_id = ? AND source_uid = ?", call.org, source)
    if not rows:
        raise plain(404, "No correlation found")
    return [_shape(row) for row in rows]


@route("POST", PATH, "datasources:write")
def add(call: Call) -> t.Any:
    given = call.body()
    if not isinstance(given.get("config"), dict):
        raise bad_request()
    source, target = _source(call, True), given.get("targetUID")
    if target and not call.database.one("SELECT 1 FROM data_source WHERE org_id = ? AND uid = ?", call.org, target):
        raise plain(404, "Data source not found")
    kept = {key: given.get(key) or "" for key in ("targetUID", "label", "description")}
    entry = {**kept, "config": given["config"], "type": given.get("type") or "query", "provisioned": False}
    uid = short_uid()
    call.database.insert("correlation", uid=uid, org_id=call.org, source_uid=source, entry=entry)
    call.params["correlation"] = uid
    return {"result": _shape(_row(call)), "message": "Correlation created"}


@route("GET", PATH + "/:correlation", "datasources:read")
def shown(call: Call) -> t.Any:
    _source(call, False, "Source data source not found")
    return _shape(_row(call))


@route("PATCH", PATH + "/:correlation", "datasources:write")
def change(call: Call) -> t.Any:
    _source(call, True)
    row, given = _row(call), call.body()
    changes = {key: given[key] for key in ("label", "description", "type") if given.get(key) is not None}
    entry = json.loads(row["entry"])
    if given.get("config"):
        changes["config"] = {**entry["config"], **given["config"]}
    if not changes:
        raise plain(400, "At least one of label, description or config is required")
    statement = "UPDATE correlation SET entry = ? WHERE org_id = ? AND uid = ?"
    call.database.ask(statement, json.dumps({**entry, **changes}), call.org, row["uid"])
    return {"message": "Correlation updated", "result": _shape(_row(call))}


@route("DELETE", PATH + "/:correlation", "datasources:write")
def remove(call: Call) -> t.Any:
    _source(call, True)
    call.database.ask("DELETE FROM correlation WHERE org_id = ? AND uid = ?", call.org, _row(call)["uid"])
    return {"message": "Correlation deleted"}
