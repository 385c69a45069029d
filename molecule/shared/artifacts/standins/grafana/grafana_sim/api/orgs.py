"""/api/org and /api/orgs."""

from __future__ import annotations

import json
import typing as t

from grafana_sim.database import Row, now
from grafana_sim.errors import Refusal, plain
from grafana_sim.identity import ROLES
from grafana_sim.routing import Call, route

from .users import avatar, by_name

ADDRESS = ("address1", "address2", "city", "zipCode", "state", "country")


def _org(call: Call, column: str, value: t.Any, text: str = "Organization not found") -> Row:
    row = call.database.one(f"SELECT * FROM org WHERE {column} = ?", value)
    if not row:
        raise plain(404, text)
    return row


def _numbered(call: Call, text: str = "Organization not found") -> Row:
    return _org(call, "id", call.integer("id", plain(400, "orgId is invalid")), text)


def _shape(row: Row) -> dict[str, t.Any]:
    address = {**dict.fromkeys(ADDRESS, ""), **json.loads(row["address"])}
    return {"id": row["id"], "name": row["name"], "address": address}


@route("GET", "/api/org")
def current(call: Call) -> t.Any:
    return _shape(_org(call, "id", call.org))


@route("PUT", "/api/org", "orgs:write")
def rename_current(call: Call) -> t.Any:
    return _rename(call, _org(call, "id", call.org))


def _rename(call: Call, row: Row) -> t.Any:
    name = call.body("name")["name"]
    if call.database.one("SELECT 1 FROM org WHERE name = ? AND id != ?", name, row["id"]):
        raise plain(400, "Organization name taken")
    call.database.update("org", row["id"], name=name)
    return {"message": "Organization updated"}


@route("GET", "/api/orgs", "orgs:read")
def listed(call: Call) -> t.Any:
    rows = call.database.ask("SELECT * FROM org ORDER BY name")
    name, text = call.first("name"), call.first("query").lower()
    rows = [row for row in rows if text in row["name"].lower() and (not name or row["name"] == name)]
    return [{"id": row["id"], "name": row["name"]} for row in call.paged(rows, "perpage")]


@route("POST", "/api/orgs")
def add(call: Call) -> t.Any:
    name = call.body("name")["name"]
    if not call.who.server_admin and not call.site.settings.on("users", "allow_org_create"):
        raise plain(403, "Access denied")
    if call.database.one("SELECT 1 FROM org WHERE name = ?", name):
        raise plain(409, "Organization name taken")
    number = call.database.insert("org", name=name)
    if call.who.kind == "user":
        call.database.insert("org_user", org_id=number, user_id=call.who.number, role="Admin", created=now())
    return {"message": "Organization created", "orgId": number}


@route("GET", "/api/orgs/name/:name", "orgs:read")
def by_org_name(call: Call) -> t.Any:
    return _shape(_org(call, "name", call.params["name"]))


@route("GET", "/api/orgs/:id", "orgs:read")
def shown(call: Call) -> t.Any:
    return _shape(_numbered(call))


@route("PUT", "/api/orgs/:id", "orgs:write")
def rename(call: Call) -> t.Any:
    return _rename(call, _numbered(call))


def _move_in(call: Call, row: Row) -> t.Any:
    given = call.body()
    call.database.update("org", row["id"], address={key: str(given.get(key) or "") for key in ADDRESS})
    return {"message": "Address updated"}


@route("PUT", "/api/org/address", "orgs:write")
def address_of_current(call: Call) -> t.Any:
    return _move_in(call, _org(call, "id", call.org))


@route("PUT", "/api/orgs/:id/address", "orgs:write")
def address(call: Call) -> t.Any:
    return _move_in(call, _numbered(call))


@route("DELETE", "/api/orgs/:id", "orgs:delete")
def remove(call: Call) -> t.Any:
    number = _numbered(call, "Failed to delete organization. ID not found")["id"]
    if number == call.org:
        raise plain(400, "Can not delete org for current user")
    call.database.ask("DELETE FROM org WHERE id = ?", number)
    for table in ("org_user", "api_key", "team", "data_source", "correlation", "dashboard", "dashboard_version"):
        call.database.ask(f"DELETE FROM {table} WHERE org_id = ?", number)
    for table in ("dashboard_acl", "annotation", "alert_object", "library_element"):
        call.database.ask(f"DELETE FROM {table} WHERE org_id = ?", number)
    call.database.ask("DELETE FROM user WHERE org_id = ? AND is_service_account = 1", number)
    call.database.ask("UPDATE user SET org_id = 1 WHERE org_id = ?", number)
    return {"message": "Organization deleted"}


