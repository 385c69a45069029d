# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The one runner of the Grafana modules: read, plan, apply, tell. It alone looks at check mode."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import (
    CONNECTION,
    EXCLUSIVE,
    TOGETHER,
    access_of,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan


class Thing(t.Protocol):
    """One object of Grafana, as its options want it."""

    def read(self) -> t.Any:
        """What Grafana has now; None for nothing."""

    def plan(self, current: t.Any) -> Plan:
        """What leads from there to what is wanted. Pure."""

    def apply(self, plan: Plan, current: t.Any) -> t.Any:
        """Do it; what Grafana has then. Nothing else writes."""

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        """What the module returns besides ``changed`` and ``diff``. Without a token of anybody."""


def converge(thing: Thing, *, check_mode: bool) -> tuple[Plan, t.Any]:
    """Make one thing so, if it is not: the plan, and what Grafana has then (or now, in check mode).

    When somebody else changes it between reading and writing, it is read and planned once more.

    Raises:
        StackError: it could not be done.
    """
    current = thing.read()
    wanted = thing.plan(current)
    if check_mode or not wanted.changed:
        return wanted, current
    try:
        return wanted, thing.apply(wanted, current)
    except Refusal as refusal:
        if not refusal.conflict:
            raise
        current = thing.read()
        wanted = thing.plan(current)
        return wanted, thing.apply(wanted, current) if wanted.changed else current


def module_of(options: t.Mapping[str, t.Any], **rules: t.Any) -> AnsibleModule:
    """The module, with the options all Grafana modules have."""
    return AnsibleModule(
        argument_spec={**options, **CONNECTION},
        mutually_exclusive=EXCLUSIVE + list(rules.pop("mutually_exclusive", [])),
        required_together=TOGETHER,
        supports_check_mode=True,
        **rules,
    )


def client_of(module: AnsibleModule) -> Client:
    """A client as the options say, acting in their organisation."""
    access = access_of(module.params)
    module.no_log_values.update(secret for secret in (access.token, access.password) if secret)
    client = Client(access)
    name = module.params.get("org_name")
    return client.in_org(org_of(client, name)) if name else client


def org_of(client: Client, name: str) -> int:
    """The number of an organisation, as far as the caller may see it.

    Raises:
        StackError: there is none of that name.
    """
    errand = Errand("find", "organisation", name)
    if client.access.token:
        # A token belongs to one organisation and sees no other.
        known = [client.get("/api/org", errand)]
    else:
        known = [{"id": one["orgId"], "name": one["name"]} for one in client.get("/api/user/orgs", errand)]
    found = [int(one["id"]) for one in known if one["name"] == name]
    if not found:
        raise StackError(
            errand.text(client.access.url),
            why="the caller is in {0}".format(", ".join("'{0}'".format(one["name"]) for one in known) or "none"),
            hint="Make the user a member of it, or use a token of it.",
            doc="grafana-api",
        )
    return found[0]


def run(module: AnsibleModule, make: t.Callable[[Client], Thing], header: str) -> None:
    """Run a module that makes one thing so, and end it.

    Args:
        module: with its options.
        make: the thing, for a client.
        header: what the diff is of.
    """
    try:
        thing = make(client_of(module))
        plan, found = converge(thing, check_mode=module.check_mode)
        result = thing.result(plan, found)
    except StackError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(changed=plan.changed, diff=plan.diff(header), **result)


def tell(module: AnsibleModule, ask: t.Callable[[Client], dict[str, t.Any]]) -> None:
    """Run a module that only asks, and end it."""
    try:
        result = ask(client_of(module))
    except StackError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)
