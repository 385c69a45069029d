# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A folder of Grafana: made, renamed, moved, its permissions set, removed when it is empty."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid, derived, page, part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, Plan, plan

KIND = "folder"
PERMISSIONS = {"view": 1, "edit": 2, "admin": 4}
NAMES = {number: name for name, number in PERMISSIONS.items()}
HOLDERS = ("role", "team", "user")
PLACE = ("title", "parent_uid")
PER_PAGE = 1000

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


class Wish(t.NamedTuple):
    """What is wanted of a folder. None leaves it as it is.

    Attributes:
        parent_uid: "" for the top.
        permissions: each with ``permission`` and one of ``role``, ``team``, ``user``.
        force: remove it with what is in it.
    """

    present: bool
    title: str = ""
    uid: str = ""
    parent_uid: str | None = None
    permissions: t.Sequence[t.Mapping[str, t.Any]] | None = None
    force: bool = False


def form_of(folder: t.Mapping[str, t.Any], permissions: t.Any = None) -> Form:
    """A folder in normal form: title without blanks around it, parent "" at the top."""
    form: Form = {
        "uid": str(folder.get("uid") or ""),
        "title": str(folder.get("title") or "").strip(),
        "parent_uid": str(folder.get("parentUid") or ""),
    }
    if permissions is not None:
        form["permissions"] = rights_of(permissions)
    return form


def rights_of(items: t.Iterable[t.Mapping[str, t.Any]]) -> Form:
    """Permissions by who has them ("role Viewer", "team ops", "user ann"), inherited ones left out."""
    found = {}
    for item in items:
        if item.get("inherited"):
            continue
        level = item.get("permission")
        for holder, keys in (("user", ("user", "userLogin")), ("team", ("team",)), ("role", ("role",))):
            name = next((str(item[key]) for key in keys if item.get(key)), "")
            if name:
                found["{0} {1}".format(holder, name)] = NAMES.get(level, str(level))  # type: ignore[arg-type]
                break
    return dict(sorted(found.items()))


