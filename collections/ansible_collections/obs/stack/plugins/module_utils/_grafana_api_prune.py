# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a sync removes: dashboards and folders of its owner whose source is gone, if nobody else has touched them."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import Classic, Wish, folder_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import FOLDER_NOTE, GROUP
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import (
    is_folder_of,
    proven,
    tags_of,
    written_by_us,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, NONE, Plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server

PER_PAGE = 1000


def search(client: Client, errand: Errand, **query: t.Any) -> t.Iterator[t.Mapping[str, t.Any]]:
    """Every hit of a search, page by page."""
    number = 1
    while True:
        pairs = [("limit", PER_PAGE), ("page", number)]
        for key, value in query.items():
            pairs += [(key, one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        hits = client.get("/api/search", errand, query=pairs)
        yield from hits
        if len(hits) < PER_PAGE:
            return
        number += 1


class Stale(Classic):
    """A dashboard whose source is gone: removed only if it is ours and nobody else has touched it."""

    def __init__(self, server: Server, uid: str, owner: str) -> None:
        super().__init__(server, Wish(uid))
        self._owner = owner
        self.kept_because = ""

    def read(self) -> t.Any:
        """Dashboard and meta; of one in schema v2, as much as it takes to judge."""
        self.kept_because = ""
        found = super().read()
        if self._hidden:
            # It is there: the search has told.
            self.kept_because = "it may not be read"
        if found is None or found["dashboard"]:
            return found
        version = next((one for one in self._server.versions if one.startswith("v2")), "")
        path = "/apis/{0}/{1}/namespaces/{2}/dashboards/{3}".format(
            GROUP, version, self._server.namespace, part(self._wish.uid)
        )
        found = self._client.get(path, self._errand("read"), absent=(404,))
        if found is None:
            return None
        notes = found["metadata"].get("annotations") or {}
        meta = {key: notes.get("grafana.app/" + key) for key in ("createdBy", "updatedBy")}
        # Here Grafana names users by their uid, which is not our login.
        meta["updatedBy"] = meta["updatedBy"] or meta["createdBy"]
        return {"dashboard": found["spec"], "meta": {**meta, "folderUid": notes.get(FOLDER_NOTE), "byUid": True}}

    def plan(self, current: t.Any) -> Plan:
        """To remove it, or to leave it."""
        if current is None:
            return Plan(NONE, None, None)
        meta = current["meta"]
        if not proven(self._owner, self._wish.uid, current["dashboard"].get("tags") or []):
            self.kept_because = "it has lost its tags"
        elif not written_by_us(meta, "" if meta.get("byUid") else self._server.login):
            self.kept_because = "it was last changed by {0}".format(meta.get("updatedBy") or "somebody unknown")
        elif meta.get("provisioned") or meta.get("provisionedExternalId"):
            self.kept_because = "it is provisioned from a file"
        if self.kept_because:
            return Plan(NONE, None, None)
        return super().plan(current)


def stale_dashboards(server: Server, owner: str, wanted: t.Container[str]) -> list[Stale]:
    """Dashboards that carry the owner's proof and are not wanted any more, by uid. Each is judged before it goes."""
    errand = Errand("search for", "dashboards of the owner", owner)
    hits = search(server.client, errand, type="dash-db", tag=tags_of(owner, "")[0])
    found = {
        str(hit["uid"])
        for hit in hits
        if hit["uid"] not in wanted and proven(owner, str(hit["uid"]), hit.get("tags") or [])
    }
    return [Stale(server, uid, owner) for uid in sorted(found)]


def check_limit(uids: t.Sequence[str], limit: int, force: bool, url: str) -> None:
    """Refuse to remove more than was thought of.

    Raises:
        StackError: there are more.
    """
    if len(uids) > limit and not force:
        shown = ", ".join(uids[:5]) + (", …" if len(uids) > 5 else "")
        raise StackError(
            "Could not prune dashboards at {0}".format(url),
            why="{0} would be removed ({1}), and prune_limit is {2}".format(len(uids), shown, limit),
            hint="Is the source complete? If that is meant, set prune_force, or a higher prune_limit.",
            doc="grafana-prune",
        )


class Folders:
    """The folders an owner's trees have made, and what leaves them in this run."""

    def __init__(self, client: Client, owner: str, wanted: t.Container[str]) -> None:
        self._client = client
        self._errand = Errand("search for", "folders of the owner", owner)
        # uid -> uid of its parent, of all that the search tells.
        self._parents = {
            str(hit["uid"]): folder_of(hit.get("folderUid")) for hit in search(client, self._errand, type="dash-folder")
        }
        self._stale = [uid for uid in self._parents if is_folder_of(owner, uid) and uid not in wanted]
        # As it is before anything is written, so that check mode comes to the same.
        self._held = {uid: self.held(uid) for uid in self._stale}
        self._leaving: dict[str, int] = {}

    def leaves(self, uid: str) -> None:
        """Note that something goes away from a folder, and so from all it is in."""
        seen = set()
        while uid and uid not in seen:
            self._leaving[uid] = self._leaving.get(uid, 0) + 1
            seen.add(uid)
            uid = self._parents.get(uid, "")

    def stale(self) -> t.Iterator[str]:
        """Folders that will hold nothing any more, inner ones first. Each is noted as leaving the one it is in."""
        for uid in sorted(self._stale, key=lambda one: (-self._depth(one), one)):
            held = self._held[uid]
            if held is not None and held <= self._leaving.get(uid, 0):
                yield uid
                self.leaves(self._parents.get(uid, ""))

    def _depth(self, uid: str) -> int:
        depth = 0
        while self._parents.get(uid) and depth < 20:
            uid = self._parents[uid]
            depth += 1
        return depth

    def held(self, uid: str) -> int | None:
        """How much a folder holds now; None when it is gone, or may not be looked into."""
        try:
            path = "/api/folders/{0}/counts".format(part(uid))
            counts = self._client.get(path, Errand("look into", "folder", uid), absent=(404,))
        except Refusal:
            return None
        return None if counts is None else sum(int(number or 0) for number in counts.values())


class StaleFolder:
    """A folder of an owner's tree that is left over."""

    def __init__(self, client: Client, folders: Folders, uid: str) -> None:
        self._client = client
        self._folders = folders
        self._uid = uid

    def read(self) -> t.Any:
        """How much it holds."""
        return self._folders.held(self._uid)

    def plan(self, current: t.Any) -> Plan:
        """To remove it: whether it will be empty is known already."""
        return Plan(DELETE, {"uid": self._uid}, None)

    def apply(self, plan: Plan, current: t.Any) -> bool:
        """Remove it if it holds nothing now; whether it did."""
        if current != 0:
            return False
        path = "/api/folders/" + part(self._uid)
        self._client.delete(path, Errand("delete", "folder", self._uid), query={"forceDeleteRules": "false"})
        return True

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """Nothing of its own."""
        return {}
