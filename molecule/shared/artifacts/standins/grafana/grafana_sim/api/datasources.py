"""/api/datasources."""

from __future__ import annotations

import json
import re
import typing as t

from grafana_sim.database import Database, Row, short_uid
from grafana_sim.errors import Refusal, bad_request, coded, plain
from grafana_sim.profile import Profile
from grafana_sim.routing import Call, route

from . import probes

UID = re.compile(r"^[a-zA-Z0-9\-_]{1,40}$")
# Kinds that cannot do without a URL.
WITH_URL = {
    "prometheus",
    "loki",
    "tempo",
    "alertmanager",
    "jaeger",
    "zipkin",
    "elasticsearch",
    "graphite",
    "influxdb",
    "opentsdb",
    "mysql",
    "postgres",
    "grafana-postgresql-datasource",
    "mssql",
}
ALIASES = {"postgres": "grafana-postgresql-datasource"}
KNOWN = WITH_URL | {"cloudwatch", "testdata", "grafana-testdata-datasource", "parca", "grafana-pyroscope-datasource"}
CLASH = "data source with the same {} already exists"


def rows(database: Database, org: int) -> list[Row]:
    """All of an organisation, by name."""
    statement = "SELECT * FROM data_source WHERE org_id = ? ORDER BY name COLLATE NOCASE, name"
    return database.ask(statement, org)


def shape(row: Row) -> dict[str, t.Any]:
    """One, as it is shown alone: which secrets there are, never what they are."""
    entry = json.loads(row["entry"])
    secure = json.loads(row["secure"])
    return {
        "id": row["id"],
        "uid": row["uid"],
        "orgId": row["org_id"],
        "name": row["name"],
        "type": entry["type"],
        "typeLogoUrl": _logo(entry["type"]),
        "access": entry["access"],
        "url": entry["url"],
        "user": entry["user"],
        "database": entry["database"],
        "basicAuth": entry["basicAuth"],
        "basicAuthUser": entry["basicAuthUser"],
        "withCredentials": entry["withCredentials"],
        "isDefault": bool(row["is_default"]),
        "jsonData": entry["jsonData"],
        "secureJsonFields": {key: True for key, value in secure.items() if value},
        "version": row["version"],
        "readOnly": bool(row["read_only"]),
        "apiVersion": entry.get("apiVersion", ""),
    }


def in_list(row: Row) -> dict[str, t.Any]:
    """One, as the list shows it."""
    whole = shape(row)
    for key in ("basicAuthUser", "withCredentials", "secureJsonFields", "version", "apiVersion"):
        del whole[key]
    return {**whole, "typeName": whole["type"].title()}


def _logo(kind: str) -> str:
    name = kind if kind in KNOWN else ""
    return f"public/plugins/{name}/img/{name}_logo.svg" if name else "public/img/icn-datasource.svg"


def _found(call: Call, column: str, value: t.Any) -> Row:
    statement = f"SELECT * FROM data_source WHERE org_id = ? AND {column} = ?"
    row = call.database.one(statement, call.org, value)
    if not row:
        raise plain(404, "Data source not found")
    return row


def _secrets(given: dict[str, t.Any]) -> dict[str, str]:
    found = given.get("secureJsonData") or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise bad_request()
    return dict(found)


def _checked(call: Call, given: dict[str, t.Any], url_needed: bool) -> None:
    if given["access"] not in ("proxy", "direct") or not isinstance(given.get("jsonData") or {}, dict):
        raise bad_request()
    url = str(given.get("url") or "")
    if (url or url_needed) and given["type"] in WITH_URL and not _is_url(url):
        raise plain(400, "Validation error, invalid URL", traceID="")
    if (given.get("jsonData") or {}).get("teamHttpHeaders"):
        text = "Cannot create datasource with team HTTP headers, need to use updateDatasourceLBACRules API"
        raise plain(403, text)
    if len(str(given.get("name") or "").encode()) > 190:
        raise coded(400, "datasource.nameInvalid", "Invalid datasource name.")
    if len(url) > 255:
        raise coded(400, "datasource.urlInvalid", "Invalid datasource URL.")
    uid = str(given.get("uid") or "")
    if uid and call.profile.strict_datasource_uid and not UID.match(uid):
        raise coded(400, "datasource.uidInvalid", "Invalid datasource UID.")


def _is_url(url: str) -> bool:
    return bool(re.match(r"^[^\s:/?#]+(://[^\s]+|:\d+.*|[^\s]*)$", url)) and not re.search(r"\s", url)


