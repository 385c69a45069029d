# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Where a deploy is told: a Pushgateway, a file for node_exporter, Grafana. Each knows what it was told last."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _deploy
from ansible_collections.obs.stack.plugins.module_utils._by_url import Server
from ansible_collections.obs.stack.plugins.module_utils._deploy import DOC, Deploy
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._files import place_file
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_annotation import (
    AT_MOST,
    KEY,
    KIND,
    Annotation,
    Wish,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import NONE, Plan, plan
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import converge


class Place(t.Protocol):
    """One place."""

    name: str

    def known(self) -> Deploy | None:
        """The last deploy it was told of, if any. Raises StackError."""

    def plan(self, deploy: Deploy) -> Plan:
        """What leads to its knowing this one. Asked after :meth:`known`."""

    def tell(self, deploy: Deploy) -> None:
        """Tell it. Raises StackError."""


class _Metric:
    """A place that holds the metric."""

    def __init__(self, service: str, environment: str) -> None:
        self._service = service
        self._environment = environment
        self._known: Deploy | None = None

    def _text(self) -> str:
        """The metrics it has."""
        raise NotImplementedError

    def known(self) -> Deploy | None:
        """The last deploy it was told of."""
        self._known = _deploy.known_by(self._text(), self._service, self._environment)
        return self._known

    def plan(self, deploy: Deploy) -> Plan:
        """It holds one deploy, the last."""
        return plan(None if self._known is None else self._known.form(), deploy.form())


class Pushgateway(_Metric):
    """A Pushgateway, which Prometheus scrapes."""

    name = "pushgateway"

    def __init__(self, server: Server, service: str, environment: str) -> None:
        super().__init__(service, environment)
        self._server = server

    def _text(self) -> str:
        return self._server.text("GET", "/metrics", "read the deploys")

    def tell(self, deploy: Deploy) -> None:
        """Put it in the place of the former one, whatever labels that had."""
        self._server.text(
            "PUT",
            _deploy.group_path(deploy.service, deploy.environment),
            "tell the deploy of {0}".format(deploy.service),
            body=_deploy.exposition(deploy, grouped=True).encode(),
            content_type="text/plain; version=0.0.4",
        )


class Textfile(_Metric):
    """A file that node_exporter of the host shows."""

    name = "textfile"

    def __init__(self, folder: str, service: str, environment: str) -> None:
        super().__init__(service, environment)
        self._path = os.path.join(folder, _deploy.file_name(service, environment))

    def _text(self) -> str:
        try:
            with open(self._path, encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(self._path)):
                return ""
            raise self._failed("read", "there is no such folder") from None
        except OSError as error:
            raise self._failed("read", error.strerror or str(error)) from error

    def _failed(self, verb: str, why: str) -> StackError:
        hint = "node_exporter reads *.prom from node_exporter_textfile_dir."
        return StackError("Could not {0} {1}".format(verb, self._path), why=why, hint=hint, doc=DOC)

    def tell(self, deploy: Deploy) -> None:
        """Replace the file."""
        try:
            place_file(self._path, _deploy.exposition(deploy, grouped=False).encode(), mode=0o644)
        except OSError as error:
            raise self._failed("write", error.strerror or str(error)) from error


class Grafana:
    """Grafana, with one marker for each deploy."""

    name = "grafana"

    def __init__(self, client: Client, service: str, environment: str, text: str) -> None:
        self._client = client
        self._service = service
        self._environment = environment
        self._text = text
        self._last: t.Mapping[str, t.Any] | None = None

    def known(self) -> Deploy | None:
        """The last marker's."""
        query = [("tags", tag) for tag in _deploy.search_tags(self._service, self._environment)]
        query += [("type", KIND), ("limit", str(AT_MOST))]
        found = self._client.get("/api/annotations", Errand("read", "deploys", self._service), query=query)
        self._last = _deploy.last_marker(found, self._service, self._environment)
        return None if self._last is None else _deploy.deploy_of(self._last)

    def plan(self, deploy: Deploy) -> Plan:
        """One for this time, with what it says."""
        thing = self._thing(deploy)
        return Plan(NONE, None, None) if thing is None else thing.plan(thing.read())

    def tell(self, deploy: Deploy) -> None:
        """Make it, or change it."""
        thing = self._thing(deploy)
        if thing is not None:
            converge(thing, check_mode=False)

    def _thing(self, deploy: Deploy) -> Annotation | None:
        """The marker; None where somebody else has made it, without a key."""
        key = _deploy.key_of(deploy)
        if self._last is not None and _deploy.deploy_of(self._last) == deploy:
            keys = [str(tag)[len(KEY) :] for tag in self._last.get("tags") or [] if str(tag).startswith(KEY)]
            if not keys:
                return None
            key = keys[0]
        return Annotation(
            self._client,
            Wish(
                present=True,
                key=key,
                text=self._text or _deploy.text_of(deploy),
                tags=_deploy.tags_of(deploy),
                time=deploy.time * 1000,
            ),
        )
