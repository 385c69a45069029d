"""/api/serviceaccounts and their tokens."""

from __future__ import annotations

import re
import time
import typing as t
from datetime import datetime, timezone

from grafana_sim.authentication import digest, new_token
from grafana_sim.database import Row, now
from grafana_sim.errors import Refusal, coded, plain
from grafana_sim.identity import ROLES
from grafana_sim.routing import Call, route

from .users import avatar

SOON = 7 * 24 * 3600


def login_of(org: int, name: str) -> str:
    """The login that upstream makes of a service account's name."""
    return f"sa-{org}-{name.lower()}".replace("--", "-", 1).replace(" ", "-")


def _account(call: Call) -> Row:
    """The account a path names by number or, in newer versions, by uid."""
    statement = (
        "SELECT user.*, role, org_user.org_id AS member_of FROM user JOIN org_user ON org_user.user_id = user.id"
        " WHERE org_user.org_id = ? AND is_service_account = 1 AND (CAST(user.id AS TEXT) = ? OR uid = ?)"
    )
    row = call.database.one(statement, call.org, call.params["id"], call.params["id"])
    if not row:
        raise coded(404, "serviceaccounts.ErrNotFound", "service account not found")
    return row


def _tokens(call: Call, row: Row) -> list[Row]:
    return call.database.ask("SELECT * FROM api_key WHERE service_account_id = ? ORDER BY name", row["id"])


def _shape(call: Call, row: Row) -> dict[str, t.Any]:
    return {
        "id": row["id"],
        "uid": row["uid"],
        "name": row["name"],
        "login": row["login"],
        "orgId": row["member_of"],
        "isDisabled": bool(row["is_disabled"]),
        "role": row["role"],
        "tokens": len(_tokens(call, row)),
        "avatarUrl": avatar(row["name"]),
    }


def _profile(call: Call, row: Row) -> dict[str, t.Any]:
    whole = {**_shape(call, row), "createdAt": row["created"], "updatedAt": row["updated"], "teams": []}
    if not whole["tokens"]:
        del whole["tokens"]
    return whole


def _checked_role(call: Call, given: dict[str, t.Any]) -> str | None:
    role = given.get("role")
    if role is None:
        return None
    if role not in ROLES:
        raise coded(400, "serviceaccounts.ErrInvalidRoleSpecified", "invalid role specified")
    if not call.who.includes(role):
        text = "can not assign a role higher than user's role"
        raise coded(403, "serviceaccounts.ErrRoleForbidden", text)
    return str(role)


def _bound(call: Call, *required: str) -> dict[str, t.Any]:
    try:
        return call.body(*required)
    except Refusal:
        raise plain(400, "Bad request data", traceID="") from None


@route("GET", "/api/serviceaccounts/search", "serviceaccounts:read")
def search(call: Call) -> t.Any:
    rows = call.database.ask(
        "SELECT user.*, role, org_user.org_id AS member_of FROM user JOIN org_user ON org_user.user_id = user.id"
        " WHERE org_user.org_id = ? AND is_service_account = 1 ORDER BY login",
        call.org,
    )
    text = call.first("query").lower()
    rows = [row for row in rows if text in row["name"].lower() or text in row["login"].lower()]
    if call.first("disabled") == "true":
        rows = [row for row in rows if row["is_disabled"]]
    elif call.first("expiredTokens") == "true":
        rows = [row for row in rows if any(_has_expired(token) for token in _tokens(call, row))]
    size, page = call.number("perpage", 1000) or 1000, max(call.number("page", 1), 1)
    shown = [_shape(call, row) for row in rows[(page - 1) * size : page * size]]
    return {"totalCount": len(rows), "serviceAccounts": shown, "page": page, "perPage": size}


@route("POST", "/api/serviceaccounts", "serviceaccounts:create")
def add(call: Call) -> t.Any:
    given = _bound(call, "name")
    role = _checked_role(call, given) or "Viewer"
    login = login_of(call.org, given["name"])
    if call.database.one("SELECT 1 FROM user WHERE login = ?", login):
        raise coded(400, "serviceaccounts.ErrAlreadyExists", "service account already exists")
    disabled = bool(given.get("isDisabled"))
    number = call.database.add_user(login, "", given["name"], "", call.org, service_account=True, disabled=disabled)
    call.database.insert("org_user", org_id=call.org, user_id=number, role=role, created=now())
    call.params["id"] = str(number)
    return 201, _shape(call, _account(call))


