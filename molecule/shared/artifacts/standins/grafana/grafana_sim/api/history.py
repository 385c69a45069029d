"""Versions of a dashboard, and going back to one."""

from __future__ import annotations

import json
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.errors import plain
from grafana_sim.routing import Call, route

from .dashboards import found, url


def _versions(call: Call, uid: str) -> list[Row]:
    statement = "SELECT * FROM dashboard_version WHERE org_id = ? AND dashboard_uid = ? ORDER BY version DESC, id DESC"
    kept = call.site.settings.number("dashboards", "versions_to_keep", 20)
    return call.database.ask(statement, call.org, uid)[:kept]


def _shape(call: Call, dashboard: Row, row: Row, with_data: bool) -> dict[str, t.Any]:
    data = {**json.loads(row["data"]), "id": dashboard["id"], "uid": dashboard["uid"], "version": row["version"]}
    return {
        "id": row["id"],
        "dashboardId": dashboard["id"],
        "uid": dashboard["uid"],
        "parentVersion": row["parent_version"],
        "restoredFrom": row["restored_from"],
        "version": row["version"],
        "created": row["created"],
        "createdBy": row["created_by"],
        "message": row["message"],
        **({"data": data} if with_data else {}),
    }


@route("GET", "/api/dashboards/uid/:uid/versions", "dashboards:read")
def listed(call: Call) -> t.Any:
    dashboard = found(call, call.params["uid"])
    rows = [_shape(call, dashboard, row, False) for row in call.paged(_versions(call, dashboard["uid"]))]
    return {"continueToken": "", "versions": rows}


def _version(call: Call, dashboard: Row, number: t.Any) -> Row:
    row = next((one for one in _versions(call, dashboard["uid"]) if str(one["version"]) == str(number)), None)
    if not row:
        raise plain(404, f"Dashboard version {number} not found for dashboardUID {dashboard['uid']}")
    return row


@route("GET", "/api/dashboards/uid/:uid/versions/:version", "dashboards:read")
def shown(call: Call) -> t.Any:
    dashboard = found(call, call.params["uid"])
    return _shape(call, dashboard, _version(call, dashboard, call.params["version"]), True)


@route("POST", "/api/dashboards/uid/:uid/restore", "dashboards:write")
def restore(call: Call) -> t.Any:
    dashboard = found(call, call.params["uid"])
    access.require(call, dashboard, access.EDIT, "dashboards:write")
    row = _version(call, dashboard, call.body("version")["version"])
    data = json.loads(row["data"])
    saved = store.save(
        call.database,
        call.profile,
        call.who.login,
        dashboard,
        org=call.org,
        uid=dashboard["uid"],
        is_folder=False,
        title=str(data.get("title") or dashboard["title"]),
        folder_uid=dashboard["folder_uid"],
        data=data,
        api_version=dashboard["api_version"],
        message=f"Restored from version {row['version']}",
        restored_from=row["version"],
    )
    return {
        "id": saved["id"],
        "slug": store.slug(saved["title"]),
        "status": "success",
        "uid": saved["uid"],
        "url": url(call, saved),
        "version": saved["version"],
    }
