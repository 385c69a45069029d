# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A data source of Grafana, of any type: compared by what is managed of it, written as a whole."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource_form import (
    STICKY,
    Wish,
    body_of,
    form_of,
    wanted_body,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import derived, page, part, slug
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_secrets import PLACE, SET, Secrets, secrets_for

KIND = "datasource"
THING = "data source"

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


class Listing:
    """Uids of data sources by name, asked for once until something is written."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uids: dict[str, str] | None = None

    def uid_of(self, name: str, errand: Errand) -> str:
        """The uid of the one of that name, "" for none."""
        if self._uids is None:
            listed = self._client.get("/api/datasources", errand)
            self._uids = {str(one["name"]): str(one["uid"]) for one in listed}
        return self._uids.get(name, "")

    def forget(self) -> None:
        """Ask again the next time."""
        self._uids = None


class Datasource:
    """One data source, found by its uid, or by its name.

    Args:
        client: of its Grafana.
        wish: what is wanted of it.
        listing: shared by those of one run.
    """

    def __init__(self, client: Client, wish: Wish, listing: Listing | None = None) -> None:
        self._client = client
        self._wish = wish
        self._uid = wish.uid
        self._listing = listing or Listing(client)
        self._hidden: Refusal | None = None

    @property
    def uid(self) -> str:
        """Its identifier, once it was read."""
        return self._uid

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, THING, self._wish.name or self._wish.uid)

    def read(self) -> t.Any:
        """The data source as Grafana tells it."""
        errand = self._errand("read")
        self._hidden = None
        if not self._wish.uid:
            self._uid = self._listing.uid_of(self._wish.name, errand)
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
        other = self._listing.uid_of(self._wish.name, errand)
        if other and other != self._uid:
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
        # Also when it is refused: somebody else may have come first.
        self._listing.forget()
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
