# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A service account of Grafana, with its tokens in files of the host."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import tempfile
import time
import typing as t
from dataclasses import replace

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import page
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_token import (
    File,
    Token,
    TokenPlan,
    TokenWish,
    plan_token,
    series,
)

KIND = "service_account"
THING = "service account"
ROLES = ("None", "Viewer", "Editor", "Admin")
PER_PAGE = 1000


class Wish(t.NamedTuple):
    """What is wanted of a service account. None leaves it as it is."""

    present: bool
    name: str
    role: str | None = None
    disabled: bool | None = None
    tokens: t.Sequence[TokenWish] = ()


def accounts(client: Client, errand: Errand, query: str = "") -> t.Iterator[t.Any]:
    """Every service account of the organisation whose name or login holds a text."""
    number = 1
    while True:
        asked = {"query": query, "perpage": PER_PAGE, "page": number}
        answer = client.get("/api/serviceaccounts/search", errand, query=asked)
        found = answer.get("serviceAccounts") or []
        yield from found
        if len(found) < PER_PAGE:
            return
        number += 1


def form_of(account: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A service account in normal form."""
    return {
        "name": str(account.get("name") or ""),
        "role": str(account.get("role") or "None"),
        "disabled": bool(account.get("isDisabled")),
    }


class ServiceAccount:
    """One service account, found by its name."""

    def __init__(self, client: Client, wish: Wish, now: t.Callable[[], float] = time.time) -> None:
        self._client = client
        self._wish = wish
        self._now = now
        self._rotated: dict[str, str] = {}

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, THING, self._wish.name)

    def read(self) -> t.Any:
        """The account as Grafana tells it, with ``tokenList``, and ``files`` of the tokens."""
        errand = self._errand("read")
        found = [one for one in accounts(self._client, errand, self._wish.name) if one["name"] == self._wish.name]
        if len(found) > 1:
            raise StackError(
                errand.text(self._client.access.url),
                why="there are {0} of that name".format(len(found)),
                hint="Rename the others in Grafana.",
                doc="grafana-api",
            )
        listed: t.Any = []
        if found and self._wish.tokens:
            listed = self._client.get("/api/serviceaccounts/{0}/tokens".format(int(found[0]["id"])), errand)
        files = {wish.name: self._file(wish) for wish in self._wish.tokens}
        return {"account": found[0] if found else None, "tokenList": listed or [], "files": files}

    def _file(self, wish: TokenWish) -> File:
        try:
            found = os.stat(wish.dest)
            with open(wish.dest, encoding="utf-8") as stream:
                token = stream.read().strip()
        except FileNotFoundError:
            return File()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(wish, str(getattr(error, "strerror", "") or error)) from error
        uid, gid = _ids(wish)
        fits = stat.S_IMODE(found.st_mode) == wish.mode and uid in (-1, found.st_uid) and gid in (-1, found.st_gid)
        return File(bool(token), found.st_mtime_ns, self._works(token), fits)

    def _works(self, token: str) -> bool | None:
        """Whether Grafana takes a token."""
        if not token or self._wish.disabled or not self._wish.present:
            return None
        if not token.isascii() or any(sign.isspace() for sign in token):
            return False
        own = replace(self._client.access, token=token, username="", password="", org_id=0)
        try:
            self._client.like(own).get("/api/org", Errand("try", "the token of", self._wish.name))
        except Refusal as refusal:
            return False if refusal.status == 401 else None
        return True

    def _token_plans(self, current: t.Any) -> dict[str, TokenPlan]:
        now = self._now()
        plans = {}
        for wish in self._wish.tokens:
            known = series(self._wish.name, wish.name, current["tokenList"])
            plans[wish.name] = plan_token(wish, self._wish.name, known, current["files"][wish.name], now)
        return plans

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish."""
        account = current["account"]
        before = None if account is None else form_of(account)
        if not self._wish.present:
            files = sorted(wish.dest for wish in self._wish.tokens if current["files"][wish.name].there)
            if files:
                before = {**(before or {"name": self._wish.name}), "files": files}
            return plan(before, None)
        after = dict(before or {"name": self._wish.name, "role": "Viewer", "disabled": False})
        for key, value in (("role", self._wish.role), ("disabled", self._wish.disabled)):
            if value is not None:
                after[key] = value
        plans = self._token_plans(current)
        if plans:
            after["tokens"] = {name: dict(one.after) for name, one in plans.items() if one.after}
            if before is not None:
                before["tokens"] = {name: dict(one.before) for name, one in plans.items() if one.before}
        return plan(before, after)

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; the account as Grafana tells it then."""
        account = current["account"]
        if plan.after is None:
            if account is not None:
                self._client.delete("/api/serviceaccounts/{0}".format(int(account["id"])), self._errand("delete"))
            for wish in self._wish.tokens:
                _unlink(wish)
            return None
        body = {"name": plan.after["name"], "role": plan.after["role"], "isDisabled": plan.after["disabled"]}
        if account is None:
            account = self._client.post("/api/serviceaccounts", body, self._errand("create"))
        elif form_of(account) != {key: plan.after[key] for key in ("name", "role", "disabled")}:
            path = "/api/serviceaccounts/{0}".format(int(account["id"]))
            self._client.patch(path, body, self._errand("update"))
        for wish, token in zip(self._wish.tokens, self._token_plans(current).values()):
            self._apply_token(int(account["id"]), wish, token, current["files"][wish.name])
        return {"account": account}

    def _apply_token(self, account: int, wish: TokenWish, todo: TokenPlan, file: File) -> None:
        if todo.make:
            self._make(account, wish, todo.make)
            self._rotated[wish.name] = todo.why
        elif wish.present and not file.fits:
            os.chmod(wish.dest, wish.mode)
            os.chown(wish.dest, *_ids(wish))
        for token in todo.drop:
            self._revoke(account, token)
        if not wish.present:
            _unlink(wish)

    def _make(self, account: int, wish: TokenWish, name: str) -> None:
        folder = os.path.dirname(wish.dest)
        if not os.path.isdir(folder):
            raise _unusable(wish, "there is no folder {0}".format(folder))
        errand = Errand("create", "token", name)
        body: dict[str, t.Any] = {"name": name}
        if wish.expires_in:
            body["secondsToLive"] = int(wish.expires_in)
        path = "/api/serviceaccounts/{0}/tokens".format(account)
        made = self._client.post(path, body, errand)
        listed = self._client.get(path, errand)
        known = [token for token in series(self._wish.name, wish.name, listed) if token.id == int(made["id"])]
        try:
            _write(wish, str(made["key"]), known[0].mark if known else 0)
        except OSError as error:
            # Nobody would ever know it.
            self._client.delete("{0}/{1}".format(path, int(made["id"])), Errand("revoke", "token", name))
            raise _unusable(wish, error.strerror or str(error)) from error

    def _revoke(self, account: int, token: Token) -> None:
        path = "/api/serviceaccounts/{0}/tokens/{1}".format(account, token.id)
        self._client.delete(path, Errand("revoke", "token", token.name))

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns. Never a token."""
        told = dict(plan.after or plan.before or {"name": self._wish.name})
        account = (found or {}).get("account") or {}
        path = ""
        if account and plan.action != DELETE:
            told.update({key: account[key] for key in ("id", "uid", "login") if account.get(key)})
            path = "/org/serviceaccounts/{0}".format(account["id"])
        uid = str(told.get("uid") or "")
        return {
            KIND: told,
            "uid": uid,
            "url": page(self._client.access.url, path),
            "rotated": self._rotated,
        }


def _unusable(wish: TokenWish, why: str) -> StackError:
    return StackError(
        "Could not use the file {0} of token '{1}'".format(wish.dest, wish.name),
        why=why,
        hint="Correct dest, or make its folder first.",
        doc="grafana-api",
    )


def _ids(wish: TokenWish) -> tuple[int, int]:
    """Numbers of the file's owner and group, -1 for as it is."""
    try:
        return (
            pwd.getpwnam(wish.owner).pw_uid if wish.owner else -1,
            grp.getgrnam(wish.group).gr_gid if wish.group else -1,
        )
    except KeyError as error:
        raise _unusable(wish, "its owner or group does not exist: {0}".format(error.args[0])) from error


def _write(wish: TokenWish, token: str, mark: int) -> None:
    """Put a token into its file in one step, with the time that says which one it is."""
    handle, path = tempfile.mkstemp(dir=os.path.dirname(wish.dest), prefix=".token-")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(token + "\n")
            stream.flush()
            os.fchmod(handle, wish.mode)
            os.fchown(handle, *_ids(wish))
            os.fsync(handle)
        os.utime(path, ns=(mark, mark))
        os.replace(path, wish.dest)
    except BaseException:
        os.unlink(path)
        raise


def _unlink(wish: TokenWish) -> None:
    try:
        os.unlink(wish.dest)
    except FileNotFoundError:
        pass