def desired(current: Form | None, wish: Wish, uid: str) -> Form:
    """The folder as it is wanted, in normal form; what is not wanted otherwise stays."""
    base: Form = current or {"uid": uid, "title": "", "parent_uid": ""}
    form = dict(base)
    if wish.title:
        form["title"] = wish.title.strip()
    if wish.parent_uid is not None:
        form["parent_uid"] = wish.parent_uid
    if wish.permissions is not None:
        form["permissions"] = rights_of(wish.permissions)
    return form


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of a module's options.

    Raises:
        StackError: it cannot be carried out as it stands.
    """
    title = str(params.get("title") or "").strip()
    uid = str(params.get("uid") or "")
    if not title and not uid:
        raise _wrong("neither title nor uid is given", "Give both: the uid stays when the title changes.")
    if params["state"] == "present" and not title:
        raise _wrong("no title is given", "Give title.")
    parent = params.get("parent_uid")
    if parent:
        check_uid(parent, "the parent of folder '{0}'".format(title or uid))
    if uid and parent == uid:
        raise _wrong("it would be its own parent", "Correct parent_uid.")
    for item in params.get("permissions") or []:
        if sum(bool(item.get(holder)) for holder in HOLDERS) != 1:
            raise _wrong("a permission names not exactly one of role, team and user", "Write one item for each.")
    return Wish(
        present=params["state"] == "present",
        title=title,
        uid=check_uid(uid, "a folder") if uid else "",
        parent_uid=parent,
        permissions=params.get("permissions"),
        force=bool(params.get("force")),
    )


def _wrong(why: str, hint: str) -> StackError:
    return StackError("Could not use the options of the folder", why=why, hint=hint, step="input", doc="input")


def children(client: Client, parent: str, errand: Errand) -> list[t.Any]:
    """All folders right below another ("" for the top), as Grafana lists them."""
    found: list[t.Any] = []
    number = 1
    while True:
        query = {"limit": PER_PAGE, "page": number, **({"parentUid": parent} if parent else {})}
        answer = client.get("/api/folders", errand, query=query, absent=(404,)) or []
        found += answer
        if len(answer) < PER_PAGE:
            return found
        number += 1


def refuse_managed(folder: t.Mapping[str, t.Any], errand: Errand, client: Client) -> None:
    """Refuse to write to a folder that belongs to files.

    Raises:
        StackError: naming who manages it.
    """
    manager = folder.get("managedBy")
    if manager:
        raise StackError(
            errand.text(client.access.url),
            why="it is managed by {0}".format(manager),
            hint="Change it where it comes from: provisioning/dashboards on Grafana's host, or a repository.",
            doc="grafana-provisioned",
        )


class Folder:
    """One folder, found by its uid, or by its title below its parent."""

    def __init__(self, client: Client, wish: Wish) -> None:
        self._client = client
        self._wish = wish
        self._uid = wish.uid
        self._hidden: Refusal | None = None

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, KIND, self._wish.title or self._wish.uid)

    def read(self) -> t.Any:
        """The folder as Grafana tells it, with ``permissions`` when they matter."""
        errand = self._errand("read")
        self._hidden = None
        if not self._wish.uid:
            self._uid = self._by_title(errand)
        try:
            folder = self._client.get("/api/folders/" + part(self._uid), errand, absent=(404,))
        except Refusal as refusal:
            # Grafana 13 answers so to others than administrators when there is none.
            if refusal.status != 403:
                raise
            self._hidden, folder = refusal, None
        if folder is None:
            return None
        if not self._wish.present:
            return dict(folder, held=held_by(self._client, self._uid, errand))
        if self._wish.permissions is not None:
            path = "/api/folders/{0}/permissions".format(part(self._uid))
            folder = dict(folder, permissions=self._client.get(path, errand))
        return folder

    def _by_title(self, errand: Errand) -> str:
        """The uid of the one folder of that title, else the one it would get."""
        parent = self._wish.parent_uid or ""
        found = [
            one["uid"]
            for one in children(self._client, parent, errand)
            if str(one.get("title") or "").strip() == self._wish.title
        ]
        if len(found) > 1:
            raise StackError(
                errand.text(self._client.access.url),
                why="there are {0} of that title: {1}".format(len(found), ", ".join(sorted(found))),
                hint="Name the one that is meant by uid.",
                doc="grafana-api",
            )
        return found[0] if found else derived(parent, self._wish.title)

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish. Raises StackError where Grafana, or the folder's content, is against it."""
        before = None if current is None else form_of(current, current.get("permissions"))
        found = plan(before, desired(before, self._wish, self._uid) if self._wish.present else None)
        if found.before and found.after is None:
            self._refuse_to_delete(current)
        elif found.before and found.after and any(found.before[key] != found.after[key] for key in PLACE):
            refuse_managed(current, self._errand("update"), self._client)
        return found

    def _refuse_to_delete(self, current: t.Any) -> None:
        errand = self._errand("delete")
        refuse_managed(current, errand, self._client)
        if current["held"] and not self._wish.force:
            raise StackError(
                errand.text(self._client.access.url),
                why="it holds {0}".format(current["held"]),
                hint="Empty it first, or set force to delete all of that with it.",
                doc="grafana-api",
            )

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; the folder as Grafana tells it then."""
        if plan.after is None:
            query = {"forceDeleteRules": "true" if self._wish.force else "false"}
            return self._client.delete("/api/folders/" + part(self._uid), self._errand("delete"), query=query)
        before, after = plan.before or {}, plan.after
        permitted = after.get("permissions") != before.get("permissions")
        # Who is meant is looked up first: nothing is half done when there is nobody of that name.
        items = self._rights() if permitted else []
        if plan.before is None:
            current = self._create(after)
        else:
            if before["parent_uid"] != after["parent_uid"]:
                path = "/api/folders/{0}/move".format(part(self._uid))
                body = {"parentUid": after["parent_uid"]}
                current = self._client.post(path, body, self._errand("move"))
            if before["title"] != after["title"]:
                body = {"title": after["title"], "version": current.get("version"), "overwrite": False}
                current = self._client.put("/api/folders/" + part(self._uid), body, self._errand("rename"))
        if permitted:
            path = "/api/folders/{0}/permissions".format(part(self._uid))
            self._client.post(path, {"items": items}, self._errand("set the permissions of"))
        return current

    def _create(self, after: t.Mapping[str, t.Any]) -> t.Any:
        body = {"uid": self._uid, "title": after["title"]}
        if after["parent_uid"]:
            body["parentUid"] = after["parent_uid"]
        try:
            return self._client.post("/api/folders", body, self._errand("create"))
        except Refusal as refusal:
            if self._hidden and refusal.conflict:
                raise self._hidden from refusal
            raise

    def _rights(self) -> list[Form]:
        """The permissions as Grafana takes them, teams and users by their numbers."""
        errand = self._errand("set the permissions of")
        items = []
        for item in self._wish.permissions or []:
            entry: Form = {"permission": PERMISSIONS[item["permission"]]}
            if item.get("role"):
                entry["role"] = item["role"]
            elif item.get("team"):
                entry["teamId"] = self._team(item["team"], errand)
            else:
                entry["userId"] = self._user(item["user"])
            items.append(entry)
        return items

    def _team(self, name: str, errand: Errand) -> int:
        answer = self._client.get("/api/teams/search", Errand("find", "team", name), query={"name": name})
        for team in answer.get("teams") or []:
            if team.get("name") == name:
                return int(team["id"])
        raise StackError(
            errand.text(self._client.access.url), why="there is no team '{0}'".format(name), doc="grafana-api"
        )

    def _user(self, login: str) -> int:
        errand = Errand("find", "user", login)
        answer = self._client.get("/api/org/users/lookup", errand, query={"query": login, "limit": PER_PAGE})
        for user in answer:
            if user.get("login") == login:
                return int(user["userId"])
        raise StackError(
            errand.text(self._client.access.url),
            why="the organisation has no user of that login",
            doc="grafana-api",
        )

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns."""
        told = dict(plan.after or plan.before or {})
        alive = found if plan.action != DELETE and found else {}
        address = page(self._client.access.url, str(alive.get("url") or ""))
        result = {KIND: {**told, "url": address, "version": alive.get("version")}, "uid": self._uid, "url": address}
        if self._hidden:
            result["warnings"] = [
                "Folder '{0}' may not be read, and was taken for one that is not there.".format(self._uid)
            ]
        return result


def held_by(client: Client, uid: str, errand: Errand) -> str:
    """What a folder holds, in words; "" when it is empty."""
    counts = client.get("/api/folders/{0}/counts".format(part(uid)), errand, absent=(404,)) or {}
    return ", ".join("{0} {1}".format(number, kind) for kind, number in sorted(counts.items()) if number)
