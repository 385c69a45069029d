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
