"""Who may do what with which folder and dashboard."""

from __future__ import annotations

import json
import typing as t

from . import store
from .database import Database, Row
from .errors import denied, plain
from .identity import ROLES, Identity
from .routing import Call

VIEW, EDIT, ADMIN = 1, 2, 4
NAMES = {VIEW: "View", EDIT: "Edit", ADMIN: "Admin"}
DEFAULT: list[dict[str, t.Any]] = [{"role": "Editor", "permission": EDIT}, {"role": "Viewer", "permission": VIEW}]


def items(database: Database, org: int, row: Row) -> list[dict[str, t.Any]]:
    """Permissions given on one object itself."""
    found = database.one("SELECT items FROM dashboard_acl WHERE org_id = ? AND uid = ?", org, row["uid"])
    if found:
        return list(json.loads(found["items"]))
    return list(DEFAULT) if not row["folder_uid"] else []


def _applies(database: Database, who: Identity, item: dict[str, t.Any]) -> bool:
    if item.get("role"):
        return item["role"] in ROLES and who.includes(item["role"])
    if item.get("userId"):
        return bool(item["userId"] == who.number)
    member = "SELECT 1 FROM team_member WHERE team_id = ? AND user_id = ?"
    return database.one(member, item.get("teamId"), who.number) is not None


def level(call: Call, uid: str, row: Row | None = None) -> int:
    """What who asks may do in a folder ("" is the root), or with the dashboard that is given beside."""
    if call.who.admin:
        return ADMIN
    chain = store.ancestors(call.database, call.org, uid) + ([row] if row else [])
    rights = [item for one in chain for item in items(call.database, call.org, one)] if chain else DEFAULT
    return max((int(item["permission"]) for item in rights if _applies(call.database, call.who, item)), default=0)


def require(call: Call, row: Row, wanted: int, action: str) -> None:
    """Go on only with that right on a folder or dashboard."""
    inside = row["uid"] if row["is_folder"] else row["folder_uid"]
    if level(call, inside, None if row["is_folder"] else row) >= wanted:
        return
    if call.profile.unified and row["is_folder"]:
        raise plain(403, f'folders.folder.grafana.app "{row["uid"]}" is forbidden: access denied to folder')
    raise denied(action)


def require_inside(call: Call, uid: str, *actions: str) -> None:
    """Go on only if one may put something into a folder ("" is the root)."""
    if level(call, uid) >= EDIT:
        return
    if call.profile.unified and uid:
        raise plain(403, f'folders.folder.grafana.app "{uid}" is forbidden: access denied to folder')
    raise denied(*actions)


def readable_folder(call: Call, uid: str) -> Row:
    """A folder that who asks may see. Since 13 one that is not there looks forbidden to those who are no admins."""
    if call.profile.hides_missing and not call.who.admin and not store.get(call.database, call.org, uid, True):
        raise denied("folders:read")
    row = store.folder(call.database, call.org, uid)
    require(call, row, VIEW, "folders:read")
    return row
