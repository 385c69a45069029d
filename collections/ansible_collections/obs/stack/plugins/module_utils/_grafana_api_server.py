# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What of a Grafana is asked once in a run: its least refresh, the versions it serves, who we are."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import GROUP
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import DEFAULT_MINIMUM, seconds


class Server:
    """Answers of one Grafana that do not change while a module runs."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def _asked(self, path: str, what: str) -> t.Any:
        """The answer, or nothing where Grafana does not tell us."""
        try:
            return self.client.get(path, Errand("ask for", what)) or {}
        except Refusal:
            return {}

    @functools.cached_property
    def minimum_refresh(self) -> str:
        """What Grafana raises a lower refresh to."""
        told = self._asked("/api/frontend/settings", "the settings").get("minRefreshInterval")
        if not told:
            settings = self._asked("/api/admin/settings", "the settings")
            told = (settings.get("dashboards") or {}).get("min_refresh_interval")
        return str(told) if told and seconds(str(told)) is not None else DEFAULT_MINIMUM

    @functools.cached_property
    def versions(self) -> tuple[str, ...]:
        """Versions of kind Dashboard that Grafana serves; none before Grafana 12."""
        told = self._asked("/apis/{0}".format(GROUP), "its versions of kind Dashboard")
        return tuple(str(one["version"]) for one in told.get("versions") or [] if one.get("version"))

    @functools.cached_property
    def namespace(self) -> str:
        """The organisation as /apis calls it."""
        number = self.client.org_id()
        return "default" if number == 1 else "org-{0}".format(number)

    @functools.cached_property
    def login(self) -> str:
        """The login we write with; "" for a token of which Grafana does not tell it."""
        return str(self._asked("/api/user", "our own user").get("login") or self.client.access.username)
