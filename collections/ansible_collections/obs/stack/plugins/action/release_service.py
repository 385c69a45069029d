# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.release_service: read sources, fetch once, verify, hand over."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.obs.stack.plugins.module_utils._delivery import same_origin_warning
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseForHost
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._payload import build
from ansible_collections.obs.stack.plugins.plugin_utils._preload import preload_filters
from ansible_collections.obs.stack.plugins.plugin_utils._release import archive_at, archive_of, with_sha256
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, REQUIRED_IF
from ansible_collections.obs.stack.plugins.plugin_utils._validation import validate

HOST_HALF = "obs.stack.release_service_apply"

display = Display()

preload_filters()


class ActionModule(ActionBase):
    """One round trip when nothing is to do; a second one carries an archive the host asked for.

    With mode validate or mirror there is none: the host is not even connected to.
    """

    # The temporary folder is made only when there is an archive to carry: without it, one call to the host is enough.
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            options = self._options()
            payload, warnings = build(options, find=self._find)
            if options["mode"] == "apply":
                answer, more = self._apply(payload, task_vars)
            elif options["mode"] == "validate":
                answer, more = self._validate(options, payload, task_vars)
            else:
                answer, more = _needed(payload.get("release") or {}), []
        except StackError as error:
            result.update(failed=True, msg=str(error), step=error.step)
            return result
        result.update(answer, service=options["name"])
        result.setdefault("changed", False)
        result["warnings"] = list(result.get("warnings") or []) + warnings + more
        return result

    def _apply(self, payload: dict[str, Any], task_vars: Any) -> tuple[dict[str, Any], list[str]]:
        """Make it so on the host; what it answers, and warnings."""
        warnings: list[str] = []
        try:
            answer = self._host_half(payload, task_vars)
            need = answer.get("need_release")
            if need and not self._task.check_mode and not answer.get("failed"):
                payload["archive"], warnings = self._bring(payload, need)
                answer = self._host_half(payload, task_vars)
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        answer.pop("need_release", None)
        answer.pop("invocation", None)
        return answer, warnings

    def _validate(
        self, options: dict[str, Any], payload: dict[str, Any], task_vars: Any
    ) -> tuple[dict[str, Any], list[str]]:
        """Judge it on the controller."""
        origins = [
            {key: str(item.get(key) or "") for key in ("path", "variable", "src")}
            for item in options["files"] + options["secrets"]
        ]
        host = str((task_vars or {}).get("inventory_hostname") or "the host")
        return validate(payload, origins, host=host, scratch=C.DEFAULT_LOCAL_TMP)

    def _options(self) -> dict[str, Any]:
        name = str(self._task.args.get("name", "a service"))
        return checked_options(
            ARGUMENT_SPEC, self._task.args, module="release_service", thing=name, required_if=REQUIRED_IF
        )

    def _find(self, source: str) -> str:
        return str(self._find_needle("files", source))

    def _host_half(self, payload: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        # One opaque argument: nothing of it reaches the host's journal or -vvv in clear, whatever its shape.
        packed = base64.b64encode(json.dumps(payload).encode()).decode("ascii")
        answer: dict[str, Any] = self._execute_module(
            module_name=HOST_HALF, module_args={"name": payload["name"], "payload": packed}, task_vars=task_vars
        )
        return answer

    def _bring(self, payload: dict[str, Any], need: dict[str, Any]) -> tuple[Any, list[str]]:
        """Fetch the archive the host asked for into the controller's cache, and transfer it; its path, and warnings."""
        how, version = payload["fetch"], payload["release"]["version"]
        release, same_origin = with_sha256(
            ReleaseForHost(
                kind=payload["release"]["kind"],
                version=version,
                arch=need["arch"],
                url=need["url"],
                checksums_url=need["checksums_url"],
                sha256=need["sha256"],
                binaries={},
            ),
            how,
        )
        payload["release"]["sha256"][release.arch] = release.sha256
        display.vv("fetching {}".format(need["url"]))
        archive = archive_of(release, how)
        more = {one["sha256"]: archive_at(one["url"], one["sha256"], how) for one in need.get("additions") or []}
        remote = self._hand_over(archive.path, os.path.basename(release.url))
        payload["additions"] = {
            sha256: self._hand_over(found.path, f"addition-{sha256[:16]}") for sha256, found in more.items()
        }
        return remote, [same_origin_warning(payload["name"], version)] if same_origin else []

    def _hand_over(self, path: str, name: str) -> str:
        """Transfer a file into the task's temporary folder on the host; its path there."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = str(self._connection._shell.join_path(self._connection._shell.tmpdir, name))
        try:
            self._transfer_file(path, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, remote))
        except AnsibleActionFail as error:
            raise StackError(
                f"Could not hand {name} over to the host", why=str(error), step="stage", doc="fetch"
            ) from error
        return remote


def _needed(release: dict[str, Any]) -> dict[str, Any]:
    """What mode mirror tells: as much of a release as finding its archives takes, nothing for state absent."""
    keys = ("version", "url", "checksums_url", "sha256", "arch_names", "additions") if release else ()
    return {"release": {key: release[key] for key in keys}, "version": release.get("version", "")}
