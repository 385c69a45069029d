"""/api/dashboards: saving, reading and deleting one."""

from __future__ import annotations

import json
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.errors import Refusal, bad_request, denied, plain
from grafana_sim.routing import Call, route
from grafana_sim.settings import seconds

WRITING = ("dashboards:create", "dashboards:write")


def checked_refresh(call: Call, data: dict[str, t.Any]) -> None:
    """A refresh below the minimum, or none that can be read, becomes the minimum."""
    minimum = call.site.settings.get("dashboards", "min_refresh_interval") or "5s"
    refresh = data.get("refresh")
    if not refresh or refresh == "auto":
        return
    lowest, wanted = seconds(minimum), seconds(refresh) if isinstance(refresh, str) else None
    if lowest and (wanted is None or wanted < lowest):
        data["refresh"] = minimum


def _checked_title(data: dict[str, t.Any]) -> str:
    title = str(data.get("title") or "").strip()
    if not title:
        raise plain(400, "Dashboard title cannot be empty", status="empty-name")
    if len(title.encode()) > 5000:
        raise plain(400, "Dashboard title cannot contain more than 5000 characters", status="title-too-long")
    data["title"] = title
    return title


def _folder_of(call: Call, given: dict[str, t.Any]) -> str:
    """The uid of the folder a request names; without one it is the root."""
    uid = str(given.get("folderUid") or "")
    number = given.get("folderId")
    if not uid and number and call.profile.honours_folder_id:
        row = call.database.one("SELECT uid FROM dashboard WHERE id = ? AND org_id = ?", number, call.org)
        if not row:
            raise plain(400, "folder not found")
        return str(row["uid"])
    if uid == "general":
        return ""
    if uid and not store.get(call.database, call.org, uid, is_folder=True):
        raise plain(400, "folder not found")
    return uid


def _stored(call: Call, data: dict[str, t.Any], uid: str) -> Row | None:
    """What a save would change: found by number or uid."""
    row = store.get(call.database, call.org, uid) if uid else None
    if row and row["is_folder"]:
        raise plain(400, "Dashboard cannot be changed to a folder")
    number = data.get("id")
    if number:
        known = call.database.one("SELECT * FROM dashboard WHERE id = ? AND org_id = ?", number, call.org)
        if not known or known["is_folder"]:
            raise plain(404, "Dashboard not found", status="not-found")
        if row and row["id"] != known["id"]:
            raise plain(400, "A dashboard with the same uid already exists")
        row = known
    return row


@route("POST", "/api/dashboards/db", *WRITING)
def save(call: Call) -> t.Any:
    given = call.body()
    data = given.get("dashboard")
    if not isinstance(data, dict):
        raise bad_request()
    if given.get("isFolder"):
        raise plain(400, "Use folders endpoint for saving folders.")
    title, uid = _checked_title(data), str(data.get("uid") or "").strip()
    if len(str(given.get("message") or "")) > 500:
        raise plain(400, "message too long, max 500 characters")
    store.check_uid(uid)
    folder_uid = _folder_of(call, given)
    access.require_inside(call, folder_uid, *WRITING)
    row = _stored(call, data, uid)
    if row and row["version"] != (data.get("version") or 0) and not given.get("overwrite"):
        text = "The dashboard has been changed by someone else"
        raise plain(412, text, status="version-mismatch")
    if row:
        access.require(call, row, access.EDIT, "dashboards:write")
        if row["provisioning"] and not json.loads(row["provisioning"])["allowUiUpdates"]:
            raise plain(400, "Cannot save provisioned dashboard")
    checked_refresh(call, data)
    found = store.save(
        call.database,
        call.profile,
        call.who.login,
        row,
        org=call.org,
        uid=row["uid"] if row else uid or store.new_uid(call.profile),
        is_folder=False,
        title=title,
        folder_uid=folder_uid,
        data=data,
        api_version="v0alpha1",
        message=str(given.get("message") or ""),
        provisioning=json.loads(row["provisioning"]) if row and row["provisioning"] else None,
    )
    return {
        "folderUid": folder_uid,
        "id": found["id"],
        "slug": store.slug(title),
        "status": "success",
        "uid": found["uid"],
        "url": url(call, found),
        "version": found["version"],
    }


