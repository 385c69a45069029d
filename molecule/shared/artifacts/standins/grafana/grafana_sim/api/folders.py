"""/api/folders."""

from __future__ import annotations

import json
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.errors import Refusal, coded, plain
from grafana_sim.routing import Call, route

CLASH = {"status": "version-mismatch", "message": store.FOLDER_CHANGED}


def shape(call: Call, row: Row, with_parents: bool = True) -> dict[str, t.Any]:
    """One, as it is shown alone."""
    rights = access.level(call, row["uid"])
    found = {
        "id": row["id"],
        "uid": row["uid"],
        "orgId": row["org_id"],
        "title": row["title"],
        "url": f"{call.site.settings.sub_path}/dashboards/f/{row['uid']}/{store.slug(row['title'])}",
        "hasAcl": False if call.profile.unified else _has_acl(call, row),
        "canSave": rights >= access.EDIT,
        "canEdit": rights >= access.EDIT,
        "canAdmin": rights >= access.ADMIN,
        "canDelete": rights >= access.EDIT,
        "createdBy": row["created_by"],
        "created": row["created"],
        "updatedBy": row["updated_by"],
        "updated": row["updated"],
        "version": row["version"],
    }
    if row["folder_uid"]:
        found["parentUid"] = row["folder_uid"]
        if with_parents:
            above = store.ancestors(call.database, call.org, row["folder_uid"])
            found["parents"] = [_parent(call, one) for one in above]
    if row["provisioning"]:
        found["managedBy"] = "classic-file-provisioning"
    return found


def _parent(call: Call, row: Row) -> dict[str, t.Any]:
    if access.level(call, row["uid"]) < access.VIEW:
        return {**shape(call, row, with_parents=False), "uid": "redacted", "title": "redacted"}
    return shape(call, row, with_parents=False)


def _has_acl(call: Call, row: Row) -> bool:
    return (
        call.database.one("SELECT 1 FROM dashboard_acl WHERE org_id = ? AND uid = ?", call.org, row["uid"]) is not None
    )


def checked_title(title: t.Any) -> str:
    """A folder's title."""
    text = str(title or "").strip()
    if not text:
        raise plain(400, "folder title cannot be empty")
    if text == "General":
        raise plain(400, "A folder with that name already exists")
    return text


@route("GET", "/api/folders", "folders:read")
def listed(call: Call) -> t.Any:
    parent = call.first("parentUid")
    if parent:
        store.folder(call.database, call.org, parent)
    wanted = access.EDIT if call.first("permission") == "Edit" else access.VIEW
    statement = "SELECT * FROM dashboard WHERE org_id = ? AND folder_uid = ? AND is_folder = 1 ORDER BY title, uid"
    rows = [row for row in call.database.ask(statement, call.org, parent) if access.level(call, row["uid"]) >= wanted]
    found = []
    for row in call.paged(rows):
        item = {"id": row["id"], "uid": row["uid"], "title": row["title"]}
        if row["folder_uid"]:
            item["parentUid"] = row["folder_uid"]
        if row["provisioning"]:
            item["managedBy"] = "classic-file-provisioning"
        found.append(item)
    return found


@route("POST", "/api/folders", "folders:create")
def add(call: Call) -> t.Any:
    given = call.body()
    title = checked_title(given.get("title"))
    uid, parent = str(given.get("uid") or "").strip(), str(given.get("parentUid") or "")
    if uid == "general":
        raise plain(500, "Folder API error", traceID="")
    store.check_uid(uid)
    if uid and store.get(call.database, call.org, uid):
        raise Refusal(412, CLASH)
    store.check_parent(call.database, call.org, "", parent)
    access.require_inside(call, parent, "folders:create")
    row = store.save(
        call.database,
        call.profile,
        call.who.login,
        None,
        org=call.org,
        uid=uid or store.new_uid(call.profile),
        is_folder=True,
        title=title,
        folder_uid=parent,
        data={"description": given.get("description") or ""},
        api_version=folder_version(call),
    )
    return shape(call, row)


def folder_version(call: Call) -> str:
    """Version in which folders are kept."""
    group = call.profile.resources.get("folder.grafana.app")
    return str(group["versions"][0]) if group else ""


