# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A dashboard of Grafana, in its classic form by /api, or of kind Dashboard by /apis."""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import (
    FOLDER_NOTE,
    GROUP,
    Definition,
    own_marks,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import page, part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import aligned, canonical, clamped
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan, plan, same
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server

KIND = "dashboard"
GENERAL = "general"
# Grafana may store another spec than was sent (it migrates older ones). What was sent is noted here, with the
# generation it became, so that the same again is known to be the same.
APPLIED_NOTE = "obs.stack/applied"
MESSAGE_NOTE = "grafana.app/message"
MANAGER_NOTE = "grafana.app/managedBy"
PATH_NOTE = "grafana.app/sourcePath"

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


class Wish(t.NamedTuple):
    """What is wanted of a dashboard.

    Attributes:
        definition: the dashboard; None where it is not wanted.
        folder_uid: "" for the top, None to leave it where it is.
        overwrite: write it even when somebody else does so at the same time, or a plugin owns it.
        message: noted in its history.
    """

    uid: str
    definition: Definition | None = None
    folder_uid: str | None = None
    overwrite: bool = False
    message: str = ""

    @property
    def name(self) -> str:
        """What it is called in errors."""
        return self.definition.title if self.definition else self.uid


def folder_of(uid: t.Any) -> str:
    """The uid of a folder, "" for the top, which Grafana also calls general."""
    return "" if uid in (None, GENERAL) else str(uid)


def refuse_provisioned(server: Server, errand: Errand, path: str) -> StackError:
    """A refusal to write to what comes from a file."""
    return StackError(
        errand.text(server.client.access.url),
        why="it is provisioned from the file {0}".format(path or "of a provider in provisioning/dashboards"),
        hint="Change it there, or give this one another uid.",
        doc="grafana-provisioned",
    )


class _Common:
    """What both forms share."""

    def __init__(self, server: Server, wish: Wish) -> None:
        self._server = server
        self._client = server.client
        self._wish = wish
        self._hidden: Refusal | None = None

    @property
    def uid(self) -> str:
        """Of the dashboard."""
        return self._wish.uid

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, KIND, self._wish.name)

    def _found(self, path: str) -> t.Any:
        """What is there, None for nothing. Grafana may say 403 to others than administrators when there is none."""
        self._hidden = None
        try:
            return self._client.get(path, self._errand("read"), absent=(404,))
        except Refusal as refusal:
            if refusal.status != 403:
                raise
            self._hidden = refusal
            return None

    def _made(self, path: str, body: Form, verb: str) -> t.Any:
        try:
            return self._client.post(path, body, self._errand(verb))
        except Refusal as refusal:
            if self._hidden and refusal.conflict:
                raise self._hidden from refusal
            raise

    def _told(self, version: t.Any, path: str, plan: Plan) -> dict[str, t.Any]:
        form = plan.after or plan.before or {}
        spec = form.get("dashboard") or {}
        address = page(self._client.access.url, path if plan.after is not None else "")
        told = {
            "uid": self._wish.uid,
            "title": spec.get("title") or self._wish.name,
            "folder_uid": form.get("folder_uid", ""),
            "tags": list(spec.get("tags") or []),
            "version": version,
            "url": address,
        }
        result = {KIND: told, "uid": self._wish.uid, "url": address}
        if self._hidden:
            result["warnings"] = [
                "Dashboard '{0}' may not be read, and was taken for one that is not there.".format(self._wish.uid)
            ]
        return result


