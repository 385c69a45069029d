"""/api/user, /api/users and /api/admin/users."""

from __future__ import annotations

import hashlib
import secrets
import typing as t

from grafana_sim.database import Row, hashed, now
from grafana_sim.errors import bad_request, coded, plain
from grafana_sim.routing import Call, route


def avatar(name: str) -> str:
    """Path of a picture."""
    return "/avatar/" + hashlib.md5(name.lower().encode()).hexdigest()


def profile(row: Row) -> dict[str, t.Any]:
    """A user, as it is shown alone."""
    return {
        "id": row["id"],
        "uid": row["uid"],
        "email": row["email"] or "",
        "name": row["name"] or "",
        "login": row["login"],
        "theme": row["theme"] or "",
        "orgId": row["org_id"],
        "isGrafanaAdmin": bool(row["is_admin"]),
        "isDisabled": bool(row["is_disabled"]),
        "isExternal": False,
        "isExternallySynced": False,
        "isGrafanaAdminExternallySynced": False,
        "authLabels": [],
        "updatedAt": row["updated"],
        "createdAt": row["created"],
        "avatarUrl": avatar(row["email"] or row["login"]),
    }


def user(call: Call, number: int) -> Row:
    """A user that has to be there; service accounts are none."""
    row = call.database.one("SELECT * FROM user WHERE id = ? AND is_service_account = 0", number)
    if not row:
        raise plain(404, "user not found")
    return row


def _asked(call: Call) -> Row:
    return user(call, call.integer("id", plain(400, "id is invalid")))


def _me(call: Call) -> Row:
    if call.who.kind != "user":
        raise plain(404, "user not found")
    return user(call, call.who.number)


def by_name(call: Call, name: str) -> Row:
    """A user by login or address."""
    statement = "SELECT * FROM user WHERE (login = ? OR email = ? COLLATE NOCASE) AND is_service_account = 0"
    row = call.database.one(statement, name, name)
    if not row:
        raise coded(404, "user.not-found", "user not found")
    return row


@route("GET", "/api/user")
def me(call: Call) -> t.Any:
    return profile(_me(call))


@route("PUT", "/api/user")
def change_me(call: Call) -> t.Any:
    _update(call, _me(call), call.body())
    return {"message": "User updated"}


@route("GET", "/api/user/orgs")
def my_orgs(call: Call) -> t.Any:
    return _orgs(call, _me(call)["id"])


def _orgs(call: Call, number: int) -> list[dict[str, t.Any]]:
    rows = call.database.ask(
        "SELECT org.id, org.name, role FROM org_user JOIN org ON org.id = org_user.org_id"
        " WHERE user_id = ? ORDER BY org.id",
        number,
    )
    return [{"orgId": row["id"], "name": row["name"], "role": row["role"]} for row in rows]


@route("POST", "/api/user/using/:id")
def use_org(call: Call) -> t.Any:
    number = call.integer("id", plain(400, "id is invalid"))
    row = _me(call)
    if not call.database.one("SELECT 1 FROM org_user WHERE org_id = ? AND user_id = ?", number, row["id"]):
        raise plain(401, "Not a valid organization")
    call.database.update("user", row["id"], org_id=number)
    return {"message": "Active organization changed"}


@route("PUT", "/api/user/password")
def change_password(call: Call) -> t.Any:
    given, row = call.body("newPassword"), _me(call)
    if not secrets.compare_digest(row["password"], hashed(str(given.get("oldPassword") or ""), row["salt"])):
        raise plain(401, "invalid old password")
    if len(given["newPassword"]) < 4:
        raise plain(400, "New password is too short")
    call.database.set_password(row["id"], given["newPassword"])
    return {"message": "User password changed"}


@route("GET", "/api/users", "users:read")
def listed(call: Call) -> t.Any:
    return [_hit(row) for row in call.paged(_matching(call), "perpage")]


@route("GET", "/api/users/search", "users:read")
def search(call: Call) -> t.Any:
    rows, size = _matching(call), call.number("perpage", 1000)
    users = [_hit(row) for row in call.paged(rows, "perpage")]
    return {"totalCount": len(rows), "users": users, "page": max(call.number("page", 1), 1), "perPage": size}


def _matching(call: Call) -> list[Row]:
    rows = call.database.ask("SELECT * FROM user WHERE is_service_account = 0 ORDER BY login")
    text = call.first("query").lower()
    return [row for row in rows if any(text in (row[key] or "").lower() for key in ("login", "email", "name"))]


