"""Passwords, tokens and sessions, and the lock after too many wrong passwords."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
import secrets
import time
import typing as t
import zlib

from .database import Row, hashed, now
from .errors import Refusal, unauthorized
from .identity import Identity
from .routing import Site

WINDOW = 300  # seconds in which wrong passwords are counted
WRONG = "Invalid username or password"


def new_token() -> str:
    """A secret of a service account."""
    body = secrets.token_urlsafe(32).replace("-", "x").replace("_", "y")[:32]
    return f"glsa_{body}_{zlib.crc32(body.encode()):08x}"


def digest(token: str) -> str:
    """What of a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_password(site: Site, login: str, password: str) -> Row:
    """The user of that name and password.

    Raises:
        Refusal: 401; after five wrong ones within five minutes for the right password too.
    """
    if not password:
        raise unauthorized("password-auth.empty", WRONG)
    database, settings = site.database, site.settings
    limit = settings.number("security", "brute_force_login_protection_max_attempts", 5)
    guarded = not settings.on("security", "disable_brute_force_login_protection")
    attempts = database.one(
        "SELECT count(*) AS n FROM login_attempt WHERE username = ? AND created > ?",
        login.lower(),
        time.time() - WINDOW,
    )
    if guarded and attempts and attempts["n"] >= limit:
        raise unauthorized("login-attempt.blocked", WRONG)
    user = database.one(
        "SELECT * FROM user WHERE (login = ? OR email = ? COLLATE NOCASE) AND is_service_account = 0", login, login
    )
    if user and user["password"] and secrets.compare_digest(user["password"], _known(password, user["salt"])):
        if user["is_disabled"]:
            raise unauthorized("user.disabled", WRONG)
        return user
    database.ask("DELETE FROM login_attempt WHERE created < ?", time.time() - 2 * WINDOW)
    database.insert("login_attempt", username=login.lower(), created=time.time())
    raise unauthorized("password-auth.failed", WRONG)


@functools.lru_cache(maxsize=256)
def _known(password: str, salt: str) -> str:
    """A password's hash. Upstream keeps those that were right for a while too: each takes its time on purpose."""
    return hashed(password, salt)


def identify(site: Site, headers: t.Any) -> Identity:
    """Who sends these headers.

    Raises:
        Refusal: 401, nobody that is known.
    """
    wanted = headers.get("X-Grafana-Org-Id", "")
    org = int(wanted) if wanted.isdigit() else 0
    kind, _blank, value = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _of_token(site, value.strip(), org)
    if kind.lower() == "basic":
        login, password = _basic(value)
        if login == "api_key":
            return _of_token(site, password, org)
        if not site.settings.on("auth.basic", "enabled"):
            raise unauthorized()
        return _of_user(site, check_password(site, login, password), org)
    session = re.search(r"grafana_session=(\w+)", headers.get("Cookie", ""))
    if session and session[1] in site.sessions:
        user = site.database.one("SELECT * FROM user WHERE id = ? AND is_disabled = 0", site.sessions[session[1]])
        if user:
            return _of_user(site, user, org)
    raise unauthorized()


def _basic(value: str) -> tuple[str, str]:
    try:
        login, _colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized("auth.invalid-basic", "Invalid Basic Auth Header") from None
    return login, password


def _of_token(site: Site, token: str, org: int) -> Identity:
    key = site.database.one("SELECT * FROM api_key WHERE key = ?", digest(token))
    refusal = _token_refusal(key, org)
    if refusal or not key:
        raise refusal or unauthorized("api-key.invalid", "Invalid API key")
    user = site.database.one("SELECT * FROM user WHERE id = ?", key["service_account_id"])
    if not user or user["is_disabled"]:
        raise unauthorized("api-key.invalid", "Invalid API key")
    site.database.update("api_key", key["id"], last_used_at=now())
    return _identity(site, user, key["org_id"])


def _token_refusal(key: Row | None, org: int) -> Refusal | None:
    if not key:
        return unauthorized("api-key.invalid", "Invalid API key")
    if key["is_revoked"]:
        return unauthorized("api-key.revoked", "Revoked API key")
    if key["expires"] is not None and key["expires"] <= time.time():
        return unauthorized("api-key.expired", "Expired API key")
    if org and org != key["org_id"]:
        text = "API key does not belong to the requested organization"
        return unauthorized("api-key.organization-mismatch", text)
    return None


def _of_user(site: Site, user: Row, org: int) -> Identity:
    return _identity(site, user, org or user["org_id"])


def _identity(site: Site, user: Row, org: int) -> Identity:
    member = site.database.one("SELECT role FROM org_user WHERE org_id = ? AND user_id = ?", org, user["id"])
    return Identity(
        kind="service-account" if user["is_service_account"] else "user",
        number=user["id"],
        uid=user["uid"],
        login=user["login"],
        name=user["name"] or "",
        email=user["email"] or "",
        org=org,
        role=member["role"] if member else "",
        server_admin=bool(user["is_admin"]),
    )
