# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Many dashboards in one go: one at a time in memory, folders first, what is not wanted any more last."""

from __future__ import annotations

import hashlib
import json
import typing as t
import zipfile
from dataclasses import dataclass, field

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import Wish, thing_for
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import Definition
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_folder import Folder
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_folder import Wish as FolderWish
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_many import (
    LISTS,
    anything_done,
    cut_short,
    goes_on,
    no_lists,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import difference
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import folder_uid
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_prune import (
    Folders,
    Stale,
    StaleFolder,
    check_limit,
    stale_dashboards,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import converge
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server

INDEX = "index.json"
# Of many changed dashboards, this much of what changes is shown; of the others, that they do.
DIFF_CHARACTERS = 200000

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


@dataclass(frozen=True)
class Options:
    """How to sync.

    Attributes:
        folder_uid: where dashboards go; None leaves them where they are.
        from_tree: whether folders of the sources become folders of Grafana.
        owner: whose they are, "" for nobody's.
        prune: whether the owner's that are not in the sources go.
    """

    folder_uid: str | None = None
    from_tree: bool = False
    owner: str = ""
    prune: bool = False
    prune_limit: int = 10
    prune_force: bool = False
    overwrite: bool = False
    message: str = ""


@dataclass
class Outcome:
    """What was done, or would be."""

    lists: dict[str, list[str]] = field(default_factory=no_lists)
    folders: dict[str, list[str]] = field(default_factory=no_lists)
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    before: Form = field(default_factory=dict)
    after: Form = field(default_factory=dict)
    shown: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return anything_done(self.lists, self.folders)

    def note(self, plan: Plan, uid: str) -> None:
        """Take in the plan of a dashboard."""
        self.lists[LISTS[plan.action]].append(uid)
        if not plan.changed:
            return
        was, becomes = shown(plan)
        self.shown += len(json.dumps([was, becomes]))
        if self.shown > DIFF_CHARACTERS:
            was, becomes = {}, {"": "(" + LISTS[plan.action] + "; too much to show)"}
        self.before.update({uid: was} if was else {})
        self.after.update({uid: becomes} if becomes else {})


def shown(plan: Plan) -> tuple[Form, Form]:
    """What is shown of one plan among many: of a change what differs, of a new or a removed one what it is."""
    if plan.before is not None and plan.after is not None:
        return difference(dict(plan.before), dict(plan.after))
    return _summary(plan.before), _summary(plan.after)


def _summary(form: t.Any) -> Form:
    if not form:
        return {}
    return {"title": form["dashboard"].get("title"), "folder_uid": form["folder_uid"]}


def sha256_of(path: str) -> str:
    """The digest of a file, which need not fit into memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


class Archive:
    """Dashboards as the controller has packed them: an index, and one member for each.

    Args:
        path: of the archive, on this host.
        sha256: what the controller has sent.

    Raises:
        StackError: it is another file.
    """

    def __init__(self, path: str, sha256: str) -> None:
        if sha256_of(path) != sha256:
            raise StackError("Could not use the archive of dashboards", why="it is not the one that was sent", hint="")
        self._zip = zipfile.ZipFile(path)
        self.index: list[Form] = json.loads(self._zip.read(INDEX))

    def definition(self, entry: t.Mapping[str, t.Any]) -> Definition:
        """The dashboard of an entry of the index, read now."""
        document = json.loads(self._zip.read(entry["member"]))
        document["versions"] = tuple(document["versions"])
        return Definition(**document)


class Sync:
    """One run over all dashboards.

    Args:
        server: the Grafana.
        archive: the dashboards.
        options: how.
        check_mode: whether to tell only; handed on to the runner.
    """

    def __init__(self, server: Server, archive: Archive, options: Options, *, check_mode: bool) -> None:
        self._server = server
        self._archive = archive
        self._options = options
        self._check_mode = check_mode
        self._folder_uids = {"": options.folder_uid}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Do it.

        Raises:
            StackError: it could not go on.
        """
        options = self._options
        self._refuse_unknown_folder()
        wanted = {str(entry["uid"]) for entry in self._archive.index}
        stale = self._judged(wanted) if options.prune else []
        if options.from_tree:
            self._make_folders()
        folders = None
        if options.prune:
            made = {uid for uid in self._folder_uids.values() if uid}
            folders = Folders(self._server.client, options.owner, made)
        for entry in self._archive.index:
            self._one(entry, folders)
        # With a dashboard that was refused, it is not sure that what is left over is not wanted.
        if folders is not None and not self.outcome.refused:
            self._prune(stale, folders)
        return self.outcome

    def _refuse_unknown_folder(self) -> None:
        """Say once that the folder is missing, not of each dashboard."""
        uid = self._options.folder_uid
        # In check mode a task before this one may be about to make it.
        if not uid or self._check_mode:
            return
        errand, client = Errand("sync dashboards into", "folder", uid), self._server.client
        try:
            found = client.get("/api/folders/" + part(uid), errand, absent=(404,))
        except Refusal as refusal:
            # Not to be seen is not yet not to be written to.
            if refusal.status != 403:
                raise
            return
        if found is None:
            hint = "Make the folder first (grafana_folder), or correct folder_uid."
            raise StackError(errand.text(client.access.url), why="there is none", hint=hint, doc="grafana-dashboards")

    def _judged(self, wanted: t.Container[str]) -> list[Stale]:
        """What will be removed. Looked at first, so that too many are refused before anything is done."""
        options, found = self._options, []
        for thing in stale_dashboards(self._server, options.owner, wanted):
            plan, _current = converge(thing, check_mode=True)
            if plan.changed:
                found.append(thing)
            elif thing.kept_because:
                self.outcome.warnings.append("Dashboard '{0}' is kept: {1}.".format(thing.uid, thing.kept_because))
        url = self._server.client.access.url
        check_limit([thing.uid for thing in found], options.prune_limit, options.prune_force, url)
        return found

    def _make_folders(self) -> None:
        base = self._options.folder_uid or ""
        paths = {str(entry["folder"]) for entry in self._archive.index if entry["folder"]}
        for path in list(paths):
            while "/" in path:
                path = path.rpartition("/")[0]
                paths.add(path)
        for path in sorted(paths):
            above, _slash, name = path.rpartition("/")
            uid = folder_uid(self._options.owner, base, path)
            parent = self._folder_uids[above] or ""
            wish = FolderWish(True, title=name, uid=uid, parent_uid=parent)
            plan, _found = converge(Folder(self._server.client, wish), check_mode=self._check_mode)
            self._folder_uids[path] = uid
            self.outcome.folders[LISTS[plan.action]].append(uid)
            if plan.changed:
                self.outcome.before.update({"folder " + uid: dict(plan.before)} if plan.before else {})
                self.outcome.after["folder " + uid] = dict(plan.after or {})

    def _one(self, entry: t.Mapping[str, t.Any], folders: Folders | None) -> None:
        definition = self._archive.definition(entry)
        options = self._options
        folder = self._folder_uids[str(entry["folder"])] if options.from_tree else options.folder_uid
        wish = Wish(
            uid=str(entry["uid"]),
            definition=definition,
            folder_uid=definition.folder_uid if folder is None else folder,
            overwrite=options.overwrite,
            message=options.message,
        )
        thing = thing_for(self._server, wish)
        try:
            plan, found = converge(thing, check_mode=self._check_mode)
        except StackError as error:
            if not goes_on(error):
                done = sum(len(uids) for uids in self.outcome.lists.values())
                cut_short(error, done, len(self._archive.index), "dashboards")
                raise
            self.outcome.refused.append({"uid": wish.uid, "source": definition.source, "msg": str(error)})
            return
        self.outcome.note(plan, wish.uid)
        self.outcome.warnings += thing.result(plan, found).get("warnings", [])
        was, becomes = plan.before or {}, plan.after or {}
        if folders is not None and was and was["folder_uid"] != becomes["folder_uid"]:
            folders.leaves(str(was["folder_uid"]))

    def _prune(self, stale: t.Sequence[Stale], folders: Folders) -> None:
        for dashboard in stale:
            plan, _found = converge(dashboard, check_mode=self._check_mode)
            if plan.changed and plan.before:
                self.outcome.note(plan, dashboard.uid)
                folders.leaves(str(plan.before["folder_uid"]))
        for uid in folders.stale():
            thing = StaleFolder(self._server.client, folders, uid)
            _plan, removed = converge(thing, check_mode=self._check_mode)
            if removed is False:
                self.outcome.warnings.append("Folder '{0}' is kept: it holds something.".format(uid))
                continue
            self.outcome.folders["deleted"].append(uid)
            self.outcome.before["folder " + uid] = {"uid": uid}
