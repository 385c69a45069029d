# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's main() in this process and catch how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.obs.stack.plugins.module_utils import _grafana_api_client


class Ended(Exception):
    """A module has ended; its result is the argument."""


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Call with a module and its arguments; gives its result, ``failed`` among it."""

    def end(failed: bool) -> Callable[..., None]:
        def exit_json(self: Any, **result: Any) -> None:
            raise Ended({"failed": failed, **result})

        return exit_json

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", end(False))
    monkeypatch.setattr(basic.AnsibleModule, "fail_json", end(True))

    def run(module: ModuleType, *, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        given = json.loads(json.dumps({**arguments, "_ansible_check_mode": check_mode}))
        with patch_module_args(given), pytest.raises(Ended) as caught:
            module.main()
        return caught.value.args[0]

    return run


class FakeGrafana:
    """Answers as it was told to, by method and path; what it was not told of is not there."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, Any]] = []

    def on(self, request: str, *answers: Any) -> None:
        """Answer a request, one answer after the other; the last one stays. One that is no pair has status 200."""
        self.answers[request] = [one if isinstance(one, tuple) else (200, one) for one in answers]

    def __call__(self, method: str, target: str, data: bytes | None) -> Any:
        path = target.partition("://")[2].partition("/")[2]
        request = "{0} /{1}".format(method, path)
        self.asked.append((request, None if data is None else json.loads(data)))
        known = self.answers.get(request) or self.answers.get(request.partition("?")[0])
        status, body = (404, {"message": "not there"}) if not known else known.pop(0) if len(known) > 1 else known[0]
        return _grafana_api_client.Answer(status, {}, json.dumps(body).encode())

    @property
    def written(self) -> list[tuple[str, Any]]:
        """What was asked for to be changed."""
        return [one for one in self.asked if not one[0].startswith("GET ")]


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> FakeGrafana:
    """A Grafana in the place of the network."""
    fake = FakeGrafana()
    monkeypatch.setattr(_grafana_api_client, "_Sender", lambda access: fake)
    return fake


@pytest.fixture
def ask(run_module: Callable[..., dict[str, Any]], grafana: FakeGrafana) -> Callable[..., dict[str, Any]]:
    """Call with a Grafana module and its options; gives its result."""

    def run(module: ModuleType, **options: Any) -> dict[str, Any]:
        return run_module(module, url="http://grafana:3000/", token="canary-token", **options)

    return run
