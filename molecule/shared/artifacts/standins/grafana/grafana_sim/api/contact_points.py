"""/api/v1/provisioning/contact-points."""

from __future__ import annotations

import json
import re
import typing as t

from grafana_sim.database import Row, short_uid
from grafana_sim.errors import plain
from grafana_sim.routing import Call, route

BASE = "/api/v1/provisioning/contact-points"
KIND = "contact point"
HIDDEN = "[REDACTED]"
# Settings that are secrets, by type.
SECRETS = {
    "prometheus-alertmanager": ("basicAuthPassword",),
    "dingding": ("url",),
    "discord": ("url",),
    "googlechat": ("url",),
    "kafka": ("password",),
    "LINE": ("token",),
    "line": ("token",),
    "opsgenie": ("apiKey",),
    "pagerduty": ("integrationKey",),
    "pushover": ("apiToken", "userKey"),
    "sensugo": ("apikey",),
    "slack": ("url", "token"),
    "teams": (),
    "telegram": ("bottoken",),
    "threema": ("api_secret",),
    "victorops": ("url",),
    "webex": ("bot_token",),
    "webhook": ("password", "authorization_credentials"),
    "wecom": ("url", "secret"),
    "email": (),
}
NEEDED = {"email": "addresses", "webhook": "url", "prometheus-alertmanager": "url", "teams": "url"}


def rows(call: Call) -> list[Row]:
    """All of the organisation, with the one that is always there."""
    found = call.database.ask("SELECT * FROM alert_object WHERE org_id = ? AND kind = ? ORDER BY id", call.org, KIND)
    if not found:
        entry = {
            "name": "grafana-default-email",
            "type": "email",
            "settings": {"addresses": "<example@email.com>"},
            "disableResolveMessage": False,
        }
        call.database.insert("alert_object", org_id=call.org, kind=KIND, uid="", entry=entry)
        return rows(call)
    return found


def _shape(row: Row) -> dict[str, t.Any]:
    entry = json.loads(row["entry"])
    hidden = SECRETS.get(entry["type"], ())
    entry["settings"] = {key: HIDDEN if key in hidden and value else value for key, value in entry["settings"].items()}
    found = {"uid": row["uid"], **entry}
    return {**found, "provenance": row["provenance"]} if row["provenance"] else found


def provenance(call: Call) -> str:
    """Who an object then belongs to: the API, unless a header says otherwise."""
    return "" if call.headers.get("X-Disable-Provenance") else "api"


def _invalid(text: str) -> Exception:
    return plain(400, f"invalid object specification: {text}", traceID="")


def _checked(call: Call) -> dict[str, t.Any]:
    given = call.body()
    settings = given.get("settings")
    if not given.get("name"):
        raise _invalid("name should not be an empty string")
    if given.get("type") not in SECRETS:
        raise _invalid(f"unknown contact point type '{given.get('type')}'")
    if not isinstance(settings, dict):
        raise _invalid("settings should not be empty")
    needed = NEEDED.get(given["type"])
    if needed and not settings.get(needed):
        raise _invalid(f"could not find {needed} in settings")
    flag = bool(given.get("disableResolveMessage"))
    return {"name": given["name"], "type": given["type"], "settings": settings, "disableResolveMessage": flag}


def _find(call: Call) -> Row:
    row = next((row for row in rows(call) if row["uid"] == call.params["uid"]), None)
    if not row:
        raise plain(404, "contact point not found", traceID="")
    return row


@route("GET", BASE, "alert.provisioning:read", "alert.notifications:read")
def listed(call: Call) -> t.Any:
    name = call.first("name")
    shown = [_shape(row) for row in rows(call)]
    return sorted((one for one in shown if not name or one["name"] == name), key=lambda one: (one["name"], one["uid"]))


@route("POST", BASE, "alert.provisioning:write", "alert.notifications:write")
def add(call: Call) -> t.Any:
    entry, uid = _checked(call), str(call.body().get("uid") or "")
    if uid and not re.fullmatch(r"[a-zA-Z0-9\-_]{1,40}", uid):
        raise _invalid("uid is not valid")
    if any(row["uid"] == uid for row in rows(call)) and uid:
        raise plain(400, f"invalid object specification: contact point with uid '{uid}' already exists", traceID="")
    uid = uid or short_uid()
    call.database.insert("alert_object", org_id=call.org, kind=KIND, uid=uid, entry=entry, provenance=provenance(call))
    call.params["uid"] = uid
    return 202, _shape(_find(call))


@route("PUT", BASE + "/:uid", "alert.provisioning:write", "alert.notifications:write")
def change(call: Call) -> t.Any:
    entry, row = _checked(call), _find(call)
    former = json.loads(row["entry"])["settings"]
    for key in SECRETS[entry["type"]]:
        if entry["settings"].get(key) == HIDDEN:
            entry["settings"][key] = former.get(key, "")
    # An object of the API stays the API's.
    if row["provenance"] and not provenance(call):
        raise plain(409, "cannot change provenance from 'api' to ''", traceID="")
    call.database.update("alert_object", row["id"], entry=entry, provenance=provenance(call))
    return 202, {"message": "contactpoint updated"}


@route("DELETE", BASE + "/:uid", "alert.provisioning:write", "alert.notifications:write")
def remove(call: Call) -> t.Any:
    row = _find(call)
    name = json.loads(row["entry"])["name"]
    tree = call.database.one("SELECT entry FROM alert_object WHERE org_id = ? AND kind = 'policies'", call.org)
    if tree and name in receivers(json.loads(tree["entry"])):
        raise plain(409, f"contact point '{name}' is currently used by a notification policy", traceID="")
    call.database.ask("DELETE FROM alert_object WHERE id = ?", row["id"])
    return 202, {"message": "contactpoint deleted"}


def receivers(tree: dict[str, t.Any]) -> set[str]:
    """Every receiver of a tree of policies."""
    found = {str(tree.get("receiver") or "")}
    for one in tree.get("routes") or []:
        found |= receivers(one)
    return found - {""}