def _hit(row: Row) -> dict[str, t.Any]:
    found = {key: row[key] or "" for key in ("uid", "name", "login", "email")}
    flags = {"isAdmin": bool(row["is_admin"]), "isDisabled": bool(row["is_disabled"])}
    seen = {"lastSeenAt": row["updated"], "lastSeenAtAge": "1 minute", "created": row["created"]}
    return {
        "id": row["id"],
        **found,
        "avatarUrl": avatar(found["email"] or found["login"]),
        **flags,
        **seen,
        "authLabels": [],
    }


@route("GET", "/api/users/lookup", "users:read")
def lookup(call: Call) -> t.Any:
    name = call.first("loginOrEmail")
    if not name:
        raise bad_request()
    return profile(by_name(call, name))


@route("GET", "/api/users/:id", "users:read")
def shown(call: Call) -> t.Any:
    return profile(_asked(call))


@route("GET", "/api/users/:id/orgs", "users:read")
def orgs_of(call: Call) -> t.Any:
    return _orgs(call, _asked(call)["id"])


@route("PUT", "/api/users/:id", "users:write")
def change(call: Call) -> t.Any:
    _update(call, _asked(call), call.body())
    return {"message": "User updated"}


def _update(call: Call, row: Row, given: dict[str, t.Any]) -> None:
    login = str(given.get("login") or given.get("email") or "")
    if not login:
        raise plain(400, "Validation error, need to specify either username or email")
    others = "SELECT 1 FROM user WHERE id != ? AND (login = ? OR (email = ? AND email != ''))"
    if call.database.one(others, row["id"], login, given.get("email") or ""):
        raise plain(409, "Update would result in user conflict")
    kept = {key: given[key] for key in ("name", "email", "theme") if given.get(key)}
    call.database.update("user", row["id"], login=login, updated=now(), **kept)


@route("POST", "/api/admin/users", "users:create")
def add(call: Call) -> t.Any:
    given = call.body()
    login, email = (str(given.get(key) or "").strip() for key in ("login", "email"))
    login = login or email
    if not login:
        raise plain(400, "Validation error, need specify either username or email")
    password = str(given.get("password") or "")
    if len(password) < 4:
        raise plain(400, "Password is missing or too short")
    if call.database.one("SELECT 1 FROM user WHERE login = ? OR (email = ? AND email != '')", login, email):
        raise plain(412, f"User with email '{email}' or username '{login}' already exists")
    org = int(given.get("OrgId") or given.get("orgId") or 1)
    if not call.database.one("SELECT 1 FROM org WHERE id = ?", org):
        raise plain(400, "organization not found")
    number = call.database.add_user(login, email, str(given.get("name") or ""), password, org)
    role = call.site.settings.get("users", "auto_assign_org_role") or "Viewer"
    call.database.insert("org_user", org_id=org, user_id=number, role=role, created=now())
    return {"id": number, "uid": user(call, number)["uid"], "message": "User created"}


@route("PUT", "/api/admin/users/:id/password", "users.password:write")
def set_password(call: Call) -> t.Any:
    given = call.body()
    number = call.integer("id", plain(400, "id is invalid"))
    if len(str(given.get("password") or "")) < 4:
        raise plain(400, "New password too short")
    call.database.set_password(user(call, number)["id"], given["password"])
    return {"message": "User password updated"}


@route("PUT", "/api/admin/users/:id/permissions", "users.permissions:write")
def set_permissions(call: Call) -> t.Any:
    row, admin = _asked(call), bool(call.body().get("isGrafanaAdmin"))
    others = call.database.one("SELECT 1 FROM user WHERE is_admin = 1 AND is_disabled = 0 AND id != ?", row["id"])
    if not admin and not others:
        raise plain(400, "cannot remove last grafana admin")
    call.database.update("user", row["id"], is_admin=int(admin))
    return {"message": "User permissions updated"}


@route("DELETE", "/api/admin/users/:id", "users:delete")
def remove(call: Call) -> t.Any:
    number = _asked(call)["id"]
    for table, column in (("user", "id"), ("org_user", "user_id"), ("team_member", "user_id")):
        call.database.ask(f"DELETE FROM {table} WHERE {column} = ?", number)
    return {"message": "User deleted"}


def _set_disabled(call: Call, value: bool) -> None:
    call.database.update("user", _asked(call)["id"], is_disabled=int(value))


@route("POST", "/api/admin/users/:id/disable", "users:disable")
def disable(call: Call) -> t.Any:
    _set_disabled(call, True)
    return {"message": "User disabled"}


@route("POST", "/api/admin/users/:id/enable", "users:enable")
def enable(call: Call) -> t.Any:
    _set_disabled(call, False)
    return {"message": "User enabled"}
