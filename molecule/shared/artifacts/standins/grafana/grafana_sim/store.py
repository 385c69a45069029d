"""Dashboards and folders, in one table as upstream had them: what both of their APIs do to them."""

from __future__ import annotations

import json
import re
import secrets
import typing as t
import uuid

from .database import Database, Row, now, short_uid
from .errors import Refusal, coded, plain
from .profile import Profile

UID = re.compile(r"^[a-zA-Z0-9\-_]*$")
MAX_DEPTH = 4
FOLDER_CHANGED = "the folder has been changed by someone else"
SERVER_KEYS = ("id", "uid", "version")


def slug(title: str) -> str:
    """A title as it stands in a URL."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "-"


def check_uid(uid: str) -> None:
    """Refuse a uid that is none."""
    if not UID.match(uid):
        raise plain(400, "uid contains illegal characters")
    if len(uid) > 40:
        raise plain(400, "uid too long, max 40 characters")


def get(database: Database, org: int, uid: str, is_folder: bool | None = None) -> Row | None:
    """One of an organisation."""
    row = database.one("SELECT * FROM dashboard WHERE org_id = ? AND uid = ?", org, uid)
    return None if row and is_folder is not None and bool(row["is_folder"]) != is_folder else row


def folder(database: Database, org: int, uid: str) -> Row:
    """A folder that has to be there."""
    row = get(database, org, uid, is_folder=True)
    if not row:
        raise plain(404, "folder not found", status="not-found")
    return row


def ancestors(database: Database, org: int, uid: str) -> list[Row]:
    """The folder of that uid and those above it, the highest first."""
    found: list[Row] = []
    while uid:
        row = get(database, org, uid, is_folder=True)
        if not row:
            break
        found.insert(0, row)
        uid = row["folder_uid"]
    return found


def descendants(database: Database, org: int, uid: str) -> list[Row]:
    """Everything below a folder."""
    found: list[Row] = []
    for row in database.ask("SELECT * FROM dashboard WHERE org_id = ? AND folder_uid = ?", org, uid):
        found += [row, *(descendants(database, org, row["uid"]) if row["is_folder"] else [])]
    return found


def height(database: Database, org: int, uid: str) -> int:
    """Levels of folders below one."""
    below = database.ask("SELECT uid FROM dashboard WHERE org_id = ? AND folder_uid = ? AND is_folder = 1", org, uid)
    return max((1 + height(database, org, row["uid"]) for row in below), default=0)


def check_parent(database: Database, org: int, uid: str, parent: str) -> None:
    """Refuse a parent that is not there, too deep, or below the folder itself."""
    if not parent:
        return
    above = [row["uid"] for row in ancestors(database, org, parent)]
    if not above:
        raise plain(404, "folder not found", status="not-found")
    if uid in above:
        raise coded(400, "folder.circular-reference", "Circular reference detected")
    if len(above) + (height(database, org, uid) if uid else 0) > MAX_DEPTH:
        raise coded(400, "folder.maximum-depth-reached", "Maximum nested folder depth reached")


def new_uid(profile: Profile) -> str:
    """A uid for one that comes without."""
    return str(uuid.uuid4()) if profile.unified else short_uid()


def tags(data: dict[str, t.Any]) -> list[str]:
    """Tags of a dashboard."""
    found = data.get("tags")
    return [str(tag) for tag in found] if isinstance(found, list) else []


def bare(data: dict[str, t.Any]) -> dict[str, t.Any]:
    """A dashboard without what the server keeps in it."""
    return {key: value for key, value in data.items() if key not in SERVER_KEYS}


def save(
    database: Database,
    profile: Profile,
    author: str,
    row: Row | None,
    *,
    org: int,
    uid: str,
    is_folder: bool,
    title: str,
    folder_uid: str,
    data: dict[str, t.Any],
    api_version: str,
    message: str = "",
    extras: dict[str, t.Any] | None = None,
    provisioning: dict[str, t.Any] | None = None,
    restored_from: int = 0,
) -> Row:
    """Create or change one. Returns it as it is then.

    Legacy storage counts every save; in unified storage one that changes nothing leaves the version as it is.
    """
    data = bare(data)
    kept = {
        "title": title,
        "folder_uid": folder_uid,
        "data": data,
        "tags": tags(data),
        "api_version": api_version,
        "extras": extras if extras is not None else json.loads(row["extras"]) if row else {},
        "updated_by": author,
        "provisioning": json.dumps(provisioning) if provisioning else None,
    }
    if row:
        same = (json.loads(row["data"]), row["folder_uid"], row["title"]) == (data, folder_uid, title)
        if profile.unified and same and json.loads(row["extras"]) == kept["extras"]:
            if row["provisioning"] != kept["provisioning"]:
                database.update("dashboard", row["id"], provisioning=kept["provisioning"])
            return get(database, org, uid) or row
        version = row["version"] + (0 if profile.unified and same else 1)
        changed = {**kept, "version": version, "resource_version": database.next_resource_version()}
        database.update("dashboard", row["id"], updated=now(), message=message, **changed)
    else:
        version = 1
        extra = {"id": secrets.randbelow(2**52 - 1) + 1} if profile.unified else {}
        database.insert(
            "dashboard",
            **extra,
            org_id=org,
            uid=uid,
            is_folder=int(is_folder),
            version=1,
            resource_version=database.next_resource_version(),
            k8s_uid=str(uuid.uuid4()),
            message=message,
            created=now(),
            updated=now(),
            created_by=author,
            **kept,
        )
    if not is_folder:
        _remember(database, org, uid, version, row, data, message, author, restored_from)
    found = get(database, org, uid)
    if not found:
        raise Refusal(500, {"message": "Failed to save dashboard"})
    return found


def _remember(
    database: Database,
    org: int,
    uid: str,
    version: int,
    former: Row | None,
    data: dict[str, t.Any],
    message: str,
    author: str,
    restored_from: int,
) -> None:
    database.insert(
        "dashboard_version",
        org_id=org,
        dashboard_uid=uid,
        version=version,
        parent_version=former["version"] if former else 0,
        restored_from=restored_from,
        data=data,
        message=message,
        created=now(),
        created_by=author,
    )


def delete(database: Database, row: Row) -> None:
    """Remove one, and of a folder all that is in it."""
    org = row["org_id"]
    for one in [row, *(descendants(database, org, row["uid"]) if row["is_folder"] else [])]:
        database.ask("DELETE FROM dashboard WHERE id = ?", one["id"])
        database.ask("DELETE FROM dashboard_version WHERE org_id = ? AND dashboard_uid = ?", org, one["uid"])
        database.ask("DELETE FROM dashboard_acl WHERE org_id = ? AND uid = ?", org, one["uid"])
        database.ask("DELETE FROM library_element WHERE org_id = ? AND folder_uid = ?", org, one["uid"])
        database.ask("DELETE FROM annotation WHERE org_id = ? AND dashboard_uid = ?", org, one["uid"])
