"""/api/teams."""

from __future__ import annotations

import typing as t

from grafana_sim.database import Row, short_uid
from grafana_sim.errors import plain
from grafana_sim.routing import Call, route

from .users import avatar


def _team(call: Call) -> Row:
    # Newer versions take the uid in the number's place.
    statement = "SELECT * FROM team WHERE org_id = ? AND (CAST(id AS TEXT) = ? OR uid = ?)"
    row = call.database.one(statement, call.org, call.params["id"], call.params["id"])
    if not row:
        raise plain(404, "Team not found")
    return row


def _shape(call: Call, row: Row) -> dict[str, t.Any]:
    members = call.database.ask("SELECT 1 FROM team_member WHERE team_id = ?", row["id"])
    kept = {key: row[key] or "" for key in ("uid", "name", "email")}
    picture = {"avatarUrl": avatar(row["email"] or row["name"]), "memberCount": len(members)}
    return {"id": row["id"], "orgId": row["org_id"], **kept, **picture, "permission": 0}


def _taken(call: Call, name: str, but: int = 0) -> bool:
    return (
        call.database.one("SELECT 1 FROM team WHERE org_id = ? AND name = ? AND id != ?", call.org, name, but)
        is not None
    )


@route("POST", "/api/teams", "teams:create")
def add(call: Call) -> t.Any:
    given = call.body("name")
    if _taken(call, given["name"]):
        raise plain(409, "Team name taken")
    number = call.database.insert(
        "team", org_id=call.org, uid=short_uid(), name=given["name"], email=str(given.get("email") or "")
    )
    row = call.database.one("SELECT uid FROM team WHERE id = ?", number) or {}
    return {"message": "Team created", "teamId": number, "uid": row.get("uid")}


@route("GET", "/api/teams/search", "teams:read")
def search(call: Call) -> t.Any:
    rows = call.database.ask("SELECT * FROM team WHERE org_id = ? ORDER BY name", call.org)
    name, text = call.first("name"), call.first("query").lower()
    rows = [row for row in rows if text in row["name"].lower() and (not name or row["name"] == name)]
    shown = [_shape(call, row) for row in call.paged(rows, "perpage")]
    return {"totalCount": len(rows), "teams": shown, "page": max(call.number("page", 1), 1), "perPage": 1000}


@route("GET", "/api/teams/:id", "teams:read")
def shown(call: Call) -> t.Any:
    return _shape(call, _team(call))


@route("PUT", "/api/teams/:id", "teams:write")
def change(call: Call) -> t.Any:
    row, given = _team(call), call.body("name")
    if _taken(call, given["name"], row["id"]):
        raise plain(400, "Team name taken")
    call.database.update("team", row["id"], name=given["name"], email=str(given.get("email") or ""))
    return {"message": "Team updated"}


@route("DELETE", "/api/teams/:id", "teams:delete")
def remove(call: Call) -> t.Any:
    number = _team(call)["id"]
    call.database.ask("DELETE FROM team_member WHERE team_id = ?", number)
    call.database.ask("DELETE FROM team WHERE id = ?", number)
    return {"message": "Team deleted"}


@route("GET", "/api/teams/:id/members", "teams:read")
def members(call: Call) -> t.Any:
    team = _team(call)
    rows = call.database.ask(
        "SELECT user.*, permission FROM team_member JOIN user ON user.id = user_id WHERE team_id = ? ORDER BY login",
        team["id"],
    )
    return [
        {
            "orgId": call.org,
            "teamId": team["id"],
            "teamUID": team["uid"],
            "userId": row["id"],
            "userUID": row["uid"],
            "auth_module": "",
            "email": row["email"] or "",
            "name": row["name"] or "",
            "login": row["login"],
            "avatarUrl": avatar(row["email"] or row["login"]),
            "labels": [],
            "permission": row["permission"],
        }
        for row in rows
    ]


@route("POST", "/api/teams/:id/members", "teams:write")
def join(call: Call) -> t.Any:
    team, given = _team(call), call.body("userId")
    if call.database.one("SELECT 1 FROM team_member WHERE team_id = ? AND user_id = ?", team["id"], given["userId"]):
        raise plain(400, "User is already added to this team")
    call.database.insert("team_member", team_id=team["id"], user_id=given["userId"], permission=0)
    return {"message": "Member added to Team"}


@route("DELETE", "/api/teams/:id/members/:user", "teams:write")
def leave(call: Call) -> t.Any:
    team, number = _team(call), call.integer("user", plain(400, "userId is invalid"))
    if not call.database.one("SELECT 1 FROM team_member WHERE team_id = ? AND user_id = ?", team["id"], number):
        raise plain(404, "Team member not found.")
    call.database.ask("DELETE FROM team_member WHERE team_id = ? AND user_id = ?", team["id"], number)
    return {"message": "Team Member removed"}