def _members(call: Call, org: int) -> t.Any:
    rows = call.database.ask(
        "SELECT user.*, role FROM org_user JOIN user ON user.id = org_user.user_id"
        " WHERE org_user.org_id = ? AND is_service_account = 0 ORDER BY email, login",
        org,
    )
    return [
        {
            "orgId": org,
            "userId": row["id"],
            "uid": row["uid"],
            "email": row["email"] or "",
            "name": row["name"] or "",
            "avatarUrl": avatar(row["email"] or row["login"]),
            "login": row["login"],
            "role": row["role"],
            "lastSeenAt": row["updated"],
            "lastSeenAtAge": "1 minute",
            "isDisabled": bool(row["is_disabled"]),
            "authLabels": [],
            "isExternallySynced": False,
        }
        for row in rows
    ]


def _role(given: dict[str, t.Any]) -> str:
    if given.get("role") not in ROLES:
        raise plain(400, "Invalid role specified")
    return str(given["role"])


def _join(call: Call, org: int) -> t.Any:
    given = call.body("loginOrEmail")
    role = _role(given)
    if not call.who.includes(role) and not call.who.server_admin:
        raise plain(403, "Cannot assign a role higher than user's role")
    try:
        number = by_name(call, given["loginOrEmail"])["id"]
    except Refusal:
        raise plain(404, "User not found") from None
    if call.database.one("SELECT 1 FROM org_user WHERE org_id = ? AND user_id = ?", org, number):
        raise Refusal(409, {"message": "User is already member of this organization", "userId": number})
    call.database.insert("org_user", org_id=org, user_id=number, role=role, created=now())
    return {"message": "User added to organization", "userId": number}


def _last_admin(call: Call, org: int, number: int) -> bool:
    rows = call.database.ask("SELECT user_id FROM org_user WHERE org_id = ? AND role = 'Admin'", org)
    return [row["user_id"] for row in rows] == [number]


def _set_role(call: Call, org: int) -> t.Any:
    role, number = _role(call.body()), call.integer("user", plain(400, "userId is invalid"))
    if role != "Admin" and _last_admin(call, org, number):
        raise plain(400, "Cannot change role so that there is no organization admin left")
    call.database.ask("UPDATE org_user SET role = ? WHERE org_id = ? AND user_id = ?", role, org, number)
    return {"message": "Organization user updated"}


def _leave(call: Call, org: int) -> t.Any:
    number = call.integer("user", plain(400, "userId is invalid"))
    if _last_admin(call, org, number):
        raise plain(400, "Cannot remove last organization admin")
    call.database.ask("DELETE FROM org_user WHERE org_id = ? AND user_id = ?", org, number)
    return {"message": "User removed from organization"}


@route("GET", "/api/org/users", "org.users:read")
def members(call: Call) -> t.Any:
    return _members(call, call.org)


@route("POST", "/api/org/users", "org.users:add")
def join(call: Call) -> t.Any:
    return _join(call, call.org)


@route("PATCH", "/api/org/users/:user", "org.users:write")
def set_role(call: Call) -> t.Any:
    return _set_role(call, call.org)


@route("DELETE", "/api/org/users/:user", "org.users:remove")
def leave(call: Call) -> t.Any:
    return _leave(call, call.org)


@route("GET", "/api/orgs/:id/users", "org.users:read")
def members_of(call: Call) -> t.Any:
    return _members(call, _numbered(call)["id"])


@route("POST", "/api/orgs/:id/users", "org.users:add")
def join_other(call: Call) -> t.Any:
    return _join(call, _numbered(call)["id"])


@route("PATCH", "/api/orgs/:id/users/:user", "org.users:write")
def set_role_in(call: Call) -> t.Any:
    return _set_role(call, _numbered(call)["id"])


@route("DELETE", "/api/orgs/:id/users/:user", "org.users:remove")
def leave_other(call: Call) -> t.Any:
    return _leave(call, _numbered(call)["id"])
