# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.grafana_dashboard: reads the file, which is never templated."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import recognise, refuse, resolved
from ansible_collections.obs.stack.plugins.plugin_utils._dashboard_sources import load
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain


class ActionModule(ActionBase):
    """One call to the host, with the dashboard instead of its path."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            arguments = self._arguments(plain(self._task.args))
        except StackError as error:
            result.update(failed=True, msg=str(error))
            return result
        try:
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        # It would repeat the whole dashboard.
        result.pop("invocation", None)
        return result

    def _arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        path = arguments.get("path") or arguments.get("src")
        if not path or arguments.get("state") == "absent":
            return arguments
        if arguments.get("definition") is not None:
            raise refuse(str(path), "definition is given as well", "Give one of the two.")
        try:
            found = str(self._find_needle("files", str(path)))
        except Exception as error:  # each Ansible release raises another class for "not found"
            raise refuse(str(path), str(error).splitlines()[0], "Paths are of the controller.") from error
        document = load(found, str(path))
        # Judged here as well, so that the error names the file.
        resolved(recognise(document, str(path)), arguments.get("inputs") or {})
        kept = {key: value for key, value in arguments.items() if key not in ("path", "src")}
        return {**kept, "path": str(path), "definition": document}