def fields(given: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is kept of a request, apart from what has a column of its own."""
    return {
        "type": ALIASES.get(given["type"], given["type"]),
        "access": given["access"],
        **{key: str(given.get(key) or "") for key in ("url", "user", "database", "basicAuthUser", "apiVersion")},
        **{key: bool(given.get(key)) for key in ("basicAuth", "withCredentials")},
        "jsonData": given.get("jsonData") or {},
    }


def _taken(database: Database, org: int, column: str, value: str, but: int = 0) -> bool:
    statement = f"SELECT 1 FROM data_source WHERE org_id = ? AND {column} = ? AND id != ?"
    return database.one(statement, org, value, but) is not None


def set_default(database: Database, org: int, number: int, wanted: bool) -> None:
    """Make one the default, and no other; their versions stay."""
    if wanted:
        database.ask("UPDATE data_source SET is_default = 0 WHERE org_id = ? AND id != ?", org, number)
    database.ask("UPDATE data_source SET is_default = ? WHERE id = ?", int(wanted), number)


def create(database: Database, profile: Profile, org: int, given: dict[str, t.Any]) -> int:
    """A new one, from a request or a file; its number.

    Raises:
        Refusal: 409, name or uid are taken.
    """
    name = str(given.get("name") or "")
    if not name:
        name, count = str(given["type"]), 0
        while _taken(database, org, "name", name):
            count += 1
            name = f"{given['type']}-{count}"
    uid = str(given.get("uid") or "") or short_uid()
    for column, value in (("name", name), ("uid", uid)):
        if _taken(database, org, column, value):
            raise plain(409, CLASH.format(column))
    first = not database.one("SELECT 1 FROM data_source WHERE org_id = ?", org)
    number = database.insert(
        "data_source",
        org_id=org,
        name=name,
        uid=uid,
        version=1,
        is_default=0,
        read_only=int(bool(given.get("readOnly"))),
        prunable=int(bool(given.get("prunable"))),
        entry=fields(given),
        secure=_secrets(given),
    )
    set_default(database, org, number, bool(given.get("isDefault")) or first)
    return number


@route("GET", "/api/datasources", "datasources:read")
def listed(call: Call) -> t.Any:
    return [in_list(row) for row in rows(call.database, call.org)[:5000]]


@route("POST", "/api/datasources", "datasources:create")
def add(call: Call) -> t.Any:
    given = call.body("type", "access")
    given.pop("readOnly", None)
    given.pop("prunable", None)
    _checked(call, given, url_needed=False)
    row = _found(call, "id", create(call.database, call.profile, call.org, given))
    return {"datasource": shape(row), "id": row["id"], "message": "Datasource added", "name": row["name"]}


def _change(call: Call, find: t.Callable[[], Row]) -> t.Any:
    given = call.body("name", "type", "access")
    _checked(call, given, url_needed=True)
    row = find()
    if row["read_only"]:
        raise plain(403, "Cannot update read-only data source")
    sent = given.get("version") or 0
    if sent and row["version"] > sent:
        raise plain(409, "Datasource has already been updated by someone else. Please reload and try again")
    if _taken(call.database, call.org, "name", given["name"], row["id"]):
        raise plain(409, "Failed to update datasource: " + CLASH.format("name"))
    uid = str(given.get("uid") or "") or row["uid"]
    if _taken(call.database, call.org, "uid", uid, row["id"]):
        raise plain(500, "Failed to update datasource")
    entry, former = fields(given), json.loads(row["entry"])
    for key in ("url", "basicAuthUser"):  # an empty one does not clear what is kept
        entry[key] = entry[key] or former[key]
    secure = {**json.loads(row["secure"]), **_secrets(given)}
    call.database.update(
        "data_source", row["id"], name=given["name"], uid=uid, version=sent + 1, entry=entry, secure=secure
    )
    set_default(call.database, call.org, row["id"], bool(given.get("isDefault")))
    changed = _found(call, "id", row["id"])
    return {"datasource": shape(changed), "id": row["id"], "message": "Datasource updated", "name": given["name"]}


def _remove(call: Call, row: Row) -> t.Any:
    if row["read_only"]:
        raise plain(403, "Cannot delete read-only data source")
    call.database.ask("DELETE FROM data_source WHERE id = ?", row["id"])
    call.database.ask("DELETE FROM correlation WHERE org_id = ? AND source_uid = ?", call.org, row["uid"])
    return {"id": row["id"], "message": "Data source deleted"}


@route("GET", "/api/datasources/uid/:uid", "datasources:read")
def by_uid(call: Call) -> t.Any:
    return shape(_found(call, "uid", call.params["uid"]))


@route("PUT", "/api/datasources/uid/:uid", "datasources:write")
def change_by_uid(call: Call) -> t.Any:
    return _change(call, lambda: _found(call, "uid", call.params["uid"]))


@route("DELETE", "/api/datasources/uid/:uid", "datasources:delete")
def remove_by_uid(call: Call) -> t.Any:
    return _remove(call, _found(call, "uid", call.params["uid"]))


@route("GET", "/api/datasources/name/:name", "datasources:read")
def by_name(call: Call) -> t.Any:
    return shape(_found(call, "name", call.params["name"]))


@route("DELETE", "/api/datasources/name/:name", "datasources:delete")
def remove_by_name(call: Call) -> t.Any:
    return _remove(call, _found(call, "name", call.params["name"]))


@route("GET", "/api/datasources/id/:name", "datasources:read")
def id_of_name(call: Call) -> t.Any:
    return {"id": _found(call, "name", call.params["name"])["id"]}


def _numbered(call: Call) -> Row:
    if not call.profile.numeric_datasources:
        raise plain(404, "Not found")
    return _found(call, "id", call.integer("id", plain(400, "id is invalid")))


@route("GET", "/api/datasources/:id", "datasources:read")
def by_id(call: Call) -> t.Any:
    return shape(_numbered(call))


@route("PUT", "/api/datasources/:id", "datasources:write")
def change_by_id(call: Call) -> t.Any:
    return _change(call, lambda: _numbered(call))


@route("DELETE", "/api/datasources/:id", "datasources:delete")
def remove_by_id(call: Call) -> t.Any:
    return _remove(call, _numbered(call))


@route("GET", "/api/datasources/uid/:uid/health", "datasources:query")
def health(call: Call) -> t.Any:
    if not UID.match(call.params["uid"]):
        raise plain(400, "UID is invalid")
    row = call.database.one("SELECT * FROM data_source WHERE org_id = ? AND uid = ?", call.org, call.params["uid"])
    if not row:
        raise plain(500, "Unable to load datasource metadata")
    well, text = probes.ask(json.loads(row["entry"]), json.loads(row["secure"]))
    if not well:
        raise Refusal(400, {"status": "ERROR", "message": text})
    return {"status": "OK", "message": text}
