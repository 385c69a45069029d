# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.release_service_rollback: hands the host what of ``deploy`` its service needs."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_notes import note
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_options import of_service
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain
from ansible_collections.obs.stack.plugins.plugin_utils._release_action import failure


class ActionModule(ActionBase):
    """One call to the host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        try:
            arguments["deploy"] = of_service(plain(arguments.get("deploy") or {}), str(arguments.get("name")))
        except StackError as error:
            result.update(failure(error))
            return result
        try:
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        if not self._task.check_mode:
            note(str((task_vars or {}).get("inventory_hostname")), str(arguments.get("name")), result, "")
        return result
