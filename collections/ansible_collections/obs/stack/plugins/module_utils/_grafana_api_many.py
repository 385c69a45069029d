# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.
"""Many things of Grafana in one task: which errors end it, and what is told of those that were refused."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import GrafanaError, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import CREATE, DELETE, NONE, UPDATE

# What a module returns: names of those it did this to.
LISTS = {CREATE: "created", UPDATE: "updated", DELETE: "deleted", NONE: "unchanged"}
TOLD_REFUSALS = 3

if t.TYPE_CHECKING:
    Lists = dict[str, list[str]]


def no_lists() -> Lists:
    """The lists, with nothing in them."""
    return {name: [] for name in LISTS.values()}


def anything_done(*lists: Lists) -> bool:
    """Whether anything is in a list of what was done."""
    return any(one[name] for one in lists for name in LISTS.values() if name != LISTS[NONE])


def goes_on(error: StackError) -> bool:
    """Whether the others may fare better."""
    if isinstance(error, Refusal):
        return error.status not in (401, 429) and error.status < 500
    return not isinstance(error, GrafanaError)


def cut_short(error: StackError, done: int, total: int, things: str) -> None:
    """Let the error that ends a run tell how far it came."""
    error.hint = "{0} of {1} {2} were looked at. {3}".format(done, total, things, error.hint).strip()


def told(
    refused: t.Sequence[t.Mapping[str, str]], total: int, things: str, url: str, rest: str = "The others are done."
) -> str:
    """The error of a task in which some were refused.

    Args:
        refused: each with ``source``, what it is called, and ``msg``.
        total: how many there are.
        things: what they are.
        url: of their Grafana.
        rest: what became of the others.
    """
    shown = ["{0}: {1}".format(one["source"], one["msg"].splitlines()[0]) for one in refused[:TOLD_REFUSALS]]
    more = len(refused) - len(shown)
    error = StackError(
        "Could not sync {0} of {1} {2} at {3}".format(len(refused), total, things, url),
        why="; ".join(shown) + ("; and {0} more".format(more) if more else ""),
        hint="{0} Correct these and run again.".format(rest),
        doc="grafana-dashboards" if things == "dashboards" else "grafana-api",
    )
    return str(error)
