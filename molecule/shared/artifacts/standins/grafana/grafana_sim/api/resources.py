"""/apis: dashboards and folders as Kubernetes has resources."""

from __future__ import annotations

import base64
import json
import typing as t

from grafana_sim import access, objects, store
from grafana_sim.database import Row
from grafana_sim.errors import Refusal, not_found, status
from grafana_sim.routing import Call, route

from .dashboards import checked_refresh
from .folders import rules_in

BASE = "/apis/:group/:version/namespaces/:namespace/:resource"
VERBS = ["create", "delete", "get", "list", "update"]


def _group(call: Call) -> dict[str, t.Any]:
    group = call.profile.resources.get(call.params["group"])
    if not group or call.params.get("version", group["versions"][0]) not in group["versions"]:
        raise (
            not_found()
            if not call.profile.resources
            else status(404, "NotFound", "the server could not find the requested resource")
        )
    return group


def _kind(call: Call) -> str:
    """The kind a path is about; the namespace has to be that of the organisation."""
    group = _group(call)
    if call.params["resource"] != group["resource"]:
        raise status(404, "NotFound", "the server could not find the requested resource")
    if call.params["namespace"] != objects.namespace(call.org):
        raise status(403, "Forbidden", f"{call.params['namespace']} is not the namespace of the organization in use")
    return str(group["kind"])


def _described(group: str, versions: list[str]) -> dict[str, t.Any]:
    entries = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": entries, "preferredVersion": entries[0]}


