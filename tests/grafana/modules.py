# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the Grafana modules against a server, in this process."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import Any
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

# An organisation of its own for each test, on each kind of server.
KINDS = [("11.6.3", "legacy"), ("12.0.2", "legacy"), ("12.0.2", "unified"), ("13.2.3", "unified")]


class Ended(Exception):
    """A module has ended."""


def _end(failed: bool) -> Any:
    def end(self: Any, **result: Any) -> None:
        raise Ended({"failed": failed, "warned": list(getattr(self, "_told", [])), **result})

    return end


def _warn(self: Any, warning: str, *_args: Any, **_more: Any) -> None:
    self._told = [*getattr(self, "_told", []), warning]


@dataclass
class Modules:
    """The modules, with a server and somebody to be there."""

    api: Any

    def connection(self) -> dict[str, Any]:
        """Options of the connection."""
        api = self.api
        who = {"grafana_api_key": api.token} if api.token else {"url_username": api.login, "url_password": api.password}
        return {"url": api.url, **who, **({"org_id": api.org} if api.org else {})}

    def run(self, name: str, /, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Run one; its result, ``failed`` and ``warned`` among it."""
        module = importlib.import_module(f"ansible_collections.obs.stack.plugins.modules.{name}")
        given = {**self.connection(), **options, "_ansible_check_mode": check_mode}
        given = json.loads(json.dumps({key: value for key, value in given.items() if value is not None}))
        with mock.patch.multiple(
            basic.AnsibleModule, exit_json=_end(False), fail_json=_end(True), warn=_warn
        ), patch_module_args(given):
            try:
                module.main()
            except Ended as ended:
                return dict(ended.args[0])
        raise AssertionError(f"{name} did not end")

    def settles(self, name: str, /, **options: Any) -> dict[str, Any]:
        """Run one in check mode, for real and again: it predicts what it does, and does it once. The real result."""
        predicted = self.run(name, check_mode=True, **options)
        done = self.run(name, **options)
        again = self.run(name, **options)
        assert not done["failed"], done["msg"]
        assert (predicted["changed"], predicted.get("diff")) == (done["changed"], done.get("diff"))
        assert again["changed"] is False, again.get("diff")
        return done

    def changes(self, name: str, /, **options: Any) -> dict[str, Any]:
        """The same, and that something changes."""
        done = self.settles(name, **options)
        assert done["changed"] is True
        return done

    def refuses(self, name: str, /, **options: Any) -> str:
        """Run one that must fail, and change nothing; its message."""
        result = self.run(name, **options)
        assert result["failed"], result
        return str(result["msg"])
