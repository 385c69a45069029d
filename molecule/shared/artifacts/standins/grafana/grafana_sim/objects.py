"""Dashboards and folders as resources of /apis: their shape, and what is wrong with one that is sent."""

from __future__ import annotations

import json
import typing as t

from .database import Database, Row
from .errors import status
from .routing import Call
from .store import bare

MINE = "grafana.app/"
# What a field of a dashboard has to be. Versions from v1 on look; /api does not.
FIELDS: dict[str, t.Any] = {
    "title": str,
    "description": str,
    "tags": list,
    "panels": list,
    "links": list,
    "refresh": (str, bool),
    "timezone": str,
    "editable": bool,
    "schemaVersion": int,
    "templating": dict,
    "annotations": dict,
    "time": dict,
    "timepicker": dict,
}
FIELDS_OF_V2: dict[str, t.Any] = {
    "title": str,
    "description": str,
    "tags": list,
    "elements": dict,
    "layout": dict,
    "variables": list,
    "annotations": list,
    "links": list,
    "timeSettings": dict,
    "editable": bool,
    "preload": bool,
    "cursorSync": str,
    "liveNow": bool,
    "revision": (int, type(None)),
}


def namespace(org: int) -> str:
    """An organisation's name in /apis."""
    return "default" if org == 1 else f"org-{org}"


def author(database: Database, login: str) -> str:
    """Who did it, as annotations name them."""
    row = database.one("SELECT uid, is_service_account FROM user WHERE login = ?", login) if login else None
    if not row:
        return "provisioning:" if not login else f"user:{login}"
    return f"{'service-account' if row['is_service_account'] else 'user'}:{row['uid']}"


def shape(call: Call, row: Row, version: str) -> dict[str, t.Any]:
    """A row as a resource of one version of its group."""
    group, kind = ("folder", "Folder") if row["is_folder"] else ("dashboard", "Dashboard")
    extras = json.loads(row["extras"])
    annotations = dict(extras.get("annotations", {}))
    annotations[MINE + "createdBy"] = author(call.database, row["created_by"])
    if row["version"] > 1:
        annotations[MINE + "updatedBy"] = author(call.database, row["updated_by"])
        annotations[MINE + "updatedTimestamp"] = row["updated"]
    if row["folder_uid"]:
        annotations[MINE + "folder"] = row["folder_uid"]
    if row["message"]:
        annotations[MINE + "message"] = row["message"]
    if row["provisioning"]:
        note = json.loads(row["provisioning"])
        annotations[MINE + "managedBy"] = "classic-file-provisioning"
        annotations[MINE + "managerId"] = str(note.get("name"))
        if note.get("externalId"):
            annotations[MINE + "sourcePath"] = note["externalId"]
    metadata = {
        "name": row["uid"],
        "namespace": namespace(row["org_id"]),
        "uid": row["k8s_uid"],
        "resourceVersion": str(row["resource_version"]),
        "generation": row["version"],
        "creationTimestamp": row["created"],
        "labels": {**extras.get("labels", {}), MINE + "deprecatedInternalID": str(row["id"])},
        "annotations": annotations,
    }
    found = {"kind": kind, "apiVersion": f"{group}.grafana.app/{version}", "metadata": metadata, "spec": _spec(row)}
    if not row["is_folder"]:
        found["status"] = {}
        if row["api_version"].startswith("v2") != version.startswith("v2"):
            found["status"] = {"conversion": {"failed": True, "storedVersion": row["api_version"]}}
    return found


def _spec(row: Row) -> dict[str, t.Any]:
    data = json.loads(row["data"])
    if not row["is_folder"]:
        return dict(data)
    text = {"description": data["description"]} if data.get("description") else {}
    return {"title": row["title"], **text}


def sent(call: Call) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """metadata and spec of a body."""
    try:
        given = json.loads(call.raw_body)
        metadata, spec = given.get("metadata") or {}, given.get("spec")
    except (ValueError, AttributeError):
        raise status(400, "BadRequest", "couldn't get version/kind; json parse error") from None
    if not isinstance(spec, dict) or not isinstance(metadata, dict):
        raise status(400, "BadRequest", "spec and metadata have to be objects")
    wanted = f"{call.params['group']}/{call.params['version']}"
    if given.get("apiVersion", wanted) != wanted:
        text = f"the API version in the data ({given['apiVersion']}) does not match the expected API version ({wanted})"
        raise status(400, "BadRequest", text)
    return metadata, bare(spec)


def kept(metadata: dict[str, t.Any]) -> dict[str, t.Any]:
    """Labels and annotations of the sender's own."""
    found = {}
    for key in ("labels", "annotations"):
        values = metadata.get(key) or {}
        found[key] = {name: value for name, value in values.items() if not name.startswith(MINE)}
    return {key: value for key, value in found.items() if value}


def folder_of(metadata: dict[str, t.Any]) -> str:
    """uid of the folder an object is put into."""
    return str((metadata.get("annotations") or {}).get(MINE + "folder") or "")


def check_spec(kind: str, version: str, name: str, spec: dict[str, t.Any]) -> None:
    """Refuse a spec that is not of the schema. v0 takes everything that has a title."""
    causes = []
    if kind == "Folder":
        fields: dict[str, t.Any] = {"title": str, "description": str}
        causes += [f'unknown field "spec.{key}"' for key in spec if key not in fields]
    elif version.startswith("v0"):
        fields = {"title": str}
    else:
        fields = FIELDS_OF_V2 if version.startswith("v2") else FIELDS
    if version.startswith("v2") and kind == "Dashboard":
        causes += [f'unknown field "spec.{key}"' for key in spec if key not in fields]
    for key, wanted in fields.items():
        if key in spec and (not isinstance(spec[key], wanted) or (wanted is int and isinstance(spec[key], bool))):
            causes.append(f"spec.{key}: Invalid value: {json.dumps(spec[key])[:80]}")
    if causes:
        details = {"name": name, "kind": kind, "causes": [{"message": cause} for cause in causes]}
        text = f'{kind} "{name}" is invalid: ' + ", ".join(causes)
        raise status(422, "Invalid", text, details)
