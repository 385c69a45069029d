# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A marker in Grafana's graphs, of which there is only one for each key however often it is told."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import DELETE, UPDATE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds

KIND = "annotation"
KEY = "key:"
PLACE = ("dashboard_uid", "panel_id")
AT_MOST = 100


class Wish(t.NamedTuple):
    """What is wanted of an annotation. None leaves it as it is; times are milliseconds of the epoch."""

    present: bool
    key: str
    text: str = ""
    tags: t.Sequence[str] | None = None
    time: int | None = None
    time_end: int | None = None
    dashboard_uid: str | None = None
    panel_id: int | None = None


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of a module's options."""
    tags = params.get("tags")
    return Wish(
        present=params["state"] == "present",
        key=params["key"],
        text=params.get("text") or "",
        tags=None if tags is None else [str(tag) for tag in tags],
        time=milliseconds(params.get("time"), "time"),
        time_end=milliseconds(params.get("time_end"), "time_end"),
        dashboard_uid=params.get("dashboard_uid"),
        panel_id=params.get("panel_id"),
    )


def form_of(item: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An annotation in normal form."""
    return {
        "text": str(item.get("text") or ""),
        "tags": sorted(str(tag) for tag in item.get("tags") or []),
        "time": int(item.get("time") or 0),
        "time_end": int(item.get("timeEnd") or item.get("time") or 0),
        "dashboard_uid": str(item.get("dashboardUID") or ""),
        "panel_id": int(item.get("panelId") or 0),
    }


def desired(current: t.Mapping[str, t.Any] | None, wish: Wish) -> dict[str, t.Any]:
    """The annotation as it is wanted. A new one without a time gets Grafana's own clock, and so has none here."""
    form = dict(current or {"text": "", "tags": [], "dashboard_uid": "", "panel_id": 0})
    form["text"] = wish.text or form["text"]
    own = wish.tags if wish.tags is not None else [tag for tag in form["tags"] if not tag.startswith(KEY)]
    form["tags"] = sorted({*own, KEY + wish.key})
    if wish.time is not None:
        # One without an end moves as a whole.
        if wish.time_end is None and form.get("time_end") == form.get("time"):
            form["time_end"] = wish.time
        form["time"] = wish.time
    if wish.time_end is not None:
        form["time_end"] = wish.time_end
    if wish.dashboard_uid is not None:
        form["dashboard_uid"] = wish.dashboard_uid
    if wish.panel_id is not None:
        form["panel_id"] = wish.panel_id
    return form


class Annotation:
    """One annotation, found by its key."""

    def __init__(self, client: Client, wish: Wish) -> None:
        self._client = client
        self._wish = wish

    def _errand(self, verb: str) -> Errand:
        return Errand(verb, KIND, self._wish.key)

    def read(self) -> t.Any:
        """All with that key: two runs at the same time can have made two."""
        query = {"tags": KEY + self._wish.key, "type": KIND, "limit": AT_MOST}
        found = self._client.get("/api/annotations", self._errand("read"), query=query)
        return sorted(found, key=lambda one: int(one["id"]))

    def plan(self, current: t.Any) -> Plan:
        """What leads to the wish."""
        before = form_of(current[0]) if current else None
        if not self._wish.present:
            return plan(before, None)
        after = desired(before, self._wish)
        found = plan(before, after)
        if len(current) > 1 and before is not None:
            return Plan(UPDATE, {**before, "copies": len(current) - 1}, {**after, "copies": 0})
        return found

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; the annotation's number."""
        if plan.after is None:
            self._delete(current)
            return None
        self._delete(current[1:])
        after, before = dict(plan.after), plan.before
        body = {
            key: after[name] for key, name in (("text", "text"), ("tags", "tags"), ("time", "time")) if name in after
        }
        if "time_end" in after:
            body["timeEnd"] = after["time_end"]
        if before is not None and all(before[key] == after[key] for key in PLACE):
            self._client.put("/api/annotations/{0}".format(int(current[0]["id"])), body, self._errand("update"))
            return current[:1]
        # Grafana does not move one to another dashboard.
        if after["dashboard_uid"]:
            body["dashboardUID"] = after["dashboard_uid"]
        if after["panel_id"]:
            body["panelId"] = after["panel_id"]
        made = self._client.post("/api/annotations", body, self._errand("create"))
        self._delete(current[:1])
        return [made]

    def _delete(self, found: t.Iterable[t.Any]) -> None:
        for one in found:
            self._client.delete("/api/annotations/{0}".format(int(one["id"])), self._errand("delete"))

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns."""
        told = dict(plan.after or plan.before or {})
        told.pop("copies", None)
        if found and plan.action != DELETE:
            told["id"] = found[0]["id"]
        return {KIND: {**told, "key": self._wish.key}}
