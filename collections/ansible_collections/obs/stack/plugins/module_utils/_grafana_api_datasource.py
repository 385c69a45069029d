# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A data source of Grafana, of any type: compared by what is managed of it, written as a whole."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid, derived, page, part, slug
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_secrets import (
    PLACE,
    SET,
    Secrets,
    policy_of,
    secrets_for,
)

KIND = "datasource"
THING = "data source"

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]

# Grafana's key -> the module's option, of what is written as it is given.
FIELDS = {
    "name": "name",
    "type": "ds_type",
    "url": "ds_url",
    "access": "access",
    "user": "user",
    "database": "database",
    "withCredentials": "with_credentials",
    "isDefault": "is_default",
}
FLAGS = ("basicAuth", "withCredentials", "isDefault")
# Names that Grafana writes in another way (aliasIDs of its plugins).
ALIASES = {
    "postgres": "grafana-postgresql-datasource",
    "phlare": "grafana-pyroscope-datasource",
    "testdata": "grafana-testdata-datasource",
}
# Grafana keeps these when they are sent empty.
STICKY = ("url",)


class Wish(t.NamedTuple):
    """What is wanted of a data source.

    Attributes:
        fields: in Grafana's keys, those that are managed.
        json_data: keys of jsonData; None removes one.
        keep_unknown: whether other keys of jsonData stay.
        secrets: by name, "" removes one.
        policy, key: see _grafana_api_secrets.
    """

    present: bool
    name: str = ""
    uid: str = ""
    fields: t.Mapping[str, t.Any] = {}
    json_data: t.Mapping[str, t.Any] = {}
    keep_unknown: bool = True
    secrets: t.Mapping[str, str] = {}
    policy: str = "on_create"
    key: str = ""


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of a module's options.

    Raises:
        StackError: it cannot be carried out as it stands.
    """
    uid = str(params.get("uid") or "")
    name = str(params.get("name") or "").strip()
    fields = {key: params[option] for key, option in FIELDS.items() if params.get(option) is not None}
    if "name" in fields:
        fields["name"] = name
    user = params.get("basic_auth_user")
    if user is not None:
        fields["basicAuth"] = bool(user)
        if user:
            fields["basicAuthUser"] = user
    secrets = {}
    for key, value in (params.get("secure_json_data") or {}).items():
        secrets[str(key)] = "" if value is None else str(value)
    key = str(params.get("fingerprint_key") or "")
    return Wish(
        present=params["state"] == "present",
        name=name,
        uid=check_uid(uid, "a data source") if uid else "",
        fields=fields,
        json_data=params.get("json_data") or {},
        keep_unknown=bool(params.get("keep_unknown_json_data", True)),
        secrets=secrets,
        policy=policy_of(params.get("update_secrets"), key) if params["state"] == "present" else "",
        key=key,
    )


def body_of(source: t.Mapping[str, t.Any]) -> Form:
    """What Grafana has, in the keys that are written: a PUT replaces the whole, so all of it is carried over."""
    body: Form = {
        key: source.get(key) or ""
        for key in ("uid", "name", "type", "access", "url", "user", "database", "basicAuthUser")
    }
    body.update({key: bool(source.get(key)) for key in FLAGS})
    body["jsonData"] = dict(source.get("jsonData") or {})
    return body


def merged_json(current: t.Mapping[str, t.Any], wish: Wish, fingerprints: t.Mapping[str, str]) -> Form:
    """jsonData as it is wanted."""
    found = dict(current) if wish.keep_unknown else {}
    found.pop(PLACE, None)
    for key, value in wish.json_data.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    if fingerprints:
        found[PLACE] = dict(fingerprints)
    return found


def wanted_body(current: Form | None, wish: Wish, uid: str, fingerprints: t.Mapping[str, str]) -> Form:
    """The whole data source as it is wanted, in the keys that are written."""
    body: Form = dict(current) if current else {**body_of({}), "uid": uid, "access": "proxy", "name": wish.name}
    for key, value in wish.fields.items():
        if key == "type" and current and ALIASES.get(value, value) == ALIASES.get(current["type"], current["type"]):
            continue
        body[key] = value
    body["jsonData"] = merged_json((current or {}).get("jsonData") or {}, wish, fingerprints)
    return body


def form_of(body: Form, secrets: t.Mapping[str, str]) -> Form:
    """A data source in normal form, for comparison and diff: no fingerprint, of a secret only that it is set."""
    form = dict(body)
    form["jsonData"] = {key: value for key, value in body["jsonData"].items() if key != PLACE}
    if not body["basicAuth"]:
        # Grafana keeps the name of a user that is not used any more.
        form.pop("basicAuthUser", None)
    form["secureJsonData"] = dict(secrets)
    return form


class Datasource:
    """One data source, found by its uid, or by its name."""

    def __init__(self, client: Client, wish: Wish) -> None:
        self._client = client
        self._wish = wish
        self._uid = wish.uid
        self._hidden: Refusal | None = None

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, THING, self._wish.name or self._wish.uid)

    def read(self) -> t.Any:
        """The data source as Grafana tells it."""
        errand = self._errand("read")
        self._hidden = None
        listed: t.Any = None
        if not self._wish.uid:
            listed = self._client.get("/api/datasources", errand)
            self._uid = next((one["uid"] for one in listed if one["name"] == self._wish.name), "")
            if not self._uid:
                self._uid = _uid_for(self._wish.name)
                return None
        try:
            source = self._client.get("/api/datasources/uid/" + part(self._uid), errand, absent=(404,))
        except Refusal as refusal:
            # Grafana may answer so to others than administrators when there is none.
            if refusal.status != 403 or not self._wish.present:
                raise
            self._hidden, source = refusal, None
        if source is None and self._wish.present and self._wish.name and not self._hidden:
            self._refuse_other_uid(errand)
        return source

    def _refuse_other_uid(self, errand: Errand) -> None:
        listed = self._client.get("/api/datasources", errand)
        other = next((one["uid"] for one in listed if one["name"] == self._wish.name), "")
        if other:
            raise StackError(
                self._errand("create").text(self._client.access.url),
                why="a data source of that name has the uid '{0}', not '{1}'".format(other, self._uid),
                hint="A uid does not change: use that one, or remove the data source first.",
                doc="grafana-api",
            )

    def _secrets(self, current: t.Any) -> Secrets:
        wish = self._wish
        present = None if current is None else [name for name, on in _secure(current).items() if on]
        return secrets_for(
            wish.secrets,
            uid=self._uid,
            present=present,
            remembered=((current or {}).get("jsonData") or {}).get(PLACE) or {},
            policy=wish.policy,
            key=wish.key,
        )

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish. Raises StackError where Grafana would not let it be."""
        now = None if current is None else body_of(current)
        known = {name: SET for name, on in sorted(_secure(current or {}).items()) if on}
        before = None if now is None else form_of(now, known)
        if not self._wish.present:
            return self._allowed(plan(before, None), current)
        if now is None and not self._wish.fields.get("type"):
            raise StackError(
                self._errand("create").text(self._client.access.url), why="no ds_type is given", doc="grafana-api"
            )
        secrets = self._secrets(current)
        body = wanted_body(now, self._wish, self._uid, secrets.fingerprints)
        after = form_of(body, {**known, **secrets.told})
        if now is None and "isDefault" not in self._wish.fields:
            # Grafana makes the first one of an organisation its default.
            after.pop("isDefault")
        for key in STICKY:
            if now and now[key] and not body[key]:
                raise StackError(
                    self._errand("update").text(self._client.access.url),
                    why="Grafana does not empty the {0} of a data source".format(key),
                    hint="Remove it and make it anew.",
                    doc="grafana-api",
                )
        return self._allowed(plan(before, after), current)

    def _allowed(self, found: Plan, current: t.Any) -> Plan:
        if found.changed and current and current.get("readOnly"):
            verb = "delete" if found.after is None else "update"
            raise StackError(
                self._errand(verb).text(self._client.access.url),
                why="it is read-only, as it comes from a file in provisioning/datasources on Grafana's host",
                hint="Change it there (grafana_endpoints and grafana_datasources of the role), or make it editable.",
                doc="grafana-provisioned",
            )
        return found

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; the data source as Grafana tells it then."""
        path = "/api/datasources/uid/" + part(self._uid)
        if plan.after is None:
            return self._client.delete(path, self._errand("delete"))
        secrets = self._secrets(current)
        now = None if current is None else body_of(current)
        body = wanted_body(now, self._wish, self._uid, secrets.fingerprints)
        if secrets.send:
            body["secureJsonData"] = secrets.send
        if current is None:
            return self._create(body)
        # Grafana refuses it when somebody else has written a newer version meanwhile.
        body["version"] = current.get("version") or 0
        return self._client.put(path, body, self._errand("update"))["datasource"]

    def _create(self, body: Form) -> t.Any:
        try:
            made = self._client.post("/api/datasources", body, self._errand("create"))["datasource"]
        except Refusal as refusal:
            if self._hidden and refusal.conflict:
                raise self._hidden from refusal
            raise
        if made.get("isDefault") and self._wish.fields.get("isDefault") is False:
            # The first one of an organisation became its default although that was not wanted.
            body = {key: value for key, value in body.items() if key != "secureJsonData"}
            body["version"] = made.get("version") or 0
            path = "/api/datasources/uid/" + part(self._uid)
            made = self._client.put(path, body, self._errand("update"))["datasource"]
        return made

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns."""
        told = dict(plan.after or plan.before or {})
        if found and plan.action != DELETE:
            told["version"] = found.get("version")
            told.setdefault("isDefault", bool(found.get("isDefault")))
        path = "/connections/datasources/edit/{0}".format(part(self._uid)) if plan.after is not None else ""
        result = {KIND: told, "uid": self._uid, "url": page(self._client.access.url, path)}
        if self._hidden:
            result["warnings"] = [
                "Data source '{0}' may not be read, and was taken for one that is not there.".format(self._uid)
            ]
        return result


def _secure(source: t.Mapping[str, t.Any]) -> t.Mapping[str, bool]:
    return source.get("secureJsonFields") or {}


def _uid_for(name: str) -> str:
    """The uid of a new data source: its name where that makes one, as links and dashboards are written with it."""
    word = slug(name)
    return word if word and len(word) <= 40 else derived(name)


def told_of(source: t.Mapping[str, t.Any]) -> Form:
    """A data source as the modules tell it: no fingerprint, of a secret only that it is set."""
    known = {name: SET for name, on in sorted(_secure(source).items()) if on}
    keys = ("version", "readOnly")
    return {**form_of(body_of(source), known), **{key: source[key] for key in keys if key in source}}