def url(call: Call, row: Row) -> str:
    """Path of a dashboard's page."""
    return f"{call.site.settings.sub_path}/d/{row['uid']}/{store.slug(row['title'])}"


def found(call: Call, uid: str) -> Row:
    """A dashboard that who asks may see."""
    row = store.get(call.database, call.org, uid, is_folder=False)
    if not row:
        if call.profile.hides_missing and not call.who.admin:
            raise denied("dashboards:read")
        raise plain(404, "Dashboard not found")
    access.require(call, row, access.VIEW, "dashboards:read")
    return row


def document(row: Row) -> dict[str, t.Any]:
    """A dashboard's own JSON."""
    return {**json.loads(row["data"]), "id": row["id"], "uid": row["uid"], "version": row["version"]}


def _meta(call: Call, row: Row) -> dict[str, t.Any]:
    folder = store.get(call.database, call.org, row["folder_uid"], is_folder=True) if row["folder_uid"] else None
    rights = access.level(call, row["folder_uid"], row)
    provisioning = json.loads(row["provisioning"]) if row["provisioning"] else {}
    edit, admin = rights >= access.EDIT, rights >= access.ADMIN
    notes = {key: {"canAdd": edit, "canEdit": edit, "canDelete": edit} for key in ("dashboard", "organization")}
    prefix = call.site.settings.sub_path
    return {
        "type": "db",
        "canSave": edit,
        "canEdit": edit,
        "canAdmin": admin,
        "canStar": call.who.kind == "user",
        "canDelete": edit,
        "slug": store.slug(row["title"]),
        "url": url(call, row),
        "expires": "0001-01-01T00:00:00Z",
        "created": row["created"],
        "updated": row["updated"],
        "updatedBy": row["updated_by"],
        "createdBy": row["created_by"],
        "version": row["version"],
        "hasAcl": False,
        "isFolder": False,
        "isStarred": False,
        "isSnapshot": False,
        "folderId": folder["id"] if folder else 0,
        "folderUid": folder["uid"] if folder else "",
        "folderTitle": folder["title"] if folder else "General",
        "folderUrl": f"{prefix}/dashboards/f/{folder['uid']}/{store.slug(folder['title'])}" if folder else "",
        "provisioned": bool(provisioning) and not provisioning["allowUiUpdates"],
        "provisionedExternalId": provisioning.get("externalId", ""),
        "annotationsPermissions": notes,
        "publicDashboardEnabled": False,
        "apiVersion": row["api_version"],
    }


@route("GET", "/api/dashboards/uid/:uid", "dashboards:read")
def shown(call: Call) -> t.Any:
    row = found(call, call.params["uid"])
    if row["api_version"].startswith("v2"):
        space = "default" if call.org == 1 else f"org-{call.org}"
        path = f"/apis/dashboard.grafana.app/{row['api_version']}/namespaces/{space}/dashboards/{row['uid']}"
        raise plain(406, f"dashboard api version not supported, use {path} instead")
    return {"dashboard": document(row), "meta": _meta(call, row)}


@route("DELETE", "/api/dashboards/uid/:uid", "dashboards:delete")
def remove(call: Call) -> t.Any:
    if store.get(call.database, call.org, call.params["uid"], is_folder=True):
        raise plain(400, "Use folders endpoint for deleting folders.")
    row = found(call, call.params["uid"])
    access.require(call, row, access.EDIT, "dashboards:delete")
    if row["provisioning"]:
        raise Refusal(400, {"message": "provisioned dashboard cannot be deleted"})
    store.delete(call.database, row)
    return {"message": f"Dashboard {row['title']} deleted", "title": row["title"], "uid": row["uid"]}