@route("GET", "/apis")
def groups(call: Call) -> t.Any:
    if not call.profile.resources:
        raise not_found()
    known = [_described(name, group["versions"]) for name, group in call.profile.resources.items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": known}


@route("GET", "/apis/:group")
def group_shown(call: Call) -> t.Any:
    return {"kind": "APIGroup", "apiVersion": "v1", **_described(call.params["group"], _group(call)["versions"])}


@route("GET", "/apis/:group/:version")
def version_shown(call: Call) -> t.Any:
    group, name = _group(call), f"{call.params['group']}/{call.params['version']}"
    entry = {
        "name": group["resource"],
        "singularName": group["kind"].lower(),
        "namespaced": True,
        "kind": group["kind"],
        "verbs": VERBS,
    }
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": [entry]}


def _missing(call: Call, name: str) -> Refusal:
    what = f"{call.params['resource']}.{call.params['group']}"
    details = {"name": name, "group": call.params["group"], "kind": call.params["resource"]}
    return status(404, "NotFound", f'{what} "{name}" not found', details)


def _forbidden(call: Call, name: str) -> Refusal:
    what = f"{call.params['resource']}.{call.params['group']}"
    return status(403, "Forbidden", f'{what} "{name}" is forbidden: access denied')


def _level(call: Call, row: Row) -> int:
    inside = row["uid"] if row["is_folder"] else row["folder_uid"]
    return access.level(call, inside, None if row["is_folder"] else row)


def _row(call: Call, wanted: int) -> Row:
    kind, name = _kind(call), call.params["name"]
    row = store.get(call.database, call.org, name, is_folder=kind == "Folder")
    if not row:
        raise _missing(call, name)
    if _level(call, row) < wanted:
        raise _forbidden(call, name)
    return row


@route("GET", BASE)
def listed(call: Call) -> t.Any:
    kind = _kind(call)
    statement = "SELECT * FROM dashboard WHERE org_id = ? AND is_folder = ? ORDER BY uid"
    rows = call.database.ask(statement, call.org, int(kind == "Folder"))
    rows = [row for row in rows if _level(call, row) >= access.VIEW]
    start = base64.urlsafe_b64decode(call.first("continue") or "").decode()
    rows = [row for row in rows if row["uid"] > start]
    size = call.number("limit", 0) or len(rows)
    version = call.params["version"]
    newest = call.database.one("SELECT max(resource_version) AS n FROM dashboard") or {}
    metadata: dict[str, t.Any] = {"resourceVersion": str(newest.get("n") or 1)}
    if len(rows) > size:
        metadata["continue"] = base64.urlsafe_b64encode(rows[size - 1]["uid"].encode()).decode()
        metadata["remainingItemCount"] = len(rows) - size
    items = [objects.shape(call, row, version) for row in rows[:size]]
    return {
        "kind": f"{kind}List",
        "apiVersion": f"{call.params['group']}/{version}",
        "metadata": metadata,
        "items": items,
    }


@route("GET", BASE + "/:name")
def shown(call: Call) -> t.Any:
    return objects.shape(call, _row(call, access.VIEW), call.params["version"])


def _checked(call: Call, kind: str, name: str, spec: dict[str, t.Any], folder: str, uid: str) -> str:
    """The title of what is sent, once it is found to be in order."""
    version = call.params["version"]
    if call.first("fieldValidation", "Strict") == "Strict" or version.startswith("v0"):
        objects.check_spec(kind, version, name, spec)
    title = str(spec.get("title") or "").strip()
    if not title:
        raise status(400, "BadRequest", f"{kind.lower()} title cannot be empty")
    if folder and not store.get(call.database, call.org, folder, is_folder=True):
        text = f'folders.folder.grafana.app "{folder}" not found'
        raise status(404, "NotFound", text, {"name": folder, "kind": "folders"})
    try:
        store.check_uid(name)
        if kind == "Folder":
            store.check_parent(call.database, call.org, uid, folder)
    except Refusal as refusal:
        raise status(400, "BadRequest", refusal.body["message"]) from None
    if access.level(call, folder) < access.EDIT:
        raise _forbidden(call, name)
    return title


def _write(
    call: Call, kind: str, row: Row | None, name: str, metadata: dict[str, t.Any], spec: dict[str, t.Any]
) -> Row:
    version, folder = call.params["version"], objects.folder_of(metadata)
    title = _checked(call, kind, name, spec, folder, name if row else "")
    if kind == "Folder":
        data: dict[str, t.Any] = {"description": spec.get("description") or ""}
    else:
        data = {**spec, "title": title}
        if version.startswith("v1") and data.get("schemaVersion", 0) < call.profile.schema_version:
            data["schemaVersion"] = call.profile.schema_version
        if not version.startswith("v2"):
            checked_refresh(call, data)
    return store.save(
        call.database,
        call.profile,
        call.who.login,
        row,
        org=call.org,
        uid=name,
        is_folder=kind == "Folder",
        title=title,
        folder_uid=folder,
        data=data,
        api_version=version,
        message=str((metadata.get("annotations") or {}).get(objects.MINE + "message") or ""),
        extras=objects.kept(metadata),
        provisioning=json.loads(row["provisioning"]) if row and row["provisioning"] else None,
    )


@route("POST", BASE, "dashboards:create", "folders:create")
def add(call: Call) -> t.Any:
    kind = _kind(call)
    metadata, spec = objects.sent(call)
    name = str(metadata.get("name") or "")
    if not name and metadata.get("generateName"):
        name = str(metadata["generateName"]) + store.short_uid()
    if not name:
        raise status(422, "Invalid", "name or generateName is required")
    if metadata.get("resourceVersion"):
        raise status(400, "BadRequest", "resourceVersion should not be set on objects to be created")
    if store.get(call.database, call.org, name):
        what = f"{call.params['resource']}.{call.params['group']}"
        details = {"name": name, "group": call.params["group"], "kind": call.params["resource"]}
        raise status(409, "AlreadyExists", f'{what} "{name}" already exists', details)
    return 201, objects.shape(call, _write(call, kind, None, name, metadata, spec), call.params["version"])


@route("PUT", BASE + "/:name")
def change(call: Call) -> t.Any:
    kind, row = _kind(call), _row(call, access.EDIT)
    metadata, spec = objects.sent(call)
    name = row["uid"]
    if metadata.get("name", name) != name:
        text = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        raise status(400, "BadRequest", text)
    if metadata.get("resourceVersion") not in (None, "", str(row["resource_version"])):
        what = f"{call.params['resource']}.{call.params['group']}"
        why = "the object has been modified; please apply your changes to the latest version and try again"
        raise status(409, "Conflict", f'Operation cannot be fulfilled on {what} "{name}": {why}', {"name": name})
    if row["provisioning"] and not json.loads(row["provisioning"]).get("allowUiUpdates", True):
        raise status(400, "BadRequest", "Cannot save provisioned dashboard")
    return objects.shape(call, _write(call, kind, row, name, metadata, spec), call.params["version"])


@route("DELETE", BASE + "/:name")
def remove(call: Call) -> t.Any:
    kind, row = _kind(call), _row(call, access.EDIT)
    if kind == "Dashboard" and row["provisioning"]:
        raise status(400, "BadRequest", "provisioned dashboard cannot be deleted")
    if kind == "Folder":
        below = store.descendants(call.database, call.org, row["uid"])
        if below or rules_in(call, {row["uid"]}):
            raise status(400, "BadRequest", "Folder cannot be deleted: folder is not empty")
    store.delete(call.database, row)
    details = {
        "name": row["uid"],
        "group": call.params["group"],
        "kind": call.params["resource"],
        "uid": row["k8s_uid"],
    }
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