@route("GET", "/api/serviceaccounts/:id", "serviceaccounts:read")
def shown(call: Call) -> t.Any:
    return _profile(call, _account(call))


@route("PATCH", "/api/serviceaccounts/:id", "serviceaccounts:write")
def change(call: Call) -> t.Any:
    row, given = _account(call), _bound(call)
    role = _checked_role(call, given)
    if role:
        statement = "UPDATE org_user SET role = ? WHERE org_id = ? AND user_id = ?"
        call.database.ask(statement, role, call.org, row["id"])
    changes: dict[str, t.Any] = {}
    if given.get("name"):
        changes["name"] = given["name"]
    if given.get("isDisabled") is not None:
        changes["is_disabled"] = int(bool(given["isDisabled"]))
    if changes:
        call.database.update("user", row["id"], updated=now(), **changes)
    whole = _profile(call, _account(call))
    return {"message": "Service account updated", "id": row["id"], "name": whole["name"], "serviceaccount": whole}


@route("DELETE", "/api/serviceaccounts/:id", "serviceaccounts:delete")
def remove(call: Call) -> t.Any:
    number = _account(call)["id"]
    call.database.ask("DELETE FROM api_key WHERE service_account_id = ?", number)
    call.database.ask("DELETE FROM org_user WHERE user_id = ?", number)
    call.database.ask("DELETE FROM user WHERE id = ?", number)
    return {"message": "Service account deleted"}


def _has_expired(token: Row) -> bool:
    return token["expires"] is not None and token["expires"] <= time.time()


def _token_shape(token: Row) -> dict[str, t.Any]:
    expires, expired = token["expires"], _has_expired(token)
    left = expires - time.time() if expires is not None and not expired else 0.0
    return {
        "id": token["id"],
        "name": token["name"],
        "created": token["created"],
        "lastUsedAt": token["last_used_at"],
        "expiration": _moment(expires),
        "secondsUntilExpiration": left if left < SOON else 0,
        "hasExpired": expired,
        "isRevoked": bool(token["is_revoked"]),
    }


def _moment(epoch: int | None) -> str | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@route("GET", "/api/serviceaccounts/:id/tokens", "serviceaccounts:read")
def tokens(call: Call) -> t.Any:
    return [_token_shape(token) for token in _tokens(call, _account(call))]


@route("POST", "/api/serviceaccounts/:id/tokens", "serviceaccounts:write")
def add_token(call: Call) -> t.Any:
    row, given = _account(call), _bound(call, "name")
    lifetime = given.get("secondsToLive") or 0
    longest = call.site.settings.number("auth", "api_key_max_seconds_to_live", -1)
    if longest != -1 and not lifetime:
        raise plain(400, "Number of seconds before expiration should be set")
    if longest != -1 and lifetime > longest:
        raise plain(400, "Number of seconds before expiration is greater than the global limit")
    if lifetime < 0:
        raise coded(400, "serviceaccounts.ErrInvalidInput", "invalid SecondsToLive value")
    if call.database.one("SELECT 1 FROM api_key WHERE org_id = ? AND name = ?", call.org, given["name"]):
        text = "service account token with given name already exists in the organization"
        raise coded(400, "serviceaccounts.ErrTokenAlreadyExists", text)
    secret = new_token()
    number = call.database.insert(
        "api_key",
        org_id=call.org,
        service_account_id=row["id"],
        name=given["name"],
        key=digest(secret),
        created=now(),
        expires=int(time.time()) + lifetime if lifetime else None,
    )
    return {"id": number, "name": given["name"], "key": secret}


@route("DELETE", "/api/serviceaccounts/:id/tokens/:token", "serviceaccounts:write")
def remove_token(call: Call) -> t.Any:
    row = _account(call)
    if not re.fullmatch(r"\d+", call.params["token"]):
        raise plain(400, "Token ID is invalid")
    statement = "SELECT 1 FROM api_key WHERE id = ? AND service_account_id = ?"
    if not call.database.one(statement, call.params["token"], row["id"]):
        raise coded(404, "serviceaccounts.ErrTokenNotFound", "service account token not found")
    call.database.ask("DELETE FROM api_key WHERE id = ?", call.params["token"])
    return {"message": "Service account token deleted"}
