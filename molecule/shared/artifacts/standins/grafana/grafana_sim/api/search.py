"""/api/search."""

from __future__ import annotations

import json
import time
import typing as t

from grafana_sim import access, store
from grafana_sim.database import Row
from grafana_sim.routing import Call, route


def _hit(call: Call, row: Row, folders: dict[str, Row]) -> dict[str, t.Any]:
    prefix, name = call.site.settings.sub_path, store.slug(row["title"])
    kind, path = ("dash-folder", "dashboards/f") if row["is_folder"] else ("dash-db", "d")
    hit = {
        "id": row["id"],
        "uid": row["uid"],
        "orgId": row["org_id"],
        "title": row["title"],
        "uri": f"db/{name}",
        "url": f"{prefix}/{path}/{row['uid']}/{name}",
        "slug": "",
        "type": kind,
        "tags": json.loads(row["tags"]),
        "isStarred": False,
        "isDeleted": False,
        "sortMeta": 0,
    }
    folder = folders.get(row["folder_uid"])
    if folder:
        hit.update(
            folderId=folder["id"],
            folderUid=folder["uid"],
            folderTitle=folder["title"],
            folderUrl=f"{prefix}/dashboards/f/{folder['uid']}/{store.slug(folder['title'])}",
        )
    return hit


def _chosen(call: Call, row: Row) -> bool:
    """Whether a row is what the query is after."""
    query = call.query
    kind = call.first("type")
    if kind and (kind == "dash-folder") != bool(row["is_folder"]):
        return False
    if call.first("query").lower() not in row["title"].lower():
        return False
    if query.get("dashboardUIDs") and row["uid"] not in _split(query["dashboardUIDs"]):
        return False
    if query.get("tag") and not set(query["tag"]) <= set(json.loads(row["tags"])):
        return False
    wanted = {"" if uid == "general" else uid for uid in _split(query.get("folderUIDs", []))}
    return not query.get("folderUIDs") or row["folder_uid"] in wanted


def _split(values: list[str]) -> set[str]:
    return {part for value in values for part in value.split(",")}


def _in_folder_ids(call: Call, row: Row, folders: dict[str, Row]) -> bool:
    wanted = _split(call.query.get("folderIds", []))
    folder = folders.get(row["folder_uid"])
    return not wanted or str(folder["id"] if folder else 0) in wanted


def _visible(call: Call, row: Row) -> bool:
    """The index of unified storage comes behind the writes."""
    lag = call.profile.search_lag if call.profile.unified else 0.0
    if lag and row["version"] == 1 and row["resource_version"] / 1_000_000 > time.time() - lag:
        return False
    inside = row["uid"] if row["is_folder"] else row["folder_uid"]
    wanted = access.EDIT if call.first("permission") == "Edit" else access.VIEW
    return access.level(call, inside, None if row["is_folder"] else row) >= wanted


@route("GET", "/api/search", "dashboards:read", "folders:read")
def search(call: Call) -> t.Any:
    # Without the dashboards themselves: there may be thousands.
    columns = "id, uid, org_id, is_folder, title, folder_uid, tags, version, resource_version"
    statement = f"SELECT {columns} FROM dashboard WHERE org_id = ? ORDER BY title COLLATE NOCASE, uid"
    rows = call.database.ask(statement, call.org)
    folders = {row["uid"]: row for row in rows if row["is_folder"]}
    if call.first("sort") == "alpha-desc":
        rows.reverse()
    if call.first("starred") == "true" or call.first("deleted") == "true":
        rows = []
    rows = [row for row in rows if _chosen(call, row) and _in_folder_ids(call, row, folders) and _visible(call, row)]
    return [_hit(call, row, folders) for row in call.paged(rows)[:5000]]
