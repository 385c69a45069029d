"""/api/v1/provisioning: policies, mute timings, templates, rules."""

from __future__ import annotations

import hashlib
import json
import typing as t

from grafana_sim import store
from grafana_sim.database import Row, now, short_uid
from grafana_sim.errors import bad_request, plain
from grafana_sim.routing import Call, route

from . import contact_points
from .contact_points import provenance, receivers

BASE = "/api/v1/provisioning"
READ = ("alert.provisioning:read", "alert.rules:read")
WRITE = ("alert.provisioning:write", "alert.rules:write")
DEFAULT = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}


def _rows(call: Call, kind: str) -> list[Row]:
    return call.database.ask("SELECT * FROM alert_object WHERE org_id = ? AND kind = ? ORDER BY uid", call.org, kind)


def _row(call: Call, kind: str, uid: str) -> Row | None:
    return next((row for row in _rows(call, kind) if row["uid"] == uid), None)


def _put(call: Call, kind: str, uid: str, entry: dict[str, t.Any]) -> None:
    row, owner = _row(call, kind, uid), provenance(call)
    if row:
        call.database.update("alert_object", row["id"], entry=entry, provenance=owner)
    else:
        call.database.insert("alert_object", org_id=call.org, kind=kind, uid=uid, entry=entry, provenance=owner)


def _drop(call: Call, kind: str, uid: str) -> None:
    call.database.ask("DELETE FROM alert_object WHERE org_id = ? AND kind = ? AND uid = ?", call.org, kind, uid)


def _shape(row: Row) -> dict[str, t.Any]:
    entry = dict(json.loads(row["entry"]))
    return {**entry, "provenance": row["provenance"]} if row["provenance"] else entry


# -- policies -------------------------------------------------------------------------------------------------------


@route("GET", BASE + "/policies", *READ)
def policies(call: Call) -> t.Any:
    row = _row(call, "policies", "")
    return _shape(row) if row else DEFAULT


@route("PUT", BASE + "/policies", *WRITE)
def set_policies(call: Call) -> t.Any:
    given = call.body()
    given.pop("provenance", None)
    known = {json.loads(row["entry"])["name"] for row in contact_points.rows(call)}
    unknown = sorted(receivers(given) - known)
    if not given.get("receiver") or unknown:
        why = f"receiver '{unknown[0]}' does not exist" if unknown else "root route must specify a default receiver"
        raise plain(400, f"invalid object specification: {why}", traceID="")
    _put(call, "policies", "", given)
    return 202, {"message": "policies updated"}


@route("DELETE", BASE + "/policies", *WRITE)
def reset_policies(call: Call) -> t.Any:
    _drop(call, "policies", "")
    return 202, DEFAULT


# -- mute timings ---------------------------------------------------------------------------------------------------


@route("GET", BASE + "/mute-timings", *READ)
def mute_timings(call: Call) -> t.Any:
    return [_shape(row) for row in _rows(call, "mute timing")]


@route("GET", BASE + "/mute-timings/:name", *READ)
def mute_timing(call: Call) -> t.Any:
    row = _row(call, "mute timing", call.params["name"])
    if not row:
        raise plain(404, "mute timing not found", traceID="")
    return _shape(row)


def _timing(call: Call) -> dict[str, t.Any]:
    given = call.body()
    name = call.params.get("name") or given.get("name")
    if not name or not isinstance(given.get("time_intervals"), list):
        raise bad_request()
    return {"name": name, "time_intervals": given["time_intervals"]}


@route("POST", BASE + "/mute-timings", *WRITE)
def add_mute_timing(call: Call) -> t.Any:
    entry = _timing(call)
    if _row(call, "mute timing", entry["name"]):
        raise plain(400, "time interval already exists", traceID="")
    _put(call, "mute timing", entry["name"], entry)
    return 201, entry


@route("PUT", BASE + "/mute-timings/:name", *WRITE)
def change_mute_timing(call: Call) -> t.Any:
    mute_timing(call)
    entry = _timing(call)
    _put(call, "mute timing", entry["name"], entry)
    return 202, entry


@route("DELETE", BASE + "/mute-timings/:name", *WRITE)
def remove_mute_timing(call: Call) -> t.Any:
    _drop(call, "mute timing", call.params["name"])
    return 204, None


# -- templates ------------------------------------------------------------------------------------------------------


def _etag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@route("GET", BASE + "/templates", *READ)
def templates(call: Call) -> t.Any:
    return [_shape(row) for row in _rows(call, "template")]


@route("GET", BASE + "/templates/:name", *READ)
def template(call: Call) -> t.Any:
    row = _row(call, "template", call.params["name"])
    if not row:
        raise plain(404, "template not found", traceID="")
    return _shape(row)


@route("PUT", BASE + "/templates/:name", *WRITE)
def set_template(call: Call) -> t.Any:
    given, name = call.body("template"), call.params["name"]
    row = _row(call, "template", name)
    if given.get("version") and row and json.loads(row["entry"])["version"] != given["version"]:
        raise plain(409, "the template has been changed by someone else", traceID="")
    entry = {"name": name, "template": given["template"], "version": _etag(given["template"])}
    _put(call, "template", name, entry)
    return 202, entry


@route("DELETE", BASE + "/templates/:name", *WRITE)
def remove_template(call: Call) -> t.Any:
    _drop(call, "template", call.params["name"])
    return 204, None


# -- rules ----------------------------------------------------------------------------------------------------------


def _rule(call: Call, uid: str) -> dict[str, t.Any]:
    given = call.body()
    if not given.get("folderUID"):
        raise plain(400, "invalid alert rule: folderUID must be set", traceID="")
    for key in ("title", "ruleGroup", "condition"):
        if not given.get(key):
            raise plain(400, f"invalid alert rule: {key} must be set", traceID="")
    store.folder(call.database, call.org, given["folderUID"])
    return {**given, "uid": uid, "orgID": call.org, "updated": now(), "id": given.get("id") or 0}


@route("GET", BASE + "/alert-rules", *READ)
def rules(call: Call) -> t.Any:
    return [_shape(row) for row in _rows(call, "rule")]


@route("GET", BASE + "/alert-rules/:uid", *READ)
def rule(call: Call) -> t.Any:
    row = _row(call, "rule", call.params["uid"])
    if not row:
        raise plain(404, "alert rule not found", traceID="")
    return _shape(row)


@route("POST", BASE + "/alert-rules", *WRITE)
def add_rule(call: Call) -> t.Any:
    uid = str(call.body().get("uid") or "") or short_uid()
    if _row(call, "rule", uid):
        raise plain(409, "a conflicting alert rule is found: rule UID under the same organisation should be unique")
    _put(call, "rule", uid, _rule(call, uid))
    call.params["uid"] = uid
    return 201, rule(call)


@route("PUT", BASE + "/alert-rules/:uid", *WRITE)
def change_rule(call: Call) -> t.Any:
    rule(call)
    _put(call, "rule", call.params["uid"], _rule(call, call.params["uid"]))
    return rule(call)


@route("DELETE", BASE + "/alert-rules/:uid", *WRITE)
def remove_rule(call: Call) -> t.Any:
    _drop(call, "rule", call.params["uid"])
    return 204, None
