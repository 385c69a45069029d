"""Permissions of folders and dashboards."""

from __future__ import annotations

import json
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.errors import bad_request, plain
from grafana_sim.identity import ROLES
from grafana_sim.routing import Call, route

from .dashboards import found
from .users import avatar


def _shape(call: Call, row: Row, item: dict[str, t.Any], inherited: bool) -> dict[str, t.Any]:
    path = "dashboards/f" if row["is_folder"] else "d"
    shown: dict[str, t.Any] = {
        "dashboardId": -1,
        "created": row["created"],
        "updated": row["updated"],
        "userId": item.get("userId", 0),
        "userLogin": "",
        "userEmail": "",
        "teamId": item.get("teamId", 0),
        "team": "",
        "teamEmail": "",
        "permission": item["permission"],
        "permissionName": access.NAMES[item["permission"]],
        "uid": row["uid"],
        "title": row["title"],
        "slug": store.slug(row["title"]),
        "isFolder": bool(row["is_folder"]),
        "url": f"{call.site.settings.sub_path}/{path}/{row['uid']}/{store.slug(row['title'])}",
        "inherited": inherited,
    }
    if item.get("role"):
        shown["role"] = item["role"]
    user = call.database.one("SELECT * FROM user WHERE id = ?", item.get("userId"))
    if user:
        email = user["email"] or ""
        picture = avatar(email or user["login"])
        shown.update(userUid=user["uid"], userLogin=user["login"], userEmail=email, userAvatarUrl=picture)
    team = call.database.one("SELECT * FROM team WHERE id = ?", item.get("teamId"))
    if team:
        shown.update(teamUid=team["uid"], team=team["name"], teamEmail=team["email"] or "")
    return shown


def _listed(call: Call, row: Row) -> t.Any:
    above = store.ancestors(call.database, call.org, row["folder_uid"])
    return [
        _shape(call, one, item, inherited=one is not row)
        for one in [*above, row]
        for item in access.items(call.database, call.org, one)
    ]


def _checked(item: t.Any) -> dict[str, t.Any]:
    if not isinstance(item, dict) or item.get("permission") not in access.NAMES:
        raise plain(400, "Permission is invalid")
    whom = [key for key in ("role", "teamId", "userId") if item.get(key)]
    if len(whom) != 1:
        raise plain(400, "Only one of role, userId or teamId may be set")
    if whom == ["role"] and item["role"] not in ROLES:
        raise plain(400, "Role is invalid")
    return {whom[0]: item[whom[0]], "permission": item["permission"]}


def _replace(call: Call, row: Row, text: str) -> t.Any:
    given = call.body().get("items")
    if not isinstance(given, list):
        raise bad_request()
    items = [_checked(item) for item in given]
    call.database.ask("DELETE FROM dashboard_acl WHERE org_id = ? AND uid = ?", call.org, row["uid"])
    call.database.insert("dashboard_acl", org_id=call.org, uid=row["uid"], items=json.dumps(items))
    return {"message": text}


def _administered(call: Call, row: Row, action: str) -> Row:
    access.require(call, row, access.ADMIN, action)
    return row


@route("GET", "/api/folders/:uid/permissions", "folders:read")
def of_folder(call: Call) -> t.Any:
    row = access.readable_folder(call, call.params["uid"])
    return _listed(call, _administered(call, row, "folders.permissions:read"))


@route("POST", "/api/folders/:uid/permissions", "folders:read")
def set_of_folder(call: Call) -> t.Any:
    row = access.readable_folder(call, call.params["uid"])
    return _replace(call, _administered(call, row, "folders.permissions:write"), "Folder permissions updated")


@route("GET", "/api/dashboards/uid/:uid/permissions", "dashboards:read")
def of_dashboard(call: Call) -> t.Any:
    return _listed(call, _administered(call, found(call, call.params["uid"]), "dashboards.permissions:read"))


@route("POST", "/api/dashboards/uid/:uid/permissions", "dashboards:read")
def set_of_dashboard(call: Call) -> t.Any:
    row = _administered(call, found(call, call.params["uid"]), "dashboards.permissions:write")
    return _replace(call, row, "Dashboard permissions updated")