class Classic(_Common):
    """A dashboard in its classic form, by /api."""

    def read(self) -> t.Any:
        """Dashboard and meta, as Grafana tells them."""
        try:
            return self._found("/api/dashboards/uid/" + part(self._wish.uid))
        except Refusal as refusal:
            if refusal.status != 406:
                raise
            if self._wish.definition is None:
                return {"dashboard": {}, "meta": {}}
            raise StackError(
                self._errand("update").text(self._client.access.url),
                why="it is stored in schema v2, and is given in the classic one",
                hint="Give it as kind Dashboard of v2, or remove it first.",
                doc="grafana-dashboards",
            ) from refusal

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish. Raises StackError where Grafana would not let it be."""
        meta = (current or {}).get("meta") or {}
        stored = None if current is None else current.get("dashboard") or {}
        folder = folder_of(meta.get("folderUid"))
        if self._wish.definition is None:
            before = None if stored is None else self._form(folder, canonical(stored))
            return self._allowed(plan(before, None), meta)
        now, wish = aligned(stored, self._wish.definition.spec)
        wish["title"] = self._wish.definition.title
        if wish.get("refresh") and wish["refresh"] != (now or {}).get("refresh"):
            wish["refresh"] = clamped(wish["refresh"], self._server.minimum_refresh)
        before = None if now is None else self._form(folder, now)
        after = self._form(folder if self._wish.folder_uid is None else self._wish.folder_uid, wish)
        return self._allowed(plan(before, after), meta)

    def _form(self, folder: str, spec: Form) -> Form:
        return {"uid": self._wish.uid, "folder_uid": folder, "dashboard": spec}

    def _allowed(self, found: Plan, meta: t.Mapping[str, t.Any]) -> Plan:
        # Grafana refuses to remove what a file has made, even where it may be edited.
        held = meta.get("provisioned") or (found.after is None and meta.get("provisionedExternalId"))
        if found.changed and held:
            verb = "delete" if found.after is None else "update"
            raise refuse_provisioned(self._server, self._errand(verb), str(meta.get("provisionedExternalId") or ""))
        return found

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; what Grafana answers."""
        if plan.after is None:
            return self._client.delete("/api/dashboards/uid/" + part(self._wish.uid), self._errand("delete"))
        spec = dict(plan.after["dashboard"], id=None, uid=self._wish.uid)
        if current is not None:
            spec["version"] = current["dashboard"].get("version") or 0
        body = {"dashboard": spec, "folderUid": plan.after["folder_uid"], "overwrite": self._wish.overwrite}
        if self._wish.message:
            body["message"] = self._wish.message
        return self._made("/api/dashboards/db", body, "update" if current is not None else "create")

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns."""
        found = found or {}
        meta = found.get("meta") or {}
        path = str(found.get("url") or meta.get("url") or "")
        return self._told(found.get("version", meta.get("version")), path, plan)


class Resource(_Common):
    """A dashboard of kind Dashboard, by /apis."""

    def _version(self) -> str:
        """The version of the API to write with.

        Raises:
            StackError: this Grafana does not serve it.
        """
        definition = t.cast(Definition, self._wish.definition)
        served = self._server.versions
        for version in definition.versions:
            if version in served:
                return version
        wanted = " or ".join("{0}/{1}".format(GROUP, version) for version in definition.versions)
        raise StackError(
            self._errand("write").text(self._client.access.url),
            why="it does not serve {0}, only {1}".format(wanted, ", ".join(served) or "the classic form"),
            hint="Give the dashboard in a version it serves; kind Dashboard needs Grafana 12.",
            doc="grafana-dashboards",
        )

    def _path(self, named: bool = True) -> str:
        path = "/apis/{0}/{1}/namespaces/{2}/dashboards".format(GROUP, self._version(), self._server.namespace)
        return "{0}/{1}".format(path, part(self._wish.uid)) if named else path

    def read(self) -> t.Any:
        """The object as Grafana tells it."""
        return self._found(self._path())

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish. Raises StackError where it belongs to somebody else."""
        definition = t.cast(Definition, self._wish.definition)
        before = None
        now = wish = None
        folder = self._wish.folder_uid
        labels, notes = dict(definition.labels), dict(definition.annotations)
        if current is not None:
            metadata = current.get("metadata") or {}
            stored = metadata.get("annotations") or {}
            was_labels, was_notes = own_marks(metadata.get("labels") or {}), own_marks(stored)
            was_notes.pop(APPLIED_NOTE, None)
            was_folder = folder_of(stored.get(FOLDER_NOTE))
            now, wish = aligned(current.get("spec") or {}, definition.spec)
            if not same(now, wish) and stored.get(APPLIED_NOTE) == self._mark(metadata.get("generation")):
                wish = now
            before = self._form(was_folder, now or {}, was_labels, was_notes)
            folder = was_folder if folder is None else folder
            labels, notes = {**was_labels, **labels}, {**was_notes, **notes}
        else:
            wish = canonical(definition.spec)
        found = plan(before, self._form(folder or "", wish or {}, labels, notes))
        manager = ((current or {}).get("metadata") or {}).get("annotations") or {}
        if found.changed and manager.get(MANAGER_NOTE):
            raise refuse_provisioned(self._server, self._errand("update"), str(manager.get(PATH_NOTE) or ""))
        return found

    def _form(self, folder: str, spec: Form, labels: Form, notes: Form) -> Form:
        form: Form = {"uid": self._wish.uid, "folder_uid": folder, "dashboard": spec}
        form.update({key: value for key, value in (("labels", labels), ("annotations", notes)) if value})
        return form

    def _mark(self, generation: t.Any) -> str:
        definition = t.cast(Definition, self._wish.definition)
        text = json.dumps(canonical(definition.spec), sort_keys=True).encode()
        return "{0}.{1}".format(hashlib.sha256(text).hexdigest()[:24], generation)

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; the object as Grafana tells it then."""
        after = t.cast("Form", plan.after)
        metadata = dict((current or {}).get("metadata") or {})
        was = plan.before or {}
        moved = not same(was.get("dashboard"), after["dashboard"]) or was.get("folder_uid") != after["folder_uid"]
        generation = int(metadata.get("generation") or 0) + (1 if moved else 0)
        notes = {**(metadata.get("annotations") or {}), **after.get("annotations", {})}
        notes[APPLIED_NOTE] = self._mark(generation)
        notes.pop(FOLDER_NOTE, None)
        if after["folder_uid"]:
            notes[FOLDER_NOTE] = after["folder_uid"]
        notes.pop(MESSAGE_NOTE, None)
        if self._wish.message:
            notes[MESSAGE_NOTE] = self._wish.message
        body = {
            "kind": "Dashboard",
            "apiVersion": "{0}/{1}".format(GROUP, self._version()),
            "metadata": {
                "name": self._wish.uid,
                "namespace": self._server.namespace,
                "labels": {**(metadata.get("labels") or {}), **after.get("labels", {})},
                "annotations": notes,
            },
            "spec": after["dashboard"],
        }
        if current is None:
            return self._made(self._path(named=False), body, "create")
        if not self._wish.overwrite:
            # Grafana refuses it when somebody else has written meanwhile.
            body["metadata"]["resourceVersion"] = metadata.get("resourceVersion")
        return self._client.put(self._path(), body, self._errand("update"))

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns."""
        metadata = (found or {}).get("metadata") or {}
        return self._told(metadata.get("generation"), "/d/{0}".format(part(self._wish.uid)), plan)


def thing_for(server: Server, wish: Wish) -> Classic | Resource:
    """The dashboard, in the form its definition has."""
    return Resource(server, wish) if wish.definition and wish.definition.versions else Classic(server, wish)
