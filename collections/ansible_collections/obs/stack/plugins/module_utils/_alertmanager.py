# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Alertmanager's silences: asked of one member of a cluster after the other, until one answers."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ansible_collections.obs.stack.plugins.module_utils._by_url import Refused, Server, Unreached, server_at
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._silence import DOC, Silence


class Alertmanager:
    """The first member that answers; members tell each other."""

    def __init__(self, servers: t.Sequence[Server]) -> None:
        self._servers = servers
        self._chosen: Server | None = None

    @property
    def server(self) -> Server:
        """The member that has answered, or the first one."""
        return self._chosen or self._servers[0]

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def silences(self) -> list[Silence]:
        """All silences, expired ones among them.

        Raises:
            StackError: none answered, or one said no.
        """
        silent: list[Unreached] = []
        for server in self._servers:
            try:
                found = server.json("GET", "/api/v2/silences", "read silences")
            except Unreached as error:
                silent.append(error)
                continue
            if not isinstance(found, list):
                raise Refused("Could not read silences at {0}".format(server.url), why="the answer is no list", doc=DOC)
            self._chosen = server
            return found
        if len(silent) == 1:
            raise silent[0]
        raise StackError(
            "Could not read silences of any Alertmanager",
            why="; ".join("{0}: {1}".format(one.url, error.why) for one, error in zip(self._servers, silent)),
            hint="One member that answers is enough. Look at alertmanager_urls.",
            doc=DOC,
        )

    def put(self, body: t.Mapping[str, t.Any], name: str) -> Silence:
        """Make or change a silence; how it is then. Raises StackError."""
        what = "make silence '{0}'".format(name)
        identity = self.server.json("POST", "/api/v2/silences", what, dict(body))["silenceID"]
        found: Silence = self.server.json("GET", "/api/v2/silence/" + quote(identity, safe=""), what)
        return found

    def expire(self, silence: Silence, name: str) -> None:
        """End a silence; one that is gone is as good. Raises StackError."""
        try:
            path = "/api/v2/silence/" + quote(silence["id"], safe="")
            self.server.text("DELETE", path, "lift silence '{0}'".format(name))
        except Refused as refusal:
            if refusal.status != 404:
                raise


def alertmanager_at(params: t.Mapping[str, t.Any]) -> Alertmanager:
    """The Alertmanager of a module's options.

    Raises:
        StackError: no address, or one that cannot be used.
    """
    urls = [url for url in params["alertmanager_urls"] if url.strip()]
    if not urls:
        raise StackError(
            "Could not ask Alertmanager",
            why="alertmanager_urls is empty",
            hint="Name one member of the cluster or more.",
            step="input",
            doc=DOC,
        )
    return Alertmanager([server_at(url, "alertmanager_urls", DOC, params) for url in urls])
