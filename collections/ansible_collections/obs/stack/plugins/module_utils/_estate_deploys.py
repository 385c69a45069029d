# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a change of a host's services is told to whom: the Alertmanagers of its site, and what they hold back. Pure.

A service that restarts is silenced by its job and host, so nothing of the users' own applications is. Where it is the
only one of its job in the site, what tells of the job as a whole names no host and is held back as well; where there
are others it is not, since then all of them are down.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._estate_balanced import BALANCED
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Component, services_of, text
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways, external, straight

SERVICE = "alertmanager"
CONTROLLER = "localhost"
_FILE = re.compile(r"\$__file\{(.+)\}")
Matchers = t.List[t.Dict[str, t.Any]]  # noqa: UP006  evaluated: sanity imports this with Python 3.8


def deploys(ways: Ways) -> dict[str, t.Any]:
    """The option ``deploy`` of release_service, for every service of a host.

    Args:
        ways: from that host.

    Returns:
        ``host``; ``alertmanagers``, those of other hosts first, and ``silences`` by service, unless
        ``obs_silence_deploys`` turns them off or there is no Alertmanager.
    """
    found: dict[str, t.Any] = {"host": ways.host}
    wanted = ways.variables.get("obs_silence_deploys")
    asked = [] if wanted is not None and not _is_true(wanted) else _alertmanagers(ways)
    if asked:
        components = services_of(ways.host, ways.groups, ways.hostvars)
        found["alertmanagers"] = asked
        found["silences"] = {component.name: _silences(component, ways) for component in components}
    return found


def _is_true(value: t.Any) -> bool:
    return str(value).strip().lower() in ("true", "yes", "on", "1", "y", "t")


def _alertmanagers(ways: Ways) -> list[dict[str, t.Any]]:
    theirs = [way.options() for way, _item in external(SERVICE, ways.variables)]
    if theirs:
        return theirs
    ends = sorted(ways.members(SERVICE), key=lambda end: end.host == ways.host)
    return [
        {**straight(end, ways.variables).options(), **({"service": SERVICE} if end.host == ways.host else {})}
        for end in ends
    ]


def _silences(component: Component, ways: Ways) -> list[Matchers]:
    alone = len(ways.members(component.name)) == 1
    host = re.escape(ways.host).replace("\\-", "-")
    whose = _is("host", host + "|", regex=True) if alone else _is("host", ways.host)
    found = [[_is("site", ways.site), _is("job", component.name), whose]]
    behind = [row.name for row in BALANCED if row.component == component.name]
    if alone and behind and ways.members("gateway"):
        # Raised by the gateway, within a minute: there is nobody else behind it.
        proxies = _is("proxy", "|".join(behind), regex=True)
        found.append([_is("alertname", "GatewayServiceDown"), _is("site", ways.site), proxies])
    return found


def _is(name: str, value: str, *, regex: bool = False) -> dict[str, t.Any]:
    return {"name": name, "value": value, "isEqual": True, "isRegex": regex}


def grafana(ways: Ways) -> dict[str, t.Any]:
    """How the Grafana of a site is told of deploys, as deploy_annotations takes it; empty where nobody is.

    Returns:
        ``on`` (the host that asks: Grafana's own, where its password is; the controller for one of the user's own),
        ``url``, ``url_username``, ``url_password_file`` or ``url_password`` or ``grafana_api_key``, ``ca_path``.
    """
    wanted = ways.variables.get("obs_annotate_deploys")
    if wanted is not None and not _is_true(wanted):
        return {}
    theirs = [way for way, _item in external("grafana", ways.variables)]
    if theirs:
        way = theirs[0]
        if not way.bearer_token and not way.username:
            return {}
        who = {"grafana_api_key": way.bearer_token, "url_username": way.username, "url_password": way.password}
        ca = "" if way.ca.lstrip().startswith("-----") else way.ca
        return {"on": CONTROLLER, "url": way.url, **{key: value for key, value in who.items() if value}, "ca_path": ca}
    ends = ways.members("grafana")
    if not ends:
        return {}
    there = ways.hostvars[ends[0].host]
    security = (there.get("grafana_config") or {}).get("security") or {}
    named = _FILE.fullmatch(str(security.get("admin_password") or ""))
    return {
        "on": ends[0].host,
        "url": ends[0].url,
        "url_username": text(there, "grafana_admin_user", "admin"),
        "url_password_file": named.group(1) if named else "/etc/grafana/secrets/admin_password",
        "ca_path": "/etc/grafana/tls/ca.pem" if ends[0].ca else "",
    }
