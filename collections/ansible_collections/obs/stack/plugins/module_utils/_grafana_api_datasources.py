# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.
"""Many data sources in one go: judged first, then brought one after the other, the default one last."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource import KIND, THING, Datasource, Listing
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource_form import KEEPING, Wish, wish_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_many import (
    LISTS,
    anything_done,
    cut_short,
    goes_on,
    no_lists,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import difference
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import converge

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


def label_of(wish: Wish) -> str:
    """What one is called in errors and results."""
    return wish.name or wish.uid


def wishes_of(items: t.Sequence[t.Mapping[str, t.Any]], keeping: t.Mapping[str, t.Any]) -> list[Wish]:
    """The wishes of a list.

    Args:
        items: options of each.
        keeping: those of ``KEEPING``, for all of them.

    Raises:
        StackError: one cannot be carried out, or two are of the same data source.
    """
    wishes = [wish_of({**item, **{key: keeping.get(key) for key in KEEPING}}) for item in items]
    _refuse_double("name", [wish.name for wish in wishes])
    _refuse_double("uid", [wish.uid for wish in wishes])
    defaults = [label_of(wish) for wish in wishes if wish.present and wish.fields.get("isDefault")]
    if len(defaults) > 1:
        raise _wrong(
            "{0} are both the default".format(" and ".join("'{0}'".format(name) for name in defaults[:2])),
            "An organisation has one.",
        )
    return wishes


def _refuse_double(what: str, values: t.Sequence[str]) -> None:
    seen = set()
    for value in values:
        if value and value in seen:
            raise _wrong("two have the {0} '{1}'".format(what, value), "Grafana has one data source of it.")
        seen.add(value)


def _wrong(why: str, hint: str) -> StackError:
    return StackError("Could not use the list of data sources", why=why, hint=hint, step="input", doc="input")


@dataclass
class Outcome:
    """What was done, or would be."""

    lists: dict[str, list[str]] = field(default_factory=no_lists)
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    found: list[Form] = field(default_factory=list)
    before: Form = field(default_factory=dict)
    after: Form = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return anything_done(self.lists)

    def note(self, plan: Plan, uid: str) -> None:
        """Take in what was planned of one; of a change, what differs is shown."""
        self.lists[LISTS[plan.action]].append(uid)
        if not plan.changed:
            return
        was, becomes = dict(plan.before or {}), dict(plan.after or {})
        if was and becomes:
            was, becomes = difference(was, becomes)
        self.before.update({uid: was} if was else {})
        self.after.update({uid: becomes} if becomes else {})


def bring(client: Client, wishes: t.Sequence[Wish], *, check_mode: bool) -> Outcome:
    """Bring each to its wish.

    Raises:
        StackError: it could not go on.
    """
    outcome, listing = Outcome(), Listing(client)
    found: dict[int, Form] = {}
    # What becomes the default takes that from another one, which may be on the list as well.
    order = sorted(range(len(wishes)), key=lambda number: bool(wishes[number].fields.get("isDefault")))
    for done, number in enumerate(order):
        thing = Datasource(client, wishes[number], listing)
        try:
            plan, there = converge(thing, check_mode=check_mode)
        except StackError as error:
            if not goes_on(error):
                cut_short(error, done, len(wishes), THING + "s")
                raise
            label = label_of(wishes[number])
            outcome.refused.append({"uid": thing.uid, "source": label, "msg": str(error)})
            continue
        outcome.note(plan, thing.uid)
        result = thing.result(plan, there)
        outcome.warnings += result.get("warnings", [])
        if plan.after is not None:
            found[number] = result[KIND]
    outcome.found = [found[number] for number in sorted(found)]
    return outcome
