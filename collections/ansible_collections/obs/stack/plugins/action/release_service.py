# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.release_service. The work is in plugin_utils/_release_action.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._release_action import ReleaseAction, failure


class ActionModule(ReleaseAction):
    """One service."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments = self._task.args
        try:
            results, warnings = self._perform(str(arguments.get("mode", "apply")), [arguments], task_vars)
        except StackError as error:
            result.update(failure(error))
            return result
        before = list(result.get("warnings") or [])
        result.update(results[0], warnings=before + warnings)
        return result
