# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.grafana_dashboards: reads the sources and sends them as one archive."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import refuse
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import CONNECTION
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import check_owner
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import sha256_of
from ansible_collections.obs.stack.plugins.plugin_utils._dashboard_sources import (
    Source,
    pack,
    sources_of,
    sources_of_definitions,
)
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain

HOST_HALF = "obs.stack.grafana_dashboards_apply"
# What the host half takes as it is given.
PLACE = ("folder_uid", "folders_from_tree", "overwrite", "commit_message")
HANDED_ON = (*PLACE, "owner", "prune", "prune_limit", "prune_force")
ARGUMENT_SPEC: dict[str, Any] = {
    "path": {"type": "list", "elements": "path"},
    "definitions": {"type": "list", "elements": "dict"},
    "inputs": {"type": "dict", "default": {}},
    "folder_uid": {"type": "str"},
    "folders_from_tree": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": ""},
    "prune": {"type": "bool", "default": False},
    "prune_limit": {"type": "int", "default": 10},
    "prune_force": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
    "commit_message": {"type": "str", "default": ""},
    **CONNECTION,
}


class ActionModule(ActionBase):
    """One file to the host and one call. At no time is more than one dashboard in memory."""

    TRANSFERS_FILES = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            given = plain(self._task.args)
            options = checked_options(ARGUMENT_SPEC, given, module="grafana_dashboards")
            result.update(self._sync(given, options, task_vars))
        except StackError as error:
            result.update(failed=True, msg=str(error))
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        result.pop("invocation", None)
        return result

    def _sync(self, given: dict[str, Any], options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        if (options["path"] is None) == (options["definitions"] is None):
            raise refuse("sources", "not exactly one of path and definitions is given", "Give one of the two.")
        if options["owner"]:
            check_owner(options["owner"])
        elif options["prune"]:
            raise refuse("sources", "prune is set without an owner", "Name the owner whose dashboards these are.")
        handle, archive = tempfile.mkstemp(prefix="grafana-dashboards-", suffix=".zip", dir=C.DEFAULT_LOCAL_TMP)
        os.close(handle)
        try:
            index = pack(
                archive,
                self._sources(options),
                inputs=options["inputs"],
                owner=options["owner"],
                folder_uid=options["folder_uid"],
            )
            if options["prune"] and not index:
                raise refuse("sources", "there is none, and all would be pruned", "Remove dashboards by name.")
            remote = self._hand_over(archive)
            arguments = {key: given[key] for key in given if key in self._connection_keys()}
            arguments.update({key: options[key] for key in HANDED_ON})
            arguments.update(archive=remote, sha256=sha256_of(archive))
            answer: dict[str, Any] = self._execute_module(
                module_name=HOST_HALF, module_args=arguments, task_vars=task_vars
            )
            return answer
        finally:
            os.unlink(archive)

    def _sources(self, options: dict[str, Any]) -> Iterator[Source]:
        if options["definitions"] is not None:
            return sources_of_definitions(options["definitions"])
        return sources_of([self._find(path) for path in options["path"]])

    def _find(self, path: str) -> str:
        try:
            return str(self._find_needle("files", path))
        except Exception as error:  # each Ansible release raises another class for "not found"
            raise refuse(path, str(error).splitlines()[0], "Paths are of the controller.") from error

    def _hand_over(self, archive: str) -> str:
        """Transfer the archive into the task's temporary folder on the host; its path there."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = str(self._connection._shell.join_path(self._connection._shell.tmpdir, "dashboards.zip"))
        self._transfer_file(archive, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return remote

    @staticmethod
    def _connection_keys() -> set[str]:
        return set(CONNECTION) | {alias for option in CONNECTION.values() for alias in option.get("aliases", [])}
