"""Provisioning files, read at the start, at a reload and, dashboards, whenever they change."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import typing as t
from pathlib import Path

from . import store
from .api import datasources
from .database import Row, now, short_uid
from .errors import Fatal, Refusal
from .routing import Site
from .settings import Settings, seconds
from .yaml import interpolate, load

SOURCE = "Datasource provisioning error: "
Log = t.Callable[..., None]


def _files(settings: Settings, kind: str) -> list[dict[str, t.Any]]:
    """Every file of one kind; a file that cannot be read ends the start."""
    folder = Path(settings.get("paths", "provisioning"), kind)
    found = []
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        try:
            found.append(interpolate(load(path.read_text(encoding="utf-8"))) or {})
        except (OSError, ValueError) as error:
            raise Fatal(f"{kind} provisioning: failed to load {path}: {error}") from error
    return found


def provision(site: Site, kind: str) -> None:
    """Bring the database to what the files of a kind say, all of it or nothing.

    Raises:
        Fatal: a file is wrong, or clashes with what is there.
    """
    files = _files(site.settings, kind)
    with site.database.transaction():
        if kind == "datasources":
            _datasources(site, files)
        else:
            _dashboards(site, [one for file in files for one in file.get("providers") or []])


# -- data sources ---------------------------------------------------------------------------------------------------


def _org(site: Site, entry: dict[str, t.Any]) -> int:
    if entry.get("orgName"):
        row = site.database.one("SELECT id FROM org WHERE name = ?", entry["orgName"])
        if not row:
            raise Fatal(f"{SOURCE}organization {entry['orgName']} not found")
        return int(row["id"])
    return int(entry.get("orgId") or 1)


def _datasources(site: Site, files: list[dict[str, t.Any]]) -> None:
    database = site.database
    entries = [(file, entry, _org(site, entry)) for file in files for entry in file.get("datasources") or []]
    defaults = [org for _file, entry, org in entries if entry.get("isDefault")]
    if len(defaults) != len(set(defaults)):
        why = "Only one datasource per organization can be marked as default"
        raise Fatal(f"{SOURCE}datasource.yaml config is invalid. {why}")
    # Upstream prunes before it makes anything (provisioning/datasources/datasources.go, applyChanges), so a pruned name
    # leaves its uid free. One that was made by hand, or without prune, keeps it.
    named = [(_org(site, gone), gone["name"]) for file in files for gone in file.get("deleteDatasources") or []]
    kept = {*named, *((org, entry["name"]) for _file, entry, org in entries)}
    for row in database.ask("SELECT id, org_id, name FROM data_source WHERE prunable = 1"):
        if (row["org_id"], row["name"]) not in kept:
            database.ask("DELETE FROM data_source WHERE id = ?", row["id"])
    for file in files:
        for gone in file.get("deleteDatasources") or []:
            database.ask("DELETE FROM data_source WHERE name = ? AND org_id = ?", gone["name"], _org(site, gone))
        for _file, entry, org in (one for one in entries if one[0] is file):
            _datasource(site, {**entry, "prunable": bool(file.get("prune"))}, org)


def _datasource(site: Site, entry: dict[str, t.Any], org: int) -> None:
    database, name = site.database, entry["name"]
    # Matched by name and organisation; a uid that is given wins over the one derived from the name.
    uid = str(entry.get("uid") or "P" + hashlib.sha256(name.encode()).hexdigest()[:16].upper())
    if not datasources.UID.match(uid):
        raise Fatal(f"{SOURCE}uid {uid} is not valid")
    given = {"access": "proxy", **entry, "uid": uid, "readOnly": not entry.get("editable", False)}
    row = database.one("SELECT * FROM data_source WHERE org_id = ? AND name = ?", org, name)
    if not row:
        try:
            datasources.create(database, site.profile, org, given)
        except Refusal as refusal:
            raise Fatal(SOURCE + refusal.body["message"]) from refusal
        return
    if database.one("SELECT 1 FROM data_source WHERE org_id = ? AND uid = ? AND id != ?", org, uid, row["id"]):
        raise Fatal(SOURCE + datasources.CLASH.format("uid"))
    database.update(
        "data_source",
        row["id"],
        uid=uid,
        version=1,
        read_only=int(given["readOnly"]),
        prunable=int(given["prunable"]),
        entry=datasources.fields(given),
        secure={key: str(value) for key, value in (entry.get("secureJsonData") or {}).items()},
    )
    datasources.set_default(database, org, row["id"], bool(entry.get("isDefault")))


# -- dashboards -----------------------------------------------------------------------------------------------------


def _dashboards(site: Site, providers: list[dict[str, t.Any]]) -> None:
    seen: set[tuple[int, str]] = set()
    for provider in providers:
        org, root = int(provider.get("orgId") or 1), Path(provider["options"]["path"])
        for path in sorted(root.rglob("*.json")) if root.is_dir() else []:
            try:
                data = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue  # upstream passes over it with a word in its log
            if isinstance(data, dict) and data.get("title"):
                seen.add((org, _dashboard(site, provider, org, root, path, data)))
    kept = {str(provider["name"]) for provider in providers if provider.get("disableDeletion")}
    for row in site.database.ask("SELECT * FROM dashboard WHERE provisioning IS NOT NULL AND is_folder = 0"):
        if (row["org_id"], row["uid"]) not in seen and json.loads(row["provisioning"])["name"] not in kept:
            store.delete(site.database, row)


def _dashboard(site: Site, provider: dict[str, t.Any], org: int, root: Path, path: Path, data: dict[str, t.Any]) -> str:
    name, external = str(provider.get("name")), path.relative_to(root).as_posix()
    note = {"name": name, "externalId": external, "allowUiUpdates": bool(provider.get("allowUiUpdates"))}
    row = store.get(site.database, org, str(data["uid"]), is_folder=False) if data.get("uid") else None
    row = row or _of_file(site, org, name, external)
    minimum = site.settings.get("dashboards", "min_refresh_interval") or "5s"
    wanted = seconds(str(data.get("refresh") or ""))
    if wanted is not None and wanted < (seconds(minimum) or 0):
        data["refresh"] = minimum
    folder_uid = _folder(site, provider, org, path.relative_to(root).parent.name)
    if row:
        same = json.loads(row["data"]) == store.bare(data) and row["folder_uid"] == folder_uid
        if same and row["provisioning"] == json.dumps(note):
            return str(row["uid"])
    uid = row["uid"] if row else str(data.get("uid") or "") or store.new_uid(site.profile)
    store.save(
        site.database,
        site.profile,
        "",
        row,
        org=org,
        uid=uid,
        is_folder=False,
        title=str(data["title"]).strip(),
        folder_uid=folder_uid,
        data=data,
        api_version="v0alpha1",
        provisioning=note,
    )
    return uid


def _of_file(site: Site, org: int, name: str, external: str) -> Row | None:
    """The dashboard that came from a file that has no uid in it."""
    for row in site.database.ask("SELECT * FROM dashboard WHERE org_id = ? AND provisioning IS NOT NULL", org):
        note = json.loads(row["provisioning"])
        if (note.get("name"), note.get("externalId")) == (name, external):
            return row
    return None


def _folder(site: Site, provider: dict[str, t.Any], org: int, parent: str) -> str:
    """uid of the folder a file's dashboards go to, made where it is missing."""
    by_tree = provider["options"].get("foldersFromFilesStructure")
    title = parent if by_tree else str(provider.get("folder") or "")
    uid = "" if by_tree else str(provider.get("folderUid") or "")
    if not title and not uid:
        return ""
    statement = "SELECT uid FROM dashboard WHERE org_id = ? AND is_folder = 1 AND folder_uid = '' AND title = ?"
    row = store.get(site.database, org, uid, True) if uid else site.database.one(statement, org, title)
    if row:
        return str(row["uid"])
    made = store.save(
        site.database,
        site.profile,
        "",
        None,
        org=org,
        uid=uid or short_uid(),
        is_folder=True,
        title=title or uid,
        folder_uid="",
        data={"description": ""},
        api_version="",
        provisioning={"name": provider.get("name")},
    )
    return str(made["uid"])