@route("GET", "/api/folders/:uid", "folders:read")
def shown(call: Call) -> t.Any:
    return shape(call, access.readable_folder(call, call.params["uid"]))


@route("GET", "/api/folders/id/:id", "folders:read")
def by_id(call: Call) -> t.Any:
    number = call.integer("id", plain(400, "id is invalid"))
    row = call.database.one("SELECT * FROM dashboard WHERE id = ? AND org_id = ? AND is_folder = 1", number, call.org)
    if not row:
        raise plain(404, "folder not found", status="not-found")
    access.require(call, row, access.VIEW, "folders:read")
    return shape(call, row)


def _resave(call: Call, row: Row, **changes: t.Any) -> Row:
    kept = {"title": row["title"], "folder_uid": row["folder_uid"], "data": json.loads(row["data"]), **changes}
    return store.save(
        call.database,
        call.profile,
        call.who.login,
        row,
        org=call.org,
        uid=row["uid"],
        is_folder=True,
        api_version=row["api_version"],
        provisioning=json.loads(row["provisioning"]) if row["provisioning"] else None,
        **kept,
    )


@route("PUT", "/api/folders/:uid", "folders:write")
def change(call: Call) -> t.Any:
    given = call.body()
    row = access.readable_folder(call, call.params["uid"])
    access.require(call, row, access.EDIT, "folders:write")
    if not call.profile.unified and not given.get("overwrite") and given.get("version", 0) != row["version"]:
        raise Refusal(412, CLASH)
    title = row["title"]
    if given.get("title") is not None:
        title = str(given["title"]).strip()
        if not title:
            raise plain(400, "Dashboard title cannot be empty")
    data = json.loads(row["data"])
    if given.get("description") is not None:
        data["description"] = given["description"]
    return shape(call, _resave(call, row, title=title, data=data))


@route("POST", "/api/folders/:uid/move", "folders:write")
def move(call: Call) -> t.Any:
    parent = str(call.body().get("parentUid") or "")
    row = access.readable_folder(call, call.params["uid"])
    access.require(call, row, access.EDIT, "folders:write")
    store.check_parent(call.database, call.org, row["uid"], parent)
    if access.level(call, parent) < access.EDIT:
        raise coded(403, "folders.forbiddenMove", "Access denied to the destination folder")
    return shape(call, _resave(call, row, folder_uid=parent))


@route("GET", "/api/folders/:uid/counts", "folders:read")
def counts(call: Call) -> t.Any:
    row = access.readable_folder(call, call.params["uid"])
    below = store.descendants(call.database, call.org, row["uid"])
    folders = {row["uid"], *(one["uid"] for one in below if one["is_folder"])}
    panels = call.database.ask("SELECT folder_uid FROM library_element WHERE org_id = ?", call.org)
    return {
        "folder": len(folders) - 1,
        "dashboard": sum(not one["is_folder"] for one in below),
        "librarypanel": sum(one["folder_uid"] in folders for one in panels),
        "alertrule": len(rules_in(call, folders)),
    }


def rules_in(call: Call, folders: set[str]) -> list[Row]:
    """Alert rules in these folders."""
    rules = call.database.ask("SELECT * FROM alert_object WHERE org_id = ? AND kind = 'rule'", call.org)
    return [rule for rule in rules if json.loads(rule["entry"]).get("folderUID") in folders]


@route("DELETE", "/api/folders/:uid", "folders:delete")
def remove(call: Call) -> t.Any:
    row = access.readable_folder(call, call.params["uid"])
    access.require(call, row, access.EDIT, "folders:delete")
    below = store.descendants(call.database, call.org, row["uid"])
    rules = rules_in(call, {row["uid"], *(one["uid"] for one in below if one["is_folder"])})
    if rules and call.first("forceDeleteRules") != "true":
        raise coded(400, "folder.not-empty", "Folder cannot be deleted: folder is not empty")
    for rule in rules:
        call.database.ask("DELETE FROM alert_object WHERE id = ?", rule["id"])
    store.delete(call.database, row)
    return {"message": "Folder deleted"}
