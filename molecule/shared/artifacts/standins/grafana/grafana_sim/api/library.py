"""/api/library-elements: panels that several dashboards share."""

from __future__ import annotations

import json
import typing as t

from grafana_sim import store
from grafana_sim.database import Row, now, short_uid
from grafana_sim.errors import bad_request, plain
from grafana_sim.routing import Call, route

from .users import avatar

BASE = "/api/library-elements"
READ, WRITE = "library.panels:read", "library.panels:write"


def _row(call: Call) -> Row:
    uid = call.params["uid"]
    row = call.database.one("SELECT * FROM library_element WHERE org_id = ? AND uid = ?", call.org, uid)
    if not row:
        raise plain(404, "library element could not be found")
    return row


def _connected(call: Call, uid: str) -> list[Row]:
    """Dashboards that show a panel."""
    found = []
    for row in call.database.ask("SELECT * FROM dashboard WHERE org_id = ? AND is_folder = 0", call.org):
        panels = json.loads(row["data"]).get("panels")
        inner = [panel for panel in panels if isinstance(panel, dict)] if isinstance(panels, list) else []
        inner += [one for panel in inner for one in panel.get("panels") or [] if isinstance(one, dict)]
        if any((panel.get("libraryPanel") or {}).get("uid") == uid for panel in inner):
            found.append(row)
    return found


def _person(call: Call, number: int) -> dict[str, t.Any]:
    row = call.database.one("SELECT * FROM user WHERE id = ?", number) or {}
    login = row.get("login", "")
    return {"id": number, "name": login, "avatarUrl": avatar(row.get("email") or login)}


def _shape(call: Call, row: Row) -> dict[str, t.Any]:
    folder = store.get(call.database, call.org, row["folder_uid"], True) if row["folder_uid"] else None
    model = json.loads(row["model"])
    meta = {
        "folderName": folder["title"] if folder else "General",
        "folderUid": row["folder_uid"],
        "connectedDashboards": len(_connected(call, row["uid"])),
        "created": row["created"],
        "updated": row["updated"],
        "createdBy": _person(call, row["created_by"]),
        "updatedBy": _person(call, row["updated_by"]),
    }
    return {
        "id": row["id"],
        "orgId": row["org_id"],
        "folderId": folder["id"] if folder else 0,
        "folderUid": row["folder_uid"],
        "uid": row["uid"],
        "name": row["name"],
        "kind": row["kind"],
        "type": str(model.get("type") or ""),
        "description": str(model.get("description") or ""),
        "model": model,
        "version": row["version"],
        "meta": meta,
    }


def _folder(call: Call, given: dict[str, t.Any]) -> str | None:
    uid = given.get("folderUid")
    if uid in (None, "", "general"):
        return uid and ""
    if not store.get(call.database, call.org, str(uid), is_folder=True):
        raise plain(400, "failed to get folder")
    return str(uid)


def _taken(call: Call, uid: str, name: str, folder: str, but: int = 0) -> bool:
    statement = (
        "SELECT 1 FROM library_element WHERE org_id = ? AND id != ? AND (uid = ? OR (name = ? AND folder_uid = ?))"
    )
    return call.database.one(statement, call.org, but, uid, name, folder) is not None


@route("POST", BASE, "library.panels:create")
def add(call: Call) -> t.Any:
    given = call.body("kind")
    if given["kind"] != 1 or not isinstance(given.get("model"), dict):
        raise bad_request() if given["kind"] == 1 else plain(400, "the element kind is not supported")
    uid, name, folder = (
        str(given.get("uid") or "") or short_uid(),
        str(given.get("name") or ""),
        _folder(call, given) or "",
    )
    store.check_uid(uid)
    if _taken(call, uid, name, folder):
        raise plain(400, "library element with that name or UID already exists")
    call.database.insert(
        "library_element",
        org_id=call.org,
        uid=uid,
        name=name,
        folder_uid=folder,
        kind=1,
        model={**given["model"], "libraryPanel": {"uid": uid, "name": name}},
        version=1,
        created=now(),
        updated=now(),
        created_by=call.who.number,
        updated_by=call.who.number,
    )
    call.params["uid"] = uid
    return {"result": _shape(call, _row(call))}


@route("GET", BASE, READ)
def listed(call: Call) -> t.Any:
    rows = call.database.ask("SELECT * FROM library_element WHERE org_id = ? ORDER BY name", call.org)
    text = call.first("searchString").lower()
    rows = [row for row in rows if text in row["name"].lower() and row["uid"] != call.first("excludeUid")]
    folders = {"" if uid == "general" else uid for uid in call.first("folderFilterUIDs").split(",")}
    if call.first("folderFilterUIDs"):
        rows = [row for row in rows if row["folder_uid"] in folders]
    if call.first("sortDirection") == "alpha-desc":
        rows.reverse()
    size = call.number("perPage", 100) or 100
    elements = [_shape(call, row) for row in call.paged(rows, "perPage", 100)]
    page = max(call.number("page", 1), 1)
    return {"result": {"totalCount": len(rows), "elements": elements, "page": page, "perPage": size}}


@route("GET", BASE + "/name/:name", READ)
def by_name(call: Call) -> t.Any:
    statement = "SELECT * FROM library_element WHERE org_id = ? AND name = ?"
    rows = call.database.ask(statement, call.org, call.params["name"])
    if not rows:
        raise plain(404, "library element could not be found")
    return {"result": [_shape(call, row) for row in rows]}


@route("GET", BASE + "/:uid", READ)
def shown(call: Call) -> t.Any:
    return {"result": _shape(call, _row(call))}


@route("GET", BASE + "/:uid/connections", READ)
def connections(call: Call) -> t.Any:
    row = _row(call)
    by = _person(call, row["created_by"])
    common = {"kind": 1, "elementId": row["id"], "created": row["created"], "createdBy": by}
    boards = _connected(call, row["uid"])
    return {
        "result": [
            {"id": one["id"], "connectionId": one["id"], "connectionUid": one["uid"], **common} for one in boards
        ]
    }


@route("PATCH", BASE + "/:uid", WRITE)
def change(call: Call) -> t.Any:
    given, row = call.body("kind", "version"), _row(call)
    if given["version"] != row["version"]:
        raise plain(412, "the library element has been changed by someone else")
    folder = _folder(call, given)
    uid, name = str(given.get("uid") or row["uid"]), str(given.get("name") or row["name"])
    store.check_uid(uid)
    place = row["folder_uid"] if folder is None else folder
    if _taken(call, uid, name, place, row["id"]):
        raise plain(400, "library element with that name or UID already exists")
    model = given["model"] if isinstance(given.get("model"), dict) else json.loads(row["model"])
    changes = {"uid": uid, "name": name, "folder_uid": place, "version": row["version"] + 1, "updated": now()}
    model["libraryPanel"] = {"uid": uid, "name": name}
    call.database.update("library_element", row["id"], model=model, updated_by=call.who.number, **changes)
    call.params["uid"] = uid
    return {"result": _shape(call, _row(call))}


@route("DELETE", BASE + "/:uid", "library.panels:delete")
def remove(call: Call) -> t.Any:
    row = _row(call)
    if _connected(call, row["uid"]):
        raise plain(403, "the library element has connections")
    call.database.ask("DELETE FROM library_element WHERE id = ?", row["id"])
    return {"message": "Library element deleted", "id": row["id"]}