def watch(site: Site, stop: threading.Event, log: Log) -> None:
    """Look at the dashboards' files now and then, as every provider's updateIntervalSeconds says."""
    last: dict[str, float] = {}
    while not stop.wait(1):
        try:
            providers = [one for file in _files(site.settings, "dashboards") for one in file.get("providers") or []]
            intervals = [float(one.get("updateIntervalSeconds") or 10) for one in providers]
            if providers and time.monotonic() - last.get("look", 0) >= min(intervals):
                last["look"] = time.monotonic()
                with site.database.transaction():
                    _dashboards(site, providers)
        except (Fatal, Refusal, OSError, ValueError, KeyError) as error:
            log("error", "Failed to provision dashboards", error=error, at=now())


# -- plugins --------------------------------------------------------------------------------------------------------


def plugins(settings: Settings, log: Log | None = None) -> list[dict[str, t.Any]]:
    """Signed plugins of the plugin folder; upstream passes over the others with a word in its log."""
    found = []
    for path in sorted(Path(settings.get("paths", "plugins")).glob("*/plugin.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if (path.parent / "MANIFEST.txt").exists():
            found.append({"id": document["id"], "info": document.get("info", {}), "signature": "valid"})
        elif log:
            text = "Skipping loading plugin due to problem with signature"
            log("error", text, pluginId=document["id"], status="unsigned")
    return found
